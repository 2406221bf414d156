from __future__ import annotations

import csv
import io
from dataclasses import dataclass

import pytest
from django.test import Client
from django.utils import timezone

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import acknowledgements
from definitions.models import Version
from tests.definitions.version_lifecycles import create_active
from tests.factories import RepFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


@dataclass
class Company:
    version: Version
    manager: User
    other_manager: User
    ops: User
    marketing_leader: User
    sales_leader: User


@pytest.fixture
def company() -> Company:
    """Ada and Bob in team North, of whom Ada has read the version; Cy in team South; one of each other role."""
    version = create_active()
    people = {
        role: UserFactory(roles=[role]) for role in (Role.MARKETING_OPS, Role.MARKETING_LEADER, Role.SALES_LEADER)
    }
    managers = [UserFactory(roles=[Role.SALES_MANAGER], first_name=name, last_name="") for name in ("Mia", "Max")]
    for team, manager, names in (("North", managers[0], ("Ada", "Bob")), ("South", managers[1], ("Cy",))):
        row = TeamFactory(name=team)
        row.managers.set([manager])
        for name in names:
            RepFactory(team=row, user=UserFactory(roles=[Role.SDR], first_name=name, last_name="Rep"))
    UserFactory(roles=[Role.SDR], is_active=False)
    UserFactory()
    acknowledgements.acknowledge(version=version, by=User.objects.get(first_name="Ada"), now=timezone.now())
    return Company(version, *managers, *people.values())


def open_page(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.get("/onboarding/readers/").content.decode()


def read_file(user: User) -> list[list[str]]:
    client = Client()
    client.force_login(user)
    return list(csv.reader(io.StringIO(b"".join(client.get("/onboarding/readers.csv")).decode())))[1:]


def test_a_manager_sees_their_own_people_by_name_and_other_teams_as_numbers(company: Company) -> None:
    shown = open_page(company.manager)

    assert "Ada Rep" in shown
    assert "Bob Rep: <strong>not yet</strong>" in shown
    assert "Cy Rep" not in shown
    assert "South" in shown


def test_everybody_else_sees_teams(company: Company) -> None:
    for viewer in (company.ops, company.marketing_leader, company.sales_leader):
        shown = open_page(viewer)
        assert "North" in shown
        assert not [name for name in ("Ada Rep", "Bob Rep", "Cy Rep") if name in shown]
    assert "Mia: <strong>not yet</strong>" in open_page(company.sales_leader)
    assert "Mia: " not in open_page(company.marketing_leader)
    assert f"{company.ops}: " in open_page(company.marketing_leader)


def test_the_file_says_what_the_page_says(company: Company) -> None:
    rows = read_file(company.manager)

    teams = [row[1:4] for row in rows if not row[4]]
    assert teams[:3] == [["North", "2", "1"], ["South", "1", "0"], ["Sales managers", "2", "0"]]
    assert [team[0] for team in teams[3:]] == ["Marketing ops", "Leaders"]
    assert [(row[1], row[4], bool(row[5])) for row in rows if row[4]] == [
        ("North", "Bob Rep", False),
        ("North", "Ada Rep", True),
    ]
    assert not [row for row in read_file(company.ops) if row[4]]


def test_an_sdr_does_not_see_who_has_read_it(company: Company) -> None:
    client = Client()
    client.force_login(User.objects.get(first_name="Ada"))

    assert client.get("/onboarding/readers/").status_code == 403
    assert "Who has read it" not in client.get("/onboarding/").content.decode()
