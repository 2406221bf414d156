"""The life of a version: draft, proposed, approved, active, retired, or refused on the way (rules 9.1).

Each step locks the definition, then the version: signatures, edits and activations of one definition go one after another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from django.db import transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import permissions, proposals, version_documents
from definitions.models import LIVING_COLUMNS, Definition, Review, SignOff, Version, VersionChange
from definitions.proposals import ProposalGrounds
from definitions.vocabulary import VERSION_MOVES, ChangeDriver, Decision, Side, VersionState
from leads import rescore_queue

SIGNERS: Final[Mapping[Side, Role]] = MappingProxyType(
    {
        Side.MARKETING: Role.MARKETING_LEADER,
        Side.SALES: Role.SALES_LEADER,
        Side.OPS: Role.MARKETING_OPS,
        Side.SDR: Role.SDR,
    }
)
#: Whose word approves a version; the others' is heard.
DECIDING: Final = frozenset({Side.MARKETING, Side.SALES})
_ENTRANTS: Final = {
    True: "Leads that meet it by the change alone are handed to sales.",
    False: "Leads that meet it by the change alone are only marked.",
}


class VersionStepRefused(Exception):
    """The version cannot take this step now; each sentence says why and what to do."""

    def __init__(self, *sentences: str) -> None:
        super().__init__(" ".join(sentences))
        self.sentences = sentences


@dataclass(frozen=True, slots=True)
class SignatureResult:
    """The version after a signature; a refused one goes on as `successor`, a new draft."""

    version: Version
    successor: Version | None = None


@transaction.atomic
def copy(*, version: Version, by: User, now: dt.datetime, reason: str = "", major: bool = False) -> Version:
    """A new draft with the same rows and the next minor number, or the next major one. Raises rights.NotAllowed."""
    permissions.require(by, Role.MARKETING_OPS, to="draft a version")
    definition = version_documents.lock(version.definition)
    return _copy(definition, version, by, now, reason.strip() or f"Copy of {version.number}.", major=major)


@transaction.atomic
def propose(
    *,
    version: Version,
    driver: ChangeDriver,
    by: User,
    now: dt.datetime,
    evidence: str = "",
    review: Review | None = None,
    acknowledged: Mapping[str, str] = MappingProxyType({}),
) -> Version:
    """The draft is finished: from here on nothing in it changes, and what speaks for it is frozen beside it (rules 9.2, 9.8).

    It needs a backtest of exactly this document, no error of the linter, and each of its warnings in `acknowledged`: the
    finding's key and why it is accepted. `driver` says what the change answers, `evidence` and `review` show it; whatever
    loosens needs one of them. Raises StepRefused with every objection at once, rights.NotAllowed.
    """
    permissions.require(by, Role.MARKETING_OPS, to="propose a version")
    version = _locked(version)
    _check_move(version, VersionState.PROPOSED)
    grounds = ProposalGrounds(driver=driver, evidence=evidence.strip(), review=review, acknowledged=acknowledged)
    case = proposals.case_of(version, grounds, now=now)
    objections = proposals.objections(case, grounds)
    if objections or case.backtest is None:
        raise VersionStepRefused(*objections)
    proposals.record(case, grounds, backtest=case.backtest, by=by, now=now)
    version.proposed_at = now
    return _move(version, VersionState.PROPOSED, by, now)


@transaction.atomic
def sign(
    *, version: Version, side: Side, decision: Decision, comment: str, by: User, now: dt.datetime
) -> SignatureResult:
    """A side's word, given once and by a person who gave none yet.

    Both leaders' approval approves the version; a refusal by any side ends it, and its copy goes on as a draft.
    Raises StepRefused, rights.NotAllowed.
    """
    permissions.require(by, SIGNERS[side], to=f"sign for {side.label}")
    version = _locked(version)
    _check_signature(version, side, comment, by)
    SignOff.objects.create(version=version, side=side, decision=decision, comment=comment.strip(), by=by, at=now)
    if decision == Decision.REFUSED:
        return _refuse(version, side, comment.strip(), by, now)
    if version.state == VersionState.PROPOSED and _is_signed_by_both(version):
        version.approved_at = now
        version = _move(version, VersionState.APPROVED, by, now)
    return SignatureResult(version)


def activate(*, version: Version, hand_over_entrants: bool, by: User, now: dt.datetime) -> Version:
    """The approved version takes over from the active one, in one step; then every lead is due to be judged by it.

    `hand_over_entrants` says whether leads that meet it by the change alone go to sales, or are only marked.
    The looks are asked for after the step is committed, batch by batch, so that intake goes on meanwhile; what a
    crash leaves out the daily rescoring finds. Raises StepRefused, rights.NotAllowed.
    """
    permissions.require(by, Role.MARKETING_OPS, to="activate a version")
    version = _take_over(version, hand_over_entrants, by, now)
    rescore_queue.request_all(at=now)
    return version


@transaction.atomic
def revert(*, definition: Definition, to: Version, by: User, now: dt.datetime, reason: str = "") -> Version:
    """A new draft equal to a version that was in force before; it takes the same backtest and signatures as any other.

    It is numbered after the latest version. Raises StepRefused, rights.NotAllowed.
    """
    permissions.require(by, Role.MARKETING_OPS, to="draft a version")
    definition = version_documents.lock(definition)
    to = Version.objects.select_related("definition").get(pk=to.pk)
    if to.definition_id != definition.pk:
        raise VersionStepRefused(f"{to} is not a version of {definition}.")
    if to.state != VersionState.RETIRED:
        raise VersionStepRefused(
            f"{to.number} is {_named(to)}: only a version that was in force once can come back. Copy it."
        )
    latest = definition.versions.order_by("-major", "-minor")[0]
    minor = version_documents.next_minor(definition, latest.major)
    draft = replace(
        version_documents.draft_of(to),
        major=latest.major,
        minor=minor,
        reason=reason.strip() or f"Back to {to.number}.",
    )
    return version_documents.create(definition=definition, draft=draft, based_on=to, by=by, now=now)


@transaction.atomic
def _take_over(version: Version, hand_over_entrants: bool, by: User, now: dt.datetime) -> Version:
    version = _locked(version)
    _check_move(version, VersionState.ACTIVE)
    for old in Version.objects.active().filter(definition=version.definition).order_by("pk"):
        old.retired_at = now
        _move(old, VersionState.RETIRED, by, now, why=f"{version.number} takes over.")
    version.activated_at, version.hands_over_entrants = now, hand_over_entrants
    return _move(version, VersionState.ACTIVE, by, now, why=_ENTRANTS[hand_over_entrants])


def _locked(version: Version) -> Version:
    definition = version_documents.lock(version.definition)
    locked = Version.objects.select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    locked.definition = definition
    return locked


def _move(version: Version, to: VersionState, by: User, now: dt.datetime, why: str = "") -> Version:
    VersionChange.objects.create(version=version, from_state=version.state, to_state=to, at=now, by=by, why=why)
    version.state = to
    version.save(update_fields=list(LIVING_COLUMNS))
    return version


def _copy(
    definition: Definition, version: Version, by: User, now: dt.datetime, reason: str, *, major: bool = False
) -> Version:
    number = definition.versions.order_by("-major")[0].major + 1 if major else version.major
    minor = version_documents.next_minor(definition, number)
    draft = replace(version_documents.draft_of(version), major=number, minor=minor, reason=reason)
    return version_documents.create(definition=definition, draft=draft, based_on=version, by=by, now=now)


def _refuse(version: Version, side: Side, comment: str, by: User, now: dt.datetime) -> SignatureResult:
    version = _move(version, VersionState.REFUSED, by, now, why=comment)
    reason = f"{version.number} was refused by {side.label}: {comment}"
    return SignatureResult(version, _copy(version.definition, version, by, now, reason))


def _is_signed_by_both(version: Version) -> bool:
    approved = version.sign_offs.filter(decision=Decision.APPROVED, side__in=DECIDING)
    return approved.count() == len(DECIDING)


def _check_move(version: Version, to: VersionState) -> None:
    state = VersionState(version.state)
    if to in VERSION_MOVES[state]:
        return
    if to == VersionState.ACTIVE and state == VersionState.PROPOSED:
        raise VersionStepRefused(
            f"{version.number} waits for the signatures of both leaders; nobody can activate it before."
        )
    raise VersionStepRefused(
        f"{version.number} is {state.label.lower()}; it cannot become {to.label.lower()}.", *_last_step(version)
    )


def _last_step(version: Version) -> Iterator[str]:
    """Who was faster, and when."""
    step = version.changes.select_related("by").order_by("-pk").first()
    if step is not None:
        yield f"{step.by} took the last step on {_moment(step.at)}: {step.get_to_state_display().lower()}."


def _moment(at: dt.datetime) -> str:
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _named(version: Version) -> str:
    return VersionState(version.state).label.lower()


def _check_signature(version: Version, side: Side, comment: str, by: User) -> None:
    if version.state not in (VersionState.PROPOSED, VersionState.APPROVED):
        said = f"{version.number} is {_named(version)}; only a proposed version can be signed."
        raise VersionStepRefused(said, *_last_step(version))
    if not comment.strip():
        raise VersionStepRefused("Say in a sentence why: a signature carries its comment.")
    for word in version.sign_offs.select_related("by").order_by("pk"):
        if word.side == side:
            said = word.get_decision_display().lower()
            raise VersionStepRefused(f"{word.by} has signed for {side.label} already ({said}, {_moment(word.at)}).")
        if word.by_id == by.pk:
            raise VersionStepRefused(
                f"You have signed for {word.get_side_display()}; the other side needs another person."
            )
