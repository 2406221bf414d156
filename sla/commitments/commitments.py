"""The commitments of sales and marketing: drafted, signed by both leaders, in force, retired (rules 6.18)."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from django.db import transaction
from django.db.models import Max

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from definitions import commitment_snapshots
from leads.vocabulary import Motion
from sla.models import Commitment
from sla.vocabulary import OPPORTUNITY_DAYS, Channel, CommitmentState

log = structlog.get_logger(__name__)

#: Roles that may draft; only the two leaders sign.
DRAFTERS: Final = (Role.SALES_MANAGER, Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)

#: An attempt by channel, for sentences about its time.
ATTEMPT_NOUNS: Final = {
    Channel.CALL: "a call", Channel.EMAIL: "an e-mail", Channel.LINKEDIN: "a LinkedIn message", Channel.SMS: "a text message",
    Channel.MEETING: "a meeting",
}  # fmt: skip
NO_TARGET: Final = "no target agreed"


@dataclass(frozen=True, slots=True)
class CommitmentTerm:
    """An agreed number: a column of Commitment, its label and its limits. `{leads}` in the label is a motion's leads.

    Without an optional one commitments can be signed.
    """

    name: str
    label: str
    unit: str
    most: int
    least: int = 1
    is_optional: bool = False

    def name_for(self, motion: Motion) -> str:
        """Return the label with the leads named as the motion names them."""
        return self.label.format(leads=f"{motion.upper()}s")


TERMS: Final = (
    CommitmentTerm("contact_minutes", "First contact", "business minutes", 10_000),
    CommitmentTerm("contact_minutes_tier_1", "First contact with tier 1", "business minutes", 10_000),
    CommitmentTerm("disposition_hours", "Accept or reject", "hours of working days", 1_000),
    CommitmentTerm("attempts_before_unresponsive", "Before “unresponsive”", "contact attempts", 100),
    CommitmentTerm("attempts_working_days", "Spread of those attempts", "working days at least", 60),
    CommitmentTerm("attempts_channels", "Variety of those attempts", "channels at least", 5),
    CommitmentTerm("recycle_days", "A timing rejection comes back after", "days", 730),
    CommitmentTerm("mqls_a_month", "{leads} from marketing", "a month", 1_000_000),
    CommitmentTerm("opportunity_percent", "Of those {leads}, opportunities", f"% within {OPPORTUNITY_DAYS} days", 100),
    CommitmentTerm("tier_3_nurture_days", "Tier 3 nurtured first, before sales", "days", 365, least=0),
    CommitmentTerm("unworked_at_most", "Accepted but not contacted yet, at most", "leads a rep", 1_000, least=0),
    CommitmentTerm("route_minutes", "Routed to a rep within", "minutes", 10_000),
    *(
        CommitmentTerm(f"{channel}_minutes", f"Estimated time of {noun}", "minutes", 480, is_optional=True)
        for channel, noun in ATTEMPT_NOUNS.items()
    ),
)


@dataclass(frozen=True, slots=True)
class TermChange:
    """A term of one version beside the same term of another; None where a version agreed on nothing."""

    term: CommitmentTerm
    label: str
    before: int | None
    after: int | None


class NotYetAgreed(Exception):
    """The absence of commitments in force: handoffs cannot be measured."""


class ActivationRefused(Exception):
    """A signature or activation of commitments that is not possible."""


class DraftRefused(Exception):
    """A draft of commitments that cannot be created, edited or deleted."""


def current_commitment(motion: Motion) -> Commitment:
    """Return the commitments of a motion that are in force. Raises NotYetAgreed."""
    commitment = Commitment.objects.filter(motion=motion, state=CommitmentState.ACTIVE).first()
    if commitment is None:
        raise NotYetAgreed(
            f"No {motion.upper()} commitments are in force yet: both sides must sign them before leads are handed off."
        )
    return commitment


def commitments_in_force() -> dict[Motion, Commitment]:
    """Return the commitments in force by motion; a motion for which none were signed is missing. One query."""
    rows = {row.motion: row for row in Commitment.objects.filter(state=CommitmentState.ACTIVE)}
    return {motion: rows[motion] for motion in Motion if motion in rows}


def name_target(motion: Motion) -> str:
    """Return the name of the rate that the target is about, as MQL→opportunity."""
    return f"{motion.upper()}→opportunity"


def find_in_force_before(motion: Motion, end: dt.datetime) -> Commitment | None:
    """Return the commitments that were in force at the end of a period: later ones do not change what was owed in it."""
    earlier = Commitment.objects.filter(motion=motion, activated_at__lt=end)
    return earlier.order_by("-activated_at", "-pk").first()


@transaction.atomic
def create_draft(
    *, motion: Motion, terms: Mapping[str, int | None], reason: str, by: User, now: dt.datetime
) -> Commitment:
    """Create the motion's next version as an unsigned draft. Raises DraftRefused with a sentence for the user."""
    _check_drafter(by)
    versions = Commitment.objects.filter(motion=motion)
    # Locks the latest version, so that two people who draft at once do not take the same number.
    list(versions.order_by("-number").select_for_update(of=("self",))[:1])
    number = (versions.aggregate(last=Max("number"))["last"] or 0) + 1
    draft = Commitment.objects.create(motion=motion, number=number, reason=reason, created_at=now, **terms)
    log.info("commitments_drafted", commitment=draft.pk, by=by.pk)
    return draft


