"""The kinds of files that can be imported, with the keys of their items."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from leads.normalization import attributes

_LEAD_REFERENCE_TARGETS: Final = {"email", "lead"}

#: The beginnings of keys that a kind may have without number.
OPEN_PREFIXES: Final = ("custom.", "properties.")


@dataclass(frozen=True, slots=True)
class ImportKind:
    """A kind of file, and the keys of its items (`targets`)."""

    name: str
    subject: str
    targets: frozenset[str]
    open_prefix: str


KINDS: Final[Mapping[str, ImportKind]] = MappingProxyType(
    {
        "companies": ImportKind(
            "companies", "company",
            frozenset({"domain", "domains", "external_id", "system", "employees", "valid_from", "created_at", *attributes.COMPANY}),
            "custom.",
        ),
        "leads": ImportKind(
            "leads", "lead",
            frozenset({
                "email", "external_id", "system", "full_name", "company_domain", "company_external_id", "valid_from", "created_at",
                *attributes.LEAD,
            }),
            "custom.",
        ),
        "events": ImportKind(
            "events", "event",
            frozenset({"email", "lead", "company_domain", "company_external_id", "system", "id", "signal", "occurred_at"}),
            "properties.",
        ),
        "outcomes": ImportKind(
            "outcomes", "outcome", frozenset({"email", "lead", "system", "id", "kind", "at", "amount", "currency", "reason"}), ""
        ),
        "dispositions": ImportKind(
            "dispositions", "disposition",
            frozenset({"email", "lead", "system", "id", "kind", "at", "reason", "by", "note", "motion"}), "",
        ),
    }
)  # fmt: skip


def identifying_targets(kind: ImportKind) -> set[str]:
    """Return the keys of which a row needs one: they say whom or what it is about."""
    return {
        "companies": {"domain", "domains", "external_id"},
        "leads": {"email", "external_id", "phone"},
        "events": {*_LEAD_REFERENCE_TARGETS, "company_domain", "company_external_id"},
    }.get(kind.name, _LEAD_REFERENCE_TARGETS)
