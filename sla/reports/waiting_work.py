"""The handoffs that wait for sales now, as the overview counts them and the list behind each count shows them (rules 12.3)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db.models import Q
from django.utils import timezone

from sla.models import Handoff
from sla.vocabulary import HandoffState

OVERDUE: Final = "overdue"
TO_DECIDE: Final = "to_decide"
UNROUTED: Final = "unrouted"
#: The counts by their keys, as pages call them.
NAMES: Final = {OVERDUE: "Overdue with sales", TO_DECIDE: "To accept or reject", UNROUTED: "Nobody to route to"}
_STATES: Final = {
    OVERDUE: (HandoffState.ASSIGNED, HandoffState.ACCEPTED),
    TO_DECIDE: (HandoffState.ASSIGNED,),
    UNROUTED: (HandoffState.UNROUTED,),
}


def match(count: str, now: dt.datetime) -> Q:
    """Return the condition on a handoff that makes it count."""
    in_state = Q(state__in=_STATES[count])
    return in_state & Q(due_at__lt=now) if count == OVERDUE else in_state


def explain(handoff: Handoff) -> str:
    """Say until when it waits, on the clock of the reader's zone."""
    if handoff.due_at is None:
        return "No promise runs."
    return f"Its next promise is due {timezone.localtime(handoff.due_at):%-d %b %Y, %H:%M}."
