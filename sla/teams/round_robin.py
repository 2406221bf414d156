"""Whose turn it is in a team: who can take a lead now, and the weighted round robin among them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from django.db.models import Count, Q

from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar
from sla.commitments import commitments
from sla.models import Absence, Handoff, Rep, RoutingDecision, Team
from sla.vocabulary import HandoffState

#: What fills a rep's capacity: handoffs to decide, and accepted ones that are being worked.
CAPACITY_STATES: Final = (HandoffState.ASSIGNED, HandoffState.ACCEPTED)

AVAILABLE: Final = "available"
OFF_WORK: Final = "outside working hours"
NEXT: Final = "next in turn"
NEVER: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Availability:
    """Whether a rep can take a lead now: `kind` is "available" or the kind of hindrance, `why` a part of a sentence."""

    rep: Rep
    kind: str
    why: str
    load: int
    unworked: int

    @property
    def is_available(self) -> bool:
        return self.kind == AVAILABLE

    @property
    def may_be_given(self) -> bool:
        """By a manager's hand, even in the night: the clocks wait for the morning."""
        return self.kind in {AVAILABLE, OFF_WORK}


@dataclass(frozen=True, slots=True)
class CompanyOwner:
    """A rep who has the lead's company in hand, and of whom."""

    rep: int
    why: str


@dataclass(frozen=True, slots=True)
class Assignment:
    """The rep whose turn it is and why, or None, and a line for each rep of the team."""

    rep: Rep | None
    trace: list[dict[str, Any]]
    why: str = ""

    @property
    def reasons(self) -> str:
        """Why nobody: "2 away, 1 at capacity"."""
        counts = Counter(line["kind"] for line in self.trace)
        return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "the team has no reps"


def fetch_reps(*teams: Team) -> list[Rep]:
    """The teams' reps with all that availability needs, in a constant number of queries."""
    calendars_of = ("calendar", "team__calendar")
    hours = [f"{path}__{rows}" for path in calendars_of for rows in ("hours", "special_days")]
    reps = Rep.objects.filter(team__in=teams).select_related("user", *calendars_of).prefetch_related(*hours)
    return list(reps.order_by("pk"))


def fetch_availabilities(reps: Sequence[Rep], now: dt.datetime) -> list[Availability]:
    """How each of these reps stands at `now`: their hours, absences, switch and what they have in hand. Reads only."""
    absences, loads, agreed = _fetch_absences(reps, now), _fetch_loads(reps), agreed_unworked_limit()
    return [_availability(rep, absences, *loads.get(rep.pk, (0, 0)), agreed=agreed, now=now) for rep in reps]


def unworked_limit(team: Team, agreed: int) -> int | None:
    """A team may be stricter with itself than the sides agreed, not laxer; None: no limit."""
    return min(filter(None, (agreed, team.unworked_at_most)), default=None)


def choose_next(
    reps: Sequence[Rep], now: dt.datetime, *, owners: Sequence[CompanyOwner] = (), passing_over: Rep | None = None
) -> Assignment:
    """Choose among the reps who are in working hours, not away and below capacity (rules 6.6, 6.7).

    One of `owners`, the first of them that can, goes before whose turn it is; `passing_over` names who had it already.
    Fair when the caller holds the locks on these reps: two routers then choose one after the other.
    """
    availabilities = fetch_availabilities([rep for rep in reps if rep != passing_over], now)
    trace = [
        _trace_line(availability.rep, availability.kind, availability.why)
        for availability in availabilities
        if not availability.is_available
    ]
    if passing_over is not None:
        trace.append(_trace_line(passing_over, "passed over", "had it already"))
    by_rep = {availability.rep.pk: availability for availability in availabilities if availability.is_available}
    if not by_rep:
        return Assignment(None, trace)
    owner = next((owner for owner in owners if owner.rep in by_rep), None)
    rep = by_rep[owner.rep].rep if owner else _least_served([availability.rep for availability in by_rep.values()])
    why = owner.why if owner else NEXT
    for availability in by_rep.values():
        place = why if availability.rep == rep else "not their turn"
        trace.append(
            _trace_line(
                availability.rep, AVAILABLE, f"{place}, {availability.load} of {availability.rep.capacity} in hand"
            )
        )
    return Assignment(rep, trace, why)


