"""Whose turn it is in a team: who can take a lead now, and the weighted round robin among them."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from django.db.models import Count

from sla import calendar, calendars
from sla.calendar import BadCalendar
from sla.models import Absence, Handoff, Rep, RoutingDecision, Team
from sla.vocabulary import HandoffState

#: What fills a rep's capacity: handoffs to decide, and accepted ones that are being worked.
IN_HAND: Final = (HandoffState.ASSIGNED, HandoffState.ACCEPTED)

NEVER: Final = dt.datetime.min.replace(tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Turn:
    """The rep whose turn it is, or None, and a line for each rep of the team."""

    rep: Rep | None
    trace: list[dict[str, Any]]

    @property
    def reasons(self) -> str:
        """Why nobody: "2 away, 1 at capacity"."""
        counts = Counter(line["kind"] for line in self.trace)
        return ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())) or "the team has no reps"


def reps_of(team: Team) -> list[Rep]:
    """The team's reps with all that availability needs, in a constant number of queries."""
    calendars_of = ("calendar", "team__calendar")
    hours = [f"{path}__{rows}" for path in calendars_of for rows in ("hours", "special_days")]
    reps = Rep.objects.filter(team=team).select_related("user", *calendars_of).prefetch_related(*hours)
    return list(reps.order_by("pk"))


def next_in_turn(reps: Sequence[Rep], now: dt.datetime) -> Turn:
    """Choose among the reps who are in working hours, not away and below capacity (SPEC 6).

    Fair when the caller holds the locks on these reps: two routers then choose one after the other.
    """
    absent = _absent(reps, now)
    loads = _loads(reps)
    trace, available = [], []
    for rep in reps:
        if skipped := _unavailable(rep, absent, loads, now):
            trace.append({"rep": rep.pk, "name": str(rep), "kind": skipped[0], "why": skipped[1]})
        else:
            available.append(rep)
    if not available:
        return Turn(None, trace)
    chosen = _least_served(available)
    lines = [_line(rep, chosen, loads[rep.pk]) for rep in available]
    return Turn(chosen, trace + lines)


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


def _unavailable(
    rep: Rep, absent: Mapping[int, dt.datetime], loads: Mapping[int, int], now: dt.datetime
) -> tuple[str, str] | None:
    """The kind of hindrance and a sentence part, or None for a rep who can take a lead."""
    if not rep.is_active or not rep.user.is_active:
        return "inactive", "not active"
    if rep.is_away:
        return "away", "away"
    if rep.pk in absent:
        return "absent", f"absent until {absent[rep.pk]:%Y-%m-%d %H:%M} UTC"
    if loads[rep.pk] >= rep.capacity:
        return "at capacity", f"{loads[rep.pk]} of {rep.capacity} in hand"
    return _off_work(rep, now)


def _off_work(rep: Rep, now: dt.datetime) -> tuple[str, str] | None:
    try:
        hours = calendars.pure(calendars.of_rep(rep), now)
    # One rep's calendar that cannot be read must not keep the team's leads.
    except BadCalendar as error:
        return "without a readable calendar", str(error)
    return None if calendar.is_open(hours, now) else ("outside working hours", "outside working hours")


def _absent(reps: Sequence[Rep], now: dt.datetime) -> dict[int, dt.datetime]:
    rows = Absence.objects.filter(rep__in=reps, starts_at__lte=now, ends_at__gt=now).order_by("ends_at", "pk")
    return dict(rows.values_list("rep", "ends_at"))


def _loads(reps: Sequence[Rep]) -> Counter[int]:
    in_hand = Handoff.objects.filter(rep__in=reps, state__in=IN_HAND).order_by()
    return Counter(dict(in_hand.values_list("rep").annotate(Count("pk"))))


def _line(rep: Rep, chosen: Rep, load: int) -> dict[str, Any]:
    why = "next in turn" if rep.pk == chosen.pk else "not their turn"
    return {"rep": rep.pk, "name": str(rep), "kind": "available", "why": f"{why}, {load} of {rep.capacity} in hand"}
