"""The primary motion: a logged setting, shown and changed on the definition page (rules 2.8)."""

from __future__ import annotations

import pytest
from django.db import ProgrammingError
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions import motions, permissions, version_documents
from definitions.models import PrimaryMotion
from leads.intake import outcomes
from leads.models import Outcome
from leads.stages import motion_stages
from leads.vocabulary import Motion, Stage
from tests.definitions.documents import minimal_document
from tests.factories import NOW, DefinitionFactory, LeadFactory, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


def signed_in(*roles: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(roles=roles))
    return client


def choose(motion: Motion) -> None:
    motions.choose_primary_motion(motion=motion, by=UserFactory(roles=[Role.MARKETING_LEADER]), now=NOW)


def test_a_new_installation_begins_with_mql() -> None:
    assert motions.read_primary_motion() == Motion.MQL


def test_deals_of_leads_are_of_mql_while_companies_are_primary() -> None:
    DefinitionFactory(motion=Motion.AQL)
    choose(Motion.AQL)
    lead = LeadFactory()

    outcomes.record(items=[{"lead": lead.pk, "kind": "won", "at": NOW}], source="crm", now=NOW)

    assert Outcome.objects.get().motion == Motion.MQL
    assert motion_stages.read_all_motions(lead.pk) == {Motion.MQL: Stage.WON}


def test_who_chose_the_primary_motion_and_when_is_kept() -> None:
    DefinitionFactory(motion=Motion.PQL)

    choose(Motion.PQL)
    choose(Motion.PQL)

    choice = PrimaryMotion.objects.exclude(by=None).get()
    assert (choice.motion, choice.at) == (Motion.PQL, NOW)
    assert motions.read_primary_motion() == Motion.PQL
    assert motions.list_motions_in_use() == [Motion.PQL]


def test_choices_are_never_changed_or_deleted() -> None:
    DefinitionFactory(motion=Motion.PQL)
    choose(Motion.PQL)

    with pytest.raises(ProgrammingError, match="Cannot update or delete"):
        PrimaryMotion.objects.update(motion=Motion.MQL)


def test_a_motion_without_a_definition_is_not_primary() -> None:
    with pytest.raises(motions.MotionRefused, match="There is no AQL definition yet"):
        choose(Motion.AQL)


def test_sdrs_do_not_choose() -> None:
    with pytest.raises(permissions.NotAllowed):
        motions.choose_primary_motion(motion=Motion.MQL, by=UserFactory(roles=[Role.SDR]), now=NOW)


def test_the_motion_of_the_first_definition_is_primary() -> None:
    version_documents.import_document(document=minimal_document(motion="pql"), by=None, now=NOW)
    version_documents.import_document(document=minimal_document(name="Other"), by=None, now=NOW)

    assert motions.read_primary_motion() == Motion.PQL


def test_the_definition_page_shows_one_motion_and_changes_the_primary_one() -> None:
    mql = VersionFactory(active=True)
    pql = VersionFactory(active=True, definition=DefinitionFactory(motion=Motion.PQL, name="Usage"))
    leader = signed_in(Role.MARKETING_LEADER)

    before = leader.get("/definition/").content.decode()
    other = leader.get("/definition/?motion=pql").content.decode()
    answer = leader.post(reverse("primary_motion"), {"motion": "pql"}, follow=True)

    assert mql.definition.name in before
    assert "MQL is the primary motion" in before
    assert pql.definition.name in other
    assert "The primary motion is MQL; PQL has its own definition" in " ".join(other.split())
    assert "PQL is the primary motion: most of the pipeline" in " ".join(answer.content.decode().split())
    assert "Make PQL the primary motion" not in signed_in(Role.SDR).get("/definition/?motion=pql").content.decode()


def test_a_motion_without_a_definition_in_force_says_so() -> None:
    VersionFactory(active=True)

    assert "No PQL definition is in force" in signed_in(Role.SDR).get("/definition/?motion=pql").content.decode()


def test_the_api_reads_the_current_version_of_a_motion() -> None:
    mql = VersionFactory(active=True)
    pql = VersionFactory(active=True, definition=DefinitionFactory(motion=Motion.PQL))
    viewer = signed_in(Role.VIEWER)

    assert viewer.get("/api/v1/definitions/current").json()["id"] == mql.pk
    assert viewer.get("/api/v1/definitions/current?motion=pql").json()["id"] == pql.pk
    assert viewer.get("/api/v1/definitions/current?motion=aql").status_code == 404
