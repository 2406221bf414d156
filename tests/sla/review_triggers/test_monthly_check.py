"""The check of closed months, by moving the clock: rejection rate and SAL rate against their lines (rules 8.3 to 8.6, 8.11)."""

from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.vocabulary import Role
from definitions import reviews
from definitions.models import Review, ReviewEvidence, Version
from definitions.presenters import review_evidence
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion
from sla.handoffs import attempts, dispositions
from sla.models import Commitment, Disposition, Handoff, Notice
from sla.plays import play_work
from sla.review_triggers import daily_check, running_month
from sla.vocabulary import AttemptOutcome, Channel, DispositionKind, Family, NoticeKind, Route
from tests.account_plays import activate_accounts, start_play
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    HandoffFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
    VersionFactory,
)

pytestmark = pytest.mark.django_db

FEBRUARY = NOW - 28 * DAY
#: The first minutes after the month of NOW.
APRIL = dt.datetime(2026, 4, 1, 0, 5, tzinfo=dt.UTC)
MONTHLY = ("rejection_spike", "rejection_sustained_2m", "rejection_low", "sal_below_target_2m")


def decided(*, accepted: int, rejected: int, at: dt.datetime = NOW, reason=None) -> list[Handoff]:
    if not Commitment.objects.exists():
        # Many are accepted here, and nobody calls.
        CommitmentFactory(active=True, unworked_at_most=0)
    handoffs = [HandoffFactory(accepted=True, now=at) for _ in range(accepted)]
    return handoffs + [HandoffFactory(rejected=True, now=at, decision__reason=reason) for _ in range(rejected)]


def triggers() -> list[str]:
    rows = Review.objects.filter(trigger__in=MONTHLY).order_by("pk")
    return list(rows.values_list("trigger", flat=True))


def test_above_35_percent_a_full_review_opens_with_its_evidence():
    fit = ReasonCodeFactory(code="too_small", family=Family.FIT, route=Route.DISQUALIFY, label="Too small")
    decided(accepted=13, rejected=6, reason=fit)
    decided(accepted=0, rejected=2)

    daily_check.open_due_reviews(now=APRIL)

    review = Review.objects.get(trigger=ReviewTrigger.REJECTION_SPIKE)
    assert review.kind == ReviewKind.FULL
    assert review.title == "38.1 % of 21 decided MQLs rejected in March 2026"
    assert "75 % of the rejections are Fit: tighten the firmographic filters." in review.proposal
    evidence = review.evidence
    assert (evidence["decided"], evidence["rejected"], evidence["period"]) == (21, 8, "2026-03")
    assert [(row["code"], row["count"]) for row in evidence["reasons"]] == [
        ("too_small", 6),
        ("not_interested", 2),
    ]
    assert len(evidence["rejected_handoffs"]) == 8
    assert evidence["rejected_handoffs"][0]["handoff"] == Handoff.objects.order_by("-pk")[0].pk
    assert {figure["kind"] for figure in evidence["promises"]} == {"route", "first_contact", "disposition"}
    rate = evidence["rates"][0]
    assert (rate["count"], rate["of"], rate["health"]) == (8, 21, "Too high: too loose")
    assert rate["definition"].startswith(
        "MQLs that sales rejected, divided by all MQLs that sales accepted or rejected"
    )
    assert evidence["benchmarks"][0]["source"] == "SiriusDecisions"


@pytest.mark.parametrize(
    ("accepted", "rejected", "opens"),
    [
        (13, 7, []),  # Exactly 35 %.
        (12, 8, ["rejection_spike"]),
        (11, 8, []),  # One short of the smallest sample.
        (18, 2, []),  # Exactly 10 %.
        (19, 1, ["rejection_low"]),
    ],
)
def test_the_lines_of_a_closed_month(accepted, rejected, opens):
    decided(accepted=accepted, rejected=rejected)

    daily_check.open_due_reviews(now=APRIL)

    assert triggers() == opens


def test_the_running_month_is_a_notice_to_both_leaders_once_and_no_review():
    leaders = [UserFactory(roles=[Role.MARKETING_LEADER]), UserFactory(roles=[Role.SALES_LEADER])]
    decided(accepted=12, rejected=7)
    running_month.notify_of_crossed_lines(now=NOW + HOUR)
    assert not Notice.objects.filter(kind=NoticeKind.LINE_CROSSED).exists()
    decided(accepted=0, rejected=1)

    for hours in (2, 3):
        running_month.notify_of_crossed_lines(now=NOW + hours * HOUR)
        daily_check.open_due_reviews(now=NOW + hours * HOUR)

    notices = Notice.objects.filter(kind=NoticeKind.LINE_CROSSED)
    assert set(leaders) <= {notice.to for notice in notices}
    assert notices.count() == len({notice.to for notice in notices})
    assert "40 % of 20 decided MQLs rejected so far in March 2026, above 35 %" in notices[0].text
    assert triggers() == []


def test_it_opens_once_however_often_it_is_checked_and_not_again_after_the_decision():
    decided(accepted=10, rejected=10)
    for hours in range(3):
        daily_check.open_due_reviews(now=APRIL + hours * HOUR)
    review = Review.objects.get(trigger=ReviewTrigger.REJECTION_SPIKE)
    leader = UserFactory(roles=[Role.SALES_LEADER])
    reviews.decide_review(review=review, decision="Keep", reasoning="A bad list.", by=leader, now=APRIL + DAY)

    daily_check.open_due_reviews(now=APRIL + 2 * DAY)

    assert triggers() == ["rejection_spike"]