@transaction.atomic
def amend_draft(
    *, commitment: Commitment, terms: Mapping[str, int | None], reason: str, seen_stamp: str, by: User
) -> Commitment:
    """Edit a draft; a change removes the signatures, since they were given to other terms.

    `seen_stamp` is the stamp of the draft that was edited. Raises DraftRefused with a sentence for the user.
    """
    _check_drafter(by)
    row = _lock_draft(commitment)
    if stamp(row) != seen_stamp:
        raise DraftRefused("Somebody changed this draft in the meantime; look at it as it is now, then change it.")
    changed = {name: value for name, value in terms.items() if getattr(row, name) != value}
    for name, value in changed.items():
        setattr(row, name, value)
    if changed or row.reason != reason:
        row.signed_by_marketing = row.signed_by_sales = None
    row.reason = reason
    row.save()
    log.info("commitments_amended", commitment=row.pk, by=by.pk)
    return row


@transaction.atomic
def discard_draft(*, commitment: Commitment, by: User) -> None:
    """Delete a draft. Raises DraftRefused with a sentence for the user."""
    _check_drafter(by)
    row = _lock_draft(commitment)
    log.info("commitments_discarded", commitment=row.pk, by=by.pk)
    row.delete()


def stamp(commitment: Commitment) -> str:
    """Return a stamp of the terms and the reason: drafts with the same content have the same stamp."""
    content = [*(getattr(commitment, term.name) for term in TERMS), commitment.reason]
    return hashlib.sha256(repr(content).encode()).hexdigest()[:16]


def changed_terms(before: Commitment, after: Commitment) -> tuple[TermChange, ...]:
    """Return the terms in which two versions of one motion differ."""
    motion = Motion(after.motion)
    pairs = (
        TermChange(term, term.name_for(motion), getattr(before, term.name), getattr(after, term.name)) for term in TERMS
    )
    return tuple(pair for pair in pairs if pair.before != pair.after)


def side_to_sign(commitment: Commitment, by: User) -> str:
    """Return "marketing" or "sales" if this person's signature for that side is missing, else an empty string."""
    try:
        side = _side_to_sign(commitment, by)
    except ActivationRefused:
        return ""
    other = commitment.signed_by_sales if side == "signed_by_marketing" else commitment.signed_by_marketing
    return "" if other == by or commitment.state != CommitmentState.DRAFT else side.removeprefix("signed_by_")


def describe_signatures(commitment: Commitment) -> str:
    """Return who has signed so far, as a sentence: for a leader who comes too late."""
    signers = {"marketing": commitment.signed_by_marketing, "sales": commitment.signed_by_sales}
    names = [f"{person} for {side}" for side, person in signers.items() if person is not None]
    return f"Signed by {' and '.join(names)}." if names else "Nobody has signed them."


@transaction.atomic
def sign(*, commitment: Commitment, by: User, now: dt.datetime, seen_stamp: str | None = None) -> Commitment:
    """Store a leader's signature for their own side; with the second one the commitments come into force.

    `seen_stamp` is the stamp of the draft they read. Raises ActivationRefused with a sentence for the user.
    """
    commitment = Commitment.objects.select_for_update(of=("self",), no_key=True).get(pk=commitment.pk)
    if seen_stamp is not None and stamp(commitment) != seen_stamp:
        raise ActivationRefused("The draft was changed after you opened it; read it as it is now, then sign.")
    if commitment.state != CommitmentState.DRAFT:
        raise ActivationRefused(f"{commitment} are {commitment.get_state_display().lower()} already.")
    _check_target(commitment)
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
    """Put signed commitments in force and retire those of their motion before them (rules 6.18).

    Open handoffs keep theirs.

    1. Check that a marketing leader and a sales leader signed.
    2. Lock all versions of the motion in id order.
    3. Refuse a version that is no draft.
    4. Retire the version in force.
    5. Activate this one.
    6. Store its sentences beside the definitions.

    Raises ActivationRefused with a sentence for the user.
    """
    _check_signers(by_marketing, by_sales)
    _check_target(commitment)
    # Locks all rows in id order, so that of two activations at once the second waits here.
    rows = Commitment.objects.filter(motion=commitment.motion).order_by("pk").select_for_update(of=("self",))
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
    commitment_snapshots.record_snapshot(
        motion=Motion(commitment.motion),
        sentences=term_sentences(commitment),
        signed_by=f"{by_marketing} for marketing, {by_sales} for sales",
        now=now,
    )
    return commitment


