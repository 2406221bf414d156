"""The outcomes of companies in a backtest: decisions on their plays, wins of their people (rules 10.14, 10.16)."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pgtrigger
import pytest

from leads.intake import lead_upserts
from leads.models import Company, Lead, Outcome, PastDisposition, StageChange
from leads.vocabulary import Motion, OutcomeKind, PastDecision, Stage
from scoring.account_judgement import account_versions
from scoring.active_versions import list_account_versions
from scoring.backtests import account_backtest
from scoring.instants import microseconds
from sla.models import AccountPlay
from sla.plays import play_work
from sla.vocabulary import Family
from tests.account_plays import activate_accounts, people_of, read_play, start_play
from tests.factories import DAY, HOUR, NOW, ReasonCodeFactory

pytestmark = pytest.mark.django_db

START, END = NOW - 30 * DAY, NOW + 30 * DAY


def start_play_of(name: str) -> AccountPlay:
    values = {"name": name, "country": "DE"}
    company, _ = lead_upserts.upsert_company(domain=f"{name}.example", values=values, source="test", now=START)
    return start_play(company=company)


def accept(play: AccountPlay) -> AccountPlay:
    play_work.accept(play=play, by=play.rep.user, now=NOW + HOUR)
    return read_play(play.company)


def reject(play: AccountPlay) -> None:
    play_work.reject(
        play=play, by=play.rep.user, reason=ReasonCodeFactory(family=Family.FIT), note="No.", now=NOW + HOUR
    )


def decide_as_mql(lead: Lead, after: Stage) -> None:
    with pgtrigger.ignore("leads.StageChange:stage_is_derived"):
        StageChange.objects.create(
            lead=lead, motion=Motion.MQL, from_stage=Stage.MQL, to_stage=after, at=NOW + HOUR, why="Test."
        )


def add_win(company: Company, motion: Motion) -> None:
    lead = people_of(company)[0]
    Outcome.objects.create(
        lead=lead, motion=motion, kind=OutcomeKind.WON, at=NOW + 2 * HOUR, recorded_at=END, source="crm"
    )


def run() -> dict[str, Any]:
    (version,) = list_account_versions()
    return account_backtest.run_account_backtest(
        "v1.0",
        account_versions.compile_version(version),
        None,
        start=START,
        end=END,
        progress=lambda _done, _total: None,
    )


def test_a_company_is_accepted_rejected_and_won_as_its_play_is() -> None:
    activate_accounts()
    accepted, won, rejected, _undecided = (start_play_of(name) for name in ("one", "two", "three", "four"))
    accept(accepted)
    reject(rejected)
    play_work.open_opportunity(play=accept(won), amount=Decimal(100), by=won.rep.user, now=NOW + 2 * HOUR)
    play_work.win(play=read_play(won.company), amount=None, by=won.rep.user, now=NOW + 3 * HOUR)

    history = account_backtest.read_company_history(START, END)
    figures = run()["version"]

    assert history.last_accepted.lead.tolist() == [accepted.company_id, won.company_id]
    assert history.last_accepted.at.tolist() == [microseconds(NOW + HOUR), microseconds(NOW + 2 * HOUR)]
    assert (history.rejections.lead.tolist(), history.rejected) == ([rejected.company_id], 1)
    assert (history.won.lead.tolist(), history.won.at.tolist()) == ([won.company_id], [microseconds(NOW + 3 * HOUR)])
    assert figures["flagged"] == 4
    assert (figures["coverage"]["n"], figures["coverage"]["of"]) == (1, 1)
    assert (figures["precision_won"]["n"], figures["precision_sal"]["n"]) == (1, 2)
    assert (figures["rejected"], figures["enough"]) == (1, False)


def test_decisions_on_people_as_mqls_are_none_on_their_company() -> None:
    activate_accounts()
    company = start_play_of("one").company
    first, second, third, *_ = people_of(company)
    decide_as_mql(first, Stage.SAL)
    decide_as_mql(second, Stage.NURTURE)
    PastDisposition.objects.create(
        lead=third, motion=Motion.MQL, kind=PastDecision.ACCEPT, at=NOW, recorded_at=END, source="crm"
    )

    history, result = account_backtest.read_company_history(START, END), run()

    assert (len(history.last_accepted), len(history.rejections), history.rejected) == (0, 0, 0)
    assert result["version"]["precision_sal"]["n"] == 0
    assert result["imported"] == {"accept": 0, "reject": 0}


def test_imported_decisions_of_the_motion_count_for_the_company() -> None:
    activate_accounts()
    company = start_play_of("one").company
    for lead, kind, reason in zip(people_of(company), ("accept", "reject", "reject"), ("", "fit", "fit"), strict=False):
        PastDisposition.objects.create(
            lead=lead, motion=Motion.AQL, kind=kind, reason=reason, at=NOW, recorded_at=END, source="crm"
        )

    history, result = account_backtest.read_company_history(START, END), run()

    assert history.last_accepted.lead.tolist() == history.rejections.lead.tolist() == [company.pk]
    assert history.rejected == 2
    assert result["imported"] == {"accept": 1, "reject": 2}


def test_a_win_of_a_person_by_any_motion_wins_the_company() -> None:
    activate_accounts()
    companies = [start_play_of(name).company for name in ("one", "two", "three")]
    add_win(companies[0], Motion.MQL)
    add_win(companies[1], Motion.AQL)

    result = run()

    assert (result["version"]["coverage"]["n"], result["version"]["coverage"]["of"]) == (2, 2)
    assert result["version"]["precision_won"]["n"] == 2
    assert result["wins_elsewhere"] == 1
    assert result["further_wins"] == 0
