"""Amendments of versions in force by lists, meanings of signals and reading tables that changed since (rules 9.20)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from django.db import transaction

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import diff, permissions, signals_and_lists, version_basis, version_documents
from definitions.diff import RowChange, RowChangeKind
from definitions.document.fingerprint import compute_fingerprint
from definitions.models import BasisAmendment, Version
from definitions.vocabulary import VersionState

#: Changes of one kind that the reason names; the others are counted.
NAMED_IN_REASON: Final = 8


class AmendmentRefused(Exception):
    """The version has nothing to amend, or is amended already; the sentence says why."""


@dataclass(frozen=True, slots=True)
class AmendmentOffer:
    """Changes that a version in force is not judged with, because they came after its proposal.

    `content` is the fingerprint that the version would have with it. `draft` is the version that takes it over, if
    somebody drafted it already.
    """

    version: Version
    content: str
    changes: tuple[RowChange, ...]
    changed_lists: frozenset[str]
    changed_signals: frozenset[str]
    draft: Version | None

    @property
    def reason(self) -> str:
        """Return the reason for the amendment: what changed."""
        return f"As {self.version.number}, with what changed since it was proposed. {' '.join(_describe(self.changes))}"


def find_offer(version: Version) -> AmendmentOffer | None:
    """Return the amendment that a version in force needs to be judged with the present content; None if it needs none."""
    if version.state != VersionState.ACTIVE or version.basis is None:
        return None
    document: Any = version_documents.export_document(version)
    present = version_basis.read_present_basis(document)
    digests = present.digests()
    if digests == version.basis:
        return None
    signed, content = version_basis.read_kept_basis(version.basis), compute_fingerprint(document, digests)
    return AmendmentOffer(
        version=version,
        content=content,
        changes=diff.find_basis_changes(
            (document, signed), (document, present), signals_and_lists.read_display_names()
        ),
        changed_lists=frozenset(name for name in signed.lists if signed.lists[name] != present.lists.get(name)),
        changed_signals=frozenset(
            code
            for code in signed.meanings.keys() | present.meanings.keys()
            if signed.meanings.get(code, ()) != present.meanings.get(code, ())
        ),
        draft=_find_draft(version, digests),
    )


def list_offers() -> Iterator[AmendmentOffer]:
    """Yield the amendments that the versions in force need, in the order of their ids."""
    for version in Version.objects.active().select_related("definition").order_by("pk"):
        offer = find_offer(version)
        if offer is not None:
            yield offer


def list_offers_about_list(name: str) -> list[AmendmentOffer]:
    """Return the offers to versions in force that keep other entries of this list than it has now."""
    return [offer for offer in list_offers() if name in offer.changed_lists]


def list_offers_about_signal(code: str) -> list[AmendmentOffer]:
    """Return the offers to versions in force that keep another meaning of this signal than it has now."""
    return [offer for offer in list_offers() if code in offer.changed_signals]


@transaction.atomic
def draft_amendment(*, version: Version, by: User | None, now: dt.datetime) -> Version:
    """Create a draft with the rows of a version in force and the next minor number, the reason filled in.

    It is judged with the present content and goes the way of any draft: backtest, proposal, both signatures, activation.
    Raises AmendmentRefused, permissions.NotAllowed.
    """
    permissions.require_role(by, Role.MARKETING_OPS, to="draft a version")
    definition = version_documents.lock_definition(version.definition)
    version = Version.objects.select_related("definition").get(pk=version.pk)
    offer = find_offer(version)
    if offer is None:
        raise AmendmentRefused(f"{version.number} has nothing to amend: it is not in force, or nothing changed since.")
    if offer.draft is not None:
        raise AmendmentRefused(f"{offer.draft.number} amends {version.number} already.")
    draft = replace(
        version_documents.read_draft(version),
        minor=version_documents.next_minor(definition, version.major),
        reason=offer.reason,
    )
    amendment = version_documents.create_version(definition=definition, draft=draft, based_on=version, by=by, now=now)
    BasisAmendment.objects.create(amended=version, draft=amendment, content=offer.content, at=now, by=by)
    return amendment


def _find_draft(version: Version, digests: Mapping[str, Any]) -> Version | None:
    """Return the version that amends this one by the present content; a draft does so, because it reads what is present."""
    rows = BasisAmendment.objects.filter(amended=version).select_related("draft__definition").order_by("-pk")
    drafts = [row.draft for row in rows if row.draft.state != VersionState.REFUSED]
    return next((draft for draft in drafts if draft.is_draft or draft.basis == digests), None)


def _describe(changes: Iterable[RowChange]) -> Iterator[str]:
    """Yield a sentence for each part: entries added and removed, flags before and after."""
    by_part: dict[str, list[str]] = {}
    for change in changes:
        by_part.setdefault(change.part, []).append(_describe_change(change))
    for part, texts in by_part.items():
        others = len(texts) - NAMED_IN_REASON
        more = f"; {others} more" if others > 0 else ""
        yield f"{part}: {'; '.join(texts[:NAMED_IN_REASON])}{more}."


def _describe_change(change: RowChange) -> str:
    if change.kind == RowChangeKind.CHANGED:
        name = "" if change.label == change.part else f"{change.label} "
        return f"{name}from {change.before} to {change.after}"
    return f"{change.kind} {change.after or change.before}"
