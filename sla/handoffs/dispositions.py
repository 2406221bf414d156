"""Dispositions: the decision of sales on a handoff, stored once and corrected only by another row (rules 7.1, 7.2)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from config import company_days
from config.accounts.models import User
from leads.identity import merges
from leads.intake import contact_decisions
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import Motion, Stage
from scoring.live import hand_raises
from scoring.models import Qualification
from sla import handoff_states, permissions
from sla.clocks import clocks
from sla.handoffs import attempts, decision_lookup, rejection_reasons
from sla.handoffs.decision_lookup import StandingDecision
from sla.models import Commitment, Disposition, Handoff, ReasonCode, SubReason
from sla.models.disposition import write_reason
from sla.nurture import recycling
from sla.shipped_reasons import DO_NOT_CONTACT
from sla.vocabulary import ClockKind, DispositionKind, HandoffState, Route

NOTE_AT_MOST: Final = 1000
MISSING_AT_MOST: Final = 500
LONGEST_NURTURE: Final = dt.timedelta(days=2 * 365)
#: The reason that the log of stages gives for an accepted lead.
WHY_ACCEPTED: Final = "Accepted by sales."

#: The stages by which a lead that was sent away comes back to sales, by the stage in which it stands since.
WAY_BACK: Final = {
    Stage.LEAD: (Stage.MQL, Stage.SAL),
    Stage.NURTURE: (Stage.MQL, Stage.SAL),
    Stage.PAUSED: (Stage.MQL, Stage.SAL),
    Stage.MAL: (Stage.MQL, Stage.SAL),
    Stage.DISQUALIFIED: (Stage.MAL, Stage.MQL, Stage.SAL),
}


class DispositionRefused(Exception):
    """A decision that cannot be stored as it was given."""


class AlreadyDecided(Exception):
    """A decision that somebody else made before; the sentence says who and when."""

    def __init__(self, decision: StandingDecision, reader: User) -> None:
        at = decision.at.astimezone(ZoneInfo(reader.time_zone))
        verb = decision.kind.label.lower()
        super().__init__(f"{decision.by_name} {verb} this lead on {at:%-d %B %Y at %H:%M} ({reader.time_zone}).")


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


@transaction.atomic
def accept(*, handoff: Handoff, by: User, now: dt.datetime) -> Disposition:
    """Accept the lead for sales: it becomes an SAL in the motion of the handoff.

    Raises AlreadyDecided, NotYours, DispositionRefused, HandoffStepRefused with a sentence for the user.
    """
    handoff = lock_undecided(handoff, by)
    content = DispositionContent(DispositionKind.ACCEPT)
    require_open_person(handoff, content)
    disposition = build_disposition(handoff, content, by, now)
    disposition.save(force_insert=True)
    handoff_states.move(handoff, HandoffState.ACCEPTED, decided_at=now)
    clocks.mark_met(handoff=handoff, kind=ClockKind.DISPOSITION, at=now)
    handoff_states.move_lead(handoff, Stage.SAL, by=by, now=now, why=WHY_ACCEPTED)
    recycling.close_request(handoff=handoff, now=now)
    return disposition


@transaction.atomic
def reject(  # noqa: PLR0913 (each is a column of the record)
    *,
    handoff: Handoff,
    reason: ReasonCode,
    by: User,
    now: dt.datetime,
    note: str = "",
    reengage_on: dt.date | None = None,
    missing: str = "",
    sub_reason: SubReason | None = None,
) -> Disposition:
    """Reject the lead and move it where the reason says (rules 7.5). `reengage_on` counts only for reasons that recycle.

    1. Lock the handoff; refuse if it was decided already or if the person may not decide.
    2. Check the reason and its detail, note, attempts and date.
    3. Store the disposition.
    4. Close the handoff as rejected.
    5. Meet the disposition clock and cancel the other clocks.
    6. Move the lead to its next stage and close or recycle its cycle.
    7. Record that an explicit request of the lead was answered, and its opt-out where that is the reason. A reason that
       concerns the person closes every motion.

    Raises AlreadyDecided, NotYours, DispositionRefused with a sentence for the user.
    """
    handoff = lock_undecided(handoff, by)
    content = check_rejection(handoff, reason, note, reengage_on, now, missing, sub_reason)
    require_open_person(handoff, content)
    disposition = build_disposition(handoff, content, by, now)
    disposition.save(force_insert=True)
    handoff_states.move(handoff, HandoffState.REJECTED, decided_at=now, closed_at=now)
    clocks.mark_met(handoff=handoff, kind=ClockKind.DISPOSITION, at=now)
    clocks.cancel_clocks(handoff=handoff, now=now)
    _send_lead_away(handoff, content, by, now)
    if content.closes_motions:
        stage_changes.close_motions(lead=handoff.lead, by=by, now=now, why=why_rejected(content))
    recycling.close_request(handoff=handoff, now=now)
    _state_opt_out(disposition, None)
    return disposition


@transaction.atomic
def correct(  # noqa: PLR0913 (each is a column of the record)
    *,
    handoff: Handoff,
    kind: DispositionKind,
    by: User,
    now: dt.datetime,
    reason: ReasonCode | None = None,
    note: str = "",
    reengage_on: dt.date | None = None,
    missing: str = "",
    sub_reason: SubReason | None = None,
) -> Disposition:
    """Replace the current disposition by another row that points at it, and move the lead where the new one says.

    1. Lock the handoff and load its current disposition.
    2. Check the new content; refuse one that changes nothing.
    3. Store the new disposition.
    4. Apply it, unless the lead went the same way on the same day already; then what concerns the person: its other
       motions and its opt-out. Requests that stayed closed for a reason that is final are handled anew where it is not.

    The clocks keep the first decision's time; a first contact that is owed again is due when it always was.
    Raises NotYours, DispositionRefused, HandoffStepRefused.
    """
    handoff = handoff_states.lock(handoff)
    permissions.require_decider(by, handoff)
    before = current_disposition(handoff)
    if before is None:
        raise DispositionRefused("There is no decision to correct yet.")
    if kind == DispositionKind.REJECT and reason is None:
        raise DispositionRefused("A rejection needs a reason.")
    if kind == DispositionKind.ACCEPT or reason is None:
        content = DispositionContent(DispositionKind.ACCEPT, note=_check_note(note))
    else:
        content = check_rejection(handoff, reason, note, reengage_on, now, missing, sub_reason)
    if _is_same_content(content, before):
        raise DispositionRefused("That is what the record says already.")
    disposition = build_disposition(handoff, content, by, now, corrects=before)
    disposition.save(force_insert=True)
    require_open_person(handoff, content)
    if not _has_same_destination(content, before):
        _apply_correction(handoff, content, by, now)
    _correct_other_motions(handoff, content, before, by, now)
    _state_opt_out(disposition, before)
    if before.reason is not None and before.reason.concerns_person and not content.closes_motions:
        # The person may have asked meanwhile. Locked, so that a request which is just being closed is found as well.
        hand_raises.reopen(lead_ids=[lead.pk for lead in merges.lock_person(handoff.lead)])
    return disposition


def current_disposition(handoff: Handoff) -> Disposition | None:
    """Return the disposition that no other corrects, or None."""
    current = handoff.dispositions.standing()
    return current.select_related("by", "reason", "sub_reason", "corrects__by").first()


def default_reengagement_date(*, commitment: Commitment, now: dt.datetime) -> dt.date:
    """Return the day a recycled lead or company comes back unless the rep chooses another."""
    return company_days.day_of(now) + dt.timedelta(days=commitment.recycle_days)


def lock_undecided(handoff: Handoff, by: User) -> Handoff:
    """Lock the handoff for a decision by this person. A decision that can still be undone blocks like a final one.

    Raises NotYours, AlreadyDecided; HandoffStepRefused when the CRM has gone on without a decision.
    """
    handoff = handoff_states.lock(handoff)
    refuse_decided(handoff, by)
    if not handoff.is_to_decide:
        raise handoff_states.HandoffStepRefused(
            f"This handoff is “{handoff.get_state_display()}”; there is nothing to decide."
        )
    return handoff


def refuse_decided(handoff: Handoff, by: User) -> None:
    """Raise NotYours for whoever may not decide, AlreadyDecided if somebody has decided, also in a way that can still be undone.

    Asked without the lock, too, so that whoever is late does not wait for it.
    """
    permissions.require_decider(by, handoff)
    decision = decision_lookup.find_decision(handoff.pk)
    if decision is not None:
        raise AlreadyDecided(decision, by)


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


def _check_note(note: str) -> str:
    _check_lengths(note.strip(), "")
    return note.strip()


def _is_same_content(content: DispositionContent, before: Disposition) -> bool:
    """Return whether the correction changes nothing; a rejection may change in its note alone, an acceptance may not."""
    if content.kind == DispositionKind.ACCEPT:
        return before.kind == content.kind
    recorded = (before.kind, before.reason, before.sub_reason_id, before.reengage_on, before.note, before.missing)
    sub_reason_id = content.sub_reason.pk if content.sub_reason else None
    return (
        content.kind, content.reason, sub_reason_id, content.reengage_on, content.note, content.missing,
    ) == recorded  # fmt: skip


def _has_same_destination(content: DispositionContent, before: Disposition) -> bool:
    """Return whether the lead goes the same way on the same day as before; then marketing's work since then stays."""
    if content.reason is None or before.reason is None:
        return False
    return (content.reason.route, content.reengage_on) == (before.reason.route, before.reengage_on)


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


