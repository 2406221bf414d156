from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, transaction

from config.accounts.vocabulary import Role
from leads.models import Event, StageChange
from leads.vocabulary import Stage
from sla import handoff_states, permissions
from sla.handoffs import attempts, disposition_content, dispositions
from sla.models import Attempt, Disposition, Notice, SubReason
from sla.nurture import recycling
from sla.vocabulary import AttemptOutcome, Channel, ClockKind, DispositionKind, Family, HandoffState, NoticeKind, Route
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    ReasonCodeFactory,
    RepFactory,
    SignalFactory,
    TeamFactory,
    UserFactory,
    place_leads,
    read_handoff,
)

pytestmark = pytest.mark.django_db

SOON = NOW + MINUTE


def timing(**columns):
    return ReasonCodeFactory(code="bad_timing", family=Family.TIMING, route=Route.RECYCLE, **columns)


def reject(handoff, reason, *, now=SOON, **said):
    return dispositions.reject(handoff=handoff, reason=reason, by=handoff.rep.user, now=now, **said)


def test_accepting_makes_an_sal_and_meets_the_disposition_clock():
    handoff = HandoffFactory()

    disposition = dispositions.accept(handoff=handoff, by=handoff.rep.user, now=SOON)

    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.decided_at, handoff.lead.stage) == (HandoffState.ACCEPTED, SOON, Stage.SAL)
    assert (disposition.by, disposition.at, disposition.contacted_before) == (handoff.rep.user, SOON, False)
    assert handoff.clocks.get(kind=ClockKind.DISPOSITION).used_seconds == 60
    assert handoff.clocks.get(kind=ClockKind.FIRST_CONTACT).is_running
    assert handoff.qualification.closed_at is None
    assert StageChange.objects.filter(lead=handoff.lead, to_stage=Stage.SAL, by=handoff.rep.user).exists()


@pytest.mark.parametrize(
    ("route", "stage"), [(Route.BACK_TO_MARKETING, Stage.MAL), (Route.DISQUALIFY, Stage.DISQUALIFIED)]
)
def test_a_rejected_lead_goes_where_its_reason_says(route, stage):
    handoff = HandoffFactory()

    disposition = reject(handoff, ReasonCodeFactory(code="other", route=route), note=" too small ")

    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.closed_at, handoff.lead.stage) == (HandoffState.REJECTED, SOON, stage)
    assert (handoff.qualification.closed_at, handoff.qualification.reenter_at) == (SOON, None)
    assert (disposition.note, disposition.reengage_on) == ("too small", None)


def test_a_timing_rejection_comes_back_on_the_day(settings):
    settings.COMPANY_TIME_ZONE = "America/New_York"
    handoff = HandoffFactory()
    type(handoff.lead).objects.update(next_look_at=None)

    disposition = reject(handoff, timing(), reengage_on=dt.date(2026, 6, 1))

    midnight = dt.datetime(2026, 6, 1, 4, 0, tzinfo=dt.UTC)
    handoff = read_handoff(handoff)
    assert (handoff.lead.stage, handoff.lead.next_look_at) == (Stage.NURTURE, midnight)
    assert (handoff.qualification.reenter_at, disposition.reengage_on) == (midnight, dt.date(2026, 6, 1))
    assert Notice.objects.get(kind=NoticeKind.RECYCLED).text.startswith("Recycled by sales, back on 1 June 2026: ")


def test_without_a_date_it_comes_back_after_the_days_of_the_commitment():
    CommitmentFactory(active=True, recycle_days=60)

    assert reject(HandoffFactory(), timing()).reengage_on == NOW.date() + 60 * DAY


@pytest.mark.parametrize(("day", "said"), [(NOW.date(), "in the future"), (NOW.date() + 731 * DAY, "within two years")])
def test_an_impossible_reengagement_date_is_refused(day, said):
    with pytest.raises(disposition_content.DispositionRefused, match=said):
        reject(HandoffFactory(), timing(), reengage_on=day)

    assert not Disposition.objects.exists()


def test_today_is_the_companys_today(settings):
    settings.COMPANY_TIME_ZONE = "Pacific/Auckland"
    late = NOW.replace(hour=16)  # Already the eleventh there.

    with pytest.raises(disposition_content.DispositionRefused, match="in the future"):
        reject(HandoffFactory(), timing(), now=late, reengage_on=dt.date(2026, 3, 11))


def test_a_reason_that_needs_a_note_is_refused_without_one():
    with pytest.raises(disposition_content.DispositionRefused, match="needs a note"):
        reject(HandoffFactory(), ReasonCodeFactory(code="vague", needs_note=True), note="  ")


