from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from config.accounts.vocabulary import Role
from definitions import proposals, reviews, version_documents, versions
from definitions.models import Definition, Proposal, Review, Version
from definitions.vocabulary import ChangeDriver, ReviewKind, ReviewTrigger, VersionState
from tests.definitions.documents import criterion
from tests.definitions.people import person
from tests.definitions.version_lifecycles import (
    DAY,
    NOW,
    active,
    backtested,
    cohort,
    draft,
    grounds_for,
    propose,
    proposed,
)

pytestmark = pytest.mark.django_db

TIGHT = {"gate": [criterion("company.employees", "between", [100, 1000])]}
LOOSE = {"gate": [criterion("company.employees", "between", [50, 1000])]}


def refused(version: Version, **grounds: Any) -> str:
    """What is said to somebody who proposes on these grounds."""
    words = grounds_for(version) | grounds
    with pytest.raises(versions.VersionStepRefused) as refusal:
        versions.propose(version=version, by=person(Role.MARKETING_OPS), now=NOW + DAY, **words)
    version.refresh_from_db()
    assert version.is_draft
    assert not Proposal.objects.filter(version=version).exists()
    return "\n".join(refusal.value.sentences)


def review(definition: Definition, trigger: ReviewTrigger = ReviewTrigger.REJECTION_SPIKE) -> Review:
    return reviews.open_review(
        definition=definition,
        trigger=trigger,
        kind=ReviewKind.SPOT,
        title="Look at it",
        evidence={"decided": 40, "rejected": 18},
        proposal="",
        now=NOW,
    )


def test_without_a_backtest_nothing_is_proposed() -> None:
    assert "it was never backtested" in refused(draft(**TIGHT))


def test_an_edit_after_the_backtest_asks_for_another() -> None:
    version = draft(**TIGHT)
    backtested(version)
    version.criteria.update(low=120)

    assert "it was edited since its last backtest" in refused(Version.objects.get(pk=version.pk))


def test_a_backtest_that_failed_is_none() -> None:
    version = draft(**TIGHT)
    version.backtests.create(
        document={}, digest=version_documents.digest(version_documents.export(version)), start=NOW - DAY, end=NOW, requested_at=NOW,
        finished_at=NOW, error="The disk is full.",
    )  # fmt: skip

    assert "it was never backtested" in refused(version)


def test_a_warning_is_accepted_with_a_word_and_not_with_a_keystroke() -> None:
    version = draft(**TIGHT)
    backtested(version)
    keys = grounds_for(version)["acknowledged"]

    assert keys
    assert "Or say why you accept it" in refused(version, acknowledged={})
    assert "Or say why you accept it" in refused(version, acknowledged=dict.fromkeys(keys, " x  "))


def test_an_error_of_the_linter_bars_the_proposal() -> None:
    version = draft(paths=[{"name": "Loud", "clauses": [{"axis": "engagement", "at_least": 5}], "rationale": "So."}])
    backtested(version)

    assert "“Loud”" in refused(version)


def test_looser_for_volume_is_refused_with_the_reason_why() -> None:
    active(**TIGHT)
    version = draft(**LOOSE)
    backtested(version)

    assert "The stated reason is volume" in refused(version, driver=ChangeDriver.VOLUME)


def test_a_first_version_is_not_for_volume_either() -> None:
    version = draft(**TIGHT)
    backtested(version)

    assert "A volume target is no reason" in refused(version, driver=ChangeDriver.VOLUME)


def test_looser_needs_evidence_or_a_review() -> None:
    active(**TIGHT)
    version = draft(**LOOSE)
    backtested(version)
    cited = review(version.definition)

    assert "without evidence" in refused(version, evidence="")
    words = grounds_for(version) | {"evidence": "", "review": cited}
    done = versions.propose(version=version, by=person(Role.MARKETING_OPS), now=NOW + DAY, **words)

    assert done.state == VersionState.PROPOSED
    assert done.proposal.review == cited


def test_beside_a_version_in_force_the_change_answers_something() -> None:
    active(**TIGHT)
    version = draft(**TIGHT)
    backtested(version)

    assert "v1.0 is in force: say what this change answers" in refused(version, driver=ChangeDriver.FIRST)


def test_an_open_rise_in_volume_loosens_nothing() -> None:
    active(**TIGHT)
    version = draft(**LOOSE)
    backtested(version)
    spike = review(version.definition, ReviewTrigger.VOLUME_SPIKE)

    assert "a rise in volume loosens nothing" in refused(version, review=spike)


def test_a_review_of_another_definition_shows_nothing() -> None:
    version = draft(**TIGHT)
    backtested(version)
    other = review(draft(name="Other").definition)

    assert "is a review of another definition" in refused(version, review=other)


def test_all_objections_come_at_once() -> None:
    said = refused(draft(paths=[]), acknowledged={}, driver=ChangeDriver.VOLUME)

    for sentence in ("it has no path", "never backtested", "A volume target"):
        assert sentence in said


def test_what_was_known_and_said_is_frozen() -> None:
    version = proposed(**TIGHT)

    kept = version.proposal
    assert (kept.driver, kept.at) == (ChangeDriver.FIRST, NOW + DAY)
    assert kept.backtest == version.backtests.get()
    assert {found["accepted"] for found in kept.findings if found["severity"] == "warning"} == {"We know."}
    assert [point["standing"] for point in kept.checklist][-1] == "yes"
    with pytest.raises(DatabaseError), transaction.atomic():
        Proposal.objects.update(evidence="Something else.")
    with pytest.raises(DatabaseError), transaction.atomic():
        kept.backtest.delete()


def test_more_leads_by_a_looser_definition_is_a_warning_with_the_figures() -> None:
    active(**TIGHT)
    version = draft(**LOOSE)
    backtested(version, flagged=300)

    case = proposals.case_of(version, proposals.ProposalGrounds(evidence="See the review."), now=NOW)

    assert case.loosens
    assert any(
        "300 leads flagged in the backtest, 120 by the version in force" in each.sentence for each in case.findings
    )
    assert cohort(version)["flagged"] == 120


def test_going_back_is_a_draft_like_any_other() -> None:
    first, ops = active(**TIGHT), person(Role.MARKETING_OPS)
    second = active(**LOOSE)

    back = versions.revert(definition=first.definition, to=first, by=ops, now=NOW + 5 * DAY)

    assert (back.number, back.based_on, back.reason, back.is_draft) == ("v1.2", first, "Back to v1.0.", True)
    assert version_documents.export(back)["gate"] == version_documents.export(first)["gate"]
    assert Version.objects.active().get() == second
    assert propose(back, driver=ChangeDriver.REJECTION_PATTERN).state == VersionState.PROPOSED
    with pytest.raises(versions.VersionStepRefused, match="only a version that was in force once can come back"):
        versions.revert(definition=first.definition, to=second, by=ops, now=NOW)
    with pytest.raises(versions.VersionStepRefused, match="is not a version of Other"):
        versions.revert(definition=draft(name="Other").definition, to=first, by=ops, now=NOW)


def test_a_copy_may_take_a_new_major_number() -> None:
    first, ops = active(**TIGHT), person(Role.MARKETING_OPS)

    major = versions.copy(version=first, major=True, by=ops, now=NOW)
    next_major = versions.copy(version=first, major=True, by=ops, now=NOW)
    minor = versions.copy(version=first, by=ops, now=NOW)

    assert [major.number, next_major.number, minor.number] == ["v2.0", "v3.0", "v1.1"]
