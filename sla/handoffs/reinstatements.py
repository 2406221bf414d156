"""Reinstatements: disqualified leads that come back, by their own request or by marketing (rules 7.20, 7.21)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Sequence, Set
from typing import Final

import structlog
from django.db import transaction
from django.db.models import QuerySet
from django.urls import reverse

from config import company_days
from config.accounts.models import User
from config.accounts.vocabulary import Role
from leads.identity import merges
from leads.models import Lead, LeadStage
from leads.rescoring import rescore_queue
from leads.stages import stage_changes
from leads.vocabulary import Motion, Stage
from scoring.live import hand_raises
from scoring.models import HandRaise
from sla.handoffs.row_claims import RowFailed, claim_each
from sla.models import Disposition, Handoff, Reinstatement
from sla.notifications import outbox
from sla.vocabulary import NoticeKind, Route

log = structlog.get_logger(__name__)

#: The people who may bring a disqualified lead back.
REINSTATERS: Final = (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)
REASON_AT_MOST: Final = 300


class ReinstatementRefused(Exception):
    """A lead that does not come back: it is closed for good, or it is not disqualified."""


class ReasonMissing(Exception):
    """A reinstatement without a reason, or with one that is too long."""


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
    person = _lock_person(lead)
    disqualified = _list_disqualified(person)
    if not disqualified:
        if (earlier := latest_reinstatement([member.pk for member in person])) is not None:
            return earlier
        raise ReinstatementRefused(f"This lead is not disqualified: it is “{Stage(lead.stage).label}”.")
    disposition = find_disqualification([member.pk for member in person])
    if refusal := reason_to_stay_closed(lead, disposition):
        raise ReinstatementRefused(refusal)
    return _bring_back(person, disqualified, disposition, by=by, now=now, reason=reason)


def is_disqualified(lead: Lead) -> bool:
    """Return whether the person is disqualified in any motion."""
    return bool(_list_disqualified(list(merges.select_person(lead))))


def follow_hand_raises(*, now: dt.datetime, limit: int = 100) -> int:
    """Bring back the disqualified leads that raised their hand, or say why they stay closed; tell marketing ops.

    Each has its own transaction; one that fails is logged and blocks none of the others. Any number of workers may run
    at once. Returns how many requests were handled.
    """
    return sum(1 for _ in claim_each(lambda failed: _follow_next(failed, now), limit=limit))


def find_disqualification(lead_ids: Collection[int]) -> Disposition | None:
    """Return the standing disposition that disqualified the person last; None if none of Accord's own did."""
    return list_disqualifications(lead_ids).first()


def list_disqualifications(lead_ids: Collection[int]) -> QuerySet[Disposition]:
    """Return the standing dispositions that disqualified these leads, the latest first."""
    rows = Disposition.objects.filter(
        corrected_by__isnull=True, handoff__lead__in=lead_ids, reason__route=Route.DISQUALIFY
    )
    return rows.select_related("reason", "sub_reason", "by", "handoff").order_by("-at", "-pk")


def reason_to_stay_closed(lead: Lead, disposition: Disposition | None) -> str:
    """Return why a disqualified lead does not come back, as a sentence; empty if it may."""
    if merges.may_not_be_contacted(lead):
        return "This lead asked not to be contacted: it stays closed."
    if disposition is not None and disposition.reason is not None and disposition.reason.concerns_person:
        return f"This lead was disqualified as “{disposition.reason}”: it stays closed."
    return ""


def latest_reinstatement(lead_ids: Collection[int], *, until: dt.datetime | None = None) -> Reinstatement | None:
    """Return the last reinstatement of a person, at or before `until` if that is given."""
    rows = Reinstatement.objects.filter(lead__in=lead_ids)
    if until is not None:
        rows = rows.filter(at__lte=until)
    related = ("by", "disposition__reason", "disposition__sub_reason", "disposition__by", "hand_raise__event__signal")
    return rows.select_related(*related).order_by("-at", "-pk").first()


