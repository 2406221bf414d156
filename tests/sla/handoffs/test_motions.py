"""Two motions of one person: each decision, step and outcome moves its own motion (rules 2.1, 2.14, 2.16)."""

from __future__ import annotations

import datetime as dt

import pytest

from config.accounts.vocabulary import Role
from definitions import motions
from leads.identity import merges
from leads.intake import outcomes
from leads.models import Lead, Outcome, StageChange
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import Motion, Stage
from scoring.live import quiet_leads
from sla import handoff_states
from sla.handoffs import creation, disposition_content, dispositions, sales_stages, tier_3_hold
from sla.models import Disposition, Handoff
from sla.nurture import nurture_tasks, recycling
from sla.shipped_reasons import DO_NOT_CONTACT
from sla.vocabulary import DispositionKind, Family, HandoffState, Route
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    DefinitionFactory,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    ReasonCodeFactory,
    TeamFactory,
    UserFactory,
    place_leads,
    read_handoff,
)

pytestmark = pytest.mark.django_db

SOON = NOW + 5 * MINUTE


@pytest.fixture
def lead() -> Lead:
    return LeadFactory(mql=True)


@pytest.fixture
def mql(lead: Lead) -> Handoff:
    return HandoffFactory(lead=lead)


@pytest.fixture
def pql(lead: Lead, mql: Handoff) -> Handoff:
    return HandoffFactory(lead=lead, motion=Motion.PQL)


def reject(handoff: Handoff, code: str, at: dt.datetime = SOON) -> Disposition:
    return dispositions.reject(
        handoff=handoff, reason=ReasonCodeFactory(code=code), by=handoff.rep.user, now=at, note="See above."
    )


def accept(handoff: Handoff, at: dt.datetime = SOON) -> Disposition:
    return dispositions.accept(handoff=handoff, by=handoff.rep.user, now=at)


def qualify(handoff: Handoff, at: dt.datetime = SOON + HOUR) -> None:
    sales_stages.qualify(
        handoff=handoff, problem="P", budget="B", authority="A", timeline="T", by=handoff.rep.user, now=at
    )


def stages(lead: Lead) -> dict[str, str]:
    return {motion.value: stage.value for motion, stage in motion_stages.read_all_motions(lead.pk).items()}


def summary(lead: Lead) -> tuple[str, str]:
    lead.refresh_from_db()
    return lead.stage, lead.stage_motion


def report(lead: Lead, kind: str, at: dt.datetime, deal: str | None = None) -> Outcome:
    (result,) = outcomes.record(
        items=[{"lead": lead.pk, "kind": kind, "at": at, "id": deal, "amount": 900}], source="crm", now=at + HOUR
    )
    assert result.status == "accepted"
    return Outcome.objects.get(pk=result.id)


