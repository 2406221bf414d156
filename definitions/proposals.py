"""Proposals: the known facts of a draft, the objections to proposing it, and the frozen record of both (rules 9.8)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from config.accounts.models import User
from definitions import (
    backtest_gate,
    backtest_requests,
    diff,
    lint,
    proposal_checklist,
    scopes,
    signals_and_lists,
    version_documents,
)
from definitions.diff import RowChange
from definitions.document.values import Draft, Json
from definitions.evidence_links import EvidenceLink
from definitions.lint import ChangeContext, Finding, Severity
from definitions.models import Backtest, Proposal, Review, Version
from definitions.proposal_checklist import ChecklistPoint
from definitions.vocabulary import ChangeDriver, PathKind, PrecisionBasis, ReviewTrigger

#: Characters of the shortest reason that accepts a warning, so that a single keystroke is not enough.
SHORTEST_REASON: Final = 4


@dataclass(frozen=True, slots=True)
class ProposalGrounds:
    """The author's grounds for a change: its driver, its evidence, and the reason for accepting each warning (by its key).

    `driver` is None on the page that asks for it.
    """

    driver: ChangeDriver | None = None
    evidence: str = ""
    review: Review | None = None
    #: The reviews, backtests and reports of Accord that show it (rules 9.27), and complaints about references to none.
    links: tuple[EvidenceLink, ...] = ()
    link_complaints: tuple[str, ...] = ()
    #: What precision counts (rules 9.26).
    precision_basis: PrecisionBasis = PrecisionBasis.WON
    acknowledged: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_shown(self) -> bool:
        return bool(self.links or self.review)

    def reason_to_accept(self, finding: Finding) -> str:
        """Return the reason for accepting the warning; "" when there is none, or it is too short."""
        reason = self.acknowledged.get(finding.key, "").strip()
        return reason if len(reason) >= SHORTEST_REASON else ""


@dataclass(frozen=True, slots=True)
class ProposalCase:
    """The facts about a draft at an instant. `changes` are those against the version in force, if there is one."""

    version: Version
    draft: Draft
    in_force: Version | None
    backtest: Backtest | None
    findings: tuple[Finding, ...]
    changes: tuple[RowChange, ...]
    changes_no_rule: bool
    points: list[ChecklistPoint]

    @property
    def loosens(self) -> bool:
        return diff.any_may_loosen(self.changes)

    def findings_with(self, severity: Severity) -> list[Finding]:
        return [finding for finding in self.findings if finding.severity == severity]


def build_case(version: Version, grounds: ProposalGrounds, *, now: dt.datetime) -> ProposalCase:
    """Collect the facts about a draft as they are now; under the version's lock they cannot change."""
    draft = version_documents.read_draft(version)
    document = draft.to_document()
    backtest = _find_backtest_that_counts(version)
    in_force = find_other_version_in_force(version)
    change = _build_change_context(version, in_force, backtest, grounds) if in_force else None
    return ProposalCase(
        version=version,
        draft=draft,
        in_force=in_force,
        backtest=backtest,
        findings=(
            *_lint_draft(version, document, change),
            *(backtest_gate.find_gate_findings(backtest, grounds.precision_basis) if backtest else ()),
        ),
        changes_no_rule=in_force is not None and version_documents.have_same_rules(in_force, version),
        changes=version_documents.find_changes(in_force, version) if in_force else (),
        points=proposal_checklist.build_checklist(
            document=document, definition=version.definition, backtest=backtest, evidence=grounds.evidence, now=now
        ),
    )


def find_other_version_in_force(version: Version) -> Version | None:
    """Return the version of the same definition that is in force, unless it is this one."""
    active = Version.objects.active().select_related("definition")
    return active.filter(definition=version.definition_id).exclude(pk=version.pk).first()


def list_objections(case: ProposalCase, grounds: ProposalGrounds) -> list[str]:
    """Return the reasons against a proposal on these grounds, each with its remedy; empty when it can be proposed."""
    return [
        *_object_to_missing_parts(case.draft),
        *_object_to_missing_backtest(case),
        *(f"{error.sentence} {error.remedy}" for error in case.findings_with(Severity.ERROR)),
        *_object_to_open_warnings(case, grounds),
        *_object_to_driver(case, grounds),
        *_object_to_review(case, grounds),
        *grounds.link_complaints,
    ]


