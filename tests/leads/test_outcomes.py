from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from leads import events, lead_upserts, outcomes
from leads.models import Lead, Outcome, StageChange
from tests.leads.facts import DAY, NOW

pytestmark = pytest.mark.django_db


def outcome(**changes: Any) -> dict[str, Any]:
    return {"lead": "crm-7", "kind": "won", "at": (NOW - DAY).isoformat(), "id": "deal-1"} | changes


def record(*items: object) -> list[events.EventResult]:
    return outcomes.record(items=items, source="crm", now=NOW)


def test_an_outcome_moves_its_lead_on_its_day_and_has_it_rescored() -> None:
    (result,) = record(outcome(amount=99.5, reason="Best fit"))

    lead = Lead.objects.get(external_id="crm-7")
    assert (result.status, lead.stage, lead.stage_at, lead.next_look_at) == ("accepted", "won", NOW - DAY, NOW)
    assert (Outcome.objects.get().amount, Outcome.objects.get().reason) == (Decimal("99.50"), "Best fit")


def test_the_same_outcome_again_is_a_duplicate_and_another_body_a_conflict() -> None:
    first, again, other = record(outcome(), outcome(), outcome(amount=5))

    assert (again.status, again.id) == ("duplicate", first.id)
    assert (other.status, other.field) == ("rejected", "id")
    assert Outcome.objects.count() == 1


def test_one_deal_becomes_opportunity_and_then_won_in_any_order() -> None:
    opened = outcome(kind="opportunity", at=(NOW - 9 * DAY).isoformat())

    record(outcome(), opened)

    assert Outcome.objects.count() == 2
    assert [change.to_stage for change in StageChange.objects.all()] == ["won"]


def test_an_older_outcome_does_not_undo_a_newer_one() -> None:
    record(outcome(kind="lost", id="deal-2"), outcome(kind="won", at=(NOW - 5 * DAY).isoformat()))

    assert Lead.objects.get().stage == "lost"


def test_a_lead_that_was_imported_today_still_follows_its_history() -> None:
    lead_upserts.upsert_lead(external_id="crm-7", source="crm", now=NOW)

    record(outcome())

    assert Lead.objects.get().stage == "won"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "maybe"}, "kind"), ({"kind": []}, "kind"), ({"at": None}, "at"), ({"at": "2026-01-01"}, "at"), ({"amount": -1}, "amount"),
        ({"amount": True}, "amount"), ({"amount": "5"}, "amount"), ({"amount": float("nan")}, "amount"), ({"reason": "x" * 201}, "reason"),
        ({"reason": 5}, "reason"), ({"lead": None}, "email"), ({"lead": 10**9}, "lead"), ({"stage": "won"}, "stage"),
    ],
)  # fmt: skip
def test_a_bad_outcome_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    (result,) = record(outcome(**changes))

    assert (result.status, result.field) == ("rejected", field)
    assert not Outcome.objects.exists()
