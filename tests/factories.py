"""Factories of rows for tests: each builds the least that the database demands, and its traits are situations.

No factory reads the clock: every instant is passed, or is `NOW`, a Tuesday at 10:00 UTC. A state that only a use-case
may produce is produced by that use-case.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any

import factory
import pgtrigger
from django.contrib.auth.models import Group
from factory.django import DjangoModelFactory

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import version_basis, version_documents
from definitions.models import Definition, SignOff, Version
from definitions.versions import SIGNERS
from definitions.vocabulary import DECIDING_SIDES, Decision, VersionState
from leads.models import Company, Event, Lead, LeadStage, Signal
from leads.normalization.phone_numbers import to_phone_key
from leads.stages import motion_stages
from leads.vocabulary import Motion, Stage, summarize_stages
from scoring.models import Qualification
from sla.handoffs import creation, dispositions
from sla.models import CalendarVersion, Commitment, Handoff, ReasonCode, Rep, RoutingRule, Team, WorkCalendar, WorkHours
from sla.vocabulary import CommitmentState, Family, Route

NOW = dt.datetime(2026, 3, 10, 10, 0, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


class UserFactory(DjangoModelFactory[User]):
    """A person; `roles` are the groups, `name` gives the first name and the address."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    class Params:
        name = factory.Sequence("person{}".format)

    first_name = factory.LazyAttribute(lambda user: user.name.capitalize())
    email = factory.LazyAttribute(lambda user: f"{user.name}@accord.test")

    @factory.post_generation
    def roles(self: User, create: bool, roles: Iterable[Role] | None, **_: Any) -> None:
        if roles:
            self.groups.add(*[Group.objects.get_or_create(name=role)[0] for role in roles])


class CompanyFactory(DjangoModelFactory[Company]):
    """A company; the trait `fits` makes it one that passes the gate of the reference definition."""

    class Meta:
        model = Company

    class Params:
        fits = factory.Trait(
            domain="fit.example", industry="Software", country="DE", employees_low=200, employees_high=200
        )

    name = factory.Sequence("Company {}".format)
    recorded_at = NOW


def place_leads(stage: Stage, *leads: Lead, motion: Motion = Motion.MQL) -> None:
    """Put these leads, or all there are, into a stage of a motion as if they had come there: no change is logged."""
    for lead in Lead.objects.filter(pk__in=[lead.pk for lead in leads]) if leads else Lead.objects.all():
        _store_stage(lead, stage, motion)
        summary, of_motion = summarize_stages(motion_stages.read_all_motions(lead.pk))
        Lead.objects.filter(pk=lead.pk).update(stage=summary, stage_motion=of_motion)
    for lead in leads:
        lead.refresh_from_db(fields=["stage", "stage_motion"])


def _store_stage(lead: Lead, stage: str, motion: str) -> None:
    with pgtrigger.ignore("leads.LeadStage:stages_are_derived"):
        LeadStage.objects.update_or_create(lead=lead, motion=motion, defaults={"stage": stage, "since": lead.stage_at})


class LeadFactory(DjangoModelFactory[Lead]):
    """A lead without a company, recorded `at` an instant; the trait `mql` puts it in that stage."""

    class Meta:
        model = Lead

    class Params:
        at = NOW
        mql = factory.Trait(stage=Stage.MQL)

    @classmethod
    def _create(cls, model_class: type[Lead], **columns: Any) -> Lead:
        lead = super()._create(model_class, **columns)
        if lead.stage != Stage.LEAD:
            _store_stage(lead, lead.stage, lead.stage_motion)
        return lead

    email = factory.Sequence("lead{}@example.org".format)
    first_name = factory.Sequence("Lead{}".format)
    phone = ""
    country = ""
    phone_key = factory.LazyAttribute(lambda lead: to_phone_key(lead.phone, lead.country))
    stage_at = factory.SelfAttribute("at")
    recorded_at = factory.SelfAttribute("at")