def require_open_person(handoff: Handoff, content: DispositionContent) -> None:
    """Refuse a decision that would open a motion which sales closed under another one (rules 2.14)."""
    is_disqualifying = content.reason is not None and content.reason.route == Route.DISQUALIFY
    if is_disqualifying or motion_stages.read_stage(handoff.lead, handoff.motion) != Stage.DISQUALIFIED:
        return
    closing = Disposition.objects.standing().filter(handoff__lead=handoff.lead_id, reason__concerns_person=True)
    decision = closing.exclude(handoff=handoff).select_related("reason", "handoff").first()
    if decision is not None:
        raise DispositionRefused(
            f"This person was rejected as a {Motion(decision.handoff.motion).short} for “{decision.reason}”, which closes "
            "every motion. Reject it with a reason that disqualifies, or have that decision corrected."
        )


def build_disposition(
    handoff: Handoff, content: DispositionContent, by: User, now: dt.datetime, corrects: Disposition | None = None
) -> Disposition:
    """Return the record of a decision, not stored yet; `corrects` is the disposition that it replaces."""
    return Disposition(
        handoff=handoff,
        kind=content.kind,
        reason=content.reason,
        sub_reason=content.sub_reason,
        reason_label=content.reason_label,
        sub_reason_label=content.sub_reason_label,
        by_name=str(by),
        note=content.note,
        missing=content.missing,
        reengage_on=content.reengage_on,
        contacted_before=handoff.first_contact_at is not None,
        by=by,
        at=now,
        corrects=corrects,
    )