def record_proposal(
    case: ProposalCase, grounds: ProposalGrounds, *, backtest: Backtest, by: User, now: dt.datetime
) -> Proposal:
    """Freeze the case and the grounds of a proposal. The caller has checked that there are no objections."""
    return Proposal.objects.create(
        version=case.version,
        backtest=backtest,
        driver=grounds.driver or "",
        evidence=grounds.evidence,
        review=grounds.review,
        links=[link.as_dict() for link in grounds.links],
        precision_basis=grounds.precision_basis,
        findings=[finding.as_dict() | {"accepted": grounds.reason_to_accept(finding)} for finding in case.findings],
        checklist=[point.as_dict() for point in case.points],
        at=now,
        by=by,
    )


def _build_change_context(
    version: Version, in_force: Version, backtest: Backtest | None, grounds: ProposalGrounds
) -> ChangeContext:
    return ChangeContext(
        before=version_documents.export_document(in_force),
        driver=grounds.driver or "",
        evidence=grounds.evidence,
        is_shown=grounds.is_shown,
        volume=_flagged_counts(backtest),
        basis_changes=version_documents.find_basis_changes(in_force, version),
    )


def _lint_draft(version: Version, document: Json, change: ChangeContext | None) -> tuple[Finding, ...]:
    return lint.lint_document(
        document,
        meanings=signals_and_lists.read_signal_meanings(),
        names=signals_and_lists.read_display_names(),
        change=change,
        others=scopes.list_others_in_force(version.definition),
    )


def _flagged_counts(backtest: Backtest | None) -> tuple[int, int] | None:
    """Return the number of leads that the backtest flagged: by the version in force, by the new one."""
    result: Mapping[str, Any] = (backtest and backtest.result) or {}
    against = result.get("against")
    return (against["flagged"], result["version"]["flagged"]) if against else None


def _object_to_missing_parts(draft: Draft) -> Iterator[str]:
    if not draft.owner.strip() or not draft.reason.strip():
        yield "Say who owns this version and why it is made, then propose it."
    if draft.account is None and not any(path.kind == PathKind.PATH for path in draft.paths):
        yield "No lead can meet this version: it has no path. Add one with at least one clause."
    for path in draft.paths:
        if not path.clauses:
            yield f"“{path.name}” has no clause, so it would hold for everybody. Add one, or delete it."


def _object_to_missing_backtest(case: ProposalCase) -> Iterator[str]:
    if case.backtest is None:
        latest = backtest_requests.find_current_backtest(case.version)
        if latest is not None:
            yield (
                f"The backtest of {case.version.number} judged no lead, so it is none: import the leads of the past months,"
                " or choose a period with leads, and run it again."
            )
            return
        tested = case.version.backtests.successful().exists()
        since = "it was edited since its last backtest" if tested else "it was never backtested"
        yield f"Run the backtest of {case.version.number} first: {since}, and leaders sign on figures."


def _object_to_open_warnings(case: ProposalCase, grounds: ProposalGrounds) -> Iterator[str]:
    for warning in case.findings_with(Severity.WARNING):
        if not grounds.reason_to_accept(warning):
            yield f"“{warning.sentence}” {warning.remedy} Or say why you accept it, in a word or more."


def _find_backtest_that_counts(version: Version) -> Backtest | None:
    """Return the current backtest, unless it judged no lead.

    A definition that never was in force may begin where there are no leads yet; that is answered in writing instead.
    """
    backtest = backtest_requests.find_current_backtest(version)
    if backtest is None or backtest_gate.judged_any_lead(backtest):
        return backtest
    was_in_force = Version.objects.filter(definition=version.definition_id, activated_at__isnull=False).exists()
    return None if was_in_force else backtest


def _object_to_driver(case: ProposalCase, grounds: ProposalGrounds) -> Iterator[str]:
    """Yield objections to the driver that the linter cannot make.

    It compares with the version in force only, and does not know how a first version is explained.
    """
    if case.in_force is not None and grounds.driver in (None, ChangeDriver.FIRST):
        yield f"{case.in_force.number} is in force: say what this change answers."
    if grounds.driver == ChangeDriver.NO_RULE and not case.changes_no_rule:
        yield "It changes rules, so “changes no rule” is not what it answers: say what the change answers."
    if case.in_force is None and grounds.driver == ChangeDriver.VOLUME:
        yield (
            "A volume target is no reason to call a lead good: more leads that sales rejects are no more pipeline."
            " Say what shows who buys, or that it is the first version."
        )


def _object_to_review(case: ProposalCase, grounds: ProposalGrounds) -> Iterator[str]:
    review = grounds.review
    if review is None:
        return
    if review.definition_id != case.version.definition_id:
        yield f"“{review}” is a review of another definition; cite one of {case.version.definition}."
    is_spike = review.trigger == ReviewTrigger.VOLUME_SPIKE and review.decided_at is None
    if is_spike:
        yield (
            f"“{review}” is open: a rise in volume changes nothing until it is known whether those leads are any good."
            " Decide the review, then propose."
        )