class SignalFactory(DjangoModelFactory[Signal]):
    """The shipped signal with this code, or another one."""

    class Meta:
        model = Signal
        django_get_or_create = ("code",)

    code = "demo_request"
    name = factory.SelfAttribute("code")


class EventFactory(DjangoModelFactory[Event]):
    """An event of a lead, recorded when it happens; `signal__code` names the signal."""

    class Meta:
        model = Event

    lead = factory.SubFactory(LeadFactory)
    signal = factory.SubFactory(SignalFactory)
    occurred_at = NOW
    recorded_at = factory.SelfAttribute("occurred_at")
    source = "test"
    digest = b""


class DefinitionFactory(DjangoModelFactory[Definition]):
    class Meta:
        model = Definition

    name = factory.Sequence("MQL {}".format)
    slug = factory.Sequence("mql-{}".format)
    created_at = NOW


def advance_version(version: Version, *, to: VersionState, at: dt.datetime) -> Version:
    """Move a draft on to a later state as of `at`, signed by the two leaders if it is to be approved, and read it anew.

    This meets the database's own rules and no others: tests/definitions/version_lifecycles.py takes the steps that
    people take.
    """
    for state, moment in (
        (VersionState.PROPOSED, "proposed_at"),
        (VersionState.APPROVED, "approved_at"),
        (VersionState.ACTIVE, "activated_at"),
    ):
        if state == VersionState.APPROVED:
            # A fixed order, so that the leaders' names do not change between runs.
            for side in sorted(DECIDING_SIDES):
                SignOffFactory(version=version, side=side, at=at)
        columns: dict[str, Any] = {}
        if state == VersionState.PROPOSED:
            basis = version_basis.keep_basis(version_documents.read_basis(Version.objects.get(pk=version.pk)), now=at)
            columns = {"basis": basis, "basis_kept_at": at}
        Version.objects.filter(pk=version.pk).update(state=state, **{moment: at}, **columns)
        if state == to:
            break
    version.refresh_from_db()
    return version


class VersionFactory(DjangoModelFactory[Version]):
    """A draft without criteria; the traits move it on as of `moved_at`, signed by leaders made for it."""

    class Meta:
        model = Version

    class Params:
        proposed = factory.Trait(state=VersionState.PROPOSED)
        approved = factory.Trait(state=VersionState.APPROVED)
        active = factory.Trait(state=VersionState.ACTIVE)

    definition = factory.SubFactory(DefinitionFactory)
    owner = "Ops"
    reason = "Test."
    created_at = NOW
    state = VersionState.DRAFT
    moved_at = NOW - 100 * DAY

    @classmethod
    def _create(
        cls, model_class: type[Version], *, state: VersionState, moved_at: dt.datetime, **columns: Any
    ) -> Version:
        # The database accepts a new version only as a draft.
        draft = super()._create(model_class, **columns)
        return draft if state == VersionState.DRAFT else advance_version(draft, to=state, at=moved_at)


class SignOffFactory(DjangoModelFactory[SignOff]):
    """The approval of a version by one side's leader, who is made for it."""

    class Meta:
        model = SignOff

    version = factory.SubFactory(VersionFactory, proposed=True)
    by = factory.LazyAttribute(lambda sign_off: UserFactory(roles=[SIGNERS[sign_off.side]]))
    decision = Decision.APPROVED
    comment = "Yes."
    at = NOW


class QualificationFactory(DjangoModelFactory[Qualification]):
    """An MQL that waits to be handed off, under the active version, which is created on first use.

    Of another `motion` it puts its lead into the stage MQL there.
    """

    class Meta:
        model = Qualification

    @classmethod
    def _create(cls, model_class: type[Qualification], **columns: Any) -> Qualification:
        qualification = super()._create(model_class, **columns)
        lead, motion = qualification.lead, Motion(qualification.motion)
        if motion != Motion.MQL and motion_stages.read_stage(lead, motion) == Stage.LEAD:
            place_leads(Stage.MQL, lead, motion=motion)
        return qualification

    lead = factory.SubFactory(LeadFactory, mql=True, stage_motion=factory.SelfAttribute("..motion"))
    version = factory.LazyFunction(lambda: Version.objects.active().first() or VersionFactory(active=True))
    definition = factory.SelfAttribute("version.definition")
    motion = Motion.MQL
    at = NOW
    recorded_at = factory.SelfAttribute("at")
    tier = 2
    is_hot = factory.LazyAttribute(lambda qualification: qualification.tier == 1)
    fit = 40
    engagement = 50
    bant = 0
    why = "Fit 40, engagement 50: demo requested."
    evidence = factory.LazyFunction(dict)


