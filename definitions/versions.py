"""The life of a version: draft, proposed, approved, active, retired, or refused on the way (SPEC 9).

Each step locks the definition, then the version: signatures, edits and activations of one definition go one after another.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from django.db import transaction

from definitions import documents, rights
from definitions.models import Definition, SignOff, Version, VersionChange
from definitions.vocabulary import VERSION_MOVES, Decision, PathKind, Side, VersionState
from leads import looks
from leads.models import User
from leads.vocabulary import Role

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


class StepRefused(Exception):
    """The version cannot take this step now; the sentence says why and what to do."""


@dataclass(frozen=True, slots=True)
class Signed:
    """The version after a signature; a refused one goes on as `successor`, a new draft."""

    version: Version
    successor: Version | None = None


@transaction.atomic
def copy(*, version: Version, by: User, now: dt.datetime, reason: str = "") -> Version:
    """A new draft with the same rows and the next minor number. Raises rights.NotAllowed."""
    rights.require(by, Role.MARKETING_OPS, to="draft a version")
    definition = documents.lock(version.definition)
    return _copy(definition, version, by, now, reason or f"Copy of {version.number}.")


@transaction.atomic
def propose(*, version: Version, by: User, now: dt.datetime) -> Version:
    """The draft is finished: from here on nothing in it changes. Raises StepRefused, rights.NotAllowed."""
    rights.require(by, Role.MARKETING_OPS, to="propose a version")
    version = _locked(version)
    _check_move(version, VersionState.PROPOSED)
    _check_finished(version)
    version.proposed_at = now
    return _move(version, VersionState.PROPOSED, by, now)


@transaction.atomic
def sign(*, version: Version, side: Side, decision: Decision, comment: str, by: User, now: dt.datetime) -> Signed:
    """A side's word, given once and by a person who gave none yet.

    Both leaders' approval approves the version; a refusal by any side ends it, and its copy goes on as a draft.
    Raises StepRefused, rights.NotAllowed.
    """
    rights.require(by, SIGNERS[side], to=f"sign for {side.label}")
    version = _locked(version)
    _check_signature(version, side, comment, by)
    SignOff.objects.create(version=version, side=side, decision=decision, comment=comment.strip(), by=by, at=now)
    if decision == Decision.REFUSED:
        return _refuse(version, side, comment.strip(), by, now)
    if version.state == VersionState.PROPOSED and _is_signed_by_both(version):
        version.approved_at = now
        version = _move(version, VersionState.APPROVED, by, now)
    return Signed(version)


def activate(*, version: Version, by: User, now: dt.datetime) -> Version:
    """The approved version takes over from the active one, in one step; then every lead is due to be judged by it.

    The looks are asked for after the step is committed, batch by batch, so that intake goes on meanwhile; what a
    crash leaves out the daily rescoring finds. Raises StepRefused, rights.NotAllowed.
    """
    rights.require(by, Role.MARKETING_OPS, to="activate a version")
    version = _take_over(version, by, now)
    looks.request_all(at=now)
    return version


@transaction.atomic
def _take_over(version: Version, by: User, now: dt.datetime) -> Version:
    version = _locked(version)
    _check_move(version, VersionState.ACTIVE)
    for old in Version.objects.active().filter(definition=version.definition).order_by("pk"):
        old.retired_at = now
        _move(old, VersionState.RETIRED, by, now, why=f"{version.number} takes over.")
    version.activated_at = now
    return _move(version, VersionState.ACTIVE, by, now)


def _locked(version: Version) -> Version:
    definition = documents.lock(version.definition)
    locked = Version.objects.select_for_update(of=("self",), no_key=True).get(pk=version.pk)
    locked.definition = definition
    return locked


def _move(version: Version, to: VersionState, by: User, now: dt.datetime, why: str = "") -> Version:
    VersionChange.objects.create(version=version, from_state=version.state, to_state=to, at=now, by=by, why=why)
    version.state = to
    version.save(update_fields=["state", "proposed_at", "approved_at", "activated_at", "retired_at"])
    return version


def _copy(definition: Definition, version: Version, by: User, now: dt.datetime, reason: str) -> Version:
    minor = documents.next_minor(definition, version.major)
    draft = replace(documents.draft_of(version), minor=minor, reason=reason)
    return documents.create(definition=definition, draft=draft, based_on=version, by=by, now=now)


def _refuse(version: Version, side: Side, comment: str, by: User, now: dt.datetime) -> Signed:
    version = _move(version, VersionState.REFUSED, by, now, why=comment)
    reason = f"{version.number} was refused by {side.label}: {comment}"
    return Signed(version, _copy(version.definition, version, by, now, reason))


def _is_signed_by_both(version: Version) -> bool:
    approved = version.sign_offs.filter(decision=Decision.APPROVED, side__in=DECIDING)
    return approved.count() == len(DECIDING)


def _check_move(version: Version, to: VersionState) -> None:
    state = VersionState(version.state)
    if to in VERSION_MOVES[state]:
        return
    if to == VersionState.ACTIVE and state == VersionState.PROPOSED:
        raise StepRefused(f"{version.number} waits for the signatures of both leaders; nobody can activate it before.")
    raise StepRefused(f"{version.number} is {state.label.lower()}; it cannot become {to.label.lower()}.")


def _check_finished(version: Version) -> None:
    draft = documents.draft_of(version)
    if not draft.owner.strip() or not draft.reason.strip():
        raise StepRefused("Say who owns this version and why it is made, then propose it.")
    if not any(path.kind == PathKind.PATH for path in draft.paths):
        raise StepRefused("No lead can meet this version: it has no path. Add one with at least one clause.")
    for path in draft.paths:
        if not path.clauses:
            raise StepRefused(f"“{path.name}” has no clause, so it would hold for everybody. Add one, or delete it.")


def _check_signature(version: Version, side: Side, comment: str, by: User) -> None:
    if version.state not in (VersionState.PROPOSED, VersionState.APPROVED):
        state = VersionState(version.state).label.lower()
        raise StepRefused(f"{version.number} is {state}; only a proposed version can be signed.")
    if not comment.strip():
        raise StepRefused("Say in a sentence why: a signature carries its comment.")
    for word in version.sign_offs.select_related("by").order_by("pk"):
        if word.side == side:
            raise StepRefused(f"{word.by} has signed for {side.label} already ({word.get_decision_display().lower()}).")
        if word.by_id == by.pk:
            raise StepRefused(f"You have signed for {word.get_side_display()}; the other side needs another person.")
