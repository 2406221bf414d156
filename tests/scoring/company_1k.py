"""The synthetic company of tests/data/company_1k as facts and rules, straight from its files."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from scoring.engine.facts import Column, Facts
from scoring.engine.rules import (
    AxisClause,
    Catalogue,
    CountClause,
    CriterionRule,
    Decay,
    Rules,
    SignalPoints,
    TierFloor,
)
from scoring.engine.rules import (
    PathRule as RulesPath,
)
from scoring.engine.timeline import EVER

FOLDER = Path(__file__).parents[1] / "data" / "company_1k"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rows(name: str) -> list[dict[str, str]]:
    with (FOLDER / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def instant(text: str) -> int:
    return (datetime.fromisoformat(text) - _EPOCH) // timedelta(microseconds=1)


def facts() -> Facts:
    """Return all facts: leads have their attributes from their creation, companies since ever."""
    leads = sorted(rows("leads"), key=lambda lead: int(lead["lead_id"]))
    place = {lead["lead_id"]: index for index, lead in enumerate(leads)}
    companies = {company["company_id"]: company for company in rows("companies")}
    events = sorted((place[row["lead_id"]], instant(row["occurred_at"]), row["type"]) for row in rows("events"))
    signals = tuple(sorted({signal for _, _, signal in events}))
    merged = [(index, start, row) for index, lead in enumerate(leads) for start, row in _history(lead, companies)]
    return Facts(
        lead_ids=np.array([int(lead["lead_id"]) for lead in leads]),
        event_lead=np.array([lead for lead, _, _ in events], dtype=np.int32),
        event_at=np.array([at for _, at, _ in events]),
        event_signal=np.array([signals.index(signal) for _, _, signal in events], dtype=np.int16),
        event_asset=np.full(len(events), -1, dtype=np.int32),
        signals=signals,
        row_lead=np.array([lead for lead, _, _ in merged], dtype=np.int32),
        row_from=np.array([start for _, start, _ in merged]),
        columns={name: column([row.get(name) for _, _, row in merged]) for name in merged[-1][2]},
    ).validated()


def _history(lead: dict[str, str], companies: dict[str, dict[str, str]]) -> list[tuple[int, dict[str, object]]]:
    company = companies.get(lead["company_id"], {})
    employees = company.get("employees")
    firm: dict[str, object] = {
        "company.employees": int(employees) if employees else None,
        "company.industry": company.get("industry"),
        "company.country": company.get("country"),
    }
    person = {"lead.title": lead["title"], "lead.email": lead["email"]}
    return [(EVER, firm), (instant(lead["created_at"]), firm | person)]


def column(values: list[object]) -> Column:
    distinct = {value: code for code, value in enumerate(dict.fromkeys(values))}
    return Column(np.array([distinct[value] for value in values], dtype=np.int32), tuple(distinct))


def rules() -> Rules:
    document = json.loads((FOLDER / "definition.json").read_text(encoding="utf-8"))
    return Rules(
        gate=_criteria("gate", document),
        disqualifiers=_criteria("disqualifiers", document),
        signals=tuple(SignalPoints(row["signal"], row["points"], row["cap"]) for row in document["signals"]),
        paths=_paths("paths", document),
        hot=_paths("hot", document),
        decay=Decay(**_without_rationale(document["decay"])),
        ceilings=document["ceilings"],
        tier_3_below=TierFloor(**_without_rationale(document["tier_3_below"])),
        catalogue=Catalogue(engagement=frozenset(row["signal"] for row in document["signals"])),
    )


def _without_rationale(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "rationale"}


def _criteria(section: str, document: dict[str, Any]) -> tuple[CriterionRule, ...]:
    return tuple(
        CriterionRule(f"{section}.{number}", row["field"], row["op"], tuple(row["value"]))
        for number, row in enumerate(document[section], start=1)
    )


def _paths(section: str, document: dict[str, Any]) -> tuple[RulesPath, ...]:
    return tuple(
        RulesPath(f"{section}.{number}", path["name"], tuple(map(_clause, path["clauses"])))
        for number, path in enumerate(document[section], start=1)
    )


def _clause(row: dict[str, Any]) -> AxisClause | CountClause:
    if "axis" in row:
        return AxisClause(row["axis"], row["at_least"])
    return CountClause(
        signals=frozenset(row["count_of"]),
        at_least=row["at_least"],
        within_days=row["within_days"],
        within_hours_of_each_other=row.get("within_hours_of_each_other"),
    )