def reinstatement_of_handoff(handoff: Handoff) -> Reinstatement | None:
    """Return the reinstatement that led to a handoff: the last one before it, and after the handoff before it."""
    lead_ids = merges.list_person_ids(handoff.lead)
    row = latest_reinstatement(lead_ids, until=handoff.created_at)
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
    return f"Was disqualified as “{disposition.reason_text}” on {_format_day(disposition.at)} by {disposition.by}"


@transaction.atomic
def _follow_next(failed: Set[int], now: dt.datetime) -> HandRaise | None:
    waiting = HandRaise.objects.waiting().exclude(pk__in=failed).order_by("pk")
    claimed = waiting.select_for_update(of=("self",), no_key=True, skip_locked=True)
    hand_raise = claimed.select_related("lead", "event__signal").first()
    if hand_raise is None:
        return None
    try:
        with transaction.atomic():
            _follow(hand_raise, now)
    except Exception as error:
        log.exception("hand_raise_not_followed", hand_raise=hand_raise.pk)
        raise RowFailed(hand_raise.pk) from error
    return hand_raise


def _follow(hand_raise: HandRaise, now: dt.datetime) -> None:
    """Bring the person of a request back, or store why it stays closed."""
    person = _lock_person(hand_raise.lead)
    disqualified = _list_disqualified(person)
    if not disqualified:
        # An earlier request, a person or the CRM has brought it back.
        hand_raises.mark_handled(hand_raise, now=now)
        return
    disposition = find_disqualification([member.pk for member in person])
    refusal = reason_to_stay_closed(hand_raise.lead, disposition)
    hand_raises.mark_handled(hand_raise, now=now, why_closed=refusal)
    history = write_disqualification(disposition, disqualified[0].since)
    request_text = f"{hand_raise.event.signal.name} on {_format_day(hand_raise.event.occurred_at)}"
    if refusal:
        # Once for each disqualification: who spams the form writes no notices.
        once = f"stays-closed:{hand_raise.lead_id}:{disposition.pk if disposition else 0}"
        _notify(once, hand_raise.lead, f"Stays closed: {hand_raise.lead}. {history}; {request_text}.", now)
        return
    row = _bring_back(person, disqualified, disposition, by=None, now=now, reason=request_text, hand_raise=hand_raise)
    _notify(f"reinstated:{row.pk}", row.lead, f"Came back: {row.lead}. {history}; {request_text}.", now)


def _bring_back(
    person: Sequence[Lead],
    disqualified: Sequence[LeadStage],
    disposition: Disposition | None,
    *,
    by: User | None,
    now: dt.datetime,
    reason: str,
    hand_raise: HandRaise | None = None,
) -> Reinstatement:
    standing = next(member for member in person if member.merged_into_id is None)
    row = Reinstatement.objects.create(
        lead=standing,
        disposition=disposition,
        disqualified_at=max(stage.since for stage in disqualified),
        hand_raise=hand_raise,
        at=now,
        by=by,
        reason=reason[:REASON_AT_MOST],
    )
    for stage in disqualified:
        # Only leads of the motion MQL are accepted for marketing (rules 2.3).
        to = Stage.MAL if stage.motion == Motion.MQL else Stage.LEAD
        stage_changes.move(
            lead=stage.lead, motion=stage.motion, to=to, by=by, now=now, why=f"Reinstated: {reason}"[:300]
        )
    # What the lead has done since may qualify it at once, as a new cycle (rules 6.2).
    rescore_queue.request(lead_ids=[standing.pk], at=now)
    return row


def _list_disqualified(person: Sequence[Lead]) -> list[LeadStage]:
    """Return the stages of the person in the motions in which it is disqualified."""
    rows = LeadStage.objects.filter(lead__in=person, stage=Stage.DISQUALIFIED)
    return list(rows.select_related("lead").order_by("lead_id", "since", "pk"))


def _lock_person(lead: Lead) -> list[Lead]:
    """Lock all leads of the person in the order of their ids, as judgements and intakes do."""
    return list(merges.select_person(lead).select_for_update(of=("self",), no_key=True))


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
