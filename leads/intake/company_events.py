"""Events of a company without a person: a job posting, hiring, intent that third parties see (rules 13.56)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from leads import bulk_rows
from leads.exceptions import Refused
from leads.identity import matching
from leads.identity.matching import IdentityKey, NewCompany
from leads.intake.item_results import ItemResult
from leads.models import Company, CompanyEvent
from leads.normalization import validation
from leads.rescoring import account_queue

#: The keys of an event that name its company instead of a person.
COMPANY_KEYS: Final = ("company", "company_domain", "company_external_id")


class CompanyRef(NamedTuple):
    """The company that an event names: by Accord's id (`id`), or by a domain or an id of the sender's (`key`)."""

    id: int = 0
    key: IdentityKey | None = None


@dataclass(frozen=True, slots=True)
class NewCompanyEvent:
    """An event to store, read and checked; `position` is its place in the batch."""

    position: int
    company: CompanyRef
    signal_id: int
    occurred_at: dt.datetime
    external_id: str | None
    digest: bytes
    properties: dict[str, Any]


def names_company(item: Mapping[str, Any]) -> bool:
    """Tell whether an event is about a company and not about a person."""
    return any(item.get(key) is not None for key in COMPANY_KEYS)


def read_reference(item: Mapping[str, Any], source: str) -> CompanyRef:
    """Read the key of an event that names a company. Raises Refused."""
    named = [key for key in (*COMPANY_KEYS, "email", "lead") if item.get(key) is not None]
    if len(named) > 1:
        raise Refused(named[0], f"and {named[1]} are both given: an event is of one company or of one person.")
    value = item[named[0]]
    if named[0] == "company_domain":
        return CompanyRef(key=matching.domain_key(validation.own_domain("company_domain", value)))
    if named[0] == "company_external_id":
        external_id = validation.identity("company_external_id", value, limit=128)
        return CompanyRef(key=matching.id_key(validation.system(item, source), external_id))
    if isinstance(value, bool) or not isinstance(value, int) or not 0 < value <= validation.MAX_BIGINT:
        raise Refused("company", "is the id of a company in Accord, a number; a domain belongs into company_domain.")
    return CompanyRef(id=value)


def store(items: Sequence[NewCompanyEvent], *, source: str, now: dt.datetime) -> dict[int, ItemResult]:
    """Store events of companies in the caller's transaction, each id once. Return the result of each by its position.

    1. Keep the first of several events with the same id, in the order of ids.
    2. Find the companies, and add the unknown ones by their keys.
    3. Insert the events; those whose (source, id) exists are left out.
    4. Have the companies of the inserted events judged.
    5. Answer the events that were not inserted: duplicate or conflict.
    """
    # 1. Two transactions with the same events insert in the same order.
    firsts: dict[str | int, NewCompanyEvent] = {}
    for item in items:
        firsts.setdefault(item.external_id if item.external_id is not None else item.position, item)
    ordered = sorted(firsts.values(), key=lambda item: (item.external_id or "", item.position))
    # 2.
    companies = _find_or_add([item.company for item in ordered], now)
    # 3.
    rows = {
        item.position: CompanyEvent(
            company_id=companies[item.company],
            signal_id=item.signal_id,
            occurred_at=item.occurred_at,
            recorded_at=now,
            source=source,
            external_id=item.external_id,
            digest=item.digest,
            properties=item.properties,
        )
        for item in ordered
        if item.company in companies
    }
    earlier = _find_earlier(ordered, source)
    fresh = {position: row for position, row in rows.items() if row.external_id not in earlier}
    # A row of another transaction that came meanwhile is a unique violation, and the caller repeats everything.
    CompanyEvent.objects.bulk_create(fresh.values())
    # 4.
    account_queue.request(company_ids={row.company_id for row in fresh.values()}, at=now)
    # 5.
    results = {item.position: _result(item, fresh, earlier) for item in ordered}
    return {item.position: _result_of(item, firsts, results) for item in items}


def _find_or_add(refs: Sequence[CompanyRef], now: dt.datetime) -> dict[CompanyRef, int]:
    """Return the companies of these references; unknown ids of Accord's own are left out."""
    keys = {ref.key for ref in refs if ref.key is not None}
    known = matching.find_company_keys(keys)
    missing = keys - known.keys()
    if missing:
        new = {
            NewCompany(key.value, "", "") if not _is_id(key) else NewCompany("", key.value, key.system)
            for key in missing
        }
        # A company that another transaction adds meanwhile is a unique violation, and the caller repeats everything.
        bulk_rows.insert_rows(matching.build_companies(new, now=now))
        known |= matching.find_company_keys(missing)
    ids = {ref.id for ref in refs if ref.id}
    existing = set(Company.objects.filter(pk__in=ids).values_list("pk", flat=True)) if ids else set()
    found_by_key = {ref: known[ref.key] for ref in refs if ref.key in known}
    return found_by_key | {ref: ref.id for ref in refs if ref.id in existing}


def _is_id(key: IdentityKey) -> bool:
    return bool(key.system) or key.kind == matching.id_key("", "").kind


def _find_earlier(items: Sequence[NewCompanyEvent], source: str) -> dict[str | None, tuple[int, bytes]]:
    keys = [item.external_id for item in items if item.external_id is not None]
    rows = CompanyEvent.objects.filter(source=source, external_id__in=keys)
    return {key: (pk, bytes(digest)) for key, pk, digest in rows.values_list("external_id", "pk", "digest")}


def _result(
    item: NewCompanyEvent,
    fresh: Mapping[int, CompanyEvent],
    earlier: Mapping[str | None, tuple[int, bytes]],
) -> ItemResult:
    if item.position in fresh:
        return ItemResult("accepted", fresh[item.position].pk)
    if item.external_id not in earlier:
        return ItemResult("rejected", None, "company", f"{item.company.id} is not the id of a company.")
    pk, digest = earlier[item.external_id]
    return ItemResult("duplicate", pk) if digest == item.digest else _conflict()


def _result_of(
    item: NewCompanyEvent,
    firsts: Mapping[str | int, NewCompanyEvent],
    results: Mapping[int, ItemResult],
) -> ItemResult:
    if item.position in results:
        return results[item.position]
    first = firsts[item.external_id or ""]
    result = results[first.position]
    if first.digest != item.digest:
        return _conflict()
    return ItemResult("duplicate", result.id) if result.id else result


def _conflict() -> ItemResult:
    reason = "conflict: another event with this id was recorded, and its content differs."
    return ItemResult("rejected", None, "id", reason)
