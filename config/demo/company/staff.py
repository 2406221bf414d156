"""The staff of the example: sign-ins, teams in three time zones with their hours, routing rules and commitments."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any, Final

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.demo.company import names_and_places
from leads.models import ListEntry, NamedList
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.models import Absence, Commitment, Rep, RoutingRule, Team, WorkCalendar, WorkHours

#: The password of all users; it opens nothing but the example.
PASSWORD: Final = "north-by-northlane"  # noqa: S105  # shown to everybody who starts the demo
DOMAIN: Final = "accord.example"
DESK: Final = "Inbound desk, around the clock"


@dataclass(frozen=True, slots=True)
class DemoLogin:
    """A sign-in that the demo prints: `email` is the part before the @, `task` what there is to do."""

    name: str
    email: str
    role: Role
    role_name: str
    task: str


#: One sign-in for each role, as `--logins` prints them.
LOGINS: Final = (
    DemoLogin("Sam Okafor", "sam.sdr", Role.SDR, "SDR", "the queue of MQLs"),
    DemoLogin(
        "Maria Castellanos", "maria.manager", Role.SALES_MANAGER, "Sales manager", "compliance, reassigning, hours"
    ),
    DemoLogin("Olga Petrova", "olga.ops", Role.MARKETING_OPS, "Marketing ops", "definitions, signals (and /admin/)"),
    DemoLogin(
        "Mona Falk", "mona.marketing", Role.MARKETING_LEADER, "Marketing leader", "signs and decides for marketing"
    ),
    DemoLogin("Luis Andrade", "luis.sales", Role.SALES_LEADER, "Sales leader", "signs and decides for sales"),
    DemoLogin("Evelyn Hart", "evelyn.exec", Role.VIEWER, "Executive", "reads every report"),
)


@dataclass(frozen=True, slots=True)
class TeamSetup:
    """A team: its time zone, the country of its holidays, its hours in minutes, and reps as (name, e-mail, weight)."""

    team: str
    zone: str
    country: str
    opens: int
    closes: int
    reps: tuple[tuple[str, str, int], ...]


TEAMS: Final = (
    TeamSetup(
        "Americas", "America/New_York", "US", 8 * 60, 18 * 60,
        (("Dana Whitfield", "dana.whitfield", 1), ("Marcus Oyelaran", "marcus.oyelaran", 1), ("Lucía Herrera", "lucia.herrera", 1)),
    ),
    TeamSetup(
        "EMEA", "Europe/Berlin", "DE", 8 * 60, 18 * 60,
        (("Sam Okafor", "sam.sdr", 1), ("Katrin Vogel", "katrin.vogel", 1), ("Mateusz Zieliński", "mateusz.zielinski", 1)),
    ),
    TeamSetup(
        "APAC", "Asia/Singapore", "SG", 8 * 60 + 30, 18 * 60 + 30,
        (("Mei Tan", "mei.tan", 1), ("Arjun Nair", "arjun.nair", 1), ("Hana Kobayashi", "hana.kobayashi", 1)),
    ),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Staff:
    """The users whom the simulation acts for, and the rep whose queue the demo shows."""

    ops: User
    marketing_leader: User
    sales_leader: User
    manager: User
    desk: Rep


def create_staff(*, start: dt.datetime) -> Staff:
    """Create the people, teams, rules, lists and commitments with which the year begins."""
    password = make_password(PASSWORD)
    people = {login.email: _create_user(login.name, login.email, login.role, password, start) for login in LOGINS}
    people["olga.ops"].is_staff = True
    people["olga.ops"].save(update_fields=["is_staff"])
    for setup in TEAMS:
        _create_team(setup, people, password, start)
    _create_routing_rules()
    _extend_named_lists()
    _activate_first_commitment(people, start)
    return Staff(
        ops=people["olga.ops"],
        marketing_leader=people["mona.marketing"],
        sales_leader=people["luis.sales"],
        manager=people["maria.manager"],
        desk=Rep.objects.select_related("user", "team").get(user=people["sam.sdr"]),
    )


def begin_last_day(*, desk: Rep, now: dt.datetime) -> None:
    """Send the desk's two colleagues away for some days and let it work around the clock.

    So the queue of the demo moves at whatever hour somebody looks at it.
    """
    colleagues = Rep.objects.filter(team=desk.team).exclude(pk=desk.pk).order_by("pk")
    for rep, label, days in zip(colleagues, ("Annual leave", "Trade fair in Hanover"), (12, 5), strict=True):
        Absence.objects.create(rep=rep, starts_at=now, ends_at=now + dt.timedelta(days=days), label=label)
    calendar = WorkCalendar.objects.create(name=DESK, zone=desk.team.calendar.zone)
    WorkHours.objects.bulk_create(WorkHours(calendar=calendar, weekday=day, opens=0, closes=0) for day in range(7))
    desk.calendar = calendar
    desk.save(update_fields=["calendar"])


def _create_user(name: str, local: str, role: Role, password: str, joined: dt.datetime) -> User:
    first, _, last = name.partition(" ")
    email = f"{local}@{DOMAIN}"
    user = User.objects.create(email=email, first_name=first, last_name=last, password=password, date_joined=joined)
    user.groups.add(Group.objects.get(name=role))
    return user


def _create_team(setup: TeamSetup, people: dict[str, User], password: str, start: dt.datetime) -> None:
    calendar = WorkCalendar.objects.create(name=f"{setup.team} office hours", zone=setup.zone, country=setup.country)
    WorkHours.objects.bulk_create(
        WorkHours(calendar=calendar, weekday=day, opens=setup.opens, closes=setup.closes) for day in range(5)
    )
    team = Team.objects.create(name=setup.team, calendar=calendar)
    team.managers.add(people["maria.manager"])
    for name, local, weight in setup.reps:
        user = people.get(local) or _create_user(name, local, Role.SDR, password, start)
        user.time_zone = setup.zone
        user.save(update_fields=["time_zone"])
        Rep.objects.create(user=user, team=team, capacity=40, weight=weight)


def _create_routing_rules() -> None:
    """Create the rules; Brazil has none, so that its leads wait in the unrouted list for a manager."""
    teams = {team.name: team for team in Team.objects.all()}
    elsewhere = [
        code for code in names_and_places.COUNTRIES if code not in (*names_and_places.AMERICAS, *names_and_places.APAC)
    ]
    rules: tuple[tuple[str, dict[str, Any], str], ...] = (
        ("Named account: Harbourline", {"domains": ["harbourline-freight.example"]}, "EMEA"),
        ("North America and Mexico", {"countries": ["US", "CA", "MX"]}, "Americas"),
        ("Europe", {"countries": elsewhere}, "EMEA"),
        ("Asia and the Pacific", {"countries": list(names_and_places.APAC)}, "APAC"),
        ("Country unknown, but asks to talk", {"countries": [""], "tiers": [1]}, "EMEA"),
    )
    RoutingRule.objects.bulk_create(
        RoutingRule(position=position, name=name, team=teams[team], **conditions)
        for position, (name, conditions, team) in enumerate(rules, start=1)
    )


def _extend_named_lists() -> None:
    """Add the example's own entries to the lists that Accord ships."""
    own = {
        "free_email": names_and_places.FREE_MAIL,
        "student_email": names_and_places.UNIVERSITIES,
        "competitors": [domain for _, domain in names_and_places.COMPETITORS],
    }
    for name, values in own.items():
        named_list = NamedList.objects.get(name=name)
        ListEntry.objects.bulk_create(
            [ListEntry(list=named_list, value=value) for value in values], ignore_conflicts=True
        )