def term_sentences(commitment: Commitment) -> dict[str, list[str]]:
    """Return the commitments as sentences by side, as shown beside a definition when it is signed."""
    subject = "company" if commitment.motion == Motion.AQL else "lead"
    return {
        commitment_snapshots.SALES: [
            f"First contact within {commitment.contact_minutes} business minutes; tier 1 within {commitment.contact_minutes_tier_1}.",
            f"Accepted, or rejected with a specific reason, within {commitment.disposition_hours} hours.",
            _attempts_sentence(commitment, subject),
            _unworked_sentence(commitment),
            *_minutes_sentences(commitment),
        ],
        commitment_snapshots.AFTERWARDS: [
            f"Rejected for its timing, a {subject} comes back after {commitment.recycle_days} days, or on the day that was given.",
            "Any other rejection sends it back to marketing or disqualifies it; its reason counts in the definition’s reviews.",
        ],
        commitment_snapshots.MARKETING: [
            f"{commitment.mqls_a_month} {commitment.motion.upper()}s a month, all of which meet the definition.",
            _target_sentence(commitment),
            f"Each reaches sales within {commitment.route_minutes} minutes, with its source, what it did and its history.",
            # Companies are of tier 1 or 2 alone.
            *([] if commitment.motion == Motion.AQL else [_tier_3_sentence(commitment)]),
        ],
    }


def _target_sentence(commitment: Commitment) -> str:
    percent = commitment.opportunity_percent
    name = name_target(Motion(commitment.motion))
    if percent is None:
        return f"{name}: {NO_TARGET}."
    return f"Of those, at least {percent} % become opportunities within {OPPORTUNITY_DAYS} days ({name})."


def _attempts_sentence(commitment: Commitment, subject: str) -> str:
    count, days, channels = (
        commitment.attempts_before_unresponsive, commitment.days_before_unresponsive, commitment.attempts_channels,
    )  # fmt: skip
    by = f" and by {channels} different channels" if channels > 1 else ""
    return (
        f"At least {count} contact attempt{'' if count == 1 else 's'} on {days} different working day{'' if days == 1 else 's'}{by}"
        f" before a {subject} counts as out of reach."
    )


def _unworked_sentence(commitment: Commitment) -> str:
    limit = commitment.unworked_at_most
    if not limit:
        return "How many accepted leads may wait for a contact is each team’s to say."
    return f"Accepted leads are worked before more are taken: with {limit} still without a contact a rep gets no more."


def _minutes_sentences(commitment: Commitment) -> list[str]:
    minutes = commitment.minutes_by_channel
    return [f"Work is estimated by {describe_minutes(minutes)}."] if minutes else []


def describe_minutes(minutes: Mapping[Channel, int]) -> str:
    """Return agreed minutes in words, as 5 minutes a call, 3 an e-mail; empty without any."""
    units = ("minutes ", *[""] * len(minutes))
    parts = zip(minutes.items(), units, strict=False)
    return ", ".join(f"{number} {unit}{ATTEMPT_NOUNS[channel]}" for (channel, number), unit in parts)


def _tier_3_sentence(commitment: Commitment) -> str:
    days = commitment.tier_3_nurture_days
    if not days:
        return "Tier 3, the weakest, goes to sales like the others."
    return (
        f"Tier 3, the weakest, is nurtured for {days} day{'' if days == 1 else 's'} before it goes to sales,"
        " or goes at once as tier 1 when it turns hot."
    )


def _side_to_sign(commitment: Commitment, by: User) -> str:
    if commitment.signed_by_marketing is None and holds(by, Role.MARKETING_LEADER):
        return "signed_by_marketing"
    if commitment.signed_by_sales is None and holds(by, Role.SALES_LEADER):
        return "signed_by_sales"
    raise ActivationRefused("Only the marketing leader and the sales leader sign, each once and for their own side.")


def _check_drafter(by: User) -> None:
    if not holds(by, *DRAFTERS):
        raise DraftRefused("Sales managers, marketing ops and the two leaders draft commitments.")


def _lock_draft(commitment: Commitment) -> Commitment:
    row = Commitment.objects.select_for_update(of=("self",)).filter(pk=commitment.pk).first()
    if row is None:
        raise DraftRefused("This draft was deleted in the meantime.")
    if row.state != CommitmentState.DRAFT:
        raise DraftRefused(f"{row} are {row.get_state_display().lower()}: what was signed stays as it is.")
    return row


def _check_target(commitment: Commitment) -> None:
    if commitment.opportunity_percent is None:
        name = name_target(Motion(commitment.motion))
        raise ActivationRefused(f"This draft promises a volume without a rate: edit it and give its target of {name}.")


def _check_signers(by_marketing: User, by_sales: User) -> None:
    if by_marketing == by_sales:
        raise ActivationRefused("Two different people sign: one for marketing, one for sales.")
    if not holds(by_marketing, Role.MARKETING_LEADER):
        raise ActivationRefused(f"{by_marketing} is not a marketing leader.")
    if not holds(by_sales, Role.SALES_LEADER):
        raise ActivationRefused(f"{by_sales} is not a sales leader.")
