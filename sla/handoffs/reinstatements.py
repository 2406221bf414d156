"""Reinstatements: disqualified leads that come back, by their own request or by marketing (rules 7.20, 7.21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.urls import reverse

from config import company_days
from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.jobs import sweeps
from leads.identity import merges
from leads.models import Lead, LeadStage, StageChange
from leads.rescoring import rescore_queue
from leads.stages import stage_changes
from leads.vocabulary import Motion, Stage
from scoring.live import hand_raises
from scoring.models import HandRaise
from sla.models import Disposition, Handoff, Reinstatement
from sla.notifications import outbox
from sla.vocabulary import NoticeKind, Route

SWEEP: Final = "requests of disqualified leads"
#: The people who may bring a disqualified lead back.
REINSTATERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)
REASON_AT_MOST: Final = 300


class ReinstatementRefused(Exception):
    """A lead that does not come back: it is closed for good, or it is not disqualified."""


class ReasonMissing(Exception):
    """A reinstatement without a reason, or with one that is too long."""


@dataclass(frozen=True, slots=True)
class Disqualification:
    """The stages in which a person is disqualified, by lead and motion, and the decisions of sales that did it, latest first.

    Something else may have done it, as an exit from the MALs.
    """

    stages: Sequence[LeadStage]
    decisions: Sequence[Disposition]

    @property
    def at(self) -> dt.datetime:
        """Return when the person was disqualified last."""
        return max(stage.since for stage in self.stages)

    @property
    def motions(self) -> str:
        """Return the motions in which the person is disqualified, for people."""
        motions = {stage.motion for stage in self.stages}
        return ", ".join(motion.short for motion in Motion if motion in motions)

    @property
    def disposition(self) -> Disposition | None:
        """Return the decision to name: one that is final goes before later ones, as the person stays closed for it."""
        final = (decision for decision in self.decisions if _is_final(decision))
        return next(final, self.decisions[0] if self.decisions else None)

    @property
    def text(self) -> str:
        """Return when, by whom and as what the person was disqualified, without a full stop."""
        return write_disqualification(self.disposition, self.at)

    @property
    def reason_to_stay_closed(self) -> str:
        """Return why the person does not come back, as a sentence; empty if it may."""
        if merges.may_not_be_contacted(self.stages[0].lead):
            return "This lead asked not to be contacted: it stays closed."
        if self.disposition is not None and _is_final(self.disposition):
            return f"This lead was disqualified as “{self.disposition.reason}”: it stays closed."
        return ""

    def before(self, at: dt.datetime) -> Disqualification | None:
        """Return the part of it that is older than an instant; None without any."""
        return _build_disqualification([stage for stage in self.stages if stage.since < at], self.decisions)


@transaction.atomic
def reinstate(*, lead: Lead, by: User, now: dt.datetime, reason: str) -> Reinstatement:
    """Bring a disqualified lead back to marketing, on behalf of a person; asked again, return what there is.

    Raises ReasonMissing, and ReinstatementRefused with a sentence for the user.
    """
    reason = reason.strip()
    if not reason:
        raise ReasonMissing("Say why it comes back, for the record.")
    if len(reason) > REASON_AT_MOST:
        raise ReasonMissing(f"A reason has {REASON_AT_MOST} characters at most.")
    merges.lock_person(lead)
    disqualification = read_disqualification(lead)
    if disqualification is None:
        if (earlier := latest_reinstatement(lead)) is not None:
            return earlier
        raise ReinstatementRefused(f"This lead is not disqualified: it is “{Stage(lead.stage).label}”.")
    if refusal := disqualification.reason_to_stay_closed:
        raise ReinstatementRefused(refusal)
    return _bring_back(disqualification, by=by, now=now, reason=reason)


def follow_hand_raises(*, now: dt.datetime, limit: int = 100) -> int:
    """Bring back the disqualified leads that raised their hand, or say why they stay closed; tell marketing ops.

    Each has its own transaction; one that fails is set aside (rules 17.5). Any number of workers may run at once. Returns
    how many requests were handled.
    """
    waiting = HandRaise.objects.waiting().select_related("lead", "event__signal").order_by("pk")
    return sum(1 for _ in sweeps.claim_each(SWEEP, waiting, lambda row: _follow(row, now), now=now, limit=limit))


def read_disqualification(lead: Lead) -> Disqualification | None:
    """Return how the person is disqualified, in whatever motion and by whichever of its leads; None if it is not."""
    rows = LeadStage.objects.filter(lead__in=merges.list_person_ids(lead), stage=Stage.DISQUALIFIED)
    stages = list(rows.select_related("lead").order_by("lead_id", "since", "pk"))
    if not stages:
        return None
    return _build_disqualification(stages, list_disqualifications({stage.lead_id for stage in stages}))


def is_closed_for_good(lead: Lead) -> bool:
    """Return whether the person is disqualified and does not come back."""
    disqualification = read_disqualification(lead)
    return disqualification is not None and bool(disqualification.reason_to_stay_closed)


def list_disqualifications(lead_ids: Collection[int]) -> QuerySet[Disposition]:
    """Return the standing dispositions that disqualified these leads, the latest first."""
    rows = Disposition.objects.standing().filter(handoff__lead__in=lead_ids, reason__route=Route.DISQUALIFY)
    return rows.select_related("reason", "sub_reason", "by", "handoff").order_by("-at", "-pk")


def latest_reinstatement(lead: Lead) -> Reinstatement | None:
    """Return the last reinstatement of a person."""
    return _select_reinstatements(merges.list_person_ids(lead)).first()


def reinstatement_of_handoff(handoff: Handoff) -> Reinstatement | None:
    """Return the reinstatement that led to a handoff: the last one before it in its motion, and after the handoff before it."""
    lead_ids = merges.list_person_ids(handoff.lead)
    returns = StageChange.objects.filter(
        lead__in=lead_ids, motion=handoff.motion, from_stage=Stage.DISQUALIFIED, at=OuterRef("at")
    )
    row = _select_reinstatements(lead_ids).filter(Exists(returns), at__lte=handoff.created_at).first()
    if row is None:
        return None
    others = Handoff.objects.filter(lead__in=lead_ids, created_at__gt=row.at, created_at__lt=handoff.created_at)
    return None if others.exclude(pk=handoff.pk).filter(motion=handoff.motion).exists() else row


def write_history(row: Reinstatement) -> str:
    """Write why the lead was disqualified and how it came back, in one sentence with days of the company's zone."""
    request = row.hand_raise
    back = (
        f"{request.event.signal.name} on {_format_day(request.event.occurred_at)}"
        if request is not None
        else f"brought back on {_format_day(row.at)} by {row.by}: {row.reason}"
    )
    return f"{write_disqualification(row.disposition, row.disqualified_at)}; {back}."


