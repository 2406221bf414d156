"""The data of one play's page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from django.utils.dateparse import parse_datetime

from config.accounts.models import User
from config.ui import formats
from leads.identity import merges
from sla import permissions
from sla.handoffs import attempts
from sla.models import (
    AccountPlay,
    AccountPlayQuerySet,
    PlayAttempt,
    PlayClock,
    PlayContact,
    PlayDisposition,
    PlayNote,
    PlayOutcome,
    PlayRouting,
    PlayTask,
)
from sla.plays import play_work
from sla.vocabulary import EXPECTED_ROLES, PLAY_MOVES, BuyingRole, PlayState

ROUTINGS_SHOWN = 10


@dataclass(frozen=True, slots=True)
class ContactCard:
    """A contact with what they did as sentences, and whether they may be contacted."""

    contact: PlayContact
    activity: Sequence[str]
    is_opted_out: bool


@dataclass(frozen=True, slots=True)
class PlayStep:
    """Something that was done on the play, for its history."""

    at: dt.datetime
    text: str
    by: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class PlayDetail:
    play: AccountPlay
    evidence: dict[str, Any]
    company_signals: Sequence[dict[str, Any]]
    contacts: Sequence[ContactCard]
    tasks: Sequence[PlayTask]
    clocks: Sequence[PlayClock]
    disposition: PlayDisposition | None
    history: Sequence[PlayStep]
    routings: Sequence[PlayRouting]
    attempts_progress: str
    may_work: bool
    may_assign: bool

    @property
    def missing_roles(self) -> list[BuyingRole]:
        roles = {card.contact.role for card in self.contacts}
        return [role for role in EXPECTED_ROLES if role not in roles]

    @property
    def open_tasks(self) -> int:
        return sum(task.is_open for task in self.tasks)

    @property
    def done_tasks(self) -> int:
        return len(self.tasks) - self.open_tasks

    @property
    def may_decide(self) -> bool:
        return self.may_work and self.play.is_to_decide

    @property
    def may_open(self) -> bool:
        return self._may_move_to(PlayState.OPPORTUNITY)

    @property
    def may_win(self) -> bool:
        return self._may_move_to(PlayState.WON)

    @property
    def may_lose(self) -> bool:
        return self._may_move_to(PlayState.LOST)

    @property
    def may_step(self) -> bool:
        return self.may_work and self.play.is_open

    def _may_move_to(self, to: PlayState) -> bool:
        return self.may_work and to in PLAY_MOVES[PlayState(self.play.state)]


def with_related_rows(plays: AccountPlayQuerySet) -> AccountPlayQuerySet:
    """Join what the page reads of each play."""
    return plays.select_related("company", "qualification", "version__definition", "commitment", "rep__user", "team")


def read_detail(play: AccountPlay, *, reader: User, now: dt.datetime) -> PlayDetail:
    """Read everything that belongs to a play from `with_related_rows`."""
    contacts = list(play.contacts.select_related("lead").order_by("-last_engaged_at", "pk"))
    opted_out = set(play.contacts.filter(merges.is_opted_out()).values_list("pk", flat=True))
    is_worked_on = play.is_open and play.rep is not None
    return PlayDetail(
        play=play,
        evidence=play.qualification.evidence,
        company_signals=[
            {**row, "at": parse_datetime(row["at"])} for row in play.qualification.evidence.get("company_signals", [])
        ],
        contacts=[ContactCard(row, describe_activity(row.activity), row.pk in opted_out) for row in contacts],
        tasks=list(play.tasks.select_related("contact__lead", "completed_by").order_by("completed_at", "pk")),
        clocks=list(play.clocks.filter(cancelled_at=None).order_by("due_at", "pk")),
        disposition=PlayDisposition.objects.filter(play=play).select_related("by", "reason", "sub_reason").first(),
        history=_read_history(play),
        routings=list(play.routings.order_by("-pk")[:ROUTINGS_SHOWN]),
        attempts_progress=attempts.describe_progress(play_work.read_tally(play, now)) if is_worked_on else "",
        may_work=permissions.may_decide(reader, play),
        may_assign=play.is_open and permissions.may_assign(reader, play),
    )


def describe_activity(activity: dict[str, Any]) -> list[str]:
    """Return what a person did, a line for each signal: "Pricing page, twice, last on 9 March 2026"."""
    return [
        f"{row['signal']}{_times(row['count'])}, last on {_day(row['last_at'])}" for row in activity.get("signals", [])
    ]


def _times(count: int) -> str:
    return "" if count == 1 else ", twice" if count == 2 else f", {count} times"  # noqa: PLR2004 (once and twice have words)


def _day(text: str) -> str:
    at = parse_datetime(text)
    return f"{at.day} {at:%B %Y}" if at else text


def _read_history(play: AccountPlay) -> list[PlayStep]:
    steps = [
        *(_attempt_step(row) for row in play.attempts.select_related("contact__lead", "by")),
        *(_note_step(row) for row in play.notes.select_related("by")),
        *(_outcome_step(row) for row in play.outcomes.select_related("by")),
    ]
    return sorted(steps, key=attrgetter("at"), reverse=True)


def _attempt_step(row: PlayAttempt) -> PlayStep:
    return PlayStep(row.at, f"{row} with {row.contact.lead}", str(row.by), row.note)


def _note_step(row: PlayNote) -> PlayStep:
    return PlayStep(row.at, "Meeting booked" if row.meeting_at else "Note", str(row.by), row.text)


def _outcome_step(row: PlayOutcome) -> PlayStep:
    amount = f": {formats.money(row.amount)}" if row.amount is not None else ""
    return PlayStep(row.at, f"{row.get_kind_display()}{amount}", str(row.by), row.reason)
