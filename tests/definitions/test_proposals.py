from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from config.accounts.vocabulary import Role
from definitions import proposals, reviews, version_documents, versions
from definitions.models import Definition, Proposal, Review, Version
from definitions.vocabulary import ChangeDriver, ReviewKind, ReviewTrigger, VersionState
from tests.definitions.documents import criterion
from tests.definitions.version_lifecycles import (
    DAY,
    NOW,
    build_cohort,
    build_grounds,
    create_active,
    create_backtest,
    create_draft,
    create_proposed,
    propose,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

TIGHT = {"gate": [criterion("company.employees", "between", [100, 1000])]}
LOOSE = {"gate": [criterion("company.employees", "between", [50, 1000])]}


def propose_and_read_refusal(version: Version, **grounds: Any) -> str:
    """Propose on these grounds, check that nothing changed, and return the sentences of the refusal."""
    all_grounds = build_grounds(version) | grounds
    with pytest.raises(versions.VersionStepRefused) as refusal:
        versions.propose(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + DAY, **all_grounds)
    version.refresh_from_db()
    assert version.is_draft
    assert not Proposal.objects.filter(version=version).exists()
    return "\n".join(refusal.value.sentences)


def open_review(definition: Definition, trigger: ReviewTrigger = ReviewTrigger.REJECTION_SPIKE) -> Review:
    return reviews.open_review(
        definition=definition,
        trigger=trigger,
        kind=ReviewKind.SPOT,
        title="Look at it",
        evidence={"decided": 40, "rejected": 18},
        proposal="",
        now=NOW,
    )


def test_a_proposal_needs_a_backtest() -> None:
    assert "it was never backtested" in propose_and_read_refusal(create_draft(**TIGHT))


def test_an_edit_after_the_backtest_requires_another() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version)
    version.criteria.update(low=120)

    assert "it was edited since its last backtest" in propose_and_read_refusal(Version.objects.get(pk=version.pk))


def test_a_failed_backtest_does_not_count() -> None:
    version = create_draft(**TIGHT)
    version.backtests.create(
        document={},
        digest=version_documents.fingerprint(version),
        start=NOW - DAY,
        end=NOW,
        requested_at=NOW,
        finished_at=NOW,
        error="The disk is full.",
    )

    assert "it was never backtested" in propose_and_read_refusal(version)


def test_a_single_letter_does_not_accept_a_warning() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version)
    keys = build_grounds(version)["acknowledged"]

    assert keys
    assert "Or say why you accept it" in propose_and_read_refusal(version, acknowledged={})
    assert "Or say why you accept it" in propose_and_read_refusal(version, acknowledged=dict.fromkeys(keys, " x  "))


def test_a_lint_error_prevents_the_proposal() -> None:
    version = create_draft(
        paths=[{"name": "Loud", "clauses": [{"axis": "engagement", "at_least": 5}], "rationale": "So."}]
    )
    create_backtest(version)

    assert "“Loud”" in propose_and_read_refusal(version)


def test_loosening_for_volume_is_refused_with_the_reason() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version)

    assert "The stated reason is volume" in propose_and_read_refusal(version, driver=ChangeDriver.VOLUME)


def test_a_first_version_for_volume_is_refused() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version)

    assert "A volume target is no reason" in propose_and_read_refusal(version, driver=ChangeDriver.VOLUME)


def test_a_loosening_change_needs_evidence_or_a_review() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version)
    cited = open_review(version.definition)

    assert "without evidence" in propose_and_read_refusal(version, evidence="")
    grounds = build_grounds(version) | {"evidence": "", "review": cited}
    proposed = versions.propose(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + DAY, **grounds)

    assert proposed.state == VersionState.PROPOSED
    assert proposed.proposal.review == cited


def test_a_change_to_a_version_in_force_needs_a_driver() -> None:
    create_active(**TIGHT)
    version = create_draft(**TIGHT)
    create_backtest(version)

    assert "v1.0 is in force: say what this change answers" in propose_and_read_refusal(
        version, driver=ChangeDriver.FIRST
    )


def test_an_open_volume_review_prevents_loosening() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version)
    spike = open_review(version.definition, ReviewTrigger.VOLUME_SPIKE)

    assert "a rise in volume loosens nothing" in propose_and_read_refusal(version, review=spike)


def test_a_review_of_another_definition_is_no_evidence() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version)
    other = open_review(create_draft(name="Other").definition)

    assert "is a review of another definition" in propose_and_read_refusal(version, review=other)


def test_all_objections_come_at_once() -> None:
    refusal = propose_and_read_refusal(create_draft(paths=[]), acknowledged={}, driver=ChangeDriver.VOLUME)

    for sentence in ("it has no path", "never backtested", "A volume target"):
        assert sentence in refusal


def test_the_case_and_the_grounds_are_frozen() -> None:
    version = create_proposed(**TIGHT)

    proposal = version.proposal
    assert (proposal.driver, proposal.at) == (ChangeDriver.FIRST, NOW + DAY)
    assert proposal.backtest == version.backtests.get()
    assert {finding["accepted"] for finding in proposal.findings if finding["severity"] == "warning"} == {"We know."}
    assert [point["standing"] for point in proposal.checklist][-1] == "yes"
    with pytest.raises(DatabaseError), transaction.atomic():
        Proposal.objects.update(evidence="Something else.")
    with pytest.raises(DatabaseError), transaction.atomic():
        proposal.backtest.delete()


def test_more_leads_from_a_looser_definition_are_a_warning() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version, flagged=300)

    case = proposals.build_case(version, proposals.ProposalGrounds(evidence="See the review."), now=NOW)

    assert case.loosens
    assert any(
        "300 leads flagged in the backtest, 120 by the version in force" in finding.sentence
        for finding in case.findings
    )
    assert build_cohort(version)["flagged"] == 120


def test_reverting_creates_an_ordinary_draft() -> None:
    first, ops = create_active(**TIGHT), UserFactory(roles=[Role.MARKETING_OPS])
    second = create_active(**LOOSE)

    back = versions.revert(definition=first.definition, to=first, by=ops, now=NOW + 5 * DAY)

    assert (back.number, back.based_on, back.reason, back.is_draft) == ("v1.2", first, "Back to v1.0.", True)
    assert version_documents.export_document(back)["gate"] == version_documents.export_document(first)["gate"]
    assert Version.objects.active().get() == second
    assert propose(back, driver=ChangeDriver.REJECTION_PATTERN).state == VersionState.PROPOSED
    with pytest.raises(versions.VersionStepRefused, match="only a version that was in force once can come back"):
        versions.revert(definition=first.definition, to=second, by=ops, now=NOW)
    with pytest.raises(versions.VersionStepRefused, match="is not a version of Other"):
        versions.revert(definition=create_draft(name="Other").definition, to=first, by=ops, now=NOW)


def test_a_copy_may_take_a_new_major_number() -> None:
    first, ops = create_active(**TIGHT), UserFactory(roles=[Role.MARKETING_OPS])

    major = versions.copy_version(version=first, major=True, by=ops, now=NOW)
    next_major = versions.copy_version(version=first, major=True, by=ops, now=NOW)
    minor = versions.copy_version(version=first, by=ops, now=NOW)

    assert [major.number, next_major.number, minor.number] == ["v2.0", "v3.0", "v1.1"]