#: What both sides agreed on, to estimate the time that goes into rejected leads.
MINUTES_OF_AN_ATTEMPT: Final = {
    "call_minutes": 6, "email_minutes": 4, "linkedin_minutes": 3, "sms_minutes": 2, "meeting_minutes": 45,
}  # fmt: skip


def activate_second_commitment(people: Staff, *, now: dt.datetime) -> None:
    """Sign the second commitments: tier 3 is nurtured first, and accepted leads are worked before more are taken."""
    in_force = commitments.current_commitment(Motion.MQL)
    terms = {term.name: getattr(in_force, term.name) for term in commitments.TERMS}
    commitment = commitments.create_draft(
        motion=Motion.MQL,
        terms=terms | {"tier_3_nurture_days": 14, "unworked_at_most": 5} | MINUTES_OF_AN_ATTEMPT,
        reason="A third of what sales rejected was tier 3: marketing nurtures it for two weeks, then sales calls.",
        by=people.manager,
        now=now,
    )
    commitments.sign(commitment=commitment, by=people.marketing_leader, now=now)
    commitments.sign(commitment=commitment, by=people.sales_leader, now=now)


def _activate_first_commitment(people: dict[str, User], start: dt.datetime) -> None:
    commitment = Commitment.objects.create(
        number=1, mqls_a_month=35, opportunity_percent=12, tier_3_nurture_days=0, unworked_at_most=0
    )
    commitments.activate(
        commitment=commitment, by_marketing=people["mona.marketing"], by_sales=people["luis.sales"], now=start
    )