def test_a_retired_reason_is_refused():
    with pytest.raises(disposition_content.DispositionRefused, match="not in use"):
        reject(HandoffFactory(), ReasonCodeFactory(code="old", is_offered=False))


#: Six attempts on five working days: Tuesday to Friday, two on Friday, and Monday. On Saturday nobody works.
WORKING_WEEK = [NOW, NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY, NOW + 3 * DAY + HOUR, NOW + 6 * DAY]


def call(handoff, at, channel=Channel.CALL):
    outcome = AttemptOutcome.NO_ANSWER if channel in (Channel.CALL, Channel.MEETING) else AttemptOutcome.SENT
    attempts.log_attempt(handoff=handoff, channel=channel, outcome=outcome, at=at, by=handoff.rep.user, now=at)


def unreachable_reason(**columns):
    return ReasonCodeFactory(code="gone", family=Family.DATA, needs_attempts=True, **columns)


def test_could_not_reach_needs_six_attempts_on_five_working_days():
    handoff, unreachable = HandoffFactory(), unreachable_reason()
    for made, at in enumerate(WORKING_WEEK):
        with pytest.raises(disposition_content.DispositionRefused, match=f"needs 6 logged attempts; there are {made}"):
            reject(handoff, unreachable, now=at)
        call(handoff, at)

    assert reject(handoff, unreachable, now=WORKING_WEEK[-1] + HOUR).contacted_before


def test_six_attempts_within_a_minute_by_five_channels_do_not_open_it():
    handoff, unreachable = HandoffFactory(), unreachable_reason()
    for channel in Channel:
        call(handoff, NOW + MINUTE, channel)
    call(handoff, NOW + 2 * MINUTE)

    with pytest.raises(disposition_content.DispositionRefused) as refusal:
        reject(handoff, unreachable, now=NOW + 3 * MINUTE)

    # Today is one of the five; the fifth is Monday, as nobody works at the weekend.
    assert str(refusal.value) == (
        "“gone” needs 6 logged attempts; there are 6. They lie on at least 5 working days; so far on 1, 4 to go."
        " It is possible from 16 March 2026."
    )


def test_an_attempt_at_the_weekend_counts_but_adds_no_working_day():
    handoff, unreachable = HandoffFactory(), unreachable_reason()
    for at in (NOW, NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY, NOW + 4 * DAY, NOW + 5 * DAY):
        call(handoff, at)

    with pytest.raises(
        disposition_content.DispositionRefused, match=r"there are 6\. They lie .* so far on 4, 1 to go\. .* 16 March"
    ):
        reject(handoff, unreachable, now=NOW + 5 * DAY + HOUR)


def test_the_days_and_channels_are_terms_of_the_commitments():
    CommitmentFactory(active=True, attempts_before_unresponsive=2, attempts_working_days=1, attempts_channels=2)
    handoff, unreachable = HandoffFactory(), unreachable_reason()
    call(handoff, NOW + MINUTE)
    call(handoff, NOW + 5 * MINUTE)

    with pytest.raises(disposition_content.DispositionRefused, match=r"They use at least 2 channels; so far 1\."):
        reject(handoff, unreachable, now=NOW + HOUR)

    call(handoff, NOW + HOUR, Channel.EMAIL)
    assert reject(handoff, unreachable, now=NOW + HOUR)


def test_a_reason_asks_for_its_detail():
    asking, other = ReasonCodeFactory(code="asking"), ReasonCodeFactory(code="other")
    bounced = SubReason.objects.create(reason=asking, code="bounced", label="Bounced")
    elsewhere = SubReason.objects.create(reason=other, code="bounced", label="Bounced")
    handoff = HandoffFactory()

    with pytest.raises(disposition_content.DispositionRefused, match=r"“asking” needs its detail: bounced\."):
        reject(handoff, asking)
    with pytest.raises(disposition_content.DispositionRefused, match=r"“Bounced” is no detail of “asking”\."):
        reject(handoff, asking, sub_reason=elsewhere)

    disposition = reject(handoff, asking, sub_reason=bounced)
    assert (disposition.sub_reason, disposition.reason_text) == (bounced, "asking (bounced)")
    assert handoff.lead.stage_changes.latest("pk").why == "Rejected by sales: asking (bounced)."