def _least_served(available: Sequence[Rep]) -> Rep:
    """Weighted round robin over the last turns.

    With weights that sum to W, look at the last W - 1 assignments among these reps: somebody has had less than their
    weight of them, and the least served, longest waiting one is next. So any W assignments in a row are spread exactly by weight,
    and who comes back from leave takes turns like everybody else, without a flood.
    """
    window = sum(rep.weight for rep in available) - 1
    recent = RoutingDecision.objects.filter(rep__in=available).order_by("-pk")
    served = Counter(recent.values_list("rep", flat=True)[:window])
    return min(available, key=lambda rep: (Fraction(served[rep.pk], rep.weight), rep.last_assigned_at or NEVER, rep.pk))


def _availability(
    rep: Rep, absences: Mapping[int, dt.datetime], load: int, unworked: int, *, agreed: int, now: dt.datetime
) -> Availability:
    hindrance = (
        _absence_hindrance(rep, absences) or _load_hindrance(rep, load, unworked, agreed) or _hours_hindrance(rep, now)
    )
    kind, why = hindrance or (AVAILABLE, "at work")
    return Availability(rep, kind, why, load, unworked)


def _absence_hindrance(rep: Rep, absences: Mapping[int, dt.datetime]) -> tuple[str, str] | None:
    """The kind of hindrance and a sentence part, or None for a rep who is there."""
    if not rep.is_active or not rep.user.is_active:
        return "inactive", "not active"
    if rep.is_away:
        return "away", "away"
    if rep.pk in absences:
        return "absent", f"absent until {absences[rep.pk]:%-d %b %Y, %H:%M} UTC"
    return None


def _load_hindrance(rep: Rep, load: int, unworked: int, agreed: int) -> tuple[str, str] | None:
    if load >= rep.capacity:
        return "at capacity", f"{load} of {rep.capacity} in hand"
    limit = unworked_limit(rep.team, agreed)
    if limit is not None and unworked >= limit:
        return "with work waiting", f"{unworked} accepted without a contact, {limit} at most"
    return None


def _hours_hindrance(rep: Rep, now: dt.datetime) -> tuple[str, str] | None:
    try:
        hours = calendars.build_calendar(calendars.calendar_of_rep(rep), now)
    # One rep's calendar that cannot be read must not keep the team's leads.
    except BadCalendar as error:
        return "without a readable calendar", str(error)
    return None if arithmetic.is_open(hours, now) else (OFF_WORK, OFF_WORK)


def agreed_unworked_limit() -> int:
    """Accepted leads without a contact, beyond which a rep gets no more, by the commitments in force; 0: no limit."""
    try:
        return commitments.current_commitment().unworked_at_most
    except commitments.NotYetAgreed:
        return 0


def _fetch_absences(reps: Sequence[Rep], now: dt.datetime) -> dict[int, dt.datetime]:
    rows = Absence.objects.filter(rep__in=reps, starts_at__lte=now, ends_at__gt=now).order_by("ends_at", "pk")
    return dict(rows.values_list("rep", "ends_at"))


def _fetch_loads(reps: Sequence[Rep]) -> dict[int, tuple[int, int]]:
    """What each has in hand, and how much of it is accepted but not contacted yet: to be worked before more (rules 6.8)."""
    in_hand = Handoff.objects.filter(rep__in=reps, state__in=CAPACITY_STATES).order_by().values_list("rep")
    # Who may not be contacted cannot be worked, either.
    waiting_for_contact = Q(state=HandoffState.ACCEPTED, first_contact_at=None, lead__do_not_contact=False)
    unworked = Count("pk", filter=waiting_for_contact)
    return {rep: (load, waiting) for rep, load, waiting in in_hand.annotate(Count("pk"), waiting=unworked)}


def _trace_line(rep: Rep, kind: str, why: str) -> dict[str, Any]:
    return {"rep": rep.pk, "name": str(rep), "kind": kind, "why": why}