def _apply_correction(handoff: Handoff, content: DispositionContent, by: User, now: dt.datetime) -> None:
    """Move the handoff, its clocks and its lead as the corrected disposition says."""
    if handoff.state == HandoffState.REJECTED and not _is_latest_cycle(handoff):
        if content.kind == DispositionKind.ACCEPT:
            raise DispositionRefused("This lead has qualified again since; decide on the newer handoff.")
        return  # The newer cycle says where the lead is; here only the record changes.
    if handoff.state == HandoffState.REJECTED:
        recycling.reopen_cycle(handoff=handoff)
    if content.kind == DispositionKind.REJECT:
        if handoff.state != HandoffState.REJECTED:
            handoff_states.move(handoff, HandoffState.REJECTED, closed_at=now)
            clocks.cancel_clocks(handoff=handoff, now=now)
        _send_lead_away(handoff, content, by, now)
    else:
        handoff_states.move(handoff, HandoffState.ACCEPTED, closed_at=None)
        clocks.resume_contact(handoff=handoff)
        path = WAY_BACK.get(motion_stages.read_stage(handoff.lead, handoff.motion), (Stage.SAL,))
        handoff_states.move_lead(handoff, *path, by=by, now=now, why="Accepted by sales, correcting a rejection.")


def _send_lead_away(handoff: Handoff, content: DispositionContent, by: User, now: dt.datetime) -> None:
    path = stages_after_rejection(content, motion_stages.read_stage(handoff.lead, handoff.motion))
    handoff_states.move_lead(handoff, *path, by=by, now=now, why=why_rejected(content))
    if content.reengage_on is not None:
        recycling.recycle(handoff=handoff, on=content.reengage_on, now=now)
    else:
        recycling.close_cycle(handoff=handoff, now=now)