def test_six_rows_of_one_moment_are_one_attempt():
    handoff = HandoffFactory()
    unreachable = ReasonCodeFactory(code="gone", family=Family.DATA, needs_attempts=True)
    Attempt.objects.bulk_create(
        Attempt(
            handoff=handoff,
            channel=Channel.CALL,
            outcome=AttemptOutcome.NO_ANSWER,
            at=NOW + MINUTE,
            recorded_at=SOON,
            by=handoff.rep.user,
        )
        for _ in range(6)
    )

    with pytest.raises(disposition_content.DispositionRefused, match="needs 6 logged attempts; there are 1, 5 to go"):
        reject(handoff, unreachable)


def test_a_correction_that_leads_to_the_same_day_leaves_what_marketing_postponed():
    solved = ReasonCodeFactory(code="has_solution", family=Family.TIMING, route=Route.RECYCLE)
    handoff = HandoffFactory(rejected=True, decision__reason=timing())
    day = dispositions.current_disposition(handoff).reengage_on
    later = day + dt.timedelta(days=30)
    recycling.postpone(handoff_ids=[handoff.pk], to=later, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + HOUR)
    postponed = read_handoff(handoff).qualification.reenter_at

    for said in ({"reason": timing(), "note": "Their year ends in June"}, {"reason": solved}):
        dispositions.correct(
            handoff=handoff,
            kind=DispositionKind.REJECT,
            by=handoff.rep.user,
            now=NOW + 2 * HOUR,
            reengage_on=day,
            **said,
        )

    assert postponed.date() >= later - dt.timedelta(days=1)
    assert read_handoff(handoff).qualification.reenter_at == postponed
    assert handoff.dispositions.count() == 3


def test_a_correction_of_the_day_moves_it():
    handoff = HandoffFactory(rejected=True, decision__reason=timing())
    before = read_handoff(handoff).qualification.reenter_at
    day = dispositions.current_disposition(handoff).reengage_on + dt.timedelta(days=7)

    dispositions.correct(
        handoff=handoff,
        kind=DispositionKind.REJECT,
        by=handoff.rep.user,
        now=NOW + HOUR,
        reason=timing(),
        reengage_on=day,
    )

    assert read_handoff(handoff).qualification.reenter_at > before


def test_a_second_decision_is_refused_with_who_and_when():
    handoff = HandoffFactory()
    manager = handoff.team.managers.first()
    type(manager).objects.filter(pk=manager.pk).update(time_zone="Europe/Berlin")
    manager.refresh_from_db()
    dispositions.accept(handoff=handoff, by=handoff.rep.user, now=SOON)

    with pytest.raises(dispositions.AlreadyDecided) as told:
        dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=manager, now=NOW + HOUR)

    assert str(told.value) == f"{handoff.rep} accepted this lead on 10 March 2026 at 11:01 (Europe/Berlin)."
    assert Disposition.objects.count() == 1


def test_the_database_allows_one_disposition_per_handoff():
    handoff = HandoffFactory(accepted=True)

    with pytest.raises(IntegrityError, match="one_disposition"), transaction.atomic():
        Disposition.objects.create(handoff=handoff, kind="accept", contacted_before=False, by=handoff.rep.user, at=SOON)


def test_other_reps_and_marketing_cannot_decide():
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team).user
    elsewhere = TeamFactory(working=True).managers.first()

    for by in (colleague, elsewhere, UserFactory(roles=[Role.MARKETING_OPS]), UserFactory(roles=[Role.SALES_LEADER])):
        with pytest.raises(permissions.NotYours):
            dispositions.accept(handoff=handoff, by=by, now=SOON)
        with pytest.raises(permissions.NotYours):
            dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=by, now=SOON)


def test_a_manager_decides_for_the_team():
    handoff = HandoffFactory()

    dispositions.accept(handoff=handoff, by=handoff.team.managers.first(), now=SOON)

    assert read_handoff(handoff).is_accepted


def test_an_unrouted_handoff_cannot_be_decided():
    team = TeamFactory(working=True)
    handoff = HandoffFactory(unrouted=True)

    with pytest.raises(permissions.NotYours, match="Nobody has this lead yet"):
        dispositions.accept(handoff=handoff, by=team.managers.first(), now=NOW.replace(hour=21))


@pytest.mark.parametrize("decide", ["accept", "reject"])
def test_a_decision_closes_the_leads_explicit_request(decide):
    SignalFactory(code="demo_request", is_explicit_request=True)
    SignalFactory(code="request_closed", closes_request=True)
    handoff = HandoffFactory()
    EventFactory(lead=handoff.lead, signal__code="demo_request")

    if decide == "accept":
        dispositions.accept(handoff=handoff, by=handoff.rep.user, now=SOON)
    else:
        reject(handoff, ReasonCodeFactory())

    closed = Event.objects.get(signal__code="request_closed")
    assert (closed.lead, closed.occurred_at, closed.source) == (handoff.lead, SOON, "accord")
    assert closed.external_id == f"handoff-{handoff.pk}-decided"


