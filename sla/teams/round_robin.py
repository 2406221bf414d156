"""Whose turn it is in a team: who can take a lead now, and the weighted round robin among them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final, TypeAlias

from django.db.models import Count, Q

from sla.business_time import arithmetic, calendars
from sla.business_time.arithmetic import BadCalendar
from sla.commitments import commitments
from sla.models import Absence, Handoff, Rep, RoutingDecision, Team
from sla.vocabulary import HandoffState

#: What fills a rep's capacity: handoffs to decide, and accepted ones that are being worked.
IN_HAND: Final = (HandoffState.ASSIGNED, HandoffState.ACCEPTED)

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


#: Of these reps, the ids of those who were given the last `count` leads, the latest first.
LastTurns: TypeAlias = Callable[[Sequence[Rep], int], Iterable[int]]


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


def reps_of(*teams: Team) -> list[Rep]:
    """The teams' reps with all that availability needs, in a constant number of queries."""
    calendars_of = ("calendar", "team__calendar")
    hours = [f"{path}__{rows}" for path in calendars_of for rows in ("hours", "special_days")]
    reps = Rep.objects.filter(team__in=teams).select_related("user", *calendars_of).prefetch_related(*hours)
    return list(reps.order_by("pk"))


def standings(reps: Sequence[Rep], now: dt.datetime) -> list[Availability]:
    """How each of these reps stands at `now`: their hours, absences, switch and what they have in hand. Reads only."""
    absent, loads, agreed = _absent(reps, now), _loads(reps), agreed_unworked()
    return [availability(rep, absent, *loads.get(rep.pk, (0, 0)), agreed=agreed, now=now) for rep in reps]


def most_unworked(team: Team, agreed: int) -> int | None:
    """A team may be stricter with itself than the sides agreed, not laxer; None: no limit."""
    return min(filter(None, (agreed, team.unworked_at_most)), default=None)


def next_in_turn(
    reps: Sequence[Rep], now: dt.datetime, *, owners: Sequence[CompanyOwner] = (), passing_over: Rep | None = None
) -> Assignment:
    """Choose among the reps who are in working hours, not away and below capacity (rules 6.6, 6.7).

    One of `owners`, the first of them that can, goes before whose turn it is; `passing_over` names who had it already.
    Fair when the caller holds the locks on these reps: two routers then choose one after the other.
    """
    lines = standings([rep for rep in reps if rep != passing_over], now)
    return choose_rep(lines, _last_turns, owners=owners, passing_over=passing_over)


def choose_rep(
    lines: Sequence[Availability],
    last_turns: LastTurns,
    *,
    owners: Sequence[CompanyOwner] = (),
    passing_over: Rep | None = None,
) -> Assignment:
    """Choose among the reps of these lines by `next_in_turn`'s rule, without a query of its own."""
    trace = [_line(line.rep, line.kind, line.why) for line in lines if not line.is_available]
    if passing_over is not None:
        trace.append(_line(passing_over, "passed over", "had it already"))
    available = {line.rep.pk: line for line in lines if line.is_available}
    if not available:
        return Assignment(None, trace)
    owner = next((owner for owner in owners if owner.rep in available), None)
    chosen = available[owner.rep].rep if owner else _least_served([line.rep for line in available.values()], last_turns)
    why = owner.why if owner else NEXT
    for line in available.values():
        said = why if line.rep == chosen else "not their turn"
        trace.append(_line(line.rep, AVAILABLE, f"{said}, {line.load} of {line.rep.capacity} in hand"))
    return Assignment(chosen, trace, why)


def _least_served(available: Sequence[Rep], last_turns: LastTurns) -> Rep:
    """Weighted round robin over the last turns.

    With weights that sum to W, look at the last W - 1 assignments among these reps: somebody has had less than their
    weight of them, and the least served, longest waiting one is next. So any W assignments in a row are spread exactly by weight,
    and who comes back from leave takes turns like everybody else, without a flood.
    """
    window = sum(rep.weight for rep in available) - 1
    served = Counter(last_turns(available, window))
    return min(available, key=lambda rep: (Fraction(served[rep.pk], rep.weight), rep.last_assigned_at or NEVER, rep.pk))


