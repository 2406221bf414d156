"""The life of a version: draft, proposed, approved, active, retired, or refused on the way (rules 9.1).

Each step locks the definition, then the version, so the signatures, edits and activations of one definition happen one
after another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from django.db import transaction
from django.db.models import Q

from config import lock_waits
from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import evidence_links, permissions, proposals, version_documents
from definitions.models import LIVING_COLUMNS, Definition, Review, SignOff, Version, VersionChange
from definitions.proposals import ProposalGrounds
from definitions.vocabulary import (
    DECIDING_SIDES,
    VERSION_MOVES,
    ChangeDriver,
    Decision,
    PrecisionBasis,
    Side,
    VersionState,
)
from leads.rescoring import mass_rescores

SIGNERS: Final[Mapping[Side, Role]] = MappingProxyType(
    {
        Side.MARKETING: Role.MARKETING_LEADER,
        Side.SALES: Role.SALES_LEADER,
        Side.OPS: Role.MARKETING_OPS,
        Side.SDR: Role.SDR,
    }
)
_ENTRANTS_SENTENCES: Final = {
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
    """The version after a signature; `successor` is the new draft that follows a refused version."""

    version: Version
    successor: Version | None = None


def find_in_force(definition: Definition, before: dt.datetime) -> Version | None:
    """Return the version of a definition that was in force just before an instant."""
    begun = Version.objects.filter(definition=definition, activated_at__lt=before)
    return begun.filter(Q(retired_at=None) | Q(retired_at__gte=before)).order_by("-activated_at").first()


@transaction.atomic
def copy_version(*, version: Version, by: User, now: dt.datetime, reason: str = "", major: bool = False) -> Version:
    """Create a draft with the same rows and the next minor number, or the next major one.

    Raises permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_OPS, to="draft a version")
    definition = version_documents.lock_definition(version.definition)
    return _create_copy(definition, version, by, now, reason.strip() or f"Copy of {version.number}.", major=major)


@transaction.atomic
def propose(  # noqa: PLR0913 (the grounds are sent one by one)
    *,
    version: Version,
    driver: ChangeDriver,
    by: User,
    now: dt.datetime,
    evidence: str = "",
    review: Review | None = None,
    links: Sequence[str] = (),
    precision_basis: PrecisionBasis = PrecisionBasis.WON,
    acknowledged: Mapping[str, str] = MappingProxyType({}),
) -> Version:
    """Propose a draft: from then on nothing in it changes, and its grounds are frozen beside it (rules 9.2, 9.8).

    1. Check the role, lock the version, and check that it is a draft.
    2. Build the case: the backtest of exactly this document, the linter's findings, the changes, the seven points.
    3. Refuse with every objection at once. A proposal needs a backtest, no error of the linter, and each warning in
       `acknowledged` (the finding's key and the reason for accepting it), also those on coverage, precision (by
       `precision_basis`) and period of the backtest. `driver` names the cause of the change, `evidence` says it in words;
       a change that loosens cites a `review` or other `links` (definitions.evidence_links).
    4. Record the case and the grounds.
    5. Keep what it was backtested with besides its rows, which is what is present (rules 9.18), and change the state.

    Raises VersionStepRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_OPS, to="propose a version")
    version = _lock_version(version)
    _check_move(version, VersionState.PROPOSED)
    cited, complaints = evidence_links.read_links(links, definition=version.definition)
    grounds = ProposalGrounds(
        driver=driver,
        evidence=evidence.strip(),
        review=review,
        links=cited,
        link_complaints=complaints,
        precision_basis=precision_basis,
        acknowledged=acknowledged,
    )
    case = proposals.build_case(version, grounds, now=now)
    objections = proposals.list_objections(case, grounds)
    if objections or case.backtest is None:
        raise VersionStepRefused(*objections)
    proposals.record_proposal(case, grounds, backtest=case.backtest, by=by, now=now)
    version.basis, version.basis_kept_at = case.backtest.basis, now
    version.save(update_fields=["basis", "basis_kept_at"])
    version.proposed_at = now
    return _change_state(version, VersionState.PROPOSED, by, now)


@transaction.atomic
def sign(
    *, version: Version, side: Side, decision: Decision, comment: str, by: User, now: dt.datetime
) -> SignatureResult:
    """Record the signature of a leader, or the words of ops or an SDR, who are heard (rules 9.9, 9.10).

    A leader signs once per side. The approval of both leaders approves the version; the refusal of one ends it, and a copy
    continues as a draft. Words that are only heard change nothing but the record, and each person speaks once.
    Raises VersionStepRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, SIGNERS[side], to=f"sign for {side.label}")
    version = _lock_version(version)
    _check_signature(version, side, comment, by)
    SignOff.objects.create(version=version, side=side, decision=decision, comment=comment.strip(), by=by, at=now)
    if side not in DECIDING_SIDES:
        return SignatureResult(version)
    if decision == Decision.REFUSED:
        return _refuse_version(version, side, comment.strip(), by, now)
    if version.state == VersionState.PROPOSED and _is_signed_by_both(version):
        version.approved_at = now
        version = _change_state(version, VersionState.APPROVED, by, now)
    return SignatureResult(version)