def test_two_months_running_are_escalated_and_the_open_review_gets_the_evidence_of_the_second():
    decided(accepted=10, rejected=10, at=FEBRUARY)
    daily_check.open_due_reviews(now=NOW)
    assert triggers() == ["rejection_spike"]
    decided(accepted=10, rejected=11)

    daily_check.open_due_reviews(now=APRIL)

    assert "for both leaders" in Review.objects.get(trigger=ReviewTrigger.REJECTION_SUSTAINED).title
    further = ReviewEvidence.objects.get(review__trigger=ReviewTrigger.REJECTION_SPIKE)
    assert (further.period, further.evidence["rejected"]) == ("2026-03", 11)


def test_a_review_that_is_open_gets_the_evidence_of_a_better_month_as_well():
    decided(accepted=10, rejected=10, at=FEBRUARY)
    daily_check.open_due_reviews(now=NOW)
    decided(accepted=15, rejected=5)

    daily_check.open_due_reviews(now=APRIL)

    assert triggers() == ["rejection_spike"]
    further = ReviewEvidence.objects.get(review__trigger=ReviewTrigger.REJECTION_SPIKE)
    assert further.evidence["percent"] == 25


@pytest.mark.parametrize(("accepted", "opens"), [(14, []), (13, ["sal_below_target_2m"])])
def test_a_sal_rate_below_the_versions_target_for_two_months_offers_the_version_before(accepted, opens):
    before = VersionFactory(active=True, moved_at=NOW - 200 * DAY, fit_ceiling=50)
    Version.objects.filter(pk=before.pk).update(state="retired", retired_at=NOW - 99 * DAY)
    VersionFactory(active=True, definition=before.definition, minor=1, moved_at=NOW - 99 * DAY)
    # The target is 70 %: 13 of 20 lie below it, and no other line is crossed.
    decided(accepted=13, rejected=7, at=FEBRUARY)
    daily_check.open_due_reviews(now=NOW)
    assert triggers() == []
    decided(accepted=accepted, rejected=20 - accepted)

    daily_check.open_due_reviews(now=APRIL)

    assert triggers() == opens
    if opens:
        review = Review.objects.get(trigger=ReviewTrigger.SAL_BELOW_TARGET)
        assert review.kind == ReviewKind.FULL
        assert review.evidence["revert_to"] == {"version": before.pk, "number": "v1.0"}
        assert review_evidence.build_tables(review.evidence).revert_to.pk == before.pk


def test_what_was_missing_and_how_sales_accepted_are_evidence():
    handoffs = decided(accepted=19, rejected=0)
    attempts.log_attempt(
        handoff=handoffs[0],
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        by=handoffs[0].rep.user,
        at=NOW + HOUR,
        now=NOW + HOUR,
    )
    Notice.objects.filter(handoff=handoffs[1]).update(read_at=NOW)
    undecided = HandoffFactory(now=NOW)
    dispositions.reject(
        handoff=undecided,
        reason=ReasonCodeFactory(),
        missing="  a named\nbudget ",
        by=undecided.rep.user,
        now=NOW + 2 * MINUTE,
    )

    daily_check.open_due_reviews(now=APRIL)

    evidence = Review.objects.get(trigger=ReviewTrigger.RUBBER_STAMP).evidence
    assert evidence["missing"] == [{"missing": "a named budget", "count": 1}]
    counts = {row["indicator"]: (row["count"], row["of"]) for row in evidence["acceptance"]}
    assert counts == {
        "Accepted within two minutes of the assignment": (19, 19),
        "Accepted without having been opened": (18, 19),
        "Contacted before they were accepted": (0, 19),
        "Contacted after they were accepted": (1, 19),
        "Never contacted so far": (18, 19),
    }
    assert evidence["minutes_to_accept"] == 1


def test_rejected_account_plays_open_a_review_of_their_definition():
    version, reason = activate_accounts(), ReasonCodeFactory(code="too_small", family=Family.FIT, label="Too small")
    TeamFactory(working=True)
    # Handoffs of another motion count for no definition of companies.
    decided(accepted=20, rejected=0)
    CommitmentFactory(active=True, motion=Motion.AQL, unworked_at_most=0)
    for number in range(20):
        play = start_play(company=CompanyFactory(domain=f"c{number}.example", country="DE"))
        play_work.reject(play=play, reason=reason, by=play.rep.user, now=NOW + MINUTE)

    daily_check.open_due_reviews(now=APRIL)

    review = Review.objects.get(definition=version.definition, trigger=ReviewTrigger.REJECTION_SPIKE)
    assert review.title == "100 % of 20 decided AQLs rejected in March 2026"
    assert [(row["label"], row["count"]) for row in review.evidence["reasons"]] == [("Too small", 20)]
    assert review.evidence["promises"][0]["kept"] == 20
    rejected = review.evidence["rejected_plays"][0]
    assert (rejected["play"], rejected["contacted_before"]) == (play.pk, False)
    tables = {table.title: table for table in review_evidence.build_tables(review.evidence).tables}
    assert tables["Rejected account plays, the latest first"].rows[0].play == play.pk


def test_a_correction_counts_instead_of_what_it_corrects_in_the_month_of_the_decision():
    for handoff in decided(accepted=12, rejected=8)[-1:]:
        dispositions.correct(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW + DAY)

    daily_check.open_due_reviews(now=APRIL)

    assert triggers() == []
    assert Disposition.objects.count() == 21
