"""The outcomes that a backtest reads: acceptances and rejections of one motion, wins of any (rules 10.16)."""

from __future__ import annotations

import datetime as dt

import pgtrigger
import pytest

from leads.models import Lead, Outcome, PastDisposition, StageChange
from leads.vocabulary import Motion, OutcomeKind, PastDecision, Stage
from scoring.backtests import outcome_history
from scoring.instants import microseconds
from tests.factories import DAY, NOW, LeadFactory

pytestmark = pytest.mark.django_db

START, END = NOW - 30 * DAY, NOW


def change_stage(lead: Lead, motion: Motion, before: Stage, after: Stage, at: dt.datetime) -> None:
    """Store a change that need not follow from another one."""
    with pgtrigger.ignore("leads.StageChange:stage_is_derived"):
        StageChange.objects.create(lead=lead, motion=motion, from_stage=before, to_stage=after, at=at, why="Test.")


def import_decision(lead: Lead, motion: Motion, kind: PastDecision, at: dt.datetime) -> None:
    reason = "wrong_persona" if kind == PastDecision.REJECT else ""
    PastDisposition.objects.create(
        lead=lead, motion=motion, kind=kind, reason=reason, at=at, recorded_at=NOW, source="crm"
    )


def add_win(lead: Lead, motion: Motion, at: dt.datetime) -> None:
    Outcome.objects.create(lead=lead, motion=motion, kind=OutcomeKind.WON, at=at, recorded_at=NOW, source="crm")


def test_decisions_of_another_motion_are_no_acceptances_and_no_rejections() -> None:
    mql, pql, both = LeadFactory.create_batch(3)
    day = START + DAY
    change_stage(mql, Motion.MQL, Stage.MQL, Stage.SAL, day)
    change_stage(pql, Motion.PQL, Stage.MQL, Stage.SAL, day)
    # Whom sales rejects as an MQL it may accept as a PQL.
    change_stage(both, Motion.MQL, Stage.MQL, Stage.NURTURE, day)
    change_stage(both, Motion.PQL, Stage.MQL, Stage.SAL, 2 * DAY + START)

    as_mql, as_pql, as_aql = (outcome_history.read_history(motion, START, END) for motion in Motion)

    assert as_mql.last_accepted.lead.tolist() == [mql.pk]
    assert (as_mql.rejections.lead.tolist(), as_mql.rejected) == ([both.pk], 1)
    assert as_pql.last_accepted.lead.tolist() == [pql.pk, both.pk]
    assert as_pql.last_accepted.at.tolist() == [microseconds(day), microseconds(START + 2 * DAY)]
    assert (as_pql.rejections.lead.tolist(), as_pql.rejected) == ([], 0)
    assert (len(as_aql.last_accepted), as_aql.rejected) == (0, 0)


def test_imported_decisions_count_in_their_motion() -> None:
    first, second = LeadFactory.create_batch(2)
    import_decision(first, Motion.MQL, PastDecision.REJECT, START)
    import_decision(first, Motion.PQL, PastDecision.ACCEPT, START + DAY)
    import_decision(second, Motion.PQL, PastDecision.REJECT, START + DAY)
    import_decision(second, Motion.PQL, PastDecision.REJECT, END - DAY)
    import_decision(second, Motion.PQL, PastDecision.REJECT, END)

    as_mql, as_pql = (outcome_history.read_history(motion, START, END) for motion in (Motion.MQL, Motion.PQL))

    assert (len(as_mql.last_accepted), as_mql.rejections.lead.tolist(), as_mql.rejected) == (0, [first.pk], 1)
    assert as_pql.last_accepted.lead.tolist() == [first.pk]
    assert as_pql.rejections.lead.tolist() == [second.pk]
    assert as_pql.rejections.at.tolist() == [microseconds(END - DAY)]
    assert as_pql.rejected == 2
    assert outcome_history.count_imported(Motion.MQL, START, END) == {"accept": 0, "reject": 1}
    assert outcome_history.count_imported(Motion.PQL, START, END) == {"accept": 1, "reject": 2}
    assert outcome_history.count_imported(Motion.AQL, START, END) == {"accept": 0, "reject": 0}


def test_a_win_counts_for_every_motion_and_those_of_others_are_counted() -> None:
    first, second, earlier = LeadFactory.create_batch(3)
    add_win(first, Motion.MQL, START)
    add_win(second, Motion.PQL, START + DAY)
    add_win(second, Motion.MQL, START + 2 * DAY)
    add_win(earlier, Motion.PQL, START - DAY)
    add_win(earlier, Motion.PQL, END)

    histories = [outcome_history.read_history(motion, START, END) for motion in Motion]

    for history in histories:
        assert history.won_since(microseconds(START)).lead.tolist() == [first.pk, second.pk]
        assert history.won.lead.tolist() == [first.pk, second.pk, earlier.pk]
        assert history.further_wins == 1
    assert [outcome_history.count_wins_elsewhere(motion, START, END) for motion in Motion] == [1, 2, 3]


def test_a_win_that_was_corrected_counts_only_as_it_stands() -> None:
    lead = LeadFactory()
    add_win(lead, Motion.PQL, START)
    Outcome.objects.create(
        lead=lead, motion=Motion.PQL, kind=OutcomeKind.WON, at=END, recorded_at=NOW, source="crm",
        corrects=Outcome.objects.get(),
    )  # fmt: skip

    assert len(outcome_history.read_history(Motion.MQL, START, END).won) == 0
    assert outcome_history.count_wins_elsewhere(Motion.MQL, START, END) == 0
