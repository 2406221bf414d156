from __future__ import annotations

import datetime as dt
from decimal import Decimal
from itertools import permutations
from typing import Any

import pytest

from leads.intake import lead_upserts, outcomes
from leads.intake.item_results import ItemResult
from leads.models import Lead, Outcome, StageChange
from leads.normalization.locale_formats import SenderFormats
from leads.stages import stage_changes
from leads.vocabulary import Stage
from tests.leads.facts import DAY, NOW
from tests.threads import at_once

pytestmark = pytest.mark.django_db


def outcome(**changes: Any) -> dict[str, Any]:
    return {"lead": "crm-7", "kind": "won", "at": (NOW - DAY).isoformat(), "id": "deal-1"} | changes


def record(*items: object) -> list[ItemResult]:
    return outcomes.record(items=items, source="crm", now=NOW)


def test_an_outcome_moves_its_lead_on_its_day_and_has_it_rescored() -> None:
    (result,) = record(outcome(amount=99.5, reason="Best fit"))

    lead = Lead.objects.get(external_id="crm-7")
    assert (result.status, lead.stage, lead.stage_at, lead.next_look_at) == ("accepted", "won", NOW - DAY, NOW)
    assert (Outcome.objects.get().amount, Outcome.objects.get().reason) == (Decimal("99.50"), "Best fit")


def test_texts_that_stand_for_no_answer_say_nothing() -> None:
    record(outcome(kind="lost", amount="n/a", currency="-", reason="[not provided]"), outcome(kind="lost"))

    row = Outcome.objects.get()
    assert (row.amount, row.currency, row.reason) == (None, "", "")


def test_the_same_outcome_again_is_a_duplicate_and_another_lead_a_conflict() -> None:
    first, again, other = record(outcome(), outcome(), outcome(lead="crm-8"))

    assert (again.status, again.id) == ("duplicate", first.id)
    assert (other.status, other.field) == ("rejected", "id")
    assert Outcome.objects.count() == 1
    assert not Lead.objects.filter(external_id="crm-8").exists()


def test_one_deal_becomes_opportunity_and_then_won_in_any_order() -> None:
    opened = outcome(kind="opportunity", at=(NOW - 9 * DAY).isoformat(), amount=1000)

    record(outcome(), opened)

    assert Outcome.objects.count() == 2
    assert [change.to_stage for change in StageChange.objects.all()] == ["won"]


def test_an_older_outcome_does_not_undo_a_newer_one() -> None:
    record(outcome(kind="lost", id="deal-2"), outcome(kind="won", at=(NOW - 5 * DAY).isoformat()))

    assert Lead.objects.get().stage == "lost"


@pytest.mark.parametrize("is_active_again", [False, True])
def test_a_pause_hides_no_outcome_that_is_older_than_it(is_active_again: bool) -> None:
    record(outcome(kind="lost", at=(NOW - 200 * DAY).isoformat(), id="deal-0"))
    lead = Lead.objects.get()
    stage_changes.move(lead=lead, motion="mql", to=Stage.MAL, by=None, now=NOW - 199 * DAY, why="Back.")
    stage_changes.move(lead=lead, motion="mql", to=Stage.PAUSED, by=None, now=NOW - 2 * DAY, why="Quiet.")
    if is_active_again:
        stage_changes.move(lead=lead, motion="mql", to=Stage.MAL, by=None, now=NOW - DAY, why="Active again.")

    record(outcome(at=(NOW - 9 * DAY).isoformat()))

    assert Lead.objects.get().stage == Stage.WON


def test_a_lead_that_was_imported_today_still_follows_its_history() -> None:
    lead_upserts.upsert_lead(external_id="crm-7", source="crm", now=NOW)

    record(outcome())

    assert Lead.objects.get().stage == "won"


@pytest.mark.parametrize("amount", [{}, {"amount": None}, {"amount": ""}, {"amount": "N/A"}])
def test_an_opportunity_names_its_amount_and_a_closed_deal_may_not(amount: dict[str, Any]) -> None:
    refused, lost, won = record(
        *(outcome(kind=kind, id=kind) | amount for kind in ("opportunity", "lost", "won")),
    )

    assert (refused.status, refused.field) == ("rejected", "amount")
    assert refused.reason == "is required for an opportunity: what is it worth? An estimate will do."
    assert (lost.status, won.status) == ("accepted", "accepted")
    assert record(outcome(kind="opportunity", id="free", amount=0))[0].status == "accepted"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"kind": "maybe"}, "kind"), ({"kind": []}, "kind"), ({"at": None}, "at"), ({"at": "2026-01-01"}, "at"), ({"amount": -1}, "amount"),
        ({"amount": True}, "amount"), ({"amount": "five"}, "amount"), ({"amount": "1,200"}, "amount"),
        ({"amount": "5 EUR", "currency": "USD"}, "amount"), ({"currency": "DOGE"}, "currency"),
        ({"amount": float("nan")}, "amount"), ({"reason": "x" * 201}, "reason"),
        ({"reason": 5}, "reason"), ({"lead": None}, "email"), ({"lead": 10**9}, "lead"), ({"stage": "won"}, "stage"),
    ],
)  # fmt: skip
def test_a_bad_outcome_is_refused_by_its_field(changes: dict[str, object], field: str) -> None:
    (result,) = record(outcome(**changes))

    assert (result.status, result.field) == ("rejected", field)
    assert not Outcome.objects.exists()


