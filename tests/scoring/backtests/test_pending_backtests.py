"""Backtests of an invented company: counts, lost wins and their criteria, and that later facts have no part in them."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from typing import Any

import pgtrigger
import pytest
from django.db import connection
from django.db.models import Min

from definitions import backtest_requests, version_documents
from leads import shipped_signals
from leads.models import Event, Lead, Outcome, PastDisposition, Signal, StageChange
from leads.vocabulary import Motion, OutcomeKind, Stage
from scoring.backtests import pending_backtests, runner
from scoring.backtests.intervals_and_tests import wilson
from scoring.backtests.runner import CandidateVersion
from scoring.columns import fact_reader
from scoring.engine.judge import explain
from scoring.explain import evaluation
from scoring.instants import from_microseconds, microseconds
from scoring.rule_compiler import compile_with_current_catalogue
from tests.scoring import facts

pytestmark = pytest.mark.django_db(transaction=True)

START, END = dt.datetime(2025, 1, 1, tzinfo=dt.UTC), dt.datetime(2025, 7, 1, tzinfo=dt.UTC)
DAY, SECOND = dt.timedelta(days=1), dt.timedelta(seconds=1)


@pytest.fixture(autouse=True)
def company(transactional_db: None) -> None:
    """Store outcomes: every fourth lead was won, every fifth rejected, every third accepted, each on a day of its own."""
    shipped_signals.ship(signals=Signal.objects)
    facts.load_company_1k(END, every=3)
    leads = list(Lead.objects.order_by("pk"))
    Outcome.objects.bulk_create(add_win(lead, START + (number % 180) * DAY) for number, lead in enumerate(leads[::4]))
    store_changes(
        add_stage_change(lead, Stage.MQL, Stage.NURTURE, START + (number % 170) * DAY)
        for number, lead in enumerate(leads[::5])
    )
    store_changes(
        add_stage_change(lead, Stage.MQL, Stage.SAL, START + (number % 160) * DAY)
        for number, lead in enumerate(leads[::3])
    )


def store_changes(changes: Iterable[StageChange]) -> None:
    """Store changes that do not follow from each other."""
    with pgtrigger.ignore("leads.StageChange:stage_is_derived"):
        StageChange.objects.bulk_create(changes)


def add_win(lead: Lead, at: dt.datetime) -> Outcome:
    return Outcome(lead=lead, kind=OutcomeKind.WON, at=at, recorded_at=at, source="test")


def add_stage_change(lead: Lead, before: Stage, after: Stage, at: dt.datetime) -> StageChange:
    return StageChange(lead=lead, motion=Motion.MQL, from_stage=before, to_stage=after, at=at, why="Test.")


def candidate(number: str = "v1.0", **changes: Any) -> CandidateVersion:
    return CandidateVersion(
        number, compile_with_current_catalogue(version_documents.normalize_document(facts.document() | changes))
    )


def result(against: CandidateVersion | None = None, **changes: Any) -> dict[str, Any]:
    return runner.run_backtest(candidate(**changes), against, start=START, end=END, progress=lambda _done, _total: None)


def lenient() -> CandidateVersion:
    """Return a candidate without a gate, which covers more of the wins."""
    return candidate("v0.9", gate=[])


def count_plainly(rules: Any) -> dict[str, Any]:
    """Return the same figures, counted lead by lead with dictionaries."""
    first = {
        row["lead"]: dt.datetime.fromisoformat(row["qualified_at"])
        for row in evaluation.find_first_instants(rules, END - SECOND / 1_000_000)
    }
    wins = dict(Outcome.objects.order_by("-at").values_list("lead_id", "at"))
    accepted = dict(StageChange.objects.filter(to_stage=Stage.SAL).order_by("-at").values_list("lead_id", "at"))
    rejected = dict(StageChange.objects.filter(to_stage=Stage.NURTURE).order_by("at").values_list("lead_id", "at"))
    flagged = {lead: at for lead, at in first.items() if at >= START}
    became = {lead for lead, at in flagged.items() if lead in wins and wins[lead] >= at}
    sal = {lead for lead, at in flagged.items() if lead in accepted and accepted[lead] >= at}
    return {
        "flagged": len(flagged),
        "covered": sum(lead in first and first[lead] < at for lead, at in wins.items()),
        "lost": {lead for lead, at in wins.items() if lead not in first or first[lead] >= at},
        "won": len(became),
        "sal": len(became | sal),
        "passing": {lead for lead, at in rejected.items() if lead in first and first[lead] <= at},
        "weeks": sorted((at.date() - dt.timedelta(days=at.weekday())).isoformat() for at in flagged.values()),
    }


def test_a_full_backtest_counts_what_a_loop_over_the_leads_counts() -> None:
    stored = result(against=lenient())

    for cohort, rules in ((stored["version"], candidate().rules), (stored["against"], lenient().rules)):
        known = count_plainly(rules)
        assert cohort["flagged"] == known["flagged"] > 0
        assert (cohort["coverage"]["n"], cohort["coverage"]["of"]) == (known["covered"], Outcome.objects.count())
        assert (cohort["precision_won"]["n"], cohort["precision_won"]["of"]) == (known["won"], known["flagged"])
        assert cohort["precision_sal"]["n"] == known["sal"]
        assert cohort["precision_won"]["interval_95"] == list(wilson(known["won"], known["flagged"]) or ())
        assert {row["lead"] for row in cohort["lost_wins"]["rows"]} == known["lost"]
        assert cohort["lost_wins"]["total"] == len(known["lost"])
        assert {row["lead"] for row in cohort["still_passing"]["rows"]} == known["passing"]
        by_week = {week: count for week, count in zip(stored["weeks"], cohort["by_week"], strict=True) if count}
        assert by_week == {week: known["weeks"].count(week) for week in known["weeks"]}
    assert stored["leads"] == Lead.objects.filter(known_at__lt=END).count()
    assert stored["version"]["coverage"]["n"] < stored["against"]["coverage"]["n"]


#: The leads flagged in the period, given as (lead, instant), that have any acceptance or win at or after it, by SQL.
_PRECISION_SQL = """
    WITH flagged (lead_id, at) AS (SELECT * FROM unnest(%s::bigint[], %s::timestamptz[])),
    accepted AS (
        SELECT lead_id, at FROM leads_stagechange WHERE to_stage IN ('sal', 'sql', 'opportunity', 'won') AND at < %s
    ), won AS (SELECT lead_id, at FROM leads_outcome WHERE kind = 'won' AND at < %s)
    SELECT count(*) FILTER (WHERE EXISTS (SELECT 1 FROM won WHERE won.lead_id = flagged.lead_id AND won.at >= flagged.at)),
        count(*) FILTER (WHERE EXISTS (
            SELECT 1 FROM (SELECT * FROM accepted UNION ALL SELECT * FROM won) AS became
            WHERE became.lead_id = flagged.lead_id AND became.at >= flagged.at)),
        count(*)
    FROM flagged
