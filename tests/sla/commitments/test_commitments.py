from __future__ import annotations

import pytest
from django.db import ProgrammingError

from config.accounts.vocabulary import Role
from definitions import commitment_snapshots
from sla.commitments import commitments
from sla.models import Commitment
from tests.sla import situations
from tests.sla.situations import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def leaders():
    return {"by_marketing": situations.user(Role.MARKETING_LEADER), "by_sales": situations.user(Role.SALES_LEADER)}


def test_signed_by_both_they_come_into_force_and_retire_those_before(leaders):
    before = situations.commitment()
    draft = Commitment.objects.create(number=901, contact_minutes=15)

    commitments.activate(commitment=draft, now=NOW, **leaders)

    before.refresh_from_db()
    assert commitments.current_commitment().contact_minutes == 15
    assert (before.state, before.retired_at) == ("retired", NOW)


def test_what_comes_into_force_stands_beside_the_definition_in_sentences(leaders):
    draft = Commitment.objects.create(number=901, contact_minutes=15)

    commitments.activate(commitment=draft, now=NOW, **leaders)

    promise = commitment_snapshots.current()
    assert (
        commitment_snapshots.about(promise, commitment_snapshots.SALES)[0]
        == "First contact within 15 business minutes; tier 1 within 5."
    )
    assert "comes back after 90 days" in commitment_snapshots.about(promise, commitment_snapshots.AFTERWARDS)[0]
    assert promise.signed_by == f"{leaders['by_marketing']} for marketing, {leaders['by_sales']} for sales"
    assert promise.at == NOW


def test_a_fresh_installation_has_none_and_says_so():
    with pytest.raises(commitments.NotYetAgreed, match="both sides must sign"):
        commitments.current_commitment()


def test_two_different_leaders_sign_each_for_their_side(leaders):
    draft = Commitment.objects.create(number=901)
    both = situations.user(Role.MARKETING_LEADER, Role.SALES_LEADER)

    for signers, said in (
        ({"by_marketing": both, "by_sales": both}, "Two different people"),
        ({"by_marketing": leaders["by_sales"], "by_sales": leaders["by_marketing"]}, "not a marketing leader"),
        ({**leaders, "by_sales": situations.user(Role.SALES_MANAGER)}, "not a sales leader"),
    ):
        with pytest.raises(commitments.ActivationRefused, match=said):
            commitments.activate(commitment=draft, now=NOW, **signers)
    assert Commitment.objects.get(pk=draft.pk).state == "draft"


def test_what_is_in_force_cannot_be_activated_again(leaders):
    with pytest.raises(commitments.ActivationRefused, match="active already"):
        commitments.activate(commitment=situations.commitment(), now=NOW, **leaders)


def test_open_handoffs_keep_the_commitments_they_began_under(leaders):
    handoff = situations.handoff()
    draft = Commitment.objects.create(number=901, contact_minutes=15)

    commitments.activate(commitment=draft, now=NOW, **leaders)

    assert situations.fresh(handoff).commitment != draft
    assert situations.handoff().commitment == draft


def test_a_draft_is_edited_and_what_was_signed_is_not():
    draft = Commitment.objects.create(number=901)
    Commitment.objects.filter(pk=draft.pk).update(contact_minutes=10)
    situations.commitment()

    with pytest.raises(ProgrammingError, match="Cannot update rows"):
        Commitment.objects.filter(state="active").update(contact_minutes=10)