def dated(kind: str, days_ago: int, **changes: Any) -> dict[str, Any]:
    return outcome(kind=kind, at=(NOW - days_ago * DAY).isoformat(), **({"amount": 1000} | changes))


#: A deal that is opened, lost, reopened and lost again.
REOPENED = [dated("opportunity", 9), dated("lost", 7), dated("opportunity", 5), dated("lost", 3)]


def read_effective() -> list[tuple[str, dt.datetime, Decimal | None]]:
    return list(Outcome.objects.effective().order_by("at", "pk").values_list("kind", "at", "amount"))


def test_other_content_of_a_deal_is_a_correction_and_the_row_before_it_stays() -> None:
    first, correction, stale = record(outcome(amount=900), outcome(amount=1000), outcome(amount=900))

    assert (correction.status, stale.status, stale.id) == ("accepted", "duplicate", first.id)
    row = Outcome.objects.effective().get()
    assert (row.amount, row.corrects_id, Outcome.objects.count()) == (1000, first.id, 2)


def test_a_corrected_date_counts_instead_of_the_first() -> None:
    record(dated("opportunity", 9), dated("won", 4), dated("won", 6))

    assert [(kind, at) for kind, at, _ in read_effective()] == [("opportunity", NOW - 9 * DAY), ("won", NOW - 6 * DAY)]


def test_a_deal_is_reopened_and_lost_again() -> None:
    record(*REOPENED)

    assert [kind for kind, _, _ in read_effective()] == ["opportunity", "lost", "opportunity", "lost"]
    assert not Outcome.objects.filter(corrects__isnull=False).exists()
    assert list(StageChange.objects.order_by("pk").values_list("to_stage", flat=True)) == [
        "opportunity", "lost", "opportunity", "lost",
    ]  # fmt: skip


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_a_reopened_deal_ends_alike_in_whatever_order_and_however_often_it_is_sent(order: tuple[int, ...]) -> None:
    for position in order:
        record(REOPENED[position])
        record(*(REOPENED[earlier] for earlier in order[: order.index(position) + 1]))

    assert [(kind, at) for kind, at, _ in read_effective()] == [
        ("opportunity", NOW - 9 * DAY), ("lost", NOW - 7 * DAY), ("opportunity", NOW - 5 * DAY), ("lost", NOW - 3 * DAY),
    ]  # fmt: skip
    assert Lead.objects.get().stage == "lost"


def test_a_deal_that_is_opened_and_won_on_one_day_is_won_in_either_order() -> None:
    record(dated("won", 1), dated("opportunity", 1))
    record(dated("opportunity", 1, lead="crm-8", id="deal-2"), dated("won", 1, lead="crm-8", id="deal-2"))

    assert {lead.stage for lead in Lead.objects.all()} == {"won"}
    assert Outcome.objects.effective().count() == 4


def test_an_amount_has_the_currency_that_it_names_or_that_its_sender_states() -> None:
    items = [
        outcome(id=1, amount="€1.2m"),
        outcome(id=2, amount=5, currency="usd"),
        outcome(id=3, amount=7),
        outcome(id=4),
    ]

    outcomes.record(items=items, source="crm", now=NOW, formats=SenderFormats(currency="CHF"))

    rows = Outcome.objects.order_by("external_id").values_list("amount", "currency")
    assert list(rows) == [(1_200_000, "EUR"), (5, "USD"), (7, "CHF"), (None, "")]


@pytest.mark.django_db(transaction=True)
def test_senders_at_once_store_each_happening_of_a_deal_once() -> None:
    sent = [*REOPENED, dated("won", 1, amount=5)]

    results = at_once(6, lambda number: record(*(sent[(number + step) % 5] for step in range(5)), *sent))

    assert all(isinstance(result, list) for result in results), results
    assert [kind for kind, _, _ in read_effective()] == ["opportunity", "lost", "opportunity", "lost", "won"]
    assert sum(row.status == "accepted" for result in results for row in result) == 5


@pytest.mark.django_db(transaction=True)
def test_of_two_leads_that_are_named_for_one_deal_at_once_one_is_refused() -> None:
    results = at_once(4, lambda number: record(outcome(lead=f"crm-{number}"))[0].status)

    assert sorted(results) == ["accepted", "rejected", "rejected", "rejected"]
    assert Outcome.objects.count() == 1


@pytest.mark.parametrize(
    ("named", "field", "sentence"),
    [
        ({"lead": None}, "email", "is required, or lead: one of them says whom this is about."),
        ({"lead": "n/a"}, "lead", "names nobody"),
        ({"email": "a@b.example"}, "lead", "and email are both given"),
    ],
)
def test_an_outcome_that_names_nobody_is_refused_in_words_that_fit(named: Any, field: str, sentence: str) -> None:
    (result,) = record(outcome(**named))

    assert (result.status, result.field) == ("rejected", field)
    assert sentence in result.reason
    assert "event" not in result.reason
