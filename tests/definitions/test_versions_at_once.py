"""Two people at once: real connections, real locks."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import DatabaseError, connection

from config.accounts.vocabulary import Role
from definitions import reviews, version_documents, versions
from definitions.models import Criterion, Proposal, Review, ReviewEvidence, SignOff, Version
from definitions.vocabulary import Decision, ReviewKind, ReviewTrigger, Side, VersionState
from leads import shipped_signals
from leads.models import Signal
from tests.definitions.documents import criterion, minimal
from tests.definitions.people import person
from tests.definitions.version_lifecycles import NOW, approved, backtested, draft, grounds_for, proposed

pytestmark = pytest.mark.django_db(transaction=True)

#: What one of two may hear.
REFUSALS = (versions.VersionStepRefused, DatabaseError)


@pytest.fixture(autouse=True)
def shipped(transactional_db: None) -> None:
    """The signals that a migration ships and the tests that commit take away."""
    shipped_signals.ship(signals=Signal.objects)


def at_once(*jobs: Callable[[], object]) -> list[object]:
    """What each job gave, or how it was refused; all start together."""
    barrier = Barrier(len(jobs))

    def run(job: Callable[[], object]) -> object:
        try:
            barrier.wait()
            return job()
        except REFUSALS as refusal:
            return refusal
        finally:
            connection.close()

    with ThreadPoolExecutor(len(jobs)) as pool:
        return list(pool.map(run, jobs))


def refusals(results: list[object]) -> list[object]:
    return [result for result in results if isinstance(result, Exception)]


def test_of_two_activations_one_version_is_active_and_both_are_whole() -> None:
    ops = person(Role.MARKETING_OPS)
    first, second = approved(), approved()

    results = at_once(
        lambda: versions.activate(version=first, hand_over_entrants=False, by=ops, now=NOW),
        lambda: versions.activate(version=second, hand_over_entrants=False, by=ops, now=NOW),
    )

    assert not refusals(results)
    assert sorted(Version.objects.values_list("state", flat=True)) == ["active", "retired"]


def test_one_version_activated_twice_at_once_is_activated_once() -> None:
    ops = person(Role.MARKETING_OPS)
    version = approved()

    results = at_once(*[lambda: versions.activate(version=version, hand_over_entrants=False, by=ops, now=NOW)] * 4)

    assert len(refusals(results)) == 3
    assert all(
        f"{ops} took the last step on 2 November 2026, 09:00 UTC: active." in str(each) for each in refusals(results)
    )
    assert version.changes.filter(to_state=VersionState.ACTIVE).count() == 1


def test_of_two_people_proposing_at_once_one_does() -> None:
    version, people = draft(), [person(Role.MARKETING_OPS), person(Role.MARKETING_OPS)]
    backtested(version)
    words = grounds_for(version)

    results = at_once(
        *[lambda by=by: versions.propose(version=version, by=by, now=NOW, **words) for by in people]  # type: ignore[misc]
    )

    proposal = Proposal.objects.get()
    assert len(refusals(results)) == 1
    assert f"{proposal.by} took the last step" in str(refusals(results)[0])
    assert version.changes.get().by == proposal.by


def test_an_activation_and_a_refusal_at_once_leave_one_of_them() -> None:
    version, ops, sdr = approved(), person(Role.MARKETING_OPS), person(Role.SDR)

    results = at_once(
        lambda: versions.activate(version=version, hand_over_entrants=True, by=ops, now=NOW),
        lambda: versions.sign(
            version=version, side=Side.SDR, decision=Decision.REFUSED, comment="Not this.", by=sdr, now=NOW
        ),
    )

    version.refresh_from_db()
    assert len(refusals(results)) == 1
    assert version.changes.count() == 3
    if version.state == VersionState.ACTIVE:
        assert version.sign_offs.count() == 2
        assert Version.objects.count() == 1
        assert f"{ops} took the last step" in str(results[1])
    else:
        assert version.hands_over_entrants is None
        assert version.sign_offs.count() == 3
        assert Version.objects.filter(based_on=version, state=VersionState.DRAFT).count() == 1
        assert f"{sdr} took the last step" in str(results[0])


def test_an_edit_while_a_leader_signs_changes_nothing_that_was_signed() -> None:
    version, leader = proposed(gate=[criterion("company.employees", "at_least", 50)]), person(Role.SALES_LEADER)

    edited, signed = at_once(
        lambda: Criterion.objects.filter(version=version).update(low=1),
        lambda: versions.sign(
            version=version, side=Side.SALES, decision=Decision.APPROVED, comment="Yes.", by=leader, now=NOW
        ),
    )

    assert isinstance(edited, DatabaseError)
    assert not isinstance(signed, Exception)
    assert version_documents.export(Version.objects.get(pk=version.pk))["gate"][0]["value"] == 50
    assert version.proposal.backtest.digest == version_documents.digest(
        version_documents.export(Version.objects.get(pk=version.pk))
    )


def test_both_leaders_signing_at_once_approve() -> None:
    version = proposed()
    leaders = {Side.MARKETING: person(Role.MARKETING_LEADER), Side.SALES: person(Role.SALES_LEADER)}

    def sign(side: Side) -> object:
        return versions.sign(
            version=version, side=side, decision=Decision.APPROVED, comment="Yes.", by=leaders[side], now=NOW
        )

    results = at_once(lambda: sign(Side.MARKETING), lambda: sign(Side.SALES))

    version.refresh_from_db()
    assert not refusals(results)
    assert version.state == VersionState.APPROVED
    assert version.changes.filter(to_state=VersionState.APPROVED).count() == 1


def test_approval_and_refusal_at_once_end_in_a_refusal() -> None:
    version = proposed()
    leaders = {Side.MARKETING: person(Role.MARKETING_LEADER), Side.SALES: person(Role.SALES_LEADER)}

    def sign(side: Side, decision: Decision) -> object:
        return versions.sign(version=version, side=side, decision=decision, comment="So.", by=leaders[side], now=NOW)

    at_once(lambda: sign(Side.MARKETING, Decision.APPROVED), lambda: sign(Side.SALES, Decision.REFUSED))

    version.refresh_from_db()
    assert version.state == VersionState.REFUSED
    assert Version.objects.filter(based_on=version, state=VersionState.DRAFT).count() == 1


def test_one_leader_pressing_twice_signs_once() -> None:
    version, leader = proposed(), person(Role.SALES_LEADER)

    def sign() -> object:
        return versions.sign(
            version=version, side=Side.SALES, decision=Decision.APPROVED, comment="Yes.", by=leader, now=NOW
        )

    results = at_once(*[sign] * 4)

    assert len(refusals(results)) == 3
    assert SignOff.objects.count() == 1


def test_an_edit_and_a_proposal_at_once_leave_nothing_that_was_not_proposed() -> None:
    ops = person(Role.MARKETING_OPS)
    version = draft(gate=[criterion("company.employees", "at_least", 50)])
    backtested(version)
    words = grounds_for(version)

    def edit() -> object:
        return Criterion.objects.filter(version=version).update(low=1)

    def propose_it() -> object:
        versions.propose(version=version, by=ops, now=NOW, **words)
        return version_documents.export(Version.objects.get(pk=version.pk))["gate"]

    edited, gate = at_once(edit, propose_it)

    kept = version_documents.export(Version.objects.get(pk=version.pk))["gate"]
    if isinstance(edited, Exception):
        assert gate == kept
        assert kept[0]["value"] == 50
    else:
        assert "edited since its last backtest" in str(gate)
        assert kept[0]["value"] == 1
        assert Version.objects.get(pk=version.pk).is_draft


def test_imports_at_once_take_numbers_of_their_own() -> None:
    results = at_once(*[lambda: version_documents.import_document(document=minimal(), by=None, now=NOW)] * 4)

    assert not refusals(results)
    assert sorted(Version.objects.values_list("minor", flat=True)) == [0, 1, 2, 3]


def test_a_trigger_seen_by_several_workers_at_once_opens_one_review() -> None:
    version = draft()

    def watch(month: str) -> object:
        return reviews.open_review(
            definition=version.definition,
            trigger=ReviewTrigger.REJECTION_SPIKE,
            kind=ReviewKind.FULL,
            title="Too many rejected",
            evidence={"rejected": 40},
            proposal="",
            now=NOW,
            period=month,
        )

    results = at_once(*[lambda: watch("2026-10")] * 3, *[lambda: watch("2026-11")] * 3)

    assert not refusals(results)
    assert Review.objects.count() == 1
    assert ReviewEvidence.objects.count() == 1
