"""What is put before the leaders: all that is known of a draft, what speaks against proposing it, and the record of it (SPEC 9)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from definitions import backtests, documents
from definitions.draft import Draft, Json
from definitions.models import Backtest, Proposal, Review, Version
from definitions.vocabulary import ChangeDriver, PathKind
from leads.models import User

#: The shortest reason for which a warning is accepted: a word, not a keystroke.
SHORTEST_REASON: Final = 4


@dataclass(frozen=True, slots=True)
class Grounds:
    """What a person says for the change: what it answers, what shows it, and why each warning is accepted (by its key)."""

    driver: ChangeDriver
    evidence: str
    review: Review | None
    acknowledged: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Case:
    """What Accord knows of a draft at an instant."""

    version: Version
    draft: Draft
    document: Json
    in_force: Version | None
    backtest: Backtest | None


def case_of(version: Version) -> Case:
    """The case as it stands; under the version's lock it stays so."""
    draft = documents.draft_of(version)
    in_force = Version.objects.active().filter(definition=version.definition_id).exclude(pk=version.pk).first()
    return Case(
        version=version,
        draft=draft,
        document=draft.document(),
        in_force=in_force,
        backtest=backtests.current(version),
    )


def objections(case: Case, grounds: Grounds) -> list[str]:
    """Why the draft cannot be proposed on these grounds, each with what to do; empty when it can."""
    return [*_unfinished(case.draft), *_untested(case), *_groundless(case, grounds)]


def record(case: Case, grounds: Grounds, *, backtest: Backtest, by: User, now: dt.datetime) -> Proposal:
    """Freeze what was known and said. The case has no objections."""
    return Proposal.objects.create(
        version=case.version,
        backtest=backtest,
        driver=grounds.driver,
        evidence=grounds.evidence,
        review=grounds.review,
        findings=[],
        checklist=[],
        at=now,
        by=by,
    )


def _unfinished(draft: Draft) -> Iterator[str]:
    if not draft.owner.strip() or not draft.reason.strip():
        yield "Say who owns this version and why it is made, then propose it."
    if not any(path.kind == PathKind.PATH for path in draft.paths):
        yield "No lead can meet this version: it has no path. Add one with at least one clause."
    for path in draft.paths:
        if not path.clauses:
            yield f"“{path.name}” has no clause, so it would hold for everybody. Add one, or delete it."


def _untested(case: Case) -> Iterator[str]:
    if case.backtest is None:
        tested = case.version.backtests.successful().exists()
        since = "it was edited since its last backtest" if tested else "it was never backtested"
        yield f"Run the backtest of {case.version.number} first: {since}, and leaders sign on figures."


def _groundless(case: Case, grounds: Grounds) -> Iterator[str]:
    if grounds.driver == ChangeDriver.VOLUME:
        yield (
            "A volume target is no reason to change who is a good lead: more leads that sales rejects are no more pipeline."
            " Name the quality evidence that the change answers, or leave the definition as it is."
        )
    if grounds.driver == ChangeDriver.FIRST and case.in_force is not None:
        yield f"{case.in_force.number} is in force: say what this change answers."
