"""The monthly question to sales: asked once, answered by a button, never shown by person (rules 12.64, 12.65)."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from django.core import mail
from django.db import DatabaseError, transaction
from django.test import Client

from config.accounts.vocabulary import Role
from config.calendar_periods import CalendarMonth
from leads.exceptions import Refused
from sla.models import Notice, SatisfactionQuestion
from sla.notifications import deliveries
from sla.reports import satisfaction_results
from sla.satisfaction import monthly_question
from sla.vocabulary import NoticeKind
from tests.factories import DAY, HOUR, RepFactory, TeamFactory, UserFactory
from tests.sla.reports.report_reading import cards_of, read_api, read_page, run_sql, tables_of

pytestmark = pytest.mark.django_db

#: A Monday, the first working day of the month.
ASKED = dt.datetime(2026, 3, 2, 9, tzinfo=dt.UTC)
NEXT_MONTH = dt.datetime(2026, 4, 1, 9, tzinfo=dt.UTC)


@pytest.fixture
def teams(settings):
    """Return two teams of four and of two reps who work around the clock."""
    settings.BASE_URL = "https://accord.example"
    return [TeamFactory(working=True, reps=count) for count in (4, 2)]


def ask() -> list[SatisfactionQuestion]:
    monthly_question.ask_due(now=ASKED)
    return list(SatisfactionQuestion.objects.order_by("pk"))


def answer(question, score, at=ASKED + HOUR, sentence="") -> SatisfactionQuestion:
    return monthly_question.answer(question=question, score=score, sentence=sentence, now=at)


def test_reps_and_managers_are_asked_once_a_month(teams):
    UserFactory(roles=[Role.VIEWER])
    managers = {manager for team in teams for manager in team.managers.all()}

    assert monthly_question.ask_due(now=ASKED) == 6 + len(managers)
    assert monthly_question.ask_due(now=ASKED + HOUR) == 0
    assert Notice.objects.filter(kind=NoticeKind.SATISFACTION).count() == 6 + len(managers)
    assert monthly_question.ask_due(now=NEXT_MONTH) == 6 + len(managers)


def test_nobody_is_asked_late_in_a_month(teams):
    assert monthly_question.ask_due(now=ASKED + 10 * DAY) == 0


def test_a_link_that_is_followed_answers_nothing_and_its_button_does(teams, time_machine):
    time_machine.move_to(ASKED + HOUR, tick=False)
    question = ask()[0]
    deliveries.send_due(now=ASKED + HOUR)
    message = next(message for message in mail.outbox if message.to == [question.person.email])
    link = re.search(r"https://accord\.example(/satisfaction/\S+\?score=4)", message.body)
    assert link is not None
    client = Client()

    page = client.get(link[1])
    assert 'value="4" required checked' in page.content.decode()
    client.head(link[1])
    question.refresh_from_db()
    assert question.score is None
    path = link[1].partition("?")[0]
    assert client.post(path, {"score": "4", "sentence": "<b>Better</b> than May."}).status_code == 200
    assert client.post(path, {"score": "6"}).status_code == 422
    page = client.post(path, {"score": "2", "sentence": "<b>Worse</b>"})
    question.refresh_from_db()
    assert (question.score, question.sentence) == (2, "<b>Worse</b>")
    assert "<b>Worse</b>" not in page.content.decode()
    time_machine.move_to(NEXT_MONTH, tick=False)
    assert client.post(path, {"score": "5"}).status_code == 409
    assert client.get(path[:-3] + "xx/").status_code == 404


def test_an_answer_may_be_changed_until_the_month_ends(teams):
    question = ask()[0]
    answer(question, 3)
    answer(question, 5, at=ASKED + 20 * DAY)

    with pytest.raises(monthly_question.AnswerRefused, match="The month is over"):
        answer(question, 1, at=NEXT_MONTH)
    with pytest.raises(Refused, match="score: must be a number from 1 to 5"):
        answer(question, 0)
    for change in (
        {"score": None, "answered_at": None},
        {"score": 6},
        {"answered_at": NEXT_MONTH},
        {"month": "2026-04"},
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            SatisfactionQuestion.objects.filter(pk=question.pk).update(**change)
    assert SatisfactionQuestion.objects.get(pk=question.pk).score == 5


def test_results_are_by_team_and_hidden_below_four_answers(teams):
    big, small = teams
    for question in ask():
        if question.team_id == big.pk:
            answer(question, 4)
        elif question.team_id == small.pk:
            answer(question, 1, sentence=f"Said by {question.person}")
    month = CalendarMonth.containing(ASKED)

    results = {result.label: result for result in satisfaction_results.read_teams(month)}

    # The two of the small team could be told from the figure of all, so the next smallest team is hidden as well.
    assert results[small.name].is_hidden
    assert results[big.name].is_hidden
    assert not satisfaction_results.read_month(month).is_hidden


def test_two_teams_that_are_large_enough_are_shown(teams):
    big, small = teams
    RepFactory(team=small)
    RepFactory(team=small)
    for place, question in enumerate(ask()):
        if question.team_id is not None:
            answer(question, 4 if question.team_id == big.pk else 1 + place % 2)
    ((mean, count),) = run_sql(
        "SELECT avg(score), count(score) FROM sla_satisfactionquestion WHERE team_id = %(team)s", team=small.pk
    )

    results = {result.label: result for result in satisfaction_results.read_teams(CalendarMonth.containing(ASKED))}

    assert (results[big.name].mean, results[big.name].is_hidden) == (4, False)
    assert (results[small.name].mean, results[small.name].answers) == (pytest.approx(float(mean)), count)


def test_the_first_meeting_of_a_month_and_the_sla_report_show_the_month_before(teams):
    for question in ask():
        if question.team_id is not None:
            answer(question, 5, sentence="Good ones.")
    leader = UserFactory(roles=[Role.SALES_LEADER])
    first, second = (dt.datetime(2026, 4, day, 9, tzinfo=dt.UTC) for day in (6, 13))

    meeting = read_api(leader, "meeting", at=first)
    assert (cards_of(meeting)["satisfaction"]["value"], cards_of(meeting)["satisfaction"]["of"]) == (5.0, 6)
    assert "satisfaction" not in cards_of(read_api(leader, "meeting", at=second))
    (row,) = tables_of(read_api(leader, "sla", at=first))["satisfaction"]["rows"]
    assert (row["label"], row["cells"]["satisfaction"]["value"]) == ("March 2026", 5.0)
    assert "Good ones." in read_page(leader, "/reports/meeting/", at=first).content.decode()


def test_who_was_not_asked_reads_so(teams, time_machine):
    time_machine.move_to(ASKED, tick=False)
    client = Client()
    client.force_login(UserFactory(roles=[Role.SDR]))

    assert "You were not asked this month" in client.get("/satisfaction/").content.decode()
    question = ask()[0]
    client.force_login(question.person)
    assert client.get("/satisfaction/")["Location"].startswith("/satisfaction/")
