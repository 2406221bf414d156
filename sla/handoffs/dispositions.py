"""Dispositions: the decision of sales on a handoff, stored once and corrected only by another row (rules 7.1, 7.2)."""

from __future__ import annotations

import datetime as dt
from typing import Final
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import Q

from config.accounts.models import User
from leads.identity import merges
from leads.intake import contact_decisions
from leads.stages import motion_stages, stage_changes
from leads.vocabulary import Motion, Stage
from scoring.live import hand_raises
from scoring.models import Qualification
from sla import handoff_states, permissions
from sla.clocks import clocks
from sla.handoffs import decision_lookup, disposition_content
from sla.handoffs.decision_lookup import StandingDecision
from sla.handoffs.disposition_content import DispositionContent, DispositionRefused
from sla.models import Disposition, Handoff, ReasonCode, SubReason
from sla.nurture import recycling
from sla.shipped_reasons import DO_NOT_CONTACT
from sla.vocabulary import ClockKind, DispositionKind, HandoffState, Route

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


class AlreadyDecided(Exception):
    """A decision that somebody else made before; the sentence says who and when."""

    def __init__(self, decision: StandingDecision, reader: User) -> None:
        at = decision.at.astimezone(ZoneInfo(reader.time_zone))
        verb = decision.kind.label.lower()
        super().__init__(f"{decision.by_name} {verb} this lead on {at:%-d %B %Y at %H:%M} ({reader.time_zone}).")


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
    content = disposition_content.check_rejection(handoff, reason, note, reengage_on, now, missing, sub_reason)
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
        content = DispositionContent(DispositionKind.ACCEPT, note=disposition_content.check_note(note))
    else:
        content = disposition_content.check_rejection(handoff, reason, note, reengage_on, now, missing, sub_reason)
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
