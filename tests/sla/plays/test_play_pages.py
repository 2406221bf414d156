"""The pages of account plays and of a company: who sees what, and every step by a form."""

from __future__ import annotations

import csv
import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from config.accounts.vocabulary import Role
from leads.models import Company
from sla.models import AccountPlay, PlayAttempt, PlayNote
from sla.plays import buying_group
from sla.vocabulary import PlayState
from tests.account_plays import activate_accounts, engage_company, people_of, read_play, see_signal, start_play
from tests.factories import (
    DAY,
    MINUTE,
    NOW,
    CompanyFactory,
    EventFactory,
    LeadFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def play():
    """A play of this minute, because pages read the clock; its team works around the clock."""
    TeamFactory(working=True, calendar=WorkCalendarFactory(always_open=True))
    return start_play(now=timezone.now() - MINUTE)


def client_of(user) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def owner(play) -> Client:
    return client_of(play.rep.user)


def text_of(answer) -> str:
    return " ".join(answer.content.decode().split())


def test_the_page_shows_evidence_contacts_and_tasks(play, owner):
    page = text_of(owner.get(f"/plays/{play.pk}/"))

    assert "4 contacts of Fit engaged within 30 days." in page
    assert "4 different contacts engaged within 30 days, 3 needed" in page
    assert "Company country is DE" in page
    assert "Pricing page, last on" in page
    assert page.count('class="button is-small" type="submit" aria-label="Done:') == 4
    assert "data-accept" in page


def test_a_task_shows_the_role_that_its_person_has_now(play, owner):
    contact = play.contacts.get(role="user")

    owner.post(f"/plays/{play.pk}/roles/", {"contact": contact.pk, "role": "champion"})

    page = text_of(owner.get(f"/plays/{play.pk}/"))
    task = page[page.index(f"Contact {contact.lead}") :]
    assert "Champion" in task[: task.index("Done")]


def test_the_tasks_of_a_play_that_is_over_are_no_work_to_do(play, owner):
    owner.post(f"/plays/{play.pk}/tasks/", {"task": play.tasks.first().pk})
    for path, typed in (("accept", {}), ("lose", {"reason": "Price."})):
        assert owner.post(f"/plays/{play.pk}/{path}/", typed).status_code == 302

    page = text_of(owner.get(f"/plays/{play.pk}/"))
    assert "1 of 4 done" in page
    assert "to do" not in page
    assert page.count("left undone") == 3


def test_a_play_is_accepted_and_worked_by_forms(play, owner):
    contact, task = play.contacts.first(), play.tasks.first()
    tomorrow = (timezone.now() + dt.timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    steps = {
        "accept": {},
        "attempts": {"contact": contact.pk, "did": "call:connected", "note": "Good talk"},
        "tasks": {"task": task.pk},
        "roles": {"contact": contact.pk, "role": "champion"},
        "notes": {"text": "<b>They</b> compare"},
        "meeting": {"at": tomorrow},
        "opportunity": {"amount": "50000"},
    }

    for path, typed in steps.items():
        answer = owner.post(f"/plays/{play.pk}/{path}/", typed)
        assert (path, answer.status_code) == (path, 302)

    assert read_play(play.company).state == PlayState.OPPORTUNITY
    assert (PlayAttempt.objects.count(), PlayNote.objects.count()) == (1, 2)
    page = text_of(owner.get(f"/plays/{play.pk}/"))
    assert "Good talk" in page
    assert "&lt;b&gt;They&lt;/b&gt; compare" in page
    assert "Opportunity: 50,000 EUR" in page
    assert owner.post(f"/plays/{play.pk}/win/", {}).status_code == 302


def test_a_rejection_needs_a_reason(play, owner):
    reason = ReasonCodeFactory(code="not_interested")
    assert f'value="{reason.pk}"' in text_of(owner.get(f"/plays/{play.pk}/reject/"))

    refused = owner.post(f"/plays/{play.pk}/reject/", {})
    assert refused.status_code == 422
    assert "Pick a reason." in text_of(refused)
    assert owner.post(f"/plays/{play.pk}/reject/", {"reason": reason.pk}).status_code == 302

    late = owner.post(f"/plays/{play.pk}/accept/")
    assert late.status_code == 409
    assert "rejected this play on" in text_of(late)


def test_invalid_input_is_shown_as_typed(play, owner):
    answer = owner.post(f"/plays/{play.pk}/attempts/", {"did": "", "note": "Half a thought"})

    assert answer.status_code == 422
    assert "Half a thought" in text_of(answer)


def test_a_manager_gives_a_play_to_somebody(play):
    manager, other = play.team.managers.get(), RepFactory(team=play.team)

    answer = client_of(manager).post(f"/plays/{play.pk}/assign/", {"rep": other.pk, "reason": "On leave"})

    assert answer.status_code == 302
    assert read_play(play.company).rep == other


def test_colleagues_read_and_strangers_find_nothing(play):
    colleague, stranger = RepFactory(team=play.team).user, RepFactory().user

    assert client_of(colleague).get(f"/plays/{play.pk}/").status_code == 200
    assert client_of(colleague).post(f"/plays/{play.pk}/accept/").status_code == 403
    for path in (f"/plays/{play.pk}/", f"/plays/{play.pk}/reject/", f"/companies/{play.company_id}/"):
        assert client_of(stranger).get(path).status_code == 404
    assert client_of(stranger).post(f"/plays/{play.pk}/accept/").status_code == 404
    assert "Fit" not in text_of(client_of(stranger).get("/plays/"))


def test_a_colleague_is_refused_by_right_also_where_somebody_has_decided(play, owner):
    owner.post(f"/plays/{play.pk}/accept/")
    colleague = client_of(RepFactory(team=play.team).user)

    answers = [colleague.post(f"/plays/{play.pk}/{step}/") for step in ("accept", "reject")]

    assert [answer.status_code for answer in answers] == [403, 403]


def test_the_list_filters_by_state_and_owner(play, owner):
    assert "Fit" in text_of(owner.get("/plays/"))
    assert "Fit" in text_of(owner.get("/plays/?whose=mine&q=fit"))
    assert "No play matches" in text_of(owner.get("/plays/?state=won"))
    manager = client_of(play.team.managers.get())
    assert "Fit" in text_of(manager.get("/plays/?whose=team&state=all"))
    assert "No play matches" in text_of(manager.get("/plays/?whose=mine"))
    assert owner.get("/plays/?state=nonsense&whose=x&after=abc").status_code == 200


def test_the_list_says_what_is_missing_before_there_is_a_definition():
    ops = client_of(UserFactory(roles=[Role.MARKETING_OPS]))

    assert "Begin with the preset" in text_of(ops.get("/plays/"))


def test_the_list_takes_as_many_queries_for_many_plays(play, owner, django_assert_max_num_queries):
    def count():
        with django_assert_max_num_queries(60) as queries:
            owner.get("/plays/")
        return len(queries)

    owner.get("/plays/")
    before = count()
    for number in range(3):
        start_play(now=timezone.now() - MINUTE, company=CompanyFactory(domain=f"c{number}.example", country="DE"))

    assert count() == before


def test_the_csv_runs_no_formula(play, owner):
    Company.objects.filter(pk=play.company_id).update(name="=cmd|calc")

    rows = list(csv.reader(b"".join(owner.get("/plays/export.csv").streaming_content).decode().splitlines()))

    assert rows[0][:3] == ["id", "company", "domain"]
    assert rows[1][1] == "'=cmd|calc"


def test_the_company_shows_its_buying_group_and_the_roles_missing():
    activate_accounts()
    now = timezone.now()
    company = engage_company(contacts=2, at=now - DAY)
    LeadFactory(company=company, first_name="Quiet", last_name="One", title="Engineer", email="q@fit.example")
    see_signal(company, at=now - DAY)

    page = text_of(client_of(UserFactory(roles=[Role.MARKETING_OPS])).get(f"/companies/{company.pk}/"))

    assert "2 engaged in the last 30 days; 3 different contacts make an account play." in page
    assert "Quiet One" in page
    assert "Job posted" in page
    assert [role in page for role in (">Champion<", ">User<")] == [True, True]
    assert ">Decision maker</span>" not in page


def test_an_sdr_sees_the_people_of_their_plays_and_how_many_others_there_are(play, owner):
    LeadFactory(company=play.company, first_name="Hidden", last_name="Lead", email="h@fit.example")

    page = text_of(owner.get(f"/companies/{play.company_id}/"))

    assert people_of(play.company)[0].name in page
    assert "Hidden Lead" not in page
    assert "1 person of this company is with marketing." in page


@pytest.mark.parametrize("has_definition", [True, False])
def test_in_a_company_of_many_people_the_engaged_ones_are_shown(has_definition):
    if has_definition:
        activate_accounts()
    company = CompanyFactory(domain="fit.example", country="DE")
    LeadFactory.create_batch(buying_group.MEMBERS_AT_MOST, company=company, last_name="Aaberg", title="Engineer")
    last = LeadFactory(company=company, last_name="Zyla", title="CFO")
    EventFactory(lead=last, signal__code="pricing_view", occurred_at=timezone.now() - DAY)

    group = buying_group.read_group(company, now=timezone.now())

    assert [member.lead for member in group.engaged] == [last]
    assert (len(group.members), group.hidden) == (buying_group.MEMBERS_AT_MOST, 1)


def test_without_a_definition_the_group_is_of_the_last_90_days():
    company = CompanyFactory(domain="fit.example", country="DE")
    lead = LeadFactory(company=company, title="CFO", email="c@fit.example")
    EventFactory(lead=lead, signal__code="pricing_view", occurred_at=timezone.now() - 80 * DAY)

    page = text_of(client_of(UserFactory(roles=[Role.VIEWER])).get(f"/companies/{company.pk}/"))

    assert "1 engaged in the last 90 days." in page


def test_the_navigation_names_plays_once_a_definition_judges_companies():
    leader, ops = (client_of(UserFactory(roles=[role])) for role in (Role.SALES_LEADER, Role.MARKETING_OPS))
    assert 'href="/plays/"' not in text_of(leader.get("/overview/"))
    assert 'href="/plays/"' in text_of(ops.get("/overview/"))

    activate_accounts(at=NOW - DAY)

    assert 'href="/plays/"' in text_of(leader.get("/overview/"))
    assert not AccountPlay.objects.exists()


def test_the_page_of_a_contact_names_the_play_and_what_was_done_in_it(play, owner):
    contact = play.contacts.first()
    owner.post(f"/plays/{play.pk}/attempts/", {"contact": contact.pk, "did": "call:connected", "note": "Good talk"})
    other = play.contacts.exclude(pk=contact.pk).first()
    ops = client_of(UserFactory(roles=[Role.MARKETING_OPS]))

    page, other_page = (text_of(ops.get(f"/leads/{row.lead_id}/")) for row in (contact, other))

    assert f'<a href="/plays/{play.pk}/">Account play Fit</a>' in page
    assert "AQL: Call: reached, in the account play Fit" in page
    assert "Good talk" in page
    assert f'<a href="/plays/{play.pk}/">Account play Fit</a>' in other_page
    assert "Good talk" not in other_page
