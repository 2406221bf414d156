"""The fields that the versions in force read, and of how many leads they are unknown (rules 12.54)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.db.models import Count, Q

from definitions.models import Version
from definitions.vocabulary import split_currency
from leads.vocabulary import Motion
from scoring import active_versions
from scoring.active_versions import rules_of
from scoring.engine.rules import Rules
from scoring.live.shortfalls import field_label

#: The columns of a field that tell whether it is known, and their value while it is not.
_COLUMNS: Final[dict[str, tuple[tuple[str, Any], ...]]] = {
    "company.employees": (("employees_low", None), ("employees_high", None)),
    "company.industry": (("industry", ""),),
    "company.country": (("country", ""),),
    "company.region": (("region", ""),),
    "company.annual_revenue": (("annual_revenue", None),),
    "company.business_model": (("business_model", ""),),
    "company.technologies": (("technologies", []),),
    "company.is_customer": (("is_customer", None),),
    "company.is_competitor": (("is_competitor", None),),
    "lead.title": (("title", ""),),
    "lead.seniority": (("seniority", ""), ("title", "")),
    "lead.email_domain": (("email", None),),
    "lead.country": (("country", ""),),
    "lead.region": (("region", ""),),
    "lead.source": (("source", ""),),
    "lead.budget": (("budget", ""),),
    "lead.timeline": (("timeline", ""),),
    "lead.use_case": (("use_case", ""),),
}
_PARTS: Final = (("gate", "gate"), ("fit", "fit"), ("bant", "BANT"), ("disqualifiers", "disqualifiers"))


@dataclass(frozen=True, slots=True)
class ReadField:
    """A field that versions in force read; `asked_by` says which of them, and in which of their parts."""

    name: str
    asked_by: str

    @property
    def label(self) -> str:
        return field_label(self.name)


def list_versions(motion: Motion) -> list[Version]:
    """Return the versions of a motion that are in force."""
    versions = (
        active_versions.list_account_versions() if motion == Motion.AQL else active_versions.list_active_versions()
    )
    return [version for version in versions if version.definition.motion == motion]


def list_fields(versions: Sequence[Version]) -> list[ReadField]:
    """Return the fields that these versions read and that can be unknown, by name."""
    parts: dict[str, list[str]] = {}
    for version in versions:
        rules = rules_of(version)
        for name in rules.fields:
            if is_telling(name):
                parts.setdefault(name, []).append(f"{version}: {', '.join(_list_parts(rules, name))}")
    return [ReadField(name, "; ".join(parts[name])) for name in sorted(parts)]


def is_telling(name: str) -> bool:
    """Say whether a field can be unknown: one of its own attributes, or one whose columns say so."""
    return ".custom." in name or split_currency(name)[0] in _COLUMNS


def match_unknown(name: str, *, lead: str | None = "", company: str = "company__") -> Q | None:
    """Return the condition on a row that a field of its lead or company is unknown; None if the row has no such owner.

    `lead` and `company` are the paths from the row to them, None without a lead.
    """
    base, currency = split_currency(name)
    owner, _, attribute = base.partition(".")
    path = company if owner == "company" else lead
    if path is None:
        return None
    if attribute.startswith("custom."):
        unknown = ~Q(**{f"{path}custom__has_key": attribute.removeprefix("custom.")})
    else:
        unknown = Q()
        for column, empty in _COLUMNS[base]:
            unknown &= Q(**{f"{path}{column}__isnull": True}) if empty is None else Q(**{f"{path}{column}": empty})
    if currency and owner == "company":
        codes = ["", currency] if currency == settings.CURRENCY else [currency]
        unknown |= ~Q(**{f"{path}annual_revenue_currency__in": codes})
    return unknown | Q(**{f"{path.removesuffix('__')}__isnull": True}) if owner == "company" else unknown


def count_unknown(
    rows: Any, fields: Sequence[ReadField], *, lead: str | None = "", company: str = "company__"
) -> tuple[int, dict[str, int]]:
    """Return the number of rows, and of how many each field is unknown. One query."""
    conditions = {field.name: match_unknown(field.name, lead=lead, company=company) for field in fields}
    telling = {name: condition for name, condition in conditions.items() if condition is not None}
    # Names of fields are no names of columns: they have dots.
    counts = {f"unknown_{place}": Count("pk", filter=condition) for place, condition in enumerate(telling.values())}
    row = rows.order_by().aggregate(total=Count("pk"), **counts)
    return row["total"], {name: row[f"unknown_{place}"] for place, name in enumerate(telling)}


def _list_parts(rules: Rules, name: str) -> list[str]:
    return [label for part, label in _PARTS if any(row.field == name for row in getattr(rules, part))]
