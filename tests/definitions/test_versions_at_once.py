"""Two people at once, with real connections and real locks."""

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
from tests.definitions.documents import criterion, minimal_document
from tests.definitions.version_lifecycles import (
    NOW,
    build_grounds,
    create_approved,
    create_backtest,
    create_draft,
    create_proposed,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

#: The refusals that one of two simultaneous steps may meet.
REFUSALS = (versions.VersionStepRefused, DatabaseError)


@pytest.fixture(autouse=True)
def ship_signals(transactional_db: None) -> None:
    """Restore the shipped signals: a migration adds them, and tests that commit delete them."""
    shipped_signals.ship(signals=Signal.objects)


def run_at_once(*jobs: Callable[[], object]) -> list[object]:
    """Start all jobs together and return the result or the refusal of each."""
    barrier = Barrier(len(jobs), timeout=60)

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


def select_refusals(results: list[object]) -> list[object]:
    return [result for result in results if isinstance(result, Exception)]


def test_of_two_activations_at_once_the_second_one_is_overtaken() -> None:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    first, second = create_approved(), create_approved()

    results = run_at_once(
        lambda: versions.activate(version=first, hand_over_entrants=False, by=ops, now=NOW),
        lambda: versions.activate(version=second, hand_over_entrants=False, by=ops, now=NOW),
    )

    (refusal,) = select_refusals(results)
    assert "was overtaken" in str(refusal)
    assert sorted(Version.objects.values_list("state", flat=True)) == ["active", "approved"]


def test_a_version_activated_twice_at_once_is_activated_once() -> None:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    version = create_approved()

    results = run_at_once(*[lambda: versions.activate(version=version, hand_over_entrants=False, by=ops, now=NOW)] * 4)

    assert len(select_refusals(results)) == 3
    assert all(
        f"{ops} took the last step on 2 November 2026, 09:00 UTC: active." in str(refusal)
        for refusal in select_refusals(results)
    )
    assert version.changes.filter(to_state=VersionState.ACTIVE).count() == 1


def test_two_proposals_at_once_propose_once() -> None:
    version, people = create_draft(), [UserFactory(roles=[Role.MARKETING_OPS]), UserFactory(roles=[Role.MARKETING_OPS])]
    create_backtest(version)
    grounds = build_grounds(version)

    results = run_at_once(
        *[lambda by=by: versions.propose(version=version, by=by, now=NOW, **grounds) for by in people]  # type: ignore[misc]  # mypy cannot infer the lambda
    )

    proposal = Proposal.objects.get()
    assert len(select_refusals(results)) == 1
    assert f"{proposal.by} took the last step" in str(select_refusals(results)[0])
    assert version.changes.get().by == proposal.by


def test_an_edit_during_a_signature_does_not_change_the_signed_version() -> None:
    version, leader = (
        create_proposed(gate=[criterion("company.employees", "at_least", 50)]),
        UserFactory(roles=[Role.SALES_LEADER]),
    )

    edited, signed = run_at_once(
        lambda: Criterion.objects.filter(version=version).update(low=1),
        lambda: versions.sign(
            version=version, side=Side.SALES, decision=Decision.APPROVED, comment="Yes.", by=leader, now=NOW
        ),
    )

    assert isinstance(edited, DatabaseError)
    assert not isinstance(signed, Exception)
    assert version_documents.export_document(Version.objects.get(pk=version.pk))["gate"][0]["value"] == 50
    assert version.proposal.backtest.digest == version_documents.fingerprint(Version.objects.get(pk=version.pk))


def test_both_leaders_signing_at_once_approve() -> None:
    version = create_proposed()
    leaders = {
        Side.MARKETING: UserFactory(roles=[Role.MARKETING_LEADER]),
        Side.SALES: UserFactory(roles=[Role.SALES_LEADER]),
    }

    def sign(side: Side) -> object:
        return versions.sign(
            version=version, side=side, decision=Decision.APPROVED, comment="Yes.", by=leaders[side], now=NOW
        )

    results = run_at_once(lambda: sign(Side.MARKETING), lambda: sign(Side.SALES))

    version.refresh_from_db()
    assert not select_refusals(results)
    assert version.state == VersionState.APPROVED
    assert version.changes.filter(to_state=VersionState.APPROVED).count() == 1


def test_approval_and_refusal_at_once_end_in_a_refusal() -> None:
    version = create_proposed()
    leaders = {
        Side.MARKETING: UserFactory(roles=[Role.MARKETING_LEADER]),
        Side.SALES: UserFactory(roles=[Role.SALES_LEADER]),
    }

    def sign(side: Side, decision: Decision) -> object:
        return versions.sign(version=version, side=side, decision=decision, comment="So.", by=leaders[side], now=NOW)

    run_at_once(lambda: sign(Side.MARKETING, Decision.APPROVED), lambda: sign(Side.SALES, Decision.REFUSED))

    version.refresh_from_db()
    assert version.state == VersionState.REFUSED
    assert Version.objects.filter(based_on=version, state=VersionState.DRAFT).count() == 1


def test_one_leader_pressing_twice_signs_once() -> None:
    version, leader = create_proposed(), UserFactory(roles=[Role.SALES_LEADER])

    def sign() -> object:
        return versions.sign(
            version=version, side=Side.SALES, decision=Decision.APPROVED, comment="Yes.", by=leader, now=NOW
        )

    results = run_at_once(*[sign] * 4)

    assert len(select_refusals(results)) == 3
    assert SignOff.objects.count() == 1


def test_an_edit_during_a_proposal_does_not_change_the_proposed_version() -> None:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    version = create_draft(gate=[criterion("company.employees", "at_least", 50)])
    create_backtest(version)
    grounds = build_grounds(version)

    def edit() -> object:
        return Criterion.objects.filter(version=version).update(low=1)

    def propose_it() -> object:
        versions.propose(version=version, by=ops, now=NOW, **grounds)
        return version_documents.export_document(Version.objects.get(pk=version.pk))["gate"]

    edited, gate = run_at_once(edit, propose_it)

    stored_gate = version_documents.export_document(Version.objects.get(pk=version.pk))["gate"]
    if isinstance(edited, Exception):
        assert gate == stored_gate
        assert stored_gate[0]["value"] == 50
    else:
        assert "edited since its last backtest" in str(gate)
        assert stored_gate[0]["value"] == 1
        assert Version.objects.get(pk=version.pk).is_draft


def test_imports_at_once_take_different_numbers() -> None:
    results = run_at_once(
        *[lambda: version_documents.import_document(document=minimal_document(), by=None, now=NOW)] * 4
    )

    assert not select_refusals(results)
    assert sorted(Version.objects.values_list("minor", flat=True)) == [0, 1, 2, 3]


def test_several_workers_at_once_open_one_review() -> None:
    version = create_draft()

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

    results = run_at_once(*[lambda: watch("2026-10")] * 3, *[lambda: watch("2026-11")] * 3)

    assert not select_refusals(results)
    assert Review.objects.count() == 1
    assert ReviewEvidence.objects.count() == 1