def write_disqualification(disposition: Disposition | None, at: dt.datetime) -> str:
    """Write when, by whom and as what a lead was disqualified, without a full stop."""
    if disposition is None:
        return f"Was disqualified on {_format_day(at)}"
    return f"Was disqualified as “{disposition.reason_text}” on {_format_day(disposition.at)} by {disposition.by_name}"


def _follow(hand_raise: HandRaise, now: dt.datetime) -> HandRaise:
    """Bring the person of a request back in the motions that were closed before it, or store why it stays closed."""
    merges.lock_person(hand_raise.lead)
    disqualification, asked_at = read_disqualification(hand_raise.lead), hand_raise.event.occurred_at
    # A request that came late does not open what was closed after it.
    to_reopen = None if disqualification is None else disqualification.before(asked_at)
    if disqualification is None or to_reopen is None:
        # An earlier request, a person or the CRM has brought it back.
        hand_raises.mark_handled(hand_raise, now=now)
        return hand_raise
    refusal, disposition = disqualification.reason_to_stay_closed, disqualification.disposition
    hand_raises.mark_handled(hand_raise, now=now, why_closed=refusal)
    request_text = f"{hand_raise.event.signal.name} on {_format_day(asked_at)}"
    if refusal:
        # Once for each disqualification: who spams the form writes no notices.
        once = f"stays-closed:{hand_raise.lead_id}:{disposition.pk if disposition else 0}"
        _notify(
            once, hand_raise.lead, f"Stays closed: {hand_raise.lead}. {disqualification.text}; {request_text}.", now
        )
        return hand_raise
    row = _bring_back(to_reopen, by=None, now=now, reason=request_text, hand_raise=hand_raise)
    _notify(f"reinstated:{row.pk}", row.lead, f"Came back: {row.lead}. {to_reopen.text}; {request_text}.", now)
    return hand_raise