class WorkCalendarFactory(DjangoModelFactory[WorkCalendar]):
    """A calendar in UTC, open from Monday to Friday, 09:00 to 17:00.

    `weekdays` (numbers, 0 Monday), `opens` and `closes` (hours of the day) change that; `always_open` is round the
    clock.
    """

    class Meta:
        model = WorkCalendar

    class Params:
        always_open = factory.Trait(weekdays=range(7), opens=0, closes=24)

    name = factory.Sequence("calendar {}".format)
    weekdays = range(5)
    opens = 9
    closes = 17

    @classmethod
    def _create(
        cls, model_class: type[WorkCalendar], *, weekdays: Iterable[int], opens: int, closes: int, **columns: Any
    ) -> WorkCalendar:
        calendar = super()._create(model_class, **columns)
        WorkHours.objects.bulk_create(
            WorkHours(calendar=calendar, weekday=weekday, opens=opens * 60, closes=closes * 60) for weekday in weekdays
        )
        return calendar


def _add_managers(team: Team, create: bool, managers: Iterable[User] | None, **_: Any) -> None:
    team.managers.add(*(managers or ()))


def _add_managers_or_one(team: Team, create: bool, managers: Iterable[User] | None, **_: Any) -> None:
    team.managers.add(*(managers or [UserFactory(roles=[Role.SALES_MANAGER])]))


def _add_reps(team: Team, create: bool, number: int | None, **_: Any) -> None:
    RepFactory.create_batch(number or 0, team=team)


def _add_reps_or_one(team: Team, create: bool, number: int | None, **_: Any) -> None:
    RepFactory.create_batch(1 if number is None else number, team=team)


def _add_rule(team: Team, create: bool, value: None, **columns: Any) -> None:
    RoutingRuleFactory(team=team, **columns)


class TeamFactory(DjangoModelFactory[Team]):
    """A team with its calendar; `managers` are people, `reps` is how many.

    The trait `working` adds one manager and one rep unless others are passed, and a rule that routes to the team every
    lead that no earlier rule takes.
    """

    class Meta:
        model = Team
        skip_postgeneration_save = True

    class Params:
        working = factory.Trait(
            managers=factory.PostGeneration(_add_managers_or_one),
            reps=factory.PostGeneration(_add_reps_or_one),
            rule=factory.PostGeneration(_add_rule),
        )

    name = factory.Sequence("team {}".format)
    calendar = factory.SubFactory(WorkCalendarFactory)
    managers = factory.PostGeneration(_add_managers)
    reps = factory.PostGeneration(_add_reps)


class RepFactory(DjangoModelFactory[Rep]):
    """An SDR with room for more handoffs than any test creates."""

    class Meta:
        model = Rep

    user = factory.SubFactory(UserFactory, roles=[Role.SDR])
    team = factory.SubFactory(TeamFactory)
    capacity = 1000


class RoutingRuleFactory(DjangoModelFactory[RoutingRule]):
    """A rule that matches every lead and is asked after those created before it."""

    class Meta:
        model = RoutingRule

    # Above the few positions that tests name themselves.
    position = factory.Sequence(lambda number: 100 + number)
    name = factory.SelfAttribute("team.name")
    team = factory.SubFactory(TeamFactory)