"""


def count_by_sql(rules: Any) -> tuple[int, int, int]:
    """Return how many of the leads flagged in the period were won, were accepted at least, and how many there are."""
    first = [
        (row["lead"], dt.datetime.fromisoformat(row["qualified_at"]))
        for row in evaluation.find_first_instants(rules, END - SECOND / 1_000_000)
    ]
    flagged = [(lead, at) for lead, at in first if at >= START]
    with connection.cursor() as cursor:
        cursor.execute(_PRECISION_SQL, [*map(list, zip(*flagged, strict=True)), END, END])
        won, sal, of = cursor.fetchone()
    return won, sal, of


def test_precision_counts_whichever_acceptance_and_win_came_after_the_flag() -> None:
    rules = candidate().rules
    first = {
        row["lead"]: dt.datetime.fromisoformat(row["qualified_at"])
        for row in evaluation.find_first_instants(rules, END)
    }
    flagged = sorted(lead for lead, at in first.items() if START + DAY <= at < END - DAY)
    leads = Lead.objects.in_bulk(flagged)
    # Accepted, or won, before the flag and again on the day after it; and once more when the period is over.
    with pgtrigger.ignore("leads.StageChange:stage_is_derived"):
        StageChange.objects.bulk_create(
            add_stage_change(leads[lead], Stage.MQL, stage, first[lead] + days * DAY)
            for lead, stage in zip(flagged, [Stage.SAL, Stage.SQL, Stage.OPPORTUNITY], strict=False)
            for days in (-1, 1)
        )
    Outcome.objects.bulk_create(
        add_win(leads[lead], at) for lead in flagged[3:6] for at in (first[lead] - DAY, first[lead] + DAY, END + DAY)
    )

    stored = result()
    won, sal, of = count_by_sql(rules)

    cohort = stored["version"]
    assert (cohort["precision_won"]["n"], cohort["precision_sal"]["n"], cohort["flagged"]) == (won, sal, of)
    assert won >= 3
    assert sal >= 6
    figures = pending_backtests.compute_figures(rules, start=START, end=END)
    assert (figures.precision_won.hits, figures.precision_sal.hits) == (won, sal)
    first_wins = Outcome.objects.filter(at__lt=END).values("lead").annotate(at=Min("at")).filter(at__gte=START).count()
    assert cohort["coverage"]["of"] == first_wins
    assert stored["further_wins"] == Outcome.objects.filter(at__gte=START, at__lt=END).count() - first_wins > 0


def test_imported_decisions_count_in_precision_and_among_the_rejections() -> None:
    rules = candidate().rules
    before = result()["version"]
    first = {
        row["lead"]: dt.datetime.fromisoformat(row["qualified_at"])
        for row in evaluation.find_first_instants(rules, END)
    }
    accepted = set(StageChange.objects.filter(to_stage=Stage.SAL).values_list("lead_id", flat=True))
    accepted |= set(Outcome.objects.values_list("lead_id", flat=True))
    unknown = [lead for lead, at in sorted(first.items()) if START <= at < END - DAY and lead not in accepted]
    PastDisposition.objects.bulk_create(
        PastDisposition(lead_id=lead, kind=kind, reason=reason, at=first[lead] + DAY, recorded_at=END, source="crm")
        for lead, (kind, reason) in zip(unknown, [("accept", "")] * 2 + [("reject", "wrong_persona")] * 2, strict=False)
    )

    stored = result()

    assert stored["imported"] == {"accept": 2, "reject": 2}
    assert stored["version"]["precision_sal"]["n"] == before["precision_sal"]["n"] + 2
    assert stored["version"]["rejected"] == before["rejected"] + 2
    assert pending_backtests.compute_figures(rules, start=START, end=END).rejected == before["rejected"] + 2


def test_a_version_of_another_motion_has_its_own_acceptances_and_rejections_and_every_win() -> None:
    as_mql = result()
    flagged = pending_backtests.find_first_instants(candidate().rules, until=END)
    lead = next(pk for pk, at in sorted(flagged.items()) if START <= from_microseconds(at) < END - DAY)
    before = result(motion="pql")

    with pgtrigger.ignore("leads.StageChange:stage_is_derived"):
        StageChange.objects.create(
            lead_id=lead, motion=Motion.PQL, from_stage=Stage.MQL, to_stage=Stage.NURTURE, at=END - DAY, why="Test."
        )
    as_pql = result(motion="pql")
    quick = pending_backtests.compute_figures(candidate(motion="pql").rules, start=START, end=END)

    assert (
        as_mql["version"]["rejected"] == StageChange.objects.filter(to_stage=Stage.NURTURE, motion="mql").count() > 40
    )
    assert as_mql["version"]["enough"]
    assert (before["version"]["rejected"], as_pql["version"]["rejected"], quick.rejected) == (0, 1, 1)
    assert not as_pql["version"]["enough"]
    assert as_pql["version"]["verdicts"][0].startswith("Not enough data")
    assert as_pql["version"]["still_passing"]["total"] == 1
    assert as_pql["version"]["coverage"] == as_mql["version"]["coverage"]
    assert as_pql["version"]["precision_won"] == as_mql["version"]["precision_won"]
    # Nobody accepted a PQL, but a lead that was won had been accepted.
    assert as_pql["version"]["precision_sal"] == as_pql["version"]["precision_won"]
    assert as_mql["version"]["precision_sal"]["n"] > as_pql["version"]["precision_sal"]["n"]
    assert as_mql["wins_elsewhere"] == 0
    assert as_pql["wins_elsewhere"] == Outcome.objects.filter(at__gte=START, at__lt=END).count()


def test_compute_figures_agrees_with_the_full_backtest() -> None:
    rules = candidate().rules

    quick, full = pending_backtests.compute_figures(rules, start=START, end=END), result()["version"]

    assert quick.as_dict()["coverage"] == full["coverage"]
    assert quick.as_dict()["precision_sal"] == full["precision_sal"]
    assert (quick.flagged, list(quick.by_week)) == (full["flagged"], full["by_week"])
    assert quick.verdicts == tuple(full["verdicts"])
    assert set(quick.lost_wins) == {row["lead"] for row in full["lost_wins"]["rows"]}


def test_each_value_of_a_threshold_curve_equals_a_backtest_of_that_value() -> None:
    stored = result(timing={"engaged_within_days": 20, "or_request_within_days": None})

    for threshold in stored["thresholds"]:
        own = next(choice for choice in threshold["choices"] if choice["at_least"] == threshold["value"])
        assert own["flagged"] == stored["version"]["flagged"], threshold["label"]
        assert own["coverage"] == stored["version"]["coverage"]
        assert own["precision_sal"] == stored["version"]["precision_sal"]
    (points,) = (curve for curve in stored["thresholds"] if curve["place"] == "paths[0].clauses[0]")
    lower = json.loads(json.dumps(facts.document()["paths"]))
    lower[0]["clauses"][0]["at_least"] = 25
    other = result(paths=lower, timing={"engaged_within_days": 20, "or_request_within_days": None})["version"]
    (same,) = (choice for choice in points["choices"] if choice["at_least"] == 25)
    assert (same["flagged"], same["coverage"]) == (other["flagged"], other["coverage"])


def test_a_lost_win_names_the_criteria_that_its_explanation_shows_as_failed() -> None:
    rules = candidate().rules
    (known,) = fact_reader.read_all(rules)

    rows = [row for row in result()["version"]["lost_wins"]["rows"] if row["nearest_at"]]

    assert len(rows) > 25
    for row in rows:
        at = dt.datetime.fromisoformat(row["nearest_at"])
        explanation = explain(rules, known, int(known.lead_ids.searchsorted(row["lead"])), microseconds(at))
        assert not explanation.meets
        assert at < dt.datetime.fromisoformat(row["won_at"])
        # The lead's own sentence says besides that no hot trigger fired.
        assert explanation.why.split(". ")[0].rstrip(".").removesuffix("; no hot trigger fired") in row["detail"]
    assert any("Engaged, with intent: engagement points" in row["lost_by"] for row in rows)
    assert any(label.startswith("Gate: ") for row in rows for label in row["lost_by"])


def test_a_rejected_lead_that_still_passes_has_the_reason_of_its_explanation() -> None:
    rules = candidate().rules
    (known,) = fact_reader.read_all(rules)

    passing = result()["version"]["still_passing"]

    assert 0 < passing["total"] <= passing["of"]
    for row in passing["rows"]:
        at = microseconds(dt.datetime.fromisoformat(row["qualified_at"]))
        explanation = explain(rules, known, int(known.lead_ids.searchsorted(row["lead"])), at)
        assert (explanation.meets, explanation.why) == (True, row["why"])
        assert row["qualified_at"] <= row["rejected_at"]


def test_histograms_and_grid_count_every_lead_once() -> None:
    stored = result()

    sums = {sum(score_bin["leads"] for score_bin in chart["bins"]) for chart in stored["distributions"]}
    cells = [cell for line in stored["grid"]["cells"] for cell in line]
    assert [chart["axis"] for chart in stored["distributions"]] == ["fit", "engagement"]
    assert [chart["threshold"] for chart in stored["distributions"]] == [None, 50]
    assert len(sums) == 1
    assert sum(cell["leads"] for cell in cells) >= max(sums)
    assert all(cell["won"] <= cell["sal"] <= cell["leads"] for cell in cells)
    assert len(stored["grid"]["cells"]) == len(stored["grid"]["fit"]) - 1
    assert {len(line) for line in stored["grid"]["cells"]} == {len(stored["grid"]["engagement"]) - 1}


def test_facts_after_the_period_do_not_change_its_result() -> None:
    before = result(against=lenient())

    leads = list(Lead.objects.order_by("pk"))
    signal = Signal.objects.get(code="demo_request")
    Event.objects.bulk_create(
        Event(lead=lead, signal=signal, occurred_at=END, recorded_at=END, source="later", digest=b"") for lead in leads
    )
    for lead in leads[:50]:
        facts.add_statement(lead, END, END, title="Student", country="BR")
    Outcome.objects.bulk_create(add_win(lead, END) for lead in leads[1::4])
    store_changes(add_stage_change(lead, Stage.MQL, Stage.MAL, END) for lead in leads[2::5])

    assert result(against=lenient()) == before
    assert pending_backtests.compute_figures(candidate().rules, start=START, end=END + DAY).lost_wins != ()


def test_a_lead_that_qualifies_at_the_instant_of_its_win_is_not_covered() -> None:
    rules = candidate().rules
    first = pending_backtests.find_first_instants(rules, until=END)
    flagged = {lead: at for lead, at in first.items() if from_microseconds(at) >= START}
    late, early = sorted(set(flagged) - set(Outcome.objects.values_list("lead_id", flat=True)))[:2]
    before = pending_backtests.compute_figures(rules, start=START, end=END)

    Outcome.objects.bulk_create(
        add_win(Lead(pk=lead), from_microseconds(flagged[lead] + delay)) for lead, delay in ((late, 0), (early, 1))
    )
    after = pending_backtests.compute_figures(rules, start=START, end=END)

    assert late in after.lost_wins
    assert early not in after.lost_wins
    assert (after.coverage.total, after.coverage.hits) == (before.coverage.total + 2, before.coverage.hits + 1)


def test_a_win_without_earlier_facts_is_lost_for_lack_of_facts() -> None:
    lead = Lead.objects.create(email="new@fit.example", known_at=END - DAY, stage_at=END, recorded_at=END)
    Outcome.objects.bulk_create([add_win(lead, END - 2 * DAY)])

    (row,) = (row for row in result()["version"]["lost_wins"]["rows"] if row["lead"] == lead.pk)

    assert row["nearest_at"] is None
    assert row["lost_by"] == ["Not known before it was won"]


def test_an_empty_period_of_an_empty_company_has_a_result() -> None:
    stored = runner.run_backtest(
        lenient(), None, start=START - 3650 * DAY, end=START - 3649 * DAY, progress=lambda _done, _total: None
    )

    assert (stored["leads"], stored["version"]["flagged"], stored["version"]["coverage"]["rate"]) == (0, 0, None)
    assert stored["version"]["verdicts"][0].startswith("Not enough data")
    assert json.loads(json.dumps(stored)) == stored


@pytest.mark.parametrize(
    ("end", "start"),
    [
        ("2026-08-31T11:59:00+00:00", "2026-02-28T00:00:00+13:00"),
        ("2026-03-01T00:00:00+00:00", "2025-09-01T00:00:00+12:00"),
    ],
)
def test_six_months_are_calendar_months_clipped_to_the_last_day(settings: Any, end: str, start: str) -> None:
    settings.COMPANY_TIME_ZONE = "Pacific/Auckland"

    assert backtest_requests.default_period(facts.instant(end)) == (facts.instant(start), facts.instant(end))
