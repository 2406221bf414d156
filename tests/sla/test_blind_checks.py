"""The pages of blind checks: what a person sees before and after answering."""

from __future__ import annotations

import csv
import io
import re

import pytest
import time_machine
from django.test import Client

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions.models import Version
from leads.stages import stage_changes
from leads.vocabulary import Stage
from scoring.blind_checks import rounds
from scoring.models import BlindCheck, BlindCheckAnswer
from tests.definitions.documents import criterion
from tests.definitions.version_lifecycles import create_active
from tests.factories import DAY, EventFactory, RepFactory, TeamFactory, UserFactory
from tests.scoring.blind_checks.stored_rounds import NOW, THEN, add_lead, answer_all

pytestmark = pytest.mark.django_db


@pytest.fixture
def version() -> Version:
    return create_active(gate=[criterion("company.industry", "in", ["Software"])])


@pytest.fixture
def blind_check(version) -> BlindCheck:
    """A round of 24 leads, whose outcomes have come since: accepted, rejected, won, or nothing."""
    leads = [add_lead(number, signal="demo_request" if number % 2 else "email_click") for number in range(24)]
    for lead in leads[:12]:
        EventFactory(lead=lead, signal__code="pricing_view", occurred_at=THEN + 70 * DAY)
        for number, stage in enumerate((Stage.MQL, Stage.SAL, Stage.OPPORTUNITY, Stage.WON), start=1):
            stage_changes.move(lead=lead, motion="mql", to=stage, by=None, now=THEN + number * DAY, why="Zebra.")
    return rounds.make_round(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW)


@pytest.fixture
def now():
    with time_machine.travel(NOW, tick=False):
        yield NOW


def login(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def read(client: Client, path: str) -> str:
    response = client.get(path, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_a_round_from_the_first_lead_to_the_result(blind_check: BlindCheck, now) -> None:
    person = UserFactory(roles=[Role.SDR])
    client, address = login(person), f"/blind-checks/{blind_check.pk}/"
    assert "0 of 24" in read(client, "/blind-checks/")

    for position in range(1, 25):
        asked = read(client, address)
        assert f"Lead {position} of 24" in asked
        # The keyboard need not walk through the navigation again for each lead.
        assert ("autofocus" in asked) == (position > 1)
        client.post(f"{address}answer/", {"position": position, "answer": "yes" if position % 2 else "no"})

    shown = read(client, address)
    assert "Your answers, lead by lead" in shown
    assert "one has finished; kappa needs two" in shown
    assert "Won" in shown
    assert BlindCheckAnswer.objects.filter(person=person, is_qualified=True).count() == 12


def test_a_question_shows_nothing_later_and_nothing_that_names_the_lead(blind_check: BlindCheck, now) -> None:
    client = login(UserFactory(roles=[Role.SDR]))
    address = f"/blind-checks/{blind_check.pk}/"

    for row in blind_check.leads.select_related("lead__company").order_by("position"):
        page = read(client, address).split("<main", 1)[1].split("</main>", 1)[0]
        lead = row.lead
        for text in (
            lead.email,
            lead.first_name,
            lead.company.name,
            "hidden.example",
            "Won",
            "SAL",
            "Zebra",
            "pricing",
            "Pricing",
        ):
            assert text not in page
        # Every address, id and value in the markup is of the round, none of the lead.
        values = re.findall(r'(?:href|action|id|value|data-[\w-]+)="([^"]*)"', page)
        tokens = re.findall(r'name="csrfmiddlewaretoken" value="([^"]*)"', page)
        assert set(values) - set(tokens) <= {
            "/blind-checks/", f"{address}answer/", str(row.position), "yes", "no", "main", "messages",
        }  # fmt: skip
        client.post(f"{address}answer/", {"position": row.position, "answer": "no"})


def test_lead_by_lead_is_for_who_has_answered_everything(blind_check: BlindCheck, now) -> None:
    answer_all(blind_check, UserFactory(roles=[Role.SDR]))

    shown = read(login(UserFactory(roles=[Role.MARKETING_LEADER])), f"/blind-checks/{blind_check.pk}/result/")

    assert "24 of 24" in shown
    assert "Your answers" not in shown
    assert "/leads/" not in shown.split("<main", 1)[1]


def test_people_by_name_are_for_their_manager_and_themselves(blind_check: BlindCheck, now) -> None:
    team = TeamFactory(name="North")
    manager = UserFactory(roles=[Role.SALES_MANAGER])
    team.managers.set([manager])
    people = [UserFactory(roles=[Role.SDR], first_name=name, last_name="Rep") for name in ("Ada", "Bob")]
    for person in people:
        RepFactory(team=team, user=person)
        answer_all(blind_check, person)
    address = f"/blind-checks/{blind_check.pk}/result/"

    assert all(name in read(login(manager), address) for name in ("Ada Rep", "Bob Rep"))
    for viewer in (UserFactory(roles=[Role.SALES_LEADER]), UserFactory(roles=[Role.MARKETING_OPS])):
        shown = read(login(viewer), address)
        assert "North" in shown
        assert "Ada Rep" not in shown
    own = read(login(people[0]), address)
    assert "Ada Rep" in own
    assert "Bob Rep" not in own
    content = b"".join(login(manager).get(f"/blind-checks/{blind_check.pk}/result.csv")).decode()
    rows = list(csv.reader(io.StringIO(content)))
    assert rows[1:] == [
        ["North", "", "2", "48", "48", ""],
        ["North", "Ada Rep", "1", "24", "24", "1.0"],
        ["North", "Bob Rep", "1", "24", "24", "1.0"],
    ]


def test_a_team_of_one_who_finished_shows_no_figure_to_others(blind_check: BlindCheck, now) -> None:
    person = UserFactory(roles=[Role.SDR])
    RepFactory(team=TeamFactory(name="North"), user=person)
    answer_all(blind_check, person)
    address = f"/blind-checks/{blind_check.pk}/result.csv"

    seen, own = (
        list(csv.reader(io.StringIO(b"".join(login(viewer).get(address)).decode())))[1]
        for viewer in (UserFactory(roles=[Role.MARKETING_OPS]), person)
    )

    assert (seen, own) == (["North", "", "1", "", "", ""], ["North", "", "1", "24", "24", ""])


def test_an_answer_must_be_yes_or_no_on_a_lead_of_the_round(blind_check: BlindCheck, now) -> None:
    client, address = login(UserFactory(roles=[Role.SDR])), f"/blind-checks/{blind_check.pk}/answer/"

    assert "must be yes or no" in client.post(address, {"position": 1, "answer": "x"}, follow=True).content.decode()
    assert client.post(address, {"position": 99, "answer": "yes"}).status_code == 404
    assert client.post(address, {"position": "x", "answer": "yes"}).status_code == 404
    assert not BlindCheckAnswer.objects.exists()


def test_a_round_is_made_by_ops_for_a_version_in_force(version, now) -> None:
    ops, sdr = login(UserFactory(roles=[Role.MARKETING_OPS])), login(UserFactory(roles=[Role.SDR]))

    refused = ops.post("/blind-checks/new/", {"version": version.pk}, follow=True).content.decode()

    assert "a blind check takes 20" in refused
    assert ops.post("/blind-checks/new/", {"version": "x"}).status_code == 404
    assert sdr.post("/blind-checks/new/", {"version": version.pk}).status_code == 403
    assert "New round" not in read(sdr, "/blind-checks/")
    for number in range(20):
        add_lead(number)
    assert "Lead 1 of 20" in ops.post("/blind-checks/new/", {"version": version.pk}, follow=True).content.decode()
