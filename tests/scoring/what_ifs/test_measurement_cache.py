"""The measurement cache answers from kept measurements as a full backtest would."""

from __future__ import annotations

import datetime as dt
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

import pgtrigger
import pytest
from django.db import connection

from definitions import version_documents
from leads import shipped_signals
from leads.models import Event, Lead, Outcome, Signal, StageChange
from leads.vocabulary import OutcomeKind
from scoring import thresholds
from scoring.backtests import pending_backtests
from scoring.columns import fact_reader
from scoring.engine.rules import Rules, Timing
from scoring.explain import evaluation
from scoring.rule_compiler import compile_with_current_catalogue
from scoring.what_ifs import measurement_cache
from scoring.what_ifs.measurement_cache import RecentlyUsedCache
from tests.scoring import facts

pytestmark = pytest.mark.django_db(transaction=True)

NOW = dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
START = NOW - dt.timedelta(days=180)
SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def rules(transactional_db: None) -> Rules:
    shipped_signals.ship(signals=Signal.objects)
    facts.load_company_1k(NOW, every=3)
    Outcome.objects.bulk_create(
        Outcome(lead=lead, kind=OutcomeKind.WON, at=NOW - (number + 1) * SECOND, recorded_at=NOW, source="test")
        for number, lead in enumerate(Lead.objects.order_by("pk")[::4])
    )
    return compile_with_current_catalogue(version_documents.normalize_document(facts.document()))


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return a list that grows by one with every read of all facts."""
    read_all, calls = fact_reader.read_all, []
    monkeypatch.setattr(fact_reader, "read_all", lambda *rules, **more: calls.append(1) or read_all(*rules, **more))
    return calls


def test_other_thresholds_need_no_further_read_and_equal_a_full_computation(rules: Rules, reads: list[int]) -> None:
    others = [
        thresholds.change_thresholds(rules, {"paths[0].clauses[0]": 20, "hot[1].clauses[0]": 2}),
        replace(rules, timing=Timing(3, None), tier_3_below=None),
        replace(rules, hot=()),
        replace(rules, paths=(*rules.paths, *rules.paths)),
    ]

    answers = [
        measurement_cache.what_if_figures(other_rules, start=START, end=NOW, now=NOW)
        for other_rules in (rules, *others)
    ]

    # The version without its hot triggers counts fewer things, so it was measured by itself.
    assert len(reads) == 2
    assert answers == [
        pending_backtests.compute_figures(other_rules, start=START, end=NOW) for other_rules in (rules, *others)
    ]
    assert len({answer.flagged for answer in answers}) > 1


def test_an_earlier_period_is_answered_from_the_same_measurements(rules: Rules, reads: list[int]) -> None:
    middle = NOW - dt.timedelta(days=60)

    answers = [measurement_cache.what_if_figures(rules, start=START, end=end, now=NOW) for end in (NOW, middle)]

    assert len(reads) == 1
    assert answers[1] == pending_backtests.compute_figures(rules, start=START, end=middle)


def test_the_quick_figures_are_those_of_the_last_six_months_and_of_now(rules: Rules) -> None:
    quick = measurement_cache.quick_figures(rules, now=NOW)

    known = pending_backtests.compute_figures(rules, start=dt.datetime(2025, 1, 1, tzinfo=dt.UTC), end=NOW)
    assert (quick.start, quick.end, quick.as_of) == (known.start, NOW, NOW)
    assert (quick.coverage, quick.precision_ripe, quick.precision_sal) == (
        known.coverage,
        known.precision_ripe,
        known.precision_sal,
    )
    assert quick.flagged == known.flagged > 0
    assert quick.qualify_now == sum(row["meets"] for row in evaluation.judge_all_leads(rules, NOW)) > 0


def test_figures_are_at_most_a_minute_old_and_carry_their_instant(rules: Rules, reads: list[int]) -> None:
    first = measurement_cache.quick_figures(rules, now=NOW)
    signal = Signal.objects.get(code="demo_request")
    Event.objects.bulk_create(
        Event(lead=lead, signal=signal, occurred_at=NOW, recorded_at=NOW, source="later", digest=b"")
        for lead in Lead.objects.all()
    )

    again, later = (
        measurement_cache.quick_figures(rules, now=NOW + 59 * SECOND),
        measurement_cache.quick_figures(rules, now=NOW + 60 * SECOND),
    )

    assert again == first
    assert later.as_of == NOW + 60 * SECOND
    assert later.qualify_now > first.qualify_now
    assert len(reads) == 2


@pytest.mark.usefixtures("shipped")
def test_another_ending_of_a_punished_signal_is_measured_anew(reads: list[int]) -> None:
    document = facts.document()
    unsubscribe = {"signal": "unsubscribe", "points": -20, "rationale": "Wants no more."}
    punishing = version_documents.normalize_document(document | {"signals": [*document["signals"], unsubscribe]})
    measurement_cache.quick_figures(compile_with_current_catalogue(punishing), now=NOW)
    Signal.objects.filter(code="newsletter_signup").update(ends=None)

    measurement_cache.quick_figures(compile_with_current_catalogue(punishing), now=NOW)

    assert len(reads) == 2


def test_another_gate_is_measured_anew(rules: Rules) -> None:
    measurement_cache.quick_figures(rules, now=NOW)

    without = measurement_cache.quick_figures(replace(rules, gate=()), now=NOW)

    assert (
        without.flagged
        == pending_backtests.compute_figures(replace(rules, gate=()), start=without.start, end=NOW).flagged
    )


def test_a_version_of_another_motion_is_compared_with_its_own_decisions(rules: Rules, reads: list[int]) -> None:
    with pgtrigger.ignore("leads.StageChange:stage_is_derived"):
        StageChange.objects.bulk_create(
            StageChange(lead=lead, motion=motion, from_stage="mql", to_stage="nurture", at=NOW - SECOND, why="Test.")
            for lead, motion in zip(Lead.objects.order_by("pk"), ["mql", "mql", "pql"], strict=False)
        )

    as_mql, as_pql = (
        measurement_cache.what_if_figures(replace(rules, motion=motion), start=START, end=NOW, now=NOW)
        for motion in ("mql", "pql")
    )

    assert (as_mql.rejected, as_pql.rejected) == (2, 1)
    assert as_mql.coverage == as_pql.coverage
    # The facts are measured alike for both.
    assert len(reads) == 1


def test_threads_with_the_same_question_wait_for_one_measurement(rules: Rules, reads: list[int]) -> None:
    barrier = threading.Barrier(4, timeout=60)

    def ask() -> measurement_cache.DraftFigures:
        try:
            barrier.wait()
            return measurement_cache.quick_figures(rules, now=NOW)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        answers = [future.result() for future in [pool.submit(ask) for _ in range(4)]]

    assert len(set(answers)) == 1
    assert len(reads) == 1


@dataclass
class Weight:
    nbytes: int
    as_of: dt.datetime = NOW


def test_the_least_recently_used_entry_is_dropped_when_room_is_short() -> None:
    cache, calls = RecentlyUsedCache(100), []

    def ask(name: str) -> None:
        cache.get_or_make(name, NOW, lambda: calls.append(name) or Weight(40))

    for name in ("first", "second", "first", "third", "first", "second"):
        ask(name)

    assert calls == ["first", "second", "third", "second"]


def test_an_entry_larger_than_the_cache_is_returned_and_not_kept() -> None:
    cache, calls = RecentlyUsedCache(100), []

    for _ in range(2):
        cache.get_or_make("giant", NOW, lambda: calls.append(1) or Weight(101))

    assert len(calls) == 2