def _correct_other_motions(
    handoff: Handoff, content: DispositionContent, before: Disposition, by: User, now: dt.datetime
) -> None:
    """Close or reopen the other motions of the lead where only one of the two decisions concerns the person.

    A motion that was rejected as well with a reason that disqualifies stays closed; while another decision concerns the
    person, every motion does (rules 2.14).
    """
    did_close = before.reason is not None and before.reason.concerns_person
    if content.closes_motions == did_close or not _is_latest_cycle(handoff):
        return
    if content.closes_motions:
        stage_changes.close_motions(lead=handoff.lead, by=by, now=now, why=why_rejected(content))
        return
    others = (
        Disposition.objects.standing()
        .filter(handoff__lead=handoff.lead_id, reason__route=Route.DISQUALIFY)
        .exclude(handoff=handoff)
    )
    if others.filter(reason__concerns_person=True).exists():
        return
    closings = list(handoff.dispositions.filter(reason__concerns_person=True).values_list("at", flat=True))
    rejected = others.filter(at__gte=min(closings)).values_list("handoff__motion", flat=True)
    why = "The rejection that concerned the person was corrected."
    stage_changes.reopen_motions(
        lead=handoff.lead, closed_at=closings, but=[handoff.motion, *rejected], by=by, now=now, why=why
    )


def _state_opt_out(disposition: Disposition, before: Disposition | None) -> None:
    """Set the lead's opt-out where it is the reason of the rejection; lift what the corrected disposition had set."""
    lead = disposition.handoff.lead
    is_opt_out, was_opt_out = _is_for_opt_out(disposition), before is not None and _is_for_opt_out(before)
    if is_opt_out == was_opt_out:
        return
    if before is not None and was_opt_out:
        decision = contact_decisions.current_decision(lead.pk)
        if decision is None or not decision.is_opt_out or decision.at != before.at:
            return  # The lead or a colleague has said something since.
    reason = f"Rejected by sales: {disposition.reason}." if is_opt_out else "The rejection was corrected."
    contact_decisions.decide_contact(
        lead_id=lead.pk,
        is_opt_out=is_opt_out,
        by=disposition.by,
        reason=f"{reason} {disposition.note}",
        now=disposition.at,
    )
    lead.do_not_contact = is_opt_out


def _is_for_opt_out(disposition: Disposition) -> bool:
    return disposition.reason is not None and disposition.reason.code == DO_NOT_CONTACT


def why_rejected(content: DispositionContent) -> str:
    """Return the reason that the log of stages gives for a rejected lead."""
    return f"Rejected by sales: {content.reason_text}."


def stages_after_rejection(content: DispositionContent, stage: Stage) -> tuple[Stage, ...]:
    """Return the stages through which a rejected lead in `stage` goes, by the route of the reason (rules 7.5)."""
    if content.reengage_on is not None:
        # A correction may find the lead disqualified, from where the way leads through MAL.
        return (Stage.MAL, Stage.NURTURE) if stage == Stage.DISQUALIFIED else (Stage.NURTURE,)
    assert content.reason is not None  # noqa: S101 (the database says so too)
    return (Stage.MAL if content.reason.route == Route.BACK_TO_MARKETING else Stage.DISQUALIFIED,)


def _is_latest_cycle(handoff: Handoff) -> bool:
    own = Q(lead=handoff.lead_id, cycle__gt=handoff.qualification.cycle)
    others = Q(lead__in=merges.list_person_ids(handoff.lead), recorded_at__gt=handoff.qualification.recorded_at)
    return not Qualification.objects.filter(own | others & ~Q(lead=handoff.lead_id), motion=handoff.motion).exists()