class CommitmentFactory(DjangoModelFactory[Commitment]):
    """A draft of commitments; the trait `active` signs it by both leaders and puts it in force for 100 days."""

    class Meta:
        model = Commitment

    class Params:
        active = factory.Trait(
            state=CommitmentState.ACTIVE,
            signed_by_marketing=factory.SubFactory(UserFactory, roles=[Role.MARKETING_LEADER]),
            signed_by_sales=factory.SubFactory(UserFactory, roles=[Role.SALES_LEADER]),
            activated_at=NOW - 100 * DAY,
        )

    # Above the numbers that tests name themselves.
    number = factory.Sequence(lambda number: 1000 + number)
    opportunity_percent = 12


class ReasonCodeFactory(DjangoModelFactory[ReasonCode]):
    """A reason for a rejection: the shipped one with this code, if there is one.

    Tests with real transactions empty the table, so a missing one is created.
    """

    class Meta:
        model = ReasonCode
        django_get_or_create = ("code",)

    code = "not_interested"
    label = factory.SelfAttribute("code")
    family = Family.ENGAGEMENT
    route = Route.BACK_TO_MARKETING


#: Handoffs with the rows that nearly every test reads.
HANDOFFS = Handoff.objects.select_related("lead", "rep__user", "team", "qualification")


def read_handoff(handoff: Handoff) -> Handoff:
    """Return the handoff as the database has it now; the one passed stays as it is."""
    return HANDOFFS.get(pk=handoff.pk)


def _accept(handoff: Handoff, create: bool, value: None, **_: Any) -> None:
    assert handoff.rep is not None
    dispositions.accept(handoff=handoff, by=handoff.rep.user, now=handoff.created_at + MINUTE)
    handoff.refresh_from_db(from_queryset=HANDOFFS)


def _reject(handoff: Handoff, create: bool, value: None, *, reason: ReasonCode | None = None, **_: Any) -> None:
    assert handoff.rep is not None
    now = handoff.created_at + MINUTE
    dispositions.reject(handoff=handoff, reason=reason or ReasonCodeFactory(), by=handoff.rep.user, now=now)
    handoff.refresh_from_db(from_queryset=HANDOFFS)


def _make_hours_unreadable(handoff: Handoff, create: bool, value: None, **_: Any) -> None:
    calendar = handoff.team.calendar if handoff.team else WorkCalendarFactory()
    unreadable = CalendarVersion.objects.create(
        calendar=calendar, digest="unreadable", content={"zone": "Nowhere"}, created_at=NOW
    )
    with pgtrigger.ignore("sla.Clock:clock_promise_stays"):
        handoff.clocks.update(calendar_version=unreadable)


class HandoffFactory(DjangoModelFactory[Handoff]):
    """An MQL handed off at `now` and, if a team works then, routed to a rep; other values describe the MQL.

    The handoff is made by the use-case, so commitments and a working team are created where there are none. With the
    trait `unrouted` it is made in the evening, when no team works. The traits `accepted` and `rejected`
    (`decision__reason` says why) let the rep decide a minute later. With `unreadable_hours` whatever counts the time of
    the handoff's clocks fails.
    """

    class Meta:
        model = Handoff
        skip_postgeneration_save = True

    class Params:
        unrouted = factory.Trait(now=NOW.replace(hour=20))
        accepted = factory.Trait(decision=factory.PostGeneration(_accept))
        rejected = factory.Trait(decision=factory.PostGeneration(_reject))
        unreadable_hours = factory.Trait(hours=factory.PostGeneration(_make_hours_unreadable))

    lead = factory.SubFactory(LeadFactory, mql=True)
    now = NOW

    @classmethod
    def _create(cls, model_class: type[Handoff], *, now: dt.datetime, **columns: Any) -> Handoff:
        motion = columns.get("motion", Motion.MQL)
        if not Commitment.objects.filter(motion=motion, state=CommitmentState.ACTIVE).exists():
            CommitmentFactory(active=True, motion=motion)
        if not RoutingRule.objects.exists():
            TeamFactory(working=True)
        qualification = QualificationFactory(at=now, **columns)
        creation.hand_off_waiting(now=now)
        return HANDOFFS.get(qualification=qualification)
