from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.http import QueryDict
from django.utils import timezone

from config.charts import Series, line_chart
from config.downloads import safe_cell
from config.ui.badges import check_class, handoff_state, ladder, notice_tone, stage, tier
from config.ui.boxes import with_query
from config.ui.format_tags import moment
from config.ui.formats import duration, percent, remaining
from config.ui.navigation import shell
from config.web import zone_of
from leads.models import Lead, LeadStage
from leads.vocabulary import BEGINNING, Stage
from sla.models import Handoff, Notice
from sla.vocabulary import HandoffState, NoticeKind
from tests.factories import UserFactory

NOW = dt.datetime(2026, 3, 10, 10, 0, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0:00"),
        (299, "4:59"),
        (600, "10 min"),
        (3599, "59 min"),
        (3600, "1 h 0 min"),
        (8 * 3600 - 1, "7 h 59 min"),
        (8 * 3600, "today 18:00"),
        (24 * 3600, "tomorrow 10:00"),
        (3 * 86400, "Fri 10:00"),
        (9 * 86400, "19 Mar"),
        (-1, "1 min late"),
        (-3600 * 3, "3 h 0 min late"),
        (-3600 * 20, "20 h late"),
        (-86400 * 3, "3 days late"),
    ],
)
def test_a_countdown_reads_as_people_say_it(seconds: int, text: str) -> None:
    assert remaining(NOW + dt.timedelta(seconds=seconds), NOW) == text


def test_a_day_is_the_readers_day() -> None:
    with timezone.override("Asia/Tokyo"):
        assert remaining(NOW + dt.timedelta(hours=9), NOW) == "tomorrow 04:00"


def test_figures_without_a_sample_are_dashes() -> None:
    assert (percent(None), percent(0.7), duration(None), duration(59), duration(725)) == (
        "–",
        "70\u202f%",
        "–",
        "59 s",
        "12 min",
    )


def test_other_parameters_stay_in_an_address() -> None:
    query = QueryDict("q=a%20b&stage=mql&after=7")

    assert with_query(query, after=None) == "?q=a+b&stage=mql"
    assert with_query(query, after=9) == "?q=a+b&stage=mql&after=9"


@pytest.mark.parametrize("name", ["", "Mars/Phobos", "../etc/passwd", "x" * 300])
def test_an_unknown_zone_is_utc(name: str) -> None:
    class Person:
        time_zone = name

    assert zone_of(Person()) == dt.UTC


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "\nx", " =1+1", "\uff1d1"])
def test_no_cell_begins_a_formula(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


def test_cells_that_are_no_text_stay_what_they_are() -> None:
    assert (safe_cell(-1), safe_cell(None), safe_cell("a=b")) == (-1, "", "a=b")


def test_a_gap_in_the_values_is_a_gap_in_the_line() -> None:
    drawn = line_chart("Kept", ["1", "2", "3", "4"], [Series("Sales", "sales", [50.0, None, 100.0, 0.0])])

    assert drawn.lines[0].path.count("M") == 2
    assert len(drawn.lines[0].dots) == 3


def test_a_chart_without_values_is_still_drawn() -> None:
    assert line_chart("Kept", [], [Series("Sales", "sales", [])]).lines[0].path == ""


@pytest.mark.django_db
def test_a_page_counts_unread_notices_once(rf, django_assert_num_queries):
    request = rf.get("/")
    request.user = UserFactory()
    unread = shell(request)["unread"]

    with django_assert_num_queries(1):
        assert [unread(), unread()] == [0, 0]


@pytest.mark.parametrize(
    ("mark", "error"),
    [
        (lambda: stage(Lead(stage="boss")), ValueError),
        (lambda: ladder(LeadStage(stage="boss", motion="mql")), ValueError),
        (lambda: handoff_state(Handoff(state="boss")), ValueError),
        (lambda: notice_tone(Notice(kind="boss")), ValueError),
        (lambda: tier(4), KeyError),
        (lambda: check_class("perhaps"), KeyError),
    ],
)
def test_a_mark_of_an_unknown_state_raises(mark: Callable[[], object], error: type[Exception]) -> None:
    with pytest.raises(error):
        mark()


def test_every_state_has_a_tone() -> None:
    tones = [state.tone for states in (Stage, HandoffState, NoticeKind) for state in states]

    assert set(tones) == {"", "marketing", "sales", "info", "good", "warn", "bad"}


@pytest.mark.parametrize(
    ("at", "motion", "labels", "is_done"),
    [
        ("sal", "mql", ["Lead", "MAL", "MQL", "SAL", "SQL", "Opportunity", "Won"], 3),
        ("mql", "pql", ["Lead", "MAL", "PQL", "SAL", "SQL", "Opportunity", "Won"], 2),
        ("lost", "mql", [], 0),
    ],
)
def test_the_ladder_marks_the_stage(at: str, motion: str, labels: list[str], is_done: int) -> None:
    steps = ladder(LeadStage(stage=at, motion=motion))["steps"]

    assert [str(step["label"]) for step in steps] == labels or str(steps[-1]["label"]) == "Lost"
    assert sum(step["is_done"] for step in steps) == is_done
    assert sum(step["is_current"] for step in steps) == 1


def test_what_came_without_a_date_is_known_since_the_beginning() -> None:
    assert moment(BEGINNING) == "the beginning"
    assert "Fri 2 Jan" in moment(BEGINNING + dt.timedelta(days=1))