@transaction.atomic
def activate(*, version: Version, hand_over_entrants: bool, by: User, now: dt.datetime) -> Version:
    """Replace the active version by this approved one, and have every lead judged by it, in one step.

    `hand_over_entrants` decides whether leads that meet it by the change alone go to sales, or are only marked. Workers
    judge the leads afterwards, a few at a time (leads.rescoring.mass_rescores). Raises VersionStepRefused,
    permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_OPS, to="activate a version")
    version = _replace_active_version(version, hand_over_entrants, by, now)
    mass_rescores.request(cause=rescore_cause(version), why=f"{version} came into force.", at=now)
    return version


def rescore_cause(version: Version) -> str:
    """Return the name under which the rescoring of all leads by a version is kept."""
    return f"version:{version.pk}"


@transaction.atomic
def revert(*, definition: Definition, to: Version, by: User, now: dt.datetime, reason: str = "") -> Version:
    """Create a draft equal to a version that was in force before; it needs a backtest and signatures as any other.

    It is numbered after the latest version. Raises VersionStepRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_OPS, to="draft a version")
    definition = version_documents.lock_definition(definition)
    to = Version.objects.select_related("definition").get(pk=to.pk)
    if to.definition_id != definition.pk:
        raise VersionStepRefused(f"{to} is not a version of {definition}.")
    if to.state != VersionState.RETIRED:
        raise VersionStepRefused(
            f"{to.number} is {_state_name(to)}: only a version that was in force once can come back. Copy it."
        )
    latest = definition.versions.order_by("-major", "-minor")[0]
    minor = version_documents.next_minor(definition, latest.major)
    draft = replace(
        version_documents.read_draft(to),
        major=latest.major,
        minor=minor,
        reason=reason.strip() or f"Back to {to.number}.",
    )
    return version_documents.create_version(definition=definition, draft=draft, based_on=to, by=by, now=now)


def _replace_active_version(version: Version, hand_over_entrants: bool, by: User, now: dt.datetime) -> Version:
    version = _lock_version(version)
    _check_move(version, VersionState.ACTIVE)
    _check_not_overtaken(version)
    for old in Version.objects.active().filter(definition=version.definition).order_by("pk"):
        old.retired_at = now
        _change_state(old, VersionState.RETIRED, by, now, why=f"{version.number} takes over.")
    version.activated_at, version.hands_over_entrants = now, hand_over_entrants
    return _change_state(version, VersionState.ACTIVE, by, now, why=_ENTRANTS_SENTENCES[hand_over_entrants])


def _lock_version(version: Version) -> Version:
    # The definition first, then the version: every step locks in this order, so two steps cannot deadlock.
    with lock_waits.limit_lock_waits():
        definition = version_documents.lock_definition(version.definition)
        locked = Version.objects.select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    locked.definition = definition
    return locked


def _change_state(version: Version, to: VersionState, by: User, now: dt.datetime, why: str = "") -> Version:
    VersionChange.objects.create(version=version, from_state=version.state, to_state=to, at=now, by=by, why=why)
    version.state = to
    version.save(update_fields=list(LIVING_COLUMNS))
    return version