def _last_turns(reps: Sequence[Rep], count: int) -> Iterable[int]:
    recent = RoutingDecision.objects.filter(rep__in=reps).order_by("-pk")
    return recent.values_list("rep", flat=True)[:count]


def availability(
    rep: Rep, absent: Mapping[int, dt.datetime], load: int, unworked: int, *, agreed: int, now: dt.datetime
) -> Availability:
    """Return whether a rep can take a lead at `now` (rules 6.7, 6.8).

    `absent` maps absent reps to the end of their absence; `load` and `unworked` count what the rep has in hand, and of
    that what is accepted without a contact; `agreed` is the most of the latter by the commitments, 0 for no limit.
    """
    hindrance = _unavailable(rep, absent) or _full(rep, load, unworked, agreed) or _off_work(rep, now)
    kind, why = hindrance or (AVAILABLE, "at work")
    return Availability(rep, kind, why, load, unworked)


def _unavailable(rep: Rep, absent: Mapping[int, dt.datetime]) -> tuple[str, str] | None:
    """The kind of hindrance and a sentence part, or None for a rep who is there."""
    if not rep.is_active or not rep.user.is_active:
        return "inactive", "not active"
    if rep.is_away:
        return "away", "away"
    if rep.pk in absent:
        return "absent", f"absent until {absent[rep.pk]:%-d %b %Y, %H:%M} UTC"
    return None


def _full(rep: Rep, load: int, unworked: int, agreed: int) -> tuple[str, str] | None:
    if load >= rep.capacity:
        return "at capacity", f"{load} of {rep.capacity} in hand"
    most = most_unworked(rep.team, agreed)
    if most is not None and unworked >= most:
        return "with work waiting", f"{unworked} accepted without a contact, {most} at most"
    return None


def _off_work(rep: Rep, now: dt.datetime) -> tuple[str, str] | None:
    try:
        hours = calendars.pure(calendars.of_rep(rep), now)
    # One rep's calendar that cannot be read must not keep the team's leads.
    except BadCalendar as error:
        return "without a readable calendar", str(error)
    return None if arithmetic.is_open(hours, now) else (OFF_WORK, OFF_WORK)


def agreed_unworked() -> int:
    """Accepted leads without a contact, beyond which a rep gets no more, by the commitments in force; 0: no limit."""
    try:
        return commitments.current().unworked_at_most
    except commitments.NotYetAgreed:
        return 0


def _absent(reps: Sequence[Rep], now: dt.datetime) -> dict[int, dt.datetime]:
    rows = Absence.objects.filter(rep__in=reps, starts_at__lte=now, ends_at__gt=now).order_by("ends_at", "pk")
    return dict(rows.values_list("rep", "ends_at"))


def _loads(reps: Sequence[Rep]) -> dict[int, tuple[int, int]]:
    """What each has in hand, and how much of it is accepted but not contacted yet: to be worked before more (rules 6.8)."""
    in_hand = Handoff.objects.filter(rep__in=reps, state__in=IN_HAND).order_by().values_list("rep")
    # Who may not be contacted cannot be worked, either.
    waits = Q(state=HandoffState.ACCEPTED, first_contact_at=None, lead__do_not_contact=False)
    unworked = Count("pk", filter=waits)
    return {rep: (load, waiting) for rep, load, waiting in in_hand.annotate(Count("pk"), waiting=unworked)}


def is_unworked(handoff: Handoff) -> bool:
    """Return whether a handoff is accepted and not contacted yet: the condition of `_loads`, in memory."""
    is_silent = handoff.first_contact_at is None and not handoff.lead.do_not_contact
    return handoff.state == HandoffState.ACCEPTED and is_silent


def _line(rep: Rep, kind: str, why: str) -> dict[str, Any]:
    return {"rep": rep.pk, "name": str(rep), "kind": kind, "why": why}
