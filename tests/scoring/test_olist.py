"""Eight thousand real leads without e-mail addresses, and figures that others computed about them.

The data stays outside the repository, because its licence forbids a copy; without it no test is collected.
"""

from __future__ import annotations

import csv
import datetime as dt
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from definitions import version_documents
from definitions.backtest_bars import REJECTED_AT_LEAST
from leads import shipped_signals
from leads.models import Event, Lead, Outcome, Signal
from leads.vocabulary import OutcomeKind
from scoring.backtests import pending_backtests
from scoring.engine.rules import Rules
from scoring.explain import evaluation
from scoring.rule_compiler import compile_with_current_catalogue

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "olist"
ORACLE: dict[str, Any] = json.loads((Path(__file__).parent.parent / "data" / "olist.json").read_text())
NOW = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)

pytestmark = pytest.mark.django_db(transaction=True)

_FIRST_CONTACT = {"count_of": ["form_submit"], "at_least": 1, "within_days": None}


def _criterion(field: str, values: list[str], **more: Any) -> dict[str, Any]:
    return {"field": field, "op": "in", "value": values, "rationale": "As in the oracle.", **more}


def _document(name: str) -> dict[str, Any]:
    source = ORACLE["definitions"]
    document: dict[str, Any] = {
        "format": "accord.definition/1",
        "name": name,
        "motion": "mql",
        "version": "1.0",
        "owner": "ops",
        "reason": "Test",
    }
    path = {"name": "Any contact", "clauses": [_FIRST_CONTACT], "rationale": "There is no other behaviour."}
    if name == "O2":
        (landing,), (origin,) = source["O2"]["any"]
        fit = [
            _criterion("lead.custom.landing", landing["in"], points=1),
            _criterion("lead.source", origin["in"], points=1),
        ]
        return document | {"fit": fit, "paths": [path | {"clauses": [_FIRST_CONTACT, {"axis": "fit", "at_least": 1}]}]}
    document |= {
        "gate": [_criterion("lead.source", source["O1"]["gate"][0]["in"])],
        "disqualifiers": [_criterion("lead.source", source["O1"]["exclusions"][0]["in"])],
        "paths": [path],
    }
    return (
        document if name == "O1" else document | {"timing": {"engaged_within_days": 90, "or_request_within_days": None}}
    )


def _rules(name: str) -> Rules:
    return compile_with_current_catalogue(version_documents.normalize_document(_document(name)))


def _midnight(date: str) -> dt.datetime:
    """Return midnight in UTC, because the oracle counted days on the wall clock as if there were no summer time (rules
    4.3).
    """
    return dt.datetime.fromisoformat(date).replace(tzinfo=dt.UTC)


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (DATA / f"olist_{name}_dataset.csv").open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _load() -> None:
    shipped_signals.ship(signals=Signal.objects)
    contact = Signal.objects.get(code="form_submit")
    contacts = {row["mql_id"]: row for row in _rows("marketing_qualified_leads")}
    leads = Lead.objects.bulk_create(
        Lead(
            external_id=row["mql_id"],
            source="" if row["origin"] == "unknown" else row["origin"],
            custom={"landing": row["landing_page_id"]},
            known_at=_midnight(row["first_contact_date"]),
            stage_at=NOW,
            recorded_at=NOW,
        )
        for row in contacts.values()
    )
    Event.objects.bulk_create(
        Event(lead=lead, signal=contact, occurred_at=lead.known_at, recorded_at=NOW, source="olist", digest=b"")
        for lead in leads
    )
    lead = {lead_row.external_id: lead_row for lead_row in leads}
    Outcome.objects.bulk_create(
        Outcome(
            lead=lead[row["mql_id"]],
            kind=OutcomeKind.WON,
            at=_midnight(row["won_date"]),
            recorded_at=NOW,
            source="olist",
        )
        for row in _rows("closed_deals")
    )


if DATA.is_dir():

    def test_three_definitions_on_real_leads_give_the_known_figures() -> None:
        _load()

        for date, expected in ORACLE["as_of"].items():
            for name in ("O1", "O2", "O3"):
                rows = list(evaluation.judge_all_leads(_rules(name), _midnight(date)))
                ids = sorted(row["external_id"] for row in rows if row["meets"])
                figures = expected[name]["qualifying"]
                assert len(rows) == expected[name]["known_leads"], (name, date)
                assert len(ids) == figures["count"], (name, date)
                assert hashlib.sha256("\n".join(ids).encode()).hexdigest() == figures["sha256"]

    def test_their_backtests_give_the_known_coverage_precision_and_verdicts() -> None:
        _load()

        for date, expected in ORACLE["as_of"].items():
            for name in ("O1", "O2"):
                figures = expected[name]["backtest"]
                start, end = map(_midnight, figures["window"])
                known = pending_backtests.compute_figures(_rules(name), start=start, end=end)
                assert (known.coverage.hits, known.coverage.total) == (
                    figures["coverage"]["n"],
                    figures["coverage"]["d"],
                ), (
                    name,
                    date,
                )
                assert (known.precision_won.hits, known.precision_won.total) == (
                    figures["precision"]["n"],
                    figures["precision"]["d"],
                ), (name, date)
                sentences = pending_backtests.verdict_sentences(known.coverage, known.precision_won, REJECTED_AT_LEAST)
                spoken = [
                    verdict
                    for verdict in ("too tight", "too loose")
                    if any(verdict in sentence.lower() for sentence in sentences)
                ]
                assert (spoken or ["pass"]) == figures["verdict"], (name, date)
