from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator

import pytest
from django.db import connection, transaction
from django.db.models import Count

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.demo.company import lead_generator, seed, staff, visits
from definitions.models import Review, Version
from definitions.vocabulary import ReviewTrigger, VersionState
from leads.models import Company, Event, Lead, Outcome, StageChange
from leads.stages import motion_stages
from leads.vocabulary import Stage, summarize_stages
from scoring import active_versions
from scoring.blind_rules import daily_search
from scoring.live import hand_raises
from scoring.models import HotUpgrade, Qualification, Score
from sla.handoffs import tier_3_hold
from sla.models import (
    Attempt,
    Clock,
    Delivery,
    Disposition,
    Handoff,
    MarketingCost,
    MeetingDecision,
    Notice,
    OverhaulPlan,
    RoutingDecision,
    SatisfactionQuestion,
    Team,
    WeeklyMeeting,
)
from sla.nurture import recycling
from sla.overhaul import plan_steps
from sla.vocabulary import ClockKind, DispositionKind, Family, HandoffState

pytestmark = pytest.mark.xdist_group("demo")

#: A Tuesday afternoon in Europe.
NOW = dt.datetime(2026, 3, 10, 14, 20, tzinfo=dt.UTC)


@pytest.fixture(scope="module")
def _year(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """Seed half a year once for all tests that only read it."""
    with django_db_blocker.unblock(), transaction.atomic():
        seed.seed(size=lead_generator.SIZES["small"], seed=1, now=NOW, say=lambda text: None)
        with connection.cursor() as cursor:
            # Of the rows that earlier tests rolled back the planner knows only that the tables were empty.
            cursor.execute("ANALYZE")
        yield
        transaction.set_rollback(True)


def year(test: Callable[[], None]) -> Callable[[], None]:
    return pytest.mark.django_db(pytest.mark.usefixtures("_year")(test))


# ── The figures ───────────────────────────────────────────────────────────────────────────────────────────
@year
def test_rejections_are_healthy_but_in_one_month() -> None:
    dates = lead_generator.plan_dates(lead_generator.SIZES["small"], NOW)

    rates = {
        month: decisions[DispositionKind.REJECT] / decisions.total()
        for month, decisions in decided_by_month().items()
        if decisions.total() >= 20
    }

    bad = (dates.bad_month.year, dates.bad_month.month)
    assert 0.38 <= rates.pop(bad) <= 0.45
    assert len(rates) >= 3
    assert all(0.18 <= rate <= 0.32 for rate in rates.values())


@year
def test_the_bad_month_has_its_review_and_the_review_its_version() -> None:
    dates = lead_generator.plan_dates(lead_generator.SIZES["small"], NOW)

    review = Review.objects.get(trigger=ReviewTrigger.REJECTION_SPIKE)

    assert dates.bad_month_ends < review.opened_at < dates.bad_month_ends + dt.timedelta(days=2)
    assert review.opened_by is None
    assert review.evidence["percent"] > 35
    assert review.led_to == Version.objects.active().get()


@year
def test_accord_itself_opened_reviews_of_several_kinds_and_people_decided_most() -> None:
    assert not Review.objects.filter(opened_by__isnull=False).exists()
    assert Review.objects.values("kind").distinct().count() >= 3
    assert Review.objects.filter(decided_at__isnull=False).exists()


@year
def test_other_rates_are_those_of_a_healthy_company() -> None:
    handoffs = Handoff.objects.count()
    contacts = Clock.objects.filter(kind=ClockKind.FIRST_CONTACT, is_late__isnull=False)

    assert 0.13 <= Handoff.objects.filter(sales_qualification__isnull=False).count() / handoffs <= 0.20
    assert 0.78 <= contacts.filter(is_late=False).count() / contacts.count() <= 0.95
    assert 0.1 <= handoffs / Lead.objects.count() <= 0.3


@year
def test_referrals_convert_better_than_syndicated_readers() -> None:
    def accepted(source: str) -> float:
        decisions = Disposition.objects.filter(handoff__lead__source=source)
        return decisions.filter(kind=DispositionKind.ACCEPT).count() / decisions.count()

    assert accepted("Referral") > accepted("Content syndication")


@year
def test_paid_sources_have_costs_in_two_currencies_and_free_ones_have_none() -> None:
    costs = MarketingCost.objects.standing()

    assert {"Paid search", "Webinar", "Event"} <= set(costs.values_list("source", flat=True))
    assert not costs.filter(source__in=("Organic search", "Partner", "Referral")).exists()
    assert set(costs.values_list("currency", flat=True)) == {"EUR", "USD"}
    assert costs.filter(corrects__isnull=False).count() == 1
    assert set(MarketingCost.objects.values_list("entered_by__email", flat=True)) == {f"olga.ops@{staff.DOMAIN}"}


# ── The rows ──────────────────────────────────────────────────────────────────────────────────────────────
@year
def test_every_page_has_something_to_show() -> None:
    assert set(Handoff.objects.values_list("state", flat=True)) == set(HandoffState.values)
    assert set(Lead.objects.values_list("stage", flat=True)) == set(Stage.values)
    assert set(Disposition.objects.filter(reason__isnull=False).values_list("reason__family", flat=True)) == set(
        Family.values
    )
    assert set(Version.objects.values_list("state", flat=True)) == {VersionState.RETIRED, VersionState.ACTIVE}
    assert Team.objects.count() == len(set(Team.objects.values_list("calendar__zone", flat=True))) == 3
    assert Qualification.objects.filter(cycle__gt=1).exists()
    assert RoutingDecision.objects.filter(by__isnull=False).exists()
    assert Company.objects.filter(has_history=True).exists()
    assert Lead.objects.filter(has_history=True).exists()


@year
def test_the_queue_of_the_desk_is_alive() -> None:
    running = Clock.objects.running().filter(rep__user__email=f"sam.sdr@{staff.DOMAIN}")

    assert running.filter(handoff__tier=1, due_at__gt=NOW, due_at__lt=NOW + dt.timedelta(minutes=5)).exists()
    assert running.filter(due_at__gt=NOW + dt.timedelta(minutes=5), due_at__lt=NOW + dt.timedelta(minutes=30)).exists()
    assert running.filter(breached_at__isnull=False).exists()
    assert Handoff.objects.unrouted().filter(lead__country="BR").exists()
    assert Notice.objects.filter(read_at=None).exists()
    assert not Delivery.objects.filter(sent_at=None).exists()


@year
def test_somebody_of_tier_3_is_nurtured_first() -> None:
    assert tier_3_hold.search_held_mqls(now=NOW).exists()
    assert not HotUpgrade.objects.waiting().exists()


@year
def test_somebody_comes_back_from_nurture_today() -> None:
    back = [
        handoff.lead
        for handoff in recycling.returning_handoffs(NOW)
        if handoff.qualification.reenter_at.date() == NOW.date()
    ]

    assert back
    assert Qualification.objects.filter(lead__stage=Stage.NURTURE, reenter_at__gt=NOW).exists()


@year
def test_nobody_who_was_closed_asks_again_and_comes_back_on_the_day_of_the_demo() -> None:
    everybody = list(Lead.objects.standing().values_list("pk", flat=True))

    assert hand_raises.record_hand_raises(lead_ids=everybody, now=NOW) == 0


@year
def test_all_names_are_fictional() -> None:
    assert not Lead.objects.exclude(email__endswith=".example").exists()
    assert not Company.objects.exclude(domain__endswith=".example").exists()
    assert not User.objects.exclude(email__endswith=f"@{staff.DOMAIN}").exists()


@year
def test_every_role_can_sign_in() -> None:
    for login in staff.LOGINS:
        person = User.objects.get(email=f"{login.email}@{staff.DOMAIN}")
        assert person.check_password(staff.PASSWORD)
        assert person.groups.get().name == login.role

    assert {login.role for login in staff.LOGINS} == set(Role)
    assert User.objects.get(is_staff=True).groups.get().name == Role.MARKETING_OPS


# ── Consistency ───────────────────────────────────────────────────────────────────────────────────────────
@year
def test_the_rows_keep_every_constraint() -> None:
    connection.check_constraints()


@year
def test_every_lead_has_the_stage_of_its_last_change() -> None:
    steps = StageChange.objects.order_by("lead", "at", "pk").values_list("lead", "motion", "from_stage", "to_stage")

    stages: dict[int, dict[str, str]] = defaultdict(dict)
    for lead, motion, before, after in steps:
        assert before == stages[lead].get(motion, Stage.LEAD)
        stages[lead][motion] = after
    assert stages == motion_stages.read_all_leads()
    summaries = {lead: summarize_stages(by_motion) for lead, by_motion in stages.items()}
    of_leads = Lead.objects.exclude(stage=Stage.LEAD).values_list("pk", "stage", "stage_motion")
    assert {pk: (stage, motion) for pk, stage, motion in of_leads} == summaries


@year
def test_nothing_happens_in_the_future() -> None:
    for rows, column in (
        (Event.objects, "occurred_at"), (Qualification.objects, "recorded_at"), (Handoff.objects, "created_at"), (Attempt.objects, "at"),
        (Disposition.objects, "at"), (StageChange.objects, "at"), (Outcome.objects, "at"), (Clock.objects, "started_at"),
        (Notice.objects, "created_at"), (Score.objects, "judged_at"),
    ):  # fmt: skip
        assert not rows.filter(**{f"{column}__gt": NOW}).exists(), rows.model


@year
def test_qualifications_belong_to_the_version_in_force() -> None:
    for version in Version.objects.all():
        qualifications = Qualification.objects.filter(version=version)
        assert qualifications.exists()
        assert all(row.at >= version.activated_at for row in qualifications)
        assert not qualifications.filter(recorded_at__gt=version.retired_at or NOW).exists()
    assert active_versions.list_active_versions() == [Version.objects.active().get()]
    assert Score.objects.count() == Lead.objects.count()


@year
def test_no_rule_looks_blind_on_any_other_day() -> None:
    """The alarm is silent over the example company: it has lulls, holidays and a bad month, but no break."""
    dates = lead_generator.plan_dates(lead_generator.SIZES["small"], NOW)
    days = range(0, (NOW - dates.start).days, 2)
    with connection.cursor() as cursor:
        # The rows were stored in this transaction, so that PostgreSQL knows nothing of their number yet.
        cursor.execute("ANALYZE leads_lead, leads_company, leads_attributechange, leads_event")

    spots = {
        (finding.kind, finding.field, finding.value)
        for version in Version.objects.active()
        for day in days
        for finding in daily_search.find_blind_spots(
            active_versions.rules_of(version), now=NOW - dt.timedelta(days=day)
        )
    }

    assert spots == set()


# ── Generation ───────────────────────────────────────────────────────────────────────────────────────────
def test_the_full_profile_has_the_size_of_a_real_company() -> None:
    generated = lead_generator.generate(lead_generator.SIZES["full"], seed=1, now=NOW)

    assert 1_900 <= len(generated.leads) <= 2_200
    assert 17_000 <= sum(len(lead.activities) for lead in generated.leads) <= 24_000
    assert len(generated.companies) == 600
    assert generated.dates.now - generated.dates.start >= dt.timedelta(days=365)


def test_every_scripted_lead_is_generated() -> None:
    generated = lead_generator.generate(lead_generator.SIZES["smoke"], seed=1, now=NOW)

    assert sum(bool(lead.cue) for lead in generated.leads) == len(visits.SCRIPTED_LEADS) + 1


def decided_by_month() -> dict[tuple[int, int], Counter[str]]:
    months: dict[tuple[int, int], Counter[str]] = {}
    for at, kind in Disposition.objects.filter(corrected_by=None).values_list("at", "kind"):
        months.setdefault((at.year, at.month), Counter())[kind] += 1
    return months


# ── What both sides do together ───────────────────────────────────────────────────────────────────────────
@year
def test_two_meetings_are_on_record_and_the_next_one_is_prepared() -> None:
    meetings = list(WeeklyMeeting.objects.order_by("start"))

    assert [(meeting.week, meeting.is_closed) for meeting in meetings] == [
        ("2026-W08", True), ("2026-W09", True), ("2026-W10", False),
    ]  # fmt: skip
    assert all(meeting.decisions.exists() and meeting.notes.exists() for meeting in meetings[:2])
    assert MeetingDecision.objects.filter(state="done").exists()
    # Some weeks of so small a company have no rejection.
    assert any(meeting.rejected for meeting in meetings)


@year
def test_sales_was_asked_each_month_and_answered() -> None:
    months = SatisfactionQuestion.objects.order_by().values_list("month").annotate(answers=Count("score"))

    assert set(dict(months)) == {"2025-11", "2025-12", "2026-01", "2026-02", "2026-03"}
    assert min(dict(months).values()) >= 4


@year
def test_the_overhaul_has_its_interviews() -> None:
    plan = OverhaulPlan.objects.get()

    assert plan.interviews.count() == 5
    assert {state.step.key for _, _, states in plan_steps.list_states(plan) for state in states if state.is_done} >= {
        "interviews", "sources", "definition", "active",
    }  # fmt: skip
