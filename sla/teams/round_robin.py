"""Round robin of a team: which reps can take a lead now, and the weighted turn among them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias

from django.db.models import Count, Q

from leads.identity import merges
from leads.vocabulary import Motion
from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar
from sla.commitments import commitments
from sla.models import Absence, Handoff, Rep, RoutingDecision, Team
from sla.vocabulary import HandoffState

#: The states that count against a rep's capacity: handoffs to decide, and accepted ones that are being worked.
CAPACITY_STATES: Final = (HandoffState.ASSIGNED, HandoffState.ACCEPTED)

AVAILABLE: Final = "available"
OFF_WORK: Final = "outside working hours"
NEXT: Final = "next in turn"
NEVER: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Availability:
    """A rep's availability now: `kind` is "available" or the kind of hindrance, `why` a part of a sentence."""

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
        """Return whether a manager may give the rep a lead, even at night: the clocks wait for the morning."""
        return self.kind in {AVAILABLE, OFF_WORK}


@dataclass(frozen=True, slots=True)
class CompanyOwner:
    """A rep who owns the lead's company, and through which lead."""

    rep: int
    why: str


#: A function that returns, among these reps, the ids of those who were given the last `count` leads, the latest first.
LastTurns: TypeAlias = Callable[[Sequence[Rep], int], Iterable[int]]


@dataclass(frozen=True, slots=True)
class Assignment:
    """The rep whose turn it is and why, or None, and a line of trace for each rep of the team."""

    rep: Rep | None
    trace: list[dict[str, Any]]
    why: str = ""

    @property
    def reasons(self) -> str:
        """Return why nobody was chosen: "2 away, 1 at capacity"."""
        counts = Counter(line["kind"] for line in self.trace)
        return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "the team has no reps"


def fetch_reps(*teams: Team) -> list[Rep]:
    """Return the teams' reps with all that availability needs, in a constant number of queries."""
    calendars_of = ("calendar", "team__calendar")
    hours = [f"{path}__{rows}" for path in calendars_of for rows in ("hours", "special_days")]
    reps = Rep.objects.filter(team__in=teams).select_related("user", *calendars_of).prefetch_related(*hours)
    return list(reps.order_by("pk"))


def fetch_availabilities(reps: Sequence[Rep], now: dt.datetime, *, motion: Motion) -> list[Availability]:
    """Return the availability of each of these reps at `now` for a lead of the motion. Reads only.

    Hours, absences, the switch and the workload decide. The workload is of all motions, as a rep has two hands for all of
    them; the agreed limit of unworked leads is that of the motion.
    """
    absences, loads, agreed = _fetch_absences(reps, now), _fetch_loads(reps), agreed_unworked_limit(motion)
    return [build_availability(rep, absences, *loads.get(rep.pk, (0, 0)), agreed=agreed, now=now) for rep in reps]


def unworked_limit(team: Team, agreed: int) -> int | None:
    """Return the stricter of the agreed and the team's limit of unworked leads, or None without a limit."""
    return min(filter(None, (agreed, team.unworked_at_most)), default=None)


def choose_next(
    reps: Sequence[Rep],
    now: dt.datetime,
    *,
    motion: Motion,
    owners: Sequence[CompanyOwner] = (),
    passing_over: Rep | None = None,
) -> Assignment:
    """Choose among the reps who are in working hours, not away and below capacity (rules 6.6, 6.7).

    1. Find each rep's availability, `passing_over` excepted: that rep had the lead already.
    2. Write a trace line for each rep who cannot take it.
    3. Return no rep if nobody is available.
    4. Choose the first of `owners` who is available, or else the least served rep.
    5. Write a trace line for each available rep.

    Fair when the caller holds the locks on these reps: two routers then choose one after the other.
    """
    availabilities = fetch_availabilities([rep for rep in reps if rep != passing_over], now, motion=motion)
    return choose_available(availabilities, _fetch_last_turns, owners=owners, passing_over=passing_over)


