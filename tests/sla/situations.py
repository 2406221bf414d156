"""The least rows that make a situation: a team at work, an MQL waiting, a handoff in a rep's hands.

`NOW` is a Tuesday at 10:00 UTC, when the teams made here work (Monday to Friday, 09:00 to 17:00 UTC).
"""

from __future__ import annotations

import datetime as dt
from itertools import count
from typing import Any

from django.contrib.auth.models import Group

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions.models import Definition, SignOff, Version
from definitions.vocabulary import Decision, Side, VersionState
from leads.models import Company, Lead
from leads.vocabulary import Motion, Stage
from scoring.models import Qualification
from sla.handoffs import creation, dispositions
from sla.models import CalendarVersion, Commitment, Handoff, ReasonCode, Rep, RoutingRule, Team, WorkCalendar, WorkHours
from sla.vocabulary import CommitmentState, Family, Route

NOW = dt.datetime(2026, 3, 10, 10, 0, tzinfo=dt.UTC)
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)

_numbers = count(1)


def user(*roles: Role, name: str = "", **columns: Any) -> User:
    name = name or f"person{next(_numbers)}"
    person = User.objects.create(first_name=name.capitalize(), email=f"{name}@accord.test", **columns)
    person.groups.add(*[Group.objects.get_or_create(name=role)[0] for role in roles])
    return person


def calendar(
    *, zone: str = "UTC", weekdays: range = range(5), opens: int = 9, closes: int = 17, **columns: Any
) -> WorkCalendar:
    made = WorkCalendar.objects.create(name=f"calendar {next(_numbers)}", zone=zone, **columns)
    for weekday in weekdays:
        WorkHours.objects.create(calendar=made, weekday=weekday, opens=opens * 60, closes=closes * 60)
    return made


def team(*, reps: int = 1, name: str = "", managers: tuple[User, ...] = (), **columns: Any) -> Team:
    """A team and, unless there are `managers`, one; every lead goes to it unless an earlier rule says otherwise."""
    hours = columns.pop("calendar", None) or calendar()
    made = Team.objects.create(name=name or f"team {next(_numbers)}", calendar=hours, **columns)
    made.managers.add(*(managers or [user(Role.SALES_MANAGER)]))
    for _ in range(reps):
        rep(made)
    rule(made)
    return made


def rep(of: Team, *, name: str = "", **columns: Any) -> Rep:
    columns = {"capacity": 1000} | columns
    return Rep.objects.create(user=user(Role.SDR, name=name), team=of, **columns)


def rule(of: Team, **columns: Any) -> RoutingRule:
    columns = {"position": next(_numbers) % 30000, "name": of.name} | columns
    return RoutingRule.objects.create(team=of, **columns)


def manager(of: Team) -> User:
    found = of.managers.order_by("pk").first()
    assert found is not None
    return found


def commitment(**columns: Any) -> Commitment:
    """The commitments in force, made on first use."""
    found = Commitment.objects.filter(state=CommitmentState.ACTIVE).first()
    if found is not None and not columns:
        return found
    return Commitment.objects.create(
        number=next(_numbers) % 30000,
        state=CommitmentState.ACTIVE,
        signed_by_marketing=user(Role.MARKETING_LEADER),
        signed_by_sales=user(Role.SALES_LEADER),
        **{"activated_at": NOW - 100 * DAY} | columns,
    )


def version(**columns: Any) -> Version:
    """The active version of the one definition, made on first use."""
    found = Version.objects.active().first()
    if found is not None and not columns:
        return found
    definition = Definition.objects.create(name=f"MQL {next(_numbers)}", slug=f"mql-{next(_numbers)}", created_at=NOW)
    made = Version.objects.create(definition=definition, owner="Ops", reason="Test.", created_at=NOW, **columns)
    _move(made, VersionState.PROPOSED)
    for side, role in ((Side.MARKETING, Role.MARKETING_LEADER), (Side.SALES, Role.SALES_LEADER)):
        SignOff.objects.create(
            version=made, side=side, by=user(role), decision=Decision.APPROVED, comment="Yes.", at=NOW - 100 * DAY
        )
    _move(made, VersionState.APPROVED)
    _move(made, VersionState.ACTIVE, activated_at=NOW - 100 * DAY)
    return made


def _move(made: Version, state: VersionState, **columns: Any) -> None:
    Version.objects.filter(pk=made.pk).update(state=state, **columns)
    made.refresh_from_db()


def lead(**columns: Any) -> Lead:
    number = next(_numbers)
    columns = {
        "email": f"lead{number}@example.org",
        "first_name": f"Lead{number}",
        "stage": Stage.MQL,
        "stage_at": NOW,
        "recorded_at": NOW,
    } | columns
    return Lead.objects.create(**columns)


def company(**columns: Any) -> Company:
    return Company.objects.create(**({"name": f"Company {next(_numbers)}", "recorded_at": NOW} | columns))


def qualification(*, of: Lead | None = None, at: dt.datetime = NOW, tier: int = 2, **columns: Any) -> Qualification:
    """An MQL that waits to be handed off."""
    under = columns.pop("version", None) or version()
    columns = {
        "motion": Motion.MQL,
        "is_hot": tier == 1,
        "fit": 40,
        "engagement": 50,
        "bant": 0,
        "why": "Fit 40, engagement 50: demo requested.",
        "evidence": {},
    } | columns
    return Qualification.objects.create(
        lead=of or lead(), definition=under.definition, version=under, at=at, recorded_at=at, tier=tier, **columns
    )


def handoff(*, now: dt.datetime = NOW, **columns: Any) -> Handoff:
    """An MQL handed off at `now` and, if a team works then, routed. Makes a team when there is none."""
    commitment()
    if not RoutingRule.objects.exists():
        team()
    made = qualification(at=now, **columns)
    creation.hand_off_waiting(now=now)
    return fresh(Handoff.objects.get(qualification=made))


def accepted(**columns: Any) -> Handoff:
    made = handoff(**columns)
    assert made.rep is not None
    dispositions.accept(handoff=made, by=made.rep.user, now=columns.get("now", NOW) + MINUTE)
    return fresh(made)


def rejected(*, reason: ReasonCode | None = None, **columns: Any) -> Handoff:
    made = handoff(**columns)
    assert made.rep is not None
    at = columns.get("now", NOW) + MINUTE
    dispositions.reject(handoff=made, reason=reason or reason_code(), by=made.rep.user, now=at)
    return fresh(made)


def reason_code(code: str = "not_interested", **columns: Any) -> ReasonCode:
    """One of the shipped reasons; tests with real transactions empty the table, so it is made when missing."""
    columns = {"label": code, "family": Family.ENGAGEMENT, "route": Route.BACK_TO_MARKETING} | columns
    return ReasonCode.objects.get_or_create(code=code, defaults=columns)[0]


def fresh(made: Handoff) -> Handoff:
    return Handoff.objects.select_related("lead", "rep__user", "team", "qualification").get(pk=made.pk)


def broken(of: Handoff) -> Handoff:
    """Its clocks run by hours that nobody can read: whatever counts their time fails."""
    torn = CalendarVersion.objects.create(
        calendar=(of.team or team()).calendar, digest="torn", content={"zone": "Nowhere"}, created_at=NOW
    )
    of.clocks.update(calendar_version=torn)
    return of