def test_a_wrong_profile_in_one_motion_leaves_the_other_to_sales(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    accept(pql)
    reject(mql, "wrong_company_profile", SOON + MINUTE)
    qualify(pql)

    assert stages(lead) == {"mql": "disqualified", "pql": "sql"}
    assert summary(lead) == ("sql", "pql")
    assert read_handoff(pql).state == HandoffState.QUALIFIED


@pytest.mark.parametrize(
    ("code", "stage"),
    [("bad_timing", "nurture"), ("no_budget_authority", "mal"), ("existing_customer", "disqualified")],
)
def test_each_route_moves_its_own_motion_whoever_decides_first(
    lead: Lead, mql: Handoff, pql: Handoff, code: str, stage: str
) -> None:
    reject(pql, code)
    accept(mql, SOON + MINUTE)

    assert stages(lead) == {"mql": "sal", "pql": stage}
    assert summary(lead) == ("sal", "mql")


def test_each_motion_comes_back_on_its_own_day(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    for handoff, days in ((mql, 30), (pql, 60)):
        dispositions.reject(
            handoff=handoff,
            reason=ReasonCodeFactory(code="bad_timing"),
            by=handoff.rep.user,
            now=SOON,
            reengage_on=(SOON + days * DAY).date(),
        )

    assert list(recycling.returning_handoffs(NOW + 31 * DAY)) == [mql]
    assert list(nurture_tasks.select_recycled(Handoff.objects.all())) == [mql, pql]
    assert list(quiet_leads.select_quiet(NOW + 151 * DAY)) == [lead]

    recycling.bring_back(handoff_ids=[mql.pk], by=UserFactory(roles=["marketing_ops"]), now=NOW + DAY)
    assert stages(lead) == {"mql": "mal", "pql": "nurture"}
    assert list(nurture_tasks.select_recycled(Handoff.objects.all())) == [pql]
    assert summary(lead) == ("nurture", "pql")


def test_a_win_makes_a_customer_whatever_became_of_the_other_motion(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    reject(mql, "wrong_company_profile")
    accept(pql)
    qualify(pql)
    sales_stages.win(handoff=pql, amount=None, by=pql.rep.user, now=SOON + DAY)

    assert stages(lead) == {"mql": "disqualified", "pql": "won"}
    assert summary(lead) == ("won", "pql")
    assert Outcome.objects.get().motion == Motion.PQL


# ── Reasons that concern the person ───────────────────────────────────────────────────────────────────────
def test_a_reason_that_concerns_the_person_closes_every_motion(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    reject(mql, "competitor_student_spam")

    assert stages(lead) == {"mql": "disqualified", "pql": "disqualified", "aql": "disqualified"}
    for decide in (lambda: accept(pql), lambda: reject(pql, "bad_timing"), lambda: reject(pql, "not_interested")):
        with pytest.raises(disposition_content.DispositionRefused, match="closes every motion"):
            decide()
    assert not Disposition.objects.filter(handoff=pql).exists()
    reject(pql, "wrong_company_profile")
    assert read_handoff(pql).state == HandoffState.REJECTED


def test_a_step_on_a_closed_motion_is_refused_with_a_sentence(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    accept(pql)
    reject(mql, DO_NOT_CONTACT)

    with pytest.raises(handoff_states.HandoffStepRefused, match="cannot go from Disqualified to SQL"):
        qualify(pql)
    assert read_handoff(pql).state == HandoffState.ACCEPTED


def test_a_corrected_closing_opens_the_other_motions_where_they_stood(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    accept(pql)
    reject(mql, "competitor_student_spam", SOON + MINUTE)

    dispositions.correct(
        handoff=mql,
        kind=DispositionKind.REJECT,
        reason=ReasonCodeFactory(code="wrong_company_profile"),
        note="Too small.",
        by=mql.rep.user,
        now=SOON + HOUR,
    )

    assert stages(lead) == {"mql": "disqualified", "pql": "sal", "aql": "lead"}
    assert summary(lead) == ("sal", "pql")
    qualify(pql, SOON + 2 * HOUR)

    dispositions.correct(
        handoff=mql,
        kind=DispositionKind.REJECT,
        reason=ReasonCodeFactory(code="competitor_student_spam"),
        note="A competitor after all.",
        by=mql.rep.user,
        now=SOON + 3 * HOUR,
    )
    assert set(stages(lead).values()) == {"disqualified"}


def test_a_correction_in_one_motion_does_not_open_what_another_closed(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    reject(pql, "wrong_company_profile")
    reject(mql, "competitor_student_spam", SOON + MINUTE)

    with pytest.raises(disposition_content.DispositionRefused, match="closes every motion"):
        dispositions.correct(handoff=pql, kind=DispositionKind.ACCEPT, by=pql.rep.user, now=SOON + HOUR)


@pytest.mark.parametrize("code", ["wrong_company_profile", "competitor_student_spam"])
@pytest.mark.parametrize("corrected", ["wrong_company_profile", "not_interested"])
def test_a_corrected_closing_does_not_open_what_was_rejected_as_well(
    lead: Lead, mql: Handoff, pql: Handoff, code: str, corrected: str
) -> None:
    reject(mql, "competitor_student_spam", SOON + MINUTE)
    reject(pql, code, SOON + HOUR)
    is_spam = code == "competitor_student_spam"

    def correct() -> None:
        dispositions.correct(
            handoff=mql, kind=DispositionKind.REJECT, reason=ReasonCodeFactory(code=corrected), note="Mistaken.",
            by=mql.rep.user, now=SOON + 2 * HOUR,
        )  # fmt: skip

    if is_spam and corrected == "not_interested":
        with pytest.raises(disposition_content.DispositionRefused, match="closes every motion"):
            correct()
        return
    correct()

    to = "mal" if corrected == "not_interested" else "disqualified"
    assert stages(lead) == {"mql": to, "pql": "disqualified", "aql": "disqualified" if is_spam else "lead"}
    assert read_handoff(pql).state == HandoffState.REJECTED


def test_an_mql_that_waits_while_the_person_is_closed_is_not_handed_off(lead: Lead, mql: Handoff) -> None:
    waiting = QualificationFactory(lead=lead, motion=Motion.PQL)
    reject(mql, "competitor_student_spam")
    CommitmentFactory(active=True, motion=Motion.PQL)

    creation.hand_off_waiting(now=SOON + DAY)

    waiting.refresh_from_db()
    assert waiting.closed_at == SOON + DAY
    assert list(Handoff.objects.all()) == [mql]
    assert stages(lead)["pql"] == "disqualified"


def test_an_opportunity_in_another_motion_stays(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    accept(pql)
    report(lead, "opportunity", SOON + MINUTE)
    reject(mql, "competitor_student_spam", SOON + HOUR)

    assert stages(lead) == {"mql": "disqualified", "pql": "opportunity", "aql": "disqualified"}


def test_only_a_disqualifying_reason_concerns_the_person() -> None:
    reason = ReasonCodeFactory(code="odd", route=Route.BACK_TO_MARKETING, family=Family.FIT)
    reason.concerns_person = True

    with pytest.raises(Exception, match="person as such disqualifies"):
        reason.full_clean()


# ── Outcomes of the CRM ───────────────────────────────────────────────────────────────────────────────────
def test_an_outcome_concerns_the_motion_that_sales_accepted(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    accept(pql)

    assert report(lead, "opportunity", SOON + MINUTE, "D1").motion == Motion.PQL
    assert sales_stages.follow_outcomes(now=SOON + HOUR) == 1
    assert (read_handoff(mql).state, read_handoff(pql).state) == (HandoffState.ASSIGNED, HandoffState.OPPORTUNITY)

    # The deal stays with its motion, though the other one was accepted later.
    accept(mql, SOON + 2 * HOUR)
    assert report(lead, "won", SOON + 3 * HOUR, "D1").motion == Motion.PQL
    assert stages(lead) == {"mql": "sal", "pql": "won"}


def test_of_two_accepted_motions_the_one_that_moved_last_gets_the_deal(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    accept(pql)
    accept(mql, SOON + MINUTE)

    assert report(lead, "won", SOON + HOUR).motion == Motion.MQL
    assert stages(lead) == {"mql": "won", "pql": "sal"}


def test_an_outcome_that_repeats_a_win_of_sales_concerns_its_motion(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    accept(pql)
    qualify(pql)
    sales_stages.win(handoff=pql, amount=None, by=pql.rep.user, now=SOON + DAY)

    assert report(lead, "won", SOON + 2 * DAY, "D1").motion == Motion.PQL
    assert stages(lead) == {"mql": "mql", "pql": "won"}


def test_an_outcome_of_an_undecided_lead_concerns_the_handoff_that_waits(lead: Lead, mql: Handoff) -> None:
    reject(mql, "not_interested")
    pql = HandoffFactory(lead=lead, motion=Motion.PQL, now=NOW + HOUR)

    assert report(lead, "opportunity", NOW + 2 * HOUR).motion == Motion.PQL
    assert sales_stages.follow_outcomes(now=NOW + 3 * HOUR) == 1
    assert read_handoff(pql).state == HandoffState.OPPORTUNITY


def test_an_outcome_of_a_lead_that_never_qualified_concerns_the_primary_motion() -> None:
    assert report(LeadFactory(), "won", NOW).motion == Motion.MQL

    DefinitionFactory(motion=Motion.PQL)
    motions.choose_primary_motion(motion=Motion.PQL, by=UserFactory(roles=[Role.MARKETING_LEADER]), now=NOW)
    other = LeadFactory()
    assert report(other, "won", NOW).motion == Motion.PQL
    assert summary(other) == ("won", "pql")


def test_a_decision_on_what_the_crm_moved_further_stands_all_the_same(lead: Lead, mql: Handoff) -> None:
    report(lead, "won", NOW + MINUTE)
    accept(mql)

    assert (read_handoff(mql).state, stages(lead)) == (HandoffState.ACCEPTED, {"mql": "won"})


# ── Tier 3, and what the log says ─────────────────────────────────────────────────────────────────────────
def test_a_held_lead_is_closed_to_sales_by_its_own_motion_only() -> None:
    CommitmentFactory(active=True, motion=Motion.PQL, tier_3_nurture_days=14)
    TeamFactory(working=True)
    held, won = [QualificationFactory(tier=3, motion=Motion.PQL) for _ in range(2)]
    place_leads(Stage.DISQUALIFIED, held.lead, motion=Motion.MQL)
    place_leads(Stage.WON, won.lead, motion=Motion.PQL)
    assert list(tier_3_hold.search_held_mqls(now=NOW + DAY)) == [held]

    assert creation.hand_off_waiting(now=NOW + 14 * DAY) == 2
    assert Handoff.objects.get().qualification == held


def test_a_held_lead_is_closed_to_sales_by_another_lead_of_the_person() -> None:
    CommitmentFactory(active=True, tier_3_nurture_days=14)
    TeamFactory(working=True)
    held, alias = QualificationFactory(tier=3), LeadFactory()
    place_leads(Stage.WON, alias)
    merges.merge(lead_id=alias.pk, into_id=held.lead_id, by=None, now=NOW)
    assert not tier_3_hold.search_held_mqls(now=NOW + DAY).exists()

    creation.hand_off_waiting(now=NOW + 14 * DAY)

    held.refresh_from_db()
    assert held.closed_at == NOW + 14 * DAY
    assert not Handoff.objects.exists()


def test_each_change_begins_where_the_lead_stood_in_its_motion(lead: Lead, mql: Handoff, pql: Handoff) -> None:
    reject(mql, "competitor_student_spam")
    stage_changes.reopen_motions(lead=lead, closed_at=[SOON], but=[Motion.MQL], by=None, now=SOON + HOUR, why="Test.")

    rows = StageChange.objects.filter(lead=lead).order_by("pk").values_list("motion", "from_stage", "to_stage")
    assert list(rows) == [
        ("mql", "mql", "disqualified"),
        ("pql", "mql", "disqualified"),
        ("aql", "lead", "disqualified"),
        ("pql", "disqualified", "mql"),
        ("aql", "disqualified", "lead"),
    ]
