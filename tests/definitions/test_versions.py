from __future__ import annotations

from collections.abc import Callable

import pytest

from config.accounts.vocabulary import Role
from definitions import permissions, version_documents, versions
from definitions.models import Definition, SignOff, Version
from definitions.vocabulary import DECIDING_SIDES, Decision, Side, VersionState
from leads.models import MassRescore
from tests.definitions.documents import minimal_document
from tests.definitions.version_lifecycles import (
    DAY,
    NOW,
    create_active,
    create_approved,
    create_draft,
    create_proposed,
    propose,
    sign,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def list_steps(version: Version) -> list[tuple[str, str]]:
    return list(version.changes.order_by("pk").values_list("from_state", "to_state"))


def test_a_version_goes_from_draft_to_active_and_each_step_is_kept() -> None:
    version = create_active()

    assert version.state == VersionState.ACTIVE
    assert list_steps(version) == [("draft", "proposed"), ("proposed", "approved"), ("approved", "active")]
    assert (version.proposed_at, version.approved_at, version.activated_at) == (NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY)


def test_activating_retires_the_version_in_force() -> None:
    first = create_active()

    second = create_active()

    first.refresh_from_db()
    assert first.state == VersionState.RETIRED
    assert first.retired_at == NOW + 3 * DAY
    assert list(Version.objects.active()) == [second]
    assert first.changes.get(to_state="retired").why == "v1.1 takes over."


def test_activating_leaves_the_active_versions_of_other_definitions() -> None:
    create_active()

    create_active(name="Product qualified", motion="pql")

    assert Version.objects.active().count() == 2


def test_activating_requests_a_rescore_of_every_lead() -> None:
    version = create_active()

    rescore = MassRescore.objects.get()
    assert (rescore.cause, rescore.requested_at) == (f"version:{version.pk}", NOW + 3 * DAY)


def test_a_copy_is_a_new_draft_with_the_same_rows() -> None:
    version = create_active(statement="Whoever asks.")

    copy = versions.copy_version(
        version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW, reason="Tighter."
    )

    assert (copy.number, copy.state, copy.based_on) == ("v1.1", VersionState.DRAFT, version)
    assert version_documents.export_document(copy) == version_documents.export_document(version) | {
        "version": "1.1",
        "reason": "Tighter.",
    }


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"paths": []}, "it has no path"),
        ({"paths": [{"name": "Empty", "clauses": [], "rationale": "So."}]}, "“Empty” has no clause"),
        (
            {"hot": [{"name": "Hot", "clauses": [], "rationale": "So."}]},
            "“Hot” has no clause",
        ),
    ],
)
def test_an_unfinished_draft_cannot_be_proposed(changes: dict[str, object], sentence: str) -> None:
    version = create_draft(**changes)

    with pytest.raises(versions.VersionStepRefused, match=sentence):
        propose(version)


def test_a_version_is_proposed_once() -> None:
    version = create_proposed()

    with pytest.raises(versions.VersionStepRefused, match=r"v1\.0 is proposed; it cannot become proposed"):
        propose(version)


@pytest.mark.parametrize("side", [Side.MARKETING, Side.SALES])
def test_one_sides_signature_does_not_approve(side: Side) -> None:
    version = create_proposed()

    sign(version, side)
    sign(version, Side.OPS)
    signed = sign(version, Side.SDR)

    assert signed.version.state == VersionState.PROPOSED
    with pytest.raises(versions.VersionStepRefused, match="waits for the signatures of both leaders"):
        versions.activate(
            version=version, hand_over_entrants=False, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW
        )


def test_both_leaders_signatures_approve() -> None:
    assert create_approved().state == VersionState.APPROVED


def test_a_refusal_ends_the_version_and_leaves_a_draft() -> None:
    version = create_proposed()

    signed = sign(version, Side.SALES, Decision.REFUSED)

    assert signed.version.state == VersionState.REFUSED
    assert signed.successor is not None
    assert signed.successor.number == "v1.1"
    assert signed.successor.is_draft
    assert signed.successor.reason == "v1.0 was refused by Sales: It says what we mean."
    with pytest.raises(versions.VersionStepRefused, match="is refused; only a proposed version can be signed"):
        sign(version, Side.MARKETING)


@pytest.mark.parametrize("side", [Side.OPS, Side.SDR])
@pytest.mark.parametrize("create", [create_proposed, create_approved])
def test_the_objection_of_ops_or_an_sdr_is_kept_and_changes_nothing(side: Side, create: Callable[[], Version]) -> None:
    version = create()
    state = version.state

    signed = sign(version, side, Decision.REFUSED)

    version.refresh_from_db()
    assert version.state == state
    assert signed.successor is None
    assert str(version.sign_offs.get(side=side)) == f"{side.label}: objects"


