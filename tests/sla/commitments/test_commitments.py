from __future__ import annotations

import datetime as dt

import pytest
from django.db import IntegrityError, ProgrammingError

from config.accounts.vocabulary import Role
from definitions import commitment_snapshots
from leads.vocabulary import Motion
from sla.commitments import commitments
from sla.figure_catalogue.catalogue import MQL_TO_OPPORTUNITY
from sla.models import Commitment
from sla.vocabulary import OPPORTUNITY_DAYS
from tests.factories import NOW, CommitmentFactory, HandoffFactory, UserFactory, read_handoff

pytestmark = pytest.mark.django_db


@pytest.fixture
def leaders():
    return {
        "by_marketing": UserFactory(roles=[Role.MARKETING_LEADER]),
        "by_sales": UserFactory(roles=[Role.SALES_LEADER]),
    }


def test_commitments_signed_by_both_come_into_force_and_retire_the_former(leaders):
    before = CommitmentFactory(active=True)
    draft = CommitmentFactory(contact_minutes=15)

    commitments.activate(commitment=draft, now=NOW, **leaders)

    before.refresh_from_db()
    assert commitments.current_commitment(Motion.MQL).contact_minutes == 15
    assert (before.state, before.retired_at) == ("retired", NOW)


def test_commitments_in_force_are_stored_beside_the_definition_as_sentences(leaders):
    draft = CommitmentFactory(contact_minutes=15)

    commitments.activate(commitment=draft, now=NOW, **leaders)

    promise = commitment_snapshots.find_current_snapshot(Motion.MQL)
    assert (
        commitment_snapshots.select_sentences(promise, commitment_snapshots.SALES)[0]
        == "First contact within 15 business minutes; tier 1 within 5."
    )
    assert (
        "comes back after 90 days" in commitment_snapshots.select_sentences(promise, commitment_snapshots.AFTERWARDS)[0]
    )
    assert promise.signed_by == f"{leaders['by_marketing']} for marketing, {leaders['by_sales']} for sales"
    assert promise.at == NOW


def test_a_fresh_installation_has_no_commitments_and_says_so():
    with pytest.raises(commitments.NotYetAgreed, match="both sides must sign"):
        commitments.current_commitment(Motion.MQL)


def test_two_different_leaders_sign_each_for_their_side(leaders):
    draft = CommitmentFactory()
    both = UserFactory(roles=[Role.MARKETING_LEADER, Role.SALES_LEADER])

    for signers, said in (
        ({"by_marketing": both, "by_sales": both}, "Two different people"),
        ({"by_marketing": leaders["by_sales"], "by_sales": leaders["by_marketing"]}, "not a marketing leader"),
        ({**leaders, "by_sales": UserFactory(roles=[Role.SALES_MANAGER])}, "not a sales leader"),
    ):
        with pytest.raises(commitments.ActivationRefused, match=said):
            commitments.activate(commitment=draft, now=NOW, **signers)
    assert Commitment.objects.get(pk=draft.pk).state == "draft"


def test_commitments_in_force_cannot_be_activated_again(leaders):
    with pytest.raises(commitments.ActivationRefused, match="active already"):
        commitments.activate(commitment=CommitmentFactory(active=True), now=NOW, **leaders)


def test_open_handoffs_keep_the_commitments_they_began_under(leaders):
    handoff = HandoffFactory()
    draft = CommitmentFactory(contact_minutes=15)

    commitments.activate(commitment=draft, now=NOW, **leaders)

    assert read_handoff(handoff).commitment != draft
    assert HandoffFactory().commitment == draft


def test_a_draft_can_be_edited_and_a_signed_version_cannot():
    draft = CommitmentFactory()
    Commitment.objects.filter(pk=draft.pk).update(contact_minutes=10)
    CommitmentFactory(active=True)

    with pytest.raises(ProgrammingError, match="Cannot update rows"):
        Commitment.objects.filter(state="active").update(contact_minutes=10)


def test_commitments_of_one_motion_leave_those_of_another_in_force(leaders):
    mql = CommitmentFactory(active=True)
    pql = CommitmentFactory(motion=Motion.PQL, contact_minutes=120)

    commitments.activate(commitment=pql, now=NOW, **leaders)

    assert commitments.current_commitment(Motion.MQL) == mql
    assert commitments.current_commitment(Motion.PQL).contact_minutes == 120
    assert commitment_snapshots.find_current_snapshot(Motion.MQL) is None
    sentences = commitment_snapshots.find_current_snapshot(Motion.PQL).sentences
    assert "Marketing: 60 PQLs a month, all of which meet the definition." in sentences


def test_versions_are_numbered_by_motion():
    CommitmentFactory(number=7)
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    terms = {term.name: 7 for term in commitments.TERMS}

    drafts = [
        commitments.create_draft(motion=motion, terms=terms, reason="", by=ops, now=NOW)
        for motion in (Motion.MQL, Motion.PQL)
    ]

    assert [str(draft) for draft in drafts] == ["MQL commitments v8", "PQL commitments v1"]


def test_the_database_holds_one_version_in_force_for_each_motion():
    CommitmentFactory(active=True)
    CommitmentFactory(active=True, motion=Motion.PQL)

    with pytest.raises(IntegrityError, match="one_active_commitment"):
        CommitmentFactory(active=True, motion=Motion.PQL)


def test_a_volume_without_its_rate_is_not_signed(leaders):
    draft = CommitmentFactory(opportunity_percent=None)

    with pytest.raises(commitments.ActivationRefused, match=r"give its target of MQL→opportunity"):
        commitments.sign(commitment=draft, by=leaders["by_sales"], now=NOW)
    with pytest.raises(commitments.ActivationRefused, match=r"promises a volume without a rate"):
        commitments.activate(commitment=draft, now=NOW, **leaders)

    draft.refresh_from_db()
    assert (draft.state, draft.signed_by_sales) == ("draft", None)


def test_the_target_is_signed_as_a_sentence_with_its_days(leaders):
    commitments.activate(commitment=CommitmentFactory(opportunity_percent=15), now=NOW, **leaders)

    promise = commitment_snapshots.find_current_snapshot(Motion.MQL)
    assert (
        "Of those, at least 15 % become opportunities within 60 days (MQL→opportunity)."
        in commitment_snapshots.select_sentences(promise, commitment_snapshots.MARKETING)
    )
    assert MQL_TO_OPPORTUNITY.matures_after == dt.timedelta(days=OPPORTUNITY_DAYS)


def test_commitments_from_before_targets_say_that_none_is_agreed():
    before, after = CommitmentFactory(active=True, opportunity_percent=None), CommitmentFactory(opportunity_percent=15)

    assert "MQL→opportunity: no target agreed." in commitments.term_sentences(before)[commitment_snapshots.MARKETING]
    (change,) = commitments.changed_terms(before, after)
    assert (change.before, change.after) == (None, 15)


@pytest.mark.parametrize("percent", [0, 101])
def test_the_database_takes_no_target_that_is_no_percentage(percent):
    with pytest.raises(IntegrityError):
        CommitmentFactory(opportunity_percent=percent)