def _bring_back(
    disqualification: Disqualification,
    *,
    by: User | None,
    now: dt.datetime,
    reason: str,
    hand_raise: HandRaise | None = None,
) -> Reinstatement:
    """Move the person back to marketing in the motions of the disqualification. The caller has locked its leads."""
    standing = merges.select_person(disqualification.stages[0].lead).standing().get()
    row = Reinstatement.objects.create(
        lead=standing,
        disposition=disqualification.disposition,
        disqualified_at=disqualification.at,
        hand_raise=hand_raise,
        at=now,
        by=by,
        reason=reason[:REASON_AT_MOST],
    )
    for stage in disqualification.stages:
        # Only leads of the motion MQL are accepted for marketing (rules 2.3).
        to = Stage.MAL if stage.motion == Motion.MQL else Stage.LEAD
        stage_changes.move(
            lead=stage.lead, motion=stage.motion, to=to, by=by, now=now, why=f"Reinstated: {reason}"[:300]
        )
    # What the lead has done since may qualify it at once, as a new cycle (rules 6.2).
    rescore_queue.request(lead_ids=[standing.pk], at=now)
    return row


def _build_disqualification(
    stages: Sequence[LeadStage], dispositions: Iterable[Disposition]
) -> Disqualification | None:
    """Return the disqualification of these stages, with those of the dispositions that did it; None without stages."""
    decisions = [row for row in dispositions if any(_has_disqualified(row, stage) for stage in stages)]
    return Disqualification(stages, decisions) if stages else None


def _has_disqualified(disposition: Disposition, stage: LeadStage) -> bool:
    """Return whether a disposition is why the lead stands there, and not one that was overtaken since."""
    handoff = disposition.handoff
    is_of_motion = handoff.motion == stage.motion or _is_final(disposition)
    return handoff.lead_id == stage.lead_id and is_of_motion and disposition.at >= stage.since


def _is_final(disposition: Disposition) -> bool:
    return disposition.reason is not None and disposition.reason.concerns_person


def _select_reinstatements(lead_ids: Collection[int]) -> QuerySet[Reinstatement]:
    """Return the reinstatements of these leads, the latest first, with what their history names."""
    related = ("by", "disposition__reason", "disposition__sub_reason", "disposition__by", "hand_raise__event__signal")
    return Reinstatement.objects.filter(lead__in=lead_ids).select_related(*related).order_by("-at", "-pk")


def _notify(once: str, lead: Lead, text: str, now: dt.datetime) -> None:
    draft = outbox.NoticeDraft(
        kind=NoticeKind.REINSTATED,
        once=once,
        handoff=None,
        to=outbox.marketing_ops(),
        text=text[: outbox.TEXT_AT_MOST],
        at=now,
        path=reverse("lead", args=[lead.pk]),
    )
    outbox.write_notices([draft])


def _format_day(at: dt.datetime) -> str:
    return f"{company_days.day_of(at):%-d %B %Y}"
