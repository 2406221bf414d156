"""The content of a decision on a handoff or play, and the checks of a rejection (rules 7.5, 7.6)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from config import company_days
from sla.handoffs import attempts, rejection_reasons
from sla.models import Commitment, Handoff, ReasonCode, SubReason
from sla.models.disposition import write_reason
from sla.vocabulary import DispositionKind, Route

NOTE_AT_MOST: Final = 1000
MISSING_AT_MOST: Final = 500
LONGEST_NURTURE: Final = dt.timedelta(days=2 * 365)


class DispositionRefused(Exception):
    """A decision that cannot be stored as it was given."""


@dataclass(frozen=True, slots=True)
class DispositionContent:
    """The content of a decision on a handoff, after its checks."""

    kind: DispositionKind
    reason: ReasonCode | None = None
    note: str = ""
    reengage_on: dt.date | None = None
    missing: str = ""
    sub_reason: SubReason | None = None

    @property
    def reason_label(self) -> str:
        """Return what the reason is called today; empty without one."""
        return str(self.reason or "")

    @property
    def sub_reason_label(self) -> str:
        """Return what the detail is called today; empty without one."""
        return str(self.sub_reason or "")

    @property
    def reason_text(self) -> str:
        """Return the reason with its detail, for people; empty for an acceptance."""
        return write_reason(self.reason_label, self.sub_reason_label)

    @property
    def closes_motions(self) -> bool:
        """Say whether the reason concerns the person as such, so that it closes every motion (rules 2.14)."""
        return self.reason is not None and self.reason.concerns_person


def check_rejection(
    handoff: Handoff,
    reason: ReasonCode,
    note: str,
    reengage_on: dt.date | None,
    now: dt.datetime,
    missing: str = "",
    sub_reason: SubReason | None = None,
) -> DispositionContent:
    """Check a rejection and return its content. Raises DispositionRefused with a sentence for the user."""
    tally = attempts.read_tally(handoff, now) if reason.needs_attempts else None
    content = DispositionContent(DispositionKind.REJECT, reason, note.strip(), reengage_on, missing.strip(), sub_reason)
    details = rejection_reasons.offered_details(reason)
    return complete_rejection(content, handoff.commitment, now, tally=tally, sub_reasons=details)


def complete_rejection(
    content: DispositionContent,
    commitment: Commitment,
    now: dt.datetime,
    *,
    tally: attempts.AttemptTally | None,
    sub_reasons: Sequence[SubReason],
) -> DispositionContent:
    """Check a rejection and return it with its day of re-engagement (rules 7.5, 7.6), without a query.

    `commitment` is that of the handoff or play, `tally` counts its attempts for a reason that needs them; `sub_reasons` are
    the details that are offered for the reason. Raises DispositionRefused with a sentence for the user.
    """
    reason = content.reason
    assert reason is not None  # noqa: S101 (a rejection has one)
    if not reason.is_offered:
        raise DispositionRefused(f"“{reason}” is not in use any more.")
    if reason.needs_note and not content.note:
        raise DispositionRefused(f"“{reason}” needs a note: what exactly?")
    _check_lengths(content.note, content.missing)
    if tally is not None and not tally.is_enough:
        raise DispositionRefused(attempts.describe_missing_attempts(reason, tally))
    _check_sub_reason(reason, content.sub_reason, sub_reasons)
    if reason.route != Route.RECYCLE:
        return replace(content, reengage_on=None)
    day = content.reengage_on or default_reengagement_date(commitment=commitment, now=now)
    if day <= company_days.day_of(now):
        raise DispositionRefused("The re-engagement date must be in the future.")
    if day > company_days.day_of(now) + LONGEST_NURTURE:
        raise DispositionRefused("The re-engagement date must be within two years.")
    return replace(content, reengage_on=day)


def default_reengagement_date(*, commitment: Commitment, now: dt.datetime) -> dt.date:
    """Return the day a recycled lead or company comes back unless the rep chooses another."""
    return company_days.day_of(now) + dt.timedelta(days=commitment.recycle_days)


def check_note(note: str) -> str:
    """Return the note of an acceptance without spaces around it. Raises DispositionRefused if it is too long."""
    _check_lengths(note.strip(), "")
    return note.strip()


def _check_lengths(note: str, missing: str) -> None:
    if len(note) > NOTE_AT_MOST:
        raise DispositionRefused(f"A note has {NOTE_AT_MOST} characters at most.")
    if len(missing) > MISSING_AT_MOST:
        raise DispositionRefused(f"What was missing fits {MISSING_AT_MOST} characters.")


def _check_sub_reason(reason: ReasonCode, sub_reason: SubReason | None, offered: Sequence[SubReason]) -> None:
    if sub_reason is not None and sub_reason not in offered:
        raise DispositionRefused(f"“{sub_reason}” is no detail of “{reason}”.")
    if sub_reason is None and offered:
        labels = [str(detail).lower() for detail in offered]
        raise DispositionRefused(
            f"“{reason}” needs its detail: {', '.join(labels[:-1])}{' or ' * (len(labels) > 1)}{labels[-1]}."
        )
