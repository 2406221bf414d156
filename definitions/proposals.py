"""What is put before the leaders: all that is known of a draft, what speaks against proposing it, and the record of it (rules 9.8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from config.accounts.models import User
from definitions import backtest_requests, diff, lint, proposal_checklist, signals_and_lists, version_documents
from definitions.diff import RowChange
from definitions.document.values import Draft, Json
from definitions.lint import ChangeContext, Finding, Severity
from definitions.models import Backtest, Proposal, Review, Version
from definitions.proposal_checklist import ChecklistPoint
from definitions.vocabulary import ChangeDriver, PathKind, ReviewTrigger

#: The shortest reason for which a warning is accepted: a word, not a keystroke.
SHORTEST_REASON: Final = 4


@dataclass(frozen=True, slots=True)
class ProposalGrounds:
    """What a person says for the change: what it answers, what shows it, and why each warning is accepted (by its key).

    No driver yet on the page that asks for it.
    """

    driver: ChangeDriver | None = None
    evidence: str = ""
    review: Review | None = None
    acknowledged: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    def accepts(self, finding: Finding) -> str:
        """Why the warning is accepted; empty when nothing was said, or hardly anything."""
        reason = self.acknowledged.get(finding.key, "").strip()
        return reason if len(reason) >= SHORTEST_REASON else ""


@dataclass(frozen=True, slots=True)
class ProposalCase:
    """What Accord knows of a draft at an instant. `changes` are those against the version in force, if there is one."""

    version: Version
    draft: Draft
    in_force: Version | None
    backtest: Backtest | None
    findings: tuple[Finding, ...]
    changes: tuple[RowChange, ...]
    points: list[ChecklistPoint]

    @property
    def loosens(self) -> bool:
        return diff.loosens(self.changes)

    def of(self, severity: Severity) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == severity]


def case_of(version: Version, grounds: ProposalGrounds, *, now: dt.datetime) -> ProposalCase:
    """The case as it stands; under the version's lock it stays so."""
    draft = version_documents.draft_of(version)
    document = draft.document()
    backtest = backtest_requests.current(version)
    in_force = in_force_beside(version)
    before = version_documents.export(in_force) if in_force else None
    return ProposalCase(
        version=version,
        draft=draft,
        in_force=in_force,
        backtest=backtest,
        findings=_findings(document, before, backtest, grounds),
        changes=diff.changes(before, document, signals_and_lists.names()) if before else (),
        points=proposal_checklist.build_checklist(
            document=document, definition=version.definition, backtest=backtest, evidence=grounds.evidence, now=now
        ),
    )


def in_force_beside(version: Version) -> Version | None:
    """The version of the same definition that is in force, unless it is this one."""
    active = Version.objects.active().select_related("definition")
    return active.filter(definition=version.definition_id).exclude(pk=version.pk).first()


def objections(case: ProposalCase, grounds: ProposalGrounds) -> list[str]:
    """Why the draft cannot be proposed on these grounds, each with what to do; empty when it can."""
    return [
        *_unfinished(case.draft),
        *_untested(case),
        *(f"{error.sentence} {error.remedy}" for error in case.of(Severity.ERROR)),
        *_unaccepted(case, grounds),
        *_groundless(case, grounds),
        *_misplaced(case, grounds),
    ]


def record(case: ProposalCase, grounds: ProposalGrounds, *, backtest: Backtest, by: User, now: dt.datetime) -> Proposal:
    """Freeze what was known and said. The case has no objections."""
    return Proposal.objects.create(
        version=case.version,
        backtest=backtest,
        driver=grounds.driver or "",
        evidence=grounds.evidence,
        review=grounds.review,
        findings=[finding.as_dict() | {"accepted": grounds.accepts(finding)} for finding in case.findings],
        checklist=[point.as_dict() for point in case.points],
        at=now,
        by=by,
    )


def _findings(
    document: Json, before: Json | None, backtest: Backtest | None, grounds: ProposalGrounds
) -> tuple[Finding, ...]:
    shown = grounds.evidence or ("It answers a review." if grounds.review else "")
    change = ChangeContext(before, grounds.driver or "", shown, _volume(backtest)) if before else None
    return lint.findings(
        document, meanings=signals_and_lists.meanings(), names=signals_and_lists.names(), change=change
    )


def _volume(backtest: Backtest | None) -> tuple[int, int] | None:
    """How many leads the backtest flagged: by the version in force, by the new one."""
    result: Mapping[str, Any] = (backtest and backtest.result) or {}
    against = result.get("against")
    return (against["flagged"], result["version"]["flagged"]) if against else None


def _unfinished(draft: Draft) -> Iterator[str]:
    if not draft.owner.strip() or not draft.reason.strip():
        yield "Say who owns this version and why it is made, then propose it."
    if not any(path.kind == PathKind.PATH for path in draft.paths):
        yield "No lead can meet this version: it has no path. Add one with at least one clause."
    for path in draft.paths:
        if not path.clauses:
            yield f"“{path.name}” has no clause, so it would hold for everybody. Add one, or delete it."


def _untested(case: ProposalCase) -> Iterator[str]:
    if case.backtest is None:
        tested = case.version.backtests.successful().exists()
        since = "it was edited since its last backtest" if tested else "it was never backtested"
        yield f"Run the backtest of {case.version.number} first: {since}, and leaders sign on figures."


def _unaccepted(case: ProposalCase, grounds: ProposalGrounds) -> Iterator[str]:
    for warning in case.of(Severity.WARNING):
        if not grounds.accepts(warning):
            yield f"“{warning.sentence}” {warning.remedy} Or say why you accept it, in a word or more."


def _groundless(case: ProposalCase, grounds: ProposalGrounds) -> Iterator[str]:
    """What the linter cannot see: it compares with the version in force, and not how a first version is explained."""
    if case.in_force is not None and grounds.driver in (None, ChangeDriver.FIRST):
        yield f"{case.in_force.number} is in force: say what this change answers."
    if case.in_force is None and grounds.driver == ChangeDriver.VOLUME:
        yield (
            "A volume target is no reason to call a lead good: more leads that sales rejects are no more pipeline."
            " Say what shows who buys, or that it is the first version."
        )


def _misplaced(case: ProposalCase, grounds: ProposalGrounds) -> Iterator[str]:
    review = grounds.review
    if review is None:
        return
    if review.definition_id != case.version.definition_id:
        yield f"“{review}” is a review of another definition; cite one of {case.version.definition}."
    is_spike = review.trigger == ReviewTrigger.VOLUME_SPIKE and review.decided_at is None
    if is_spike and case.loosens:
        yield (
            f"“{review}” is open: a rise in volume loosens nothing until it is known whether those leads are any good."
            " Decide the review, then propose."
        )