def test_a_lead_that_the_crm_moved_further_keeps_its_stage():
    handoff = HandoffFactory()
    place_leads(Stage.WON)

    dispositions.accept(handoff=handoff, by=handoff.rep.user, now=SOON)

    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.lead.stage) == (HandoffState.ACCEPTED, Stage.WON)


def correct(handoff, kind, reason=None, **said):
    return dispositions.correct(handoff=handoff, kind=kind, reason=reason, by=handoff.rep.user, now=NOW + HOUR, **said)


def test_a_correction_is_a_new_row_that_points_at_the_old_one():
    handoff = HandoffFactory(rejected=True)
    first = dispositions.current_disposition(handoff)

    second = correct(handoff, DispositionKind.REJECT, timing())

    handoff = read_handoff(handoff)
    assert (second.corrects, dispositions.current_disposition(handoff)) == (first, second)
    assert (handoff.lead.stage, handoff.decided_at) == (Stage.NURTURE, SOON)
    assert handoff.qualification.reenter_at is not None


def test_a_rejection_is_corrected_to_an_acceptance_and_back():
    handoff = HandoffFactory(rejected=True)

    correct(handoff, DispositionKind.ACCEPT)
    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.lead.stage) == (HandoffState.ACCEPTED, Stage.SAL)
    assert (handoff.closed_at, handoff.qualification.closed_at) == (None, None)

    correct(handoff, DispositionKind.REJECT, timing())
    handoff = read_handoff(handoff)
    assert (handoff.state, handoff.lead.stage) == (HandoffState.REJECTED, Stage.NURTURE)
    assert handoff.dispositions.count() == 3


def test_a_correction_to_an_acceptance_does_not_extend_the_first_contact():
    handoff = HandoffFactory(rejected=True)
    assert read_handoff(handoff).due_at is None

    correct(handoff, DispositionKind.ACCEPT)

    clock = handoff.clocks.get(kind=ClockKind.FIRST_CONTACT)
    assert (clock.started_at, clock.is_running) == (NOW, True)
    assert read_handoff(handoff).due_at == NOW + 30 * MINUTE


def test_a_correction_of_a_contacted_lead_starts_no_clock():
    handoff = HandoffFactory()
    said = {"channel": Channel.CALL, "outcome": AttemptOutcome.CONNECTED, "by": handoff.rep.user}
    attempts.log_attempt(handoff=handoff, at=NOW, now=SOON, **said)
    dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=handoff.rep.user, now=SOON)

    correct(handoff, DispositionKind.ACCEPT)

    assert read_handoff(handoff).due_at is None


def test_a_disqualified_lead_comes_back_by_a_correction():
    handoff = HandoffFactory(rejected=True, decision__reason=ReasonCodeFactory(code="spam", route=Route.DISQUALIFY))

    correct(handoff, DispositionKind.REJECT, timing())
    assert read_handoff(handoff).lead.stage == Stage.NURTURE
    correct(handoff, DispositionKind.ACCEPT)
    assert read_handoff(handoff).lead.stage == Stage.SAL


def test_a_correction_after_the_lead_qualified_again_changes_only_the_record():
    handoff = HandoffFactory(rejected=True)
    LeadFactory(mql=True)
    place_leads(Stage.MQL, handoff.lead)
    newer = HandoffFactory(lead=handoff.lead, cycle=2, now=NOW + 2 * MINUTE)

    with pytest.raises(disposition_content.DispositionRefused, match="qualified again"):
        correct(handoff, DispositionKind.ACCEPT)
    correct(handoff, DispositionKind.REJECT, timing())

    assert read_handoff(newer).lead.stage == Stage.MQL


def test_a_correction_that_changes_nothing_or_comes_too_late_is_refused():
    handoff = HandoffFactory(accepted=True)
    with pytest.raises(disposition_content.DispositionRefused, match="says already"):
        correct(handoff, DispositionKind.ACCEPT)
    with pytest.raises(disposition_content.DispositionRefused, match="needs a reason"):
        correct(handoff, DispositionKind.REJECT)
    type(handoff).objects.update(state=HandoffState.QUALIFIED)

    with pytest.raises(handoff_states.HandoffStepRefused):
        correct(handoff, DispositionKind.REJECT, ReasonCodeFactory())


def test_a_correction_before_any_decision_is_refused():
    with pytest.raises(disposition_content.DispositionRefused, match="no decision"):
        correct(HandoffFactory(), DispositionKind.ACCEPT)
