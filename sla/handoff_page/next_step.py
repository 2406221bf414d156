"""The next step on a handoff, advised from its state."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from sla.handoff_page import activity_summary
from sla.handoffs import attempts as handoff_attempts
from sla.models import Attempt, Clock, Handoff
from sla.vocabulary import ClockKind, HandoffState, outcome_label

NO_CONTACT: Final = "The lead may not be contacted. A note, and what the lead itself sends, can still be kept."


@dataclass(frozen=True, slots=True)
class Advice:
    """The advised step; `clock` is the promise that makes it urgent, `meeting_at` is shown after the detail."""

    title: str
    detail: str = ""
    clock: Clock | None = None
    meeting_at: dt.datetime | None = None
    tone: str = "info"


def for_handoff(
    handoff: Handoff, *, clocks: Sequence[Clock], attempts: Sequence[Attempt], now: dt.datetime, zone: dt.tzinfo
) -> Advice | None:
    """Return the next step, or None when nothing is left to do.

    `attempts` are all attempts of this handoff, newest first.
    """
    running = {ClockKind(clock.kind): clock for clock in clocks if clock.is_running}
    attempts_so_far = _describe_attempts(handoff, attempts, now, zone)
    if handoff.is_open and handoff.lead.do_not_contact:
        return _advise_not_to_contact(handoff, running.get(ClockKind.DISPOSITION))
    if handoff.is_unrouted:
        return Advice("Give it to somebody", "Nobody has this lead yet.", running.get(ClockKind.ROUTE), tone="warn")
    if not handoff.is_open:
        return None
    if handoff.first_contact_at is None:
        how = "Call" if handoff.lead.phone else "Write"
        return Advice(f"{how}: no contact yet", attempts_so_far, running.get(ClockKind.FIRST_CONTACT), tone="warn")
    if handoff.is_to_decide:
        return Advice("Accept it, or reject it with the reason", attempts_so_far, running.get(ClockKind.DISPOSITION))
    return _advise_in_work(handoff, attempts_so_far, _count_attempts(attempts), now)


def _advise_not_to_contact(handoff: Handoff, clock: Clock | None) -> Advice:
    if handoff.is_unrouted:
        return Advice("Do not contact: give it to somebody to reject", NO_CONTACT, tone="bad")
    if handoff.is_to_decide:
        return Advice("Do not contact: reject it with the reason", NO_CONTACT, clock, tone="bad")
    if handoff.is_accepted:
        return Advice("Do not contact: correct the decision, or close it as lost", NO_CONTACT, tone="bad")
    return Advice("Do not contact: wait for the lead, or close it", NO_CONTACT, tone="bad")


def _advise_in_work(handoff: Handoff, attempts_so_far: str, count: int, now: dt.datetime) -> Advice:
    if handoff.state == HandoffState.OPPORTUNITY:
        return Advice("Close the opportunity", "Won, or lost with the reason.")
    if handoff.state == HandoffState.QUALIFIED:
        return Advice("Open the opportunity", "The four answers are confirmed; a deal needs its amount.")
    if handoff.meeting_at is not None and handoff.meeting_at > now:
        return Advice(
            "Meeting", "Bring the four questions: problem, budget, authority, timeline.", None, handoff.meeting_at
        )
    if handoff.meeting_at is not None:
        return Advice("Qualify to SQL, or say why not", "The meeting was", None, handoff.meeting_at)
    if count >= handoff.commitment.attempts_before_unresponsive:
        return Advice("Book a meeting, or let it go", attempts_so_far)
    return Advice("Try again, and book a meeting", attempts_so_far)


def _count_attempts(attempts: Sequence[Attempt]) -> int:
    return handoff_attempts.count_attempts((attempt.channel, attempt.at) for attempt in attempts)


def _describe_attempts(handoff: Handoff, attempts: Sequence[Attempt], now: dt.datetime, zone: dt.tzinfo) -> str:
    promised = handoff.commitment.attempts_before_unresponsive
    count = f"{_count_attempts(attempts)} of {promised} attempts."
    for last in attempts[:1]:
        at = last.at.astimezone(zone)
        day = activity_summary.describe_day(last.at, now=now, zone=zone)
        how, what = last.get_channel_display(), outcome_label(last.channel, last.outcome).lower()
        return f"{count} Last: {how}, {what}, {day} at {at:%H:%M}."
    return count