def _create_copy(
    definition: Definition, version: Version, by: User, now: dt.datetime, reason: str, *, major: bool = False
) -> Version:
    number = definition.versions.order_by("-major")[0].major + 1 if major else version.major
    minor = version_documents.next_minor(definition, number)
    draft = replace(version_documents.read_draft(version), major=number, minor=minor, reason=reason)
    return version_documents.create_version(definition=definition, draft=draft, based_on=version, by=by, now=now)


def _refuse_version(version: Version, side: Side, comment: str, by: User, now: dt.datetime) -> SignatureResult:
    version = _change_state(version, VersionState.REFUSED, by, now, why=comment)
    reason = f"{version.number} was refused by {side.label}: {comment}"
    return SignatureResult(version, _create_copy(version.definition, version, by, now, reason))


def _is_signed_by_both(version: Version) -> bool:
    approved = version.sign_offs.filter(decision=Decision.APPROVED, side__in=DECIDING_SIDES)
    return approved.count() == len(DECIDING_SIDES)


def _check_move(version: Version, to: VersionState) -> None:
    state = VersionState(version.state)
    if to in VERSION_MOVES[state]:
        return
    if to == VersionState.ACTIVE and state == VersionState.PROPOSED:
        raise VersionStepRefused(
            f"{version.number} waits for the signatures of both leaders; nobody can activate it before."
        )
    raise VersionStepRefused(
        f"{version.number} is {state.label.lower()}; it cannot become {to.label.lower()}.",
        *_describe_last_step(version),
    )


def _check_not_overtaken(version: Version) -> None:
    """Refuse a version since whose proposal another one came into force: its signers compared it with what was then."""
    proposed = version.changes.filter(to_state=VersionState.PROPOSED).order_by("-pk").first()
    if proposed is None:
        return
    # By their ids: the steps of a definition come one after another, and two may have the same instant.
    since = VersionChange.objects.filter(to_state=VersionState.ACTIVE, pk__gt=proposed.pk)
    other = since.filter(version__definition=version.definition).exclude(version=version).order_by("-pk").first()
    if other is not None:
        raise VersionStepRefused(
            f"{version.number} was overtaken: {other.version.number} came into force on {_format_moment(other.at)}, after"
            f" {version.number} was proposed.",
            "What both leaders signed was compared with the version before. Copy it to a new draft, and propose that anew.",
        )


def describe_standing(version: Version) -> tuple[str, ...]:
    """Return how far a version is and who brought it there, as sentences: for a person whose step came too late."""
    signatures = version.sign_offs.select_related("by").order_by("pk")
    return (
        f"{version.number} is {_state_name(version)} already.",
        *_describe_last_step(version),
        *(
            f"{row.by} {'signed' if row.counts else 'spoke'} for {row.get_side_display()}: {row.decision_words},"
            f" {_format_moment(row.at)}."
            for row in signatures
        ),
    )


def _describe_last_step(version: Version) -> Iterator[str]:
    """Describe the latest step of the version: for a person whose step came too late."""
    step = version.changes.select_related("by").order_by("-pk").first()
    if step is not None:
        yield f"{step.by} took the last step on {_format_moment(step.at)}: {step.get_to_state_display().lower()}."


def _format_moment(at: dt.datetime) -> str:
    return f"{at.day} {at:%B %Y, %H:%M} UTC"


def _state_name(version: Version) -> str:
    return VersionState(version.state).label.lower()


def _check_signature(version: Version, side: Side, comment: str, by: User) -> None:
    if version.state not in (VersionState.PROPOSED, VersionState.APPROVED):
        state_sentence = f"{version.number} is {_state_name(version)}; only a proposed version can be signed."
        raise VersionStepRefused(state_sentence, *_describe_last_step(version))
    if not comment.strip():
        raise VersionStepRefused("Say in a sentence why: a signature carries its comment.")
    for sign_off in version.sign_offs.select_related("by").order_by("pk"):
        if sign_off.side == side and sign_off.counts:
            raise VersionStepRefused(
                f"{sign_off.by} has signed for {side.label} already"
                f" ({sign_off.decision_words}, {_format_moment(sign_off.at)})."
            )
        if sign_off.by_id == by.pk and sign_off.counts == (side in DECIDING_SIDES):
            verb = "signed" if sign_off.counts else "commented"
            raise VersionStepRefused(
                f"You have {verb} for {sign_off.get_side_display()} already; each person signs once and comments once."
            )
