from __future__ import annotations

import datetime as dt

from django.db import transaction

from config.web import holds
from definitions import promises
from leads.models import User
from leads.vocabulary import Role
from sla.models import Commitment
from sla.vocabulary import CommitmentState


class NotYetAgreed(Exception):
    """No commitments are in force: there is nothing to judge a handoff by."""


class ActivationRefused(Exception):
    """These commitments cannot come into force."""


def current() -> Commitment:
    """The commitments in force. Raises NotYetAgreed."""
    commitment = Commitment.objects.filter(state=CommitmentState.ACTIVE).first()
    if commitment is None:
        raise NotYetAgreed("No commitments are in force yet: both sides must sign them before leads are handed off.")
    return commitment


@transaction.atomic
def sign(*, commitment: Commitment, by: User, now: dt.datetime) -> Commitment:
    """A leader's signature for their own side; with the second one the commitments come into force.

    Raises ActivationRefused with a sentence for the user.
    """
    commitment = Commitment.objects.select_for_update(of=("self",), no_key=True).get(pk=commitment.pk)
    if commitment.state != CommitmentState.DRAFT:
        raise ActivationRefused(f"{commitment} are {commitment.get_state_display().lower()} already.")
    side = _side_to_sign(commitment, by)
    setattr(commitment, side, by)
    commitment.save(update_fields=[side])
    if commitment.signed_by_marketing is None or commitment.signed_by_sales is None:
        return commitment
    return activate(
        commitment=commitment,
        by_marketing=commitment.signed_by_marketing,
        by_sales=commitment.signed_by_sales,
        now=now,
    )


@transaction.atomic
def activate(*, commitment: Commitment, by_marketing: User, by_sales: User, now: dt.datetime) -> Commitment:
    """Put signed commitments in force and retire those before them (SPEC 6). Open handoffs keep theirs.

    Raises ActivationRefused with a sentence for the user.
    """
    _check_signers(by_marketing, by_sales)
    # All rows, in order: two activations at once wait for each other here.
    rows = Commitment.objects.order_by("pk").select_for_update(of=("self",))
    locked = {row.pk: row for row in rows}
    commitment = locked[commitment.pk]
    if commitment.state != CommitmentState.DRAFT:
        raise ActivationRefused(f"{commitment} are {commitment.get_state_display().lower()} already.")
    for row in locked.values():
        if row.state == CommitmentState.ACTIVE:
            row.state, row.retired_at = CommitmentState.RETIRED, now
            row.save(update_fields=["state", "retired_at"])
    commitment.state, commitment.activated_at = CommitmentState.ACTIVE, now
    commitment.signed_by_marketing, commitment.signed_by_sales = by_marketing, by_sales
    commitment.save(update_fields=["state", "activated_at", "signed_by_marketing", "signed_by_sales"])
    promises.record(
        sentences=terms(commitment), signed_by=f"{by_marketing} for marketing, {by_sales} for sales", now=now
    )
    return commitment


def terms(commitment: Commitment) -> dict[str, list[str]]:
    """The commitments in sentences, as they stand beside a definition when it is signed."""
    return {
        promises.SALES: [
            f"First contact within {commitment.contact_minutes} business minutes; tier 1 within {commitment.contact_minutes_tier_1}.",
            f"Accepted, or rejected with a specific reason, within {commitment.disposition_hours} hours.",
            f"At least {commitment.attempts_before_unresponsive} contact attempts before a lead counts as out of reach.",
        ],
        promises.AFTERWARDS: [
            f"Rejected for its timing, a lead comes back after {commitment.recycle_days} days, or on the day that was given.",
            "Any other rejection sends it back to marketing or disqualifies it; its reason counts in the definition’s reviews.",
        ],
        promises.MARKETING: [
            f"{commitment.mqls_a_month} MQLs a month, all of which meet the definition.",
            f"Each reaches sales within {commitment.route_minutes} minutes, with its source, what it did and its history.",
        ],
    }


def _side_to_sign(commitment: Commitment, by: User) -> str:
    if commitment.signed_by_marketing is None and holds(by, Role.MARKETING_LEADER):
        return "signed_by_marketing"
    if commitment.signed_by_sales is None and holds(by, Role.SALES_LEADER):
        return "signed_by_sales"
    raise ActivationRefused("Only the marketing leader and the sales leader sign, each once and for their own side.")


def _check_signers(by_marketing: User, by_sales: User) -> None:
    if by_marketing == by_sales:
        raise ActivationRefused("Two different people sign: one for marketing, one for sales.")
    if not holds(by_marketing, Role.MARKETING_LEADER):
        raise ActivationRefused(f"{by_marketing} is not a marketing leader.")
    if not holds(by_sales, Role.SALES_LEADER):
        raise ActivationRefused(f"{by_sales} is not a sales leader.")