def test_several_sdrs_are_heard_each_once() -> None:
    version, sdr = create_proposed(), UserFactory(roles=[Role.SDR])
    objection = {"version": version, "side": Side.SDR, "decision": Decision.REFUSED, "comment": "No.", "now": NOW}

    sign(version, Side.SDR)
    versions.sign(by=sdr, **objection)

    assert version.sign_offs.count() == 2
    with pytest.raises(versions.VersionStepRefused, match="You have commented for SDR already"):
        versions.sign(by=sdr, **objection)


def test_who_comments_as_ops_may_still_sign_as_leader() -> None:
    version, person = create_proposed(), UserFactory(roles=[Role.MARKETING_OPS, Role.MARKETING_LEADER])
    approval = {"version": version, "decision": Decision.APPROVED, "comment": "Clear enough.", "now": NOW}

    versions.sign(by=person, side=Side.OPS, **approval)
    versions.sign(by=person, side=Side.MARKETING, **approval)

    assert list(version.sign_offs.order_by("pk").values_list("side", flat=True)) == [Side.OPS, Side.MARKETING]


@pytest.mark.parametrize("comment", ["", "  \n"])
def test_a_signature_needs_a_comment(comment: str) -> None:
    version = create_proposed()

    with pytest.raises(versions.VersionStepRefused, match="Say in a sentence why"):
        versions.sign(
            version=version,
            side=Side.SALES,
            decision=Decision.APPROVED,
            comment=comment,
            by=UserFactory(roles=[Role.SALES_LEADER]),
            now=NOW,
        )


def test_a_side_signs_once() -> None:
    version = create_proposed()
    sign(version, Side.SALES)

    with pytest.raises(versions.VersionStepRefused, match="has signed for Sales already"):
        sign(version, Side.SALES)


def test_one_person_cannot_sign_for_both_sides() -> None:
    version = create_proposed()
    both = UserFactory(roles=[Role.MARKETING_LEADER, Role.SALES_LEADER])
    signature = {"version": version, "decision": Decision.APPROVED, "comment": "Yes.", "by": both, "now": NOW}
    versions.sign(side=Side.MARKETING, **signature)

    with pytest.raises(versions.VersionStepRefused, match="each person signs once and comments once"):
        versions.sign(side=Side.SALES, **signature)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.SALES_LEADER])
def test_only_a_sales_leader_signs_for_sales(role: Role) -> None:
    version = create_proposed()

    with pytest.raises(permissions.NotAllowed, match="Only Sales leader may sign for Sales"):
        versions.sign(
            version=version,
            side=Side.SALES,
            decision=Decision.APPROVED,
            comment="Yes.",
            by=UserFactory(roles=[role]),
            now=NOW,
        )

    assert not SignOff.objects.exists()


@pytest.mark.parametrize("role", [role for role in Role if role != Role.MARKETING_OPS])
def test_only_marketing_ops_drafts_proposes_and_activates(role: Role) -> None:
    somebody = UserFactory(roles=[role])

    with pytest.raises(permissions.NotAllowed):
        version_documents.import_document(document=minimal_document(), by=somebody, now=NOW)
    with pytest.raises(permissions.NotAllowed):
        versions.copy_version(version=create_draft(), by=somebody, now=NOW)
    with pytest.raises(permissions.NotAllowed):
        propose(create_draft(), by=somebody)
    with pytest.raises(permissions.NotAllowed):
        versions.activate(version=create_approved(), hand_over_entrants=False, by=somebody, now=NOW)


def test_an_overtaken_version_is_copied_and_proposed_anew() -> None:
    ops, overtaken = UserFactory(roles=[Role.MARKETING_OPS]), create_approved()
    create_active()

    with pytest.raises(versions.VersionStepRefused) as refusal:
        versions.activate(version=overtaken, hand_over_entrants=False, by=ops, now=NOW + 4 * DAY)

    assert refusal.value.sentences[0] == (
        "v1.0 was overtaken: v1.1 came into force on 5 November 2026, 09:00 UTC, after v1.0 was proposed."
    )
    again = propose(versions.copy_version(version=overtaken, by=ops, now=NOW + 4 * DAY), now=NOW + 4 * DAY)
    for side in DECIDING_SIDES:
        sign(again, side)
    assert versions.activate(version=again, hand_over_entrants=False, by=ops, now=NOW + 5 * DAY).is_active


def test_a_retired_version_cannot_be_activated() -> None:
    first = create_active()
    create_active()

    with pytest.raises(versions.VersionStepRefused, match=r"v1\.0 is retired; it cannot become active"):
        versions.activate(version=first, hand_over_entrants=False, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW)

    assert Definition.objects.get().versions.active().get().number == "v1.1"