def choose_available(
    availabilities: Sequence[Availability],
    last_turns: LastTurns,
    *,
    owners: Sequence[CompanyOwner] = (),
    passing_over: Rep | None = None,
) -> Assignment:
    """Choose among the reps by their availabilities, by steps 2 to 5 of `choose_next`, without a query of its own."""
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
    available = [availability.rep for availability in by_rep.values()]
    rep = by_rep[owner.rep].rep if owner else _least_served(available, last_turns)
    why = owner.why if owner else NEXT
    for availability in by_rep.values():
        place = why if availability.rep == rep else "not their turn"
        trace.append(
            _trace_line(
                availability.rep, AVAILABLE, f"{place}, {availability.load} of {availability.rep.capacity} in hand"
            )
        )
    return Assignment(rep, trace, why)


def _least_served(available: Sequence[Rep], last_turns: LastTurns) -> Rep:
    """Choose by weighted round robin over the last turns.

    With weights that sum to W, look at the last W - 1 assignments among these reps: at least one rep has had less than their
    weight of them, and the least served, longest waiting one is next. So any W assignments in a row are spread exactly by
    weight, and a rep who comes back from leave takes turns like everybody else, without a flood.
    """
    window = sum(rep.weight for rep in available) - 1
    served = Counter(last_turns(available, window))
    return min(available, key=lambda rep: (Fraction(served[rep.pk], rep.weight), rep.last_assigned_at or NEVER, rep.pk))


def _fetch_last_turns(reps: Sequence[Rep], count: int) -> Iterable[int]:
    recent = RoutingDecision.objects.filter(rep__in=reps).order_by("-pk")
    return recent.values_list("rep", flat=True)[:count]


def build_availability(
    rep: Rep, absences: Mapping[int, dt.datetime], load: int, unworked: int, *, agreed: int, now: dt.datetime
) -> Availability:
    """Return whether a rep can take a lead at `now` (rules 6.7, 6.8).

    `absences` maps absent reps to the end of their absence; `load` is the rep's workload and `unworked` its part that is
    accepted but not contacted; `agreed` is the most of the latter by the commitments, 0 for no limit.
    """
    hindrance = (
        _absence_hindrance(rep, absences) or _load_hindrance(rep, load, unworked, agreed) or _hours_hindrance(rep, now)
    )
    kind, why = hindrance or (AVAILABLE, "at work")
    return Availability(rep, kind, why, load, unworked)


def _absence_hindrance(rep: Rep, absences: Mapping[int, dt.datetime]) -> tuple[str, str] | None:
    """Return the kind of hindrance and a part of a sentence, or None for a rep who is present."""
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
    # One rep's unreadable calendar must not stop the routing to the whole team.
    except BadCalendar as error:
        return "without a readable calendar", str(error)
    return None if arithmetic.is_open(hours, now) else (OFF_WORK, OFF_WORK)


def agreed_unworked_limit(motion: Motion) -> int:
    """Return how many accepted leads without a contact a rep may have before another of the motion; 0 means no limit."""
    try:
        return commitments.current_commitment(motion).unworked_at_most
    except commitments.NotYetAgreed:
        return 0


def _fetch_absences(reps: Sequence[Rep], now: dt.datetime) -> dict[int, dt.datetime]:
    rows = Absence.objects.filter(rep__in=reps, starts_at__lte=now, ends_at__gt=now).order_by("ends_at", "pk")
    return dict(rows.values_list("rep", "ends_at"))


def _fetch_loads(reps: Sequence[Rep]) -> dict[int, tuple[int, int]]:
    """Map rep id to the rep's workload and its part that is accepted but not contacted yet (rules 6.8)."""
    in_hand = Handoff.objects.filter(rep__in=reps, state__in=CAPACITY_STATES).order_by().values_list("rep")
    # A lead that may not be contacted cannot be worked, so it does not count as unworked.
    waiting_for_contact = Q(state=HandoffState.ACCEPTED, first_contact_at=None) & ~Q(merges.is_opted_out())
    unworked = Count("pk", filter=waiting_for_contact)
    return {rep: (load, waiting) for rep, load, waiting in in_hand.annotate(Count("pk"), waiting=unworked)}


def is_unworked(handoff: Handoff) -> bool:
    """Return whether a handoff is accepted and not contacted yet: the condition of `_fetch_loads`, in memory."""
    is_uncontacted = handoff.first_contact_at is None and not handoff.lead.do_not_contact
    return handoff.state == HandoffState.ACCEPTED and is_uncontacted


def _trace_line(rep: Rep, kind: str, why: str) -> dict[str, Any]:
    return {"rep": rep.pk, "name": str(rep), "kind": kind, "why": why}
