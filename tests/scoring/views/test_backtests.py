"""The pages of backtests: requested, followed, cancelled, shown, tried at other thresholds, downloaded."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
import time_machine
from django.http import HttpResponse
from django.template import engines
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import backtest_requests, threshold_adoption, version_documents
from definitions.models import Backtest, Clause, Version
from definitions.vocabulary import VersionState
from leads.models import Lead
from leads.vocabulary import READERS_OF_LEADS
from scoring.backtests.result_view import period_label
from tests.definitions import version_lifecycles
from tests.factories import LeadFactory, UserFactory, advance_version
from tests.scoring import backtest_results
from tests.scoring.backtest_results import END, START

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
PATHS = [
    {"name": "Engaged", "clauses": [{"axis": "engagement", "at_least": 40}], "rationale": "Enough interest."},
    {
        "name": "Asked",
        "clauses": [{"count_of": ["demo_request"], "at_least": 1, "within_days": 30}],
        "rationale": "They asked.",
    },
]
TIMING = {"engaged_within_days": 40, "or_request_within_days": None}


@pytest.fixture(autouse=True)
def after_the_period() -> object:
    with time_machine.travel(END + dt.timedelta(hours=12), tick=False):
        yield


@pytest.fixture
def draft() -> Version:
    return version_lifecycles.create_draft(paths=PATHS, timing=TIMING)


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def ops() -> Client:
    return signed_in(UserFactory(roles=[Role.MARKETING_OPS]))


def html(response: HttpResponse) -> str:
    assert response.status_code == 200
    return response.content.decode()


def lead(number: int, name: str = "Ada") -> Lead:
    return LeadFactory(email=f"lead{number}@example.org", first_name=name, last_name="Lovelace", at=START)


def address(row: Backtest, name: str = "backtest", *more: object) -> str:
    return reverse(name, args=[row.pk, *more])


# ── Asking ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_last_months_end_yesterday_at_midnight_of_the_company(draft: Version, settings: object) -> None:
    settings.COMPANY_TIME_ZONE = "Europe/Berlin"

    answer = ops().post(reverse("version_backtests", args=[draft.pk]), {"months": "6"})

    requested = draft.backtests.get()
    assert answer["Location"] == address(requested)
    assert (requested.start, requested.end) == (
        dt.datetime(2026, 4, 30, 22, tzinfo=dt.UTC),
        dt.datetime(2026, 10, 31, 23, tzinfo=dt.UTC),
    )
    assert period_label(requested.start, requested.end) == "1 May to 31 October 2026"


def test_dates_take_precedence_over_months(draft: Version) -> None:
    ops().post(
        reverse("version_backtests", args=[draft.pk]), {"months": "6", "start": "2026-01-01", "end": "2026-02-01"}
    )

    requested = draft.backtests.get()
    assert (requested.start, requested.end) == (
        dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
        dt.datetime(2026, 2, 1, tzinfo=dt.UTC),
    )


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({}, "Say how many months"),
        ({"start": "2026-01-01"}, "needs both dates"),
        ({"end": "2026-01-01", "months": "6"}, "needs both dates"),
        ({"months": "0"}, "greater than or equal to 1"),
        ({"start": "0000-99-99", "end": "2026-01-01"}, "valid date"),
    ],
)
def test_an_incomplete_period_is_refused_with_a_sentence(draft: Version, typed: dict[str, str], sentence: str) -> None:
    answer = ops().post(reverse("version_backtests", args=[draft.pk]), typed)

    assert answer.status_code == 422
    assert sentence in answer.content.decode()
    assert not draft.backtests.exists()


@pytest.mark.parametrize(
    ("start", "end"), [("2026-02-01", "2026-01-01"), ("2026-10-01", "2027-01-01"), ("0001-01-01", "2026-01-01")]
)
def test_an_impossible_period_is_refused_with_a_sentence(draft: Version, start: str, end: str) -> None:
    answer = ops().post(reverse("version_backtests", args=[draft.pk]), {"start": start, "end": end}, follow=True)

    assert "period" in html(answer).lower()
    assert not draft.backtests.exists()


def test_the_list_says_when_the_draft_was_edited_since(draft: Version) -> None:
    backtest_results.finished_backtest(draft)
    client = ops()
    before = html(client.get(reverse("version_backtests", args=[draft.pk])))

    Clause.objects.filter(path__version=draft, axis="engagement").update(at_least=45)
    after = html(client.get(reverse("version_backtests", args=[draft.pk])))

    assert "edited since" not in before
    assert "The draft was edited since its last backtest; run it again before proposing." in after
    assert "of an earlier state of the draft" in after


# ── Who may ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", list(Role))
def test_readers_of_leads_see_backtests_and_owners_request_them(draft: Version, role: Role) -> None:
    row = backtest_results.finished_backtest(draft)
    client = signed_in(UserFactory(roles=[role]))
    reads = [
        address(row),
        address(row, "what_if"),
        address(row, "backtest_csv", "weeks"),
        reverse("version_backtests", args=[draft.pk]),
    ]

    codes = {client.get(path).status_code for path in reads}
    client.post(reverse("version_backtests", args=[draft.pk]), {"months": "3"})

    assert codes == ({200} if role in READERS_OF_LEADS else {404})
    assert draft.backtests.pending().exists() == (role in backtest_requests.MAY_REQUEST)


def test_readers_see_no_actions(draft: Version) -> None:
    row = backtest_results.pending_backtest(draft)
    viewer = signed_in(UserFactory(roles=[Role.VIEWER]))

    assert "Cancel" not in html(viewer.get(address(row)))
    assert "New backtest" not in html(viewer.get(reverse("version_backtests", args=[draft.pk])))


# ── Under way ─────────────────────────────────────────────────────────────────────────────────────────────


def test_progress_is_polled_until_the_backtest_is_finished(draft: Version) -> None:
    row = backtest_results.pending_backtest(
        draft, done=250, total=1000, requested_at=END + dt.timedelta(hours=11, minutes=59)
    )
    client = ops()

    page = html(client.get(address(row)))
    fragment = html(client.get(address(row), headers=HTMX))

    assert fragment.strip() in page
    assert "25\u202f% judged" in fragment
    assert 'hx-trigger="every 2s"' in fragment
    assert "1 min since it was asked for" in fragment

    Backtest.objects.filter(pk=row.pk).update(finished_at=END, result=backtest_results.result())
    finished_answer = client.get(address(row), headers=HTMX)

    assert (finished_answer["HX-Refresh"], finished_answer.content) == ("true", b"")
    assert "every 2s" not in html(client.get(address(row)))


def test_a_pending_backtest_is_cancelled_once(draft: Version) -> None:
    row = backtest_results.pending_backtest(draft)
    client = ops()

    first = html(client.post(address(row, "backtest_cancel"), follow=True))
    second = html(client.post(address(row, "backtest_cancel"), follow=True))

    assert "Run it again" in first
    assert "there is nothing to cancel" in second
    assert client.get(address(row, "backtest_cancel")).status_code == 405
    row.refresh_from_db()
    assert row.is_cancelled


def test_a_viewer_cannot_cancel(draft: Version) -> None:
    row = backtest_results.pending_backtest(draft)

    answer = signed_in(UserFactory(roles=[Role.VIEWER])).post(address(row, "backtest_cancel"), follow=True)

    assert "may cancel a backtest" in html(answer)
    row.refresh_from_db()
    assert row.is_pending


def test_a_failed_backtest_says_why_and_offers_another(draft: Version) -> None:
    row = backtest_results.pending_backtest(draft, finished_at=END, error="A <lead> broke it.")

    page = html(ops().get(address(row)))

    assert "A &lt;lead&gt; broke it." in page
    assert "Run it again" in page


# ── Finished ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_two_numbers_stand_first_with_sample_interval_and_the_version_in_force(draft: Version) -> None:
    row = backtest_results.finished_backtest(draft)

    page = html(ops().get(address(row)))

    assert page.index("Coverage</dt>") < page.index("Precision (won)</dt>") < page.index("What if")
    assert "36 of 50 leads won in the period" in page
    assert "95 % interval 58\u202f% to 83\u202f%" in page
    assert "v1.0 in force: 60\u202f%" in page
    assert "Passes: it covers the wins" in page
    assert "1 May to 31 October 2026" in page


def test_low_lifts_are_marked_and_few_senders_are_a_small_sample(draft: Version) -> None:
    page = html(ops().get(address(backtest_results.finished_backtest(draft))))

    assert 'data-tone="good">4.2 ×' in page
    assert 'data-tone="warn">0.7 ×' in page
    assert "2.1 × (few)" in page


def test_the_page_says_whose_decisions_count_and_how_many_wins_are_of_other_motions(draft: Version) -> None:
    several, one, none, older = (
        " ".join(html(ops().get(address(backtest_results.finished_backtest(draft, figures)))).split())
        for figures in (
            *(backtest_results.result(wins_elsewhere=count) for count in (1200, 1, 0)),
            backtest_results.result(),
        )
    )

    assert "Acceptances and rejections are those of the motion MQL alone." in several
    assert (
        "A win counts whichever motion its deal concerns: 1,200 of those in the period are of another one." in several
    )
    assert "concerns: 1 of those in the period is of another one." in one
    assert "A win counts whichever motion its deal concerns." in none
    # It was counted otherwise then.
    assert "whichever motion" not in older


def test_a_result_without_leads_is_a_page(draft: Version) -> None:
    row = backtest_results.finished_backtest(draft, backtest_results.empty_result())

    page = html(ops().get(address(row)))

    assert "Not enough data for a verdict" in page
    assert "The sample is small" in page
    assert "No lead was won in the period." in page
    assert "no version was in force" in page


def test_hostile_names_stay_text_on_the_page_and_in_the_download(draft: Version) -> None:
    hostile = lead(1, name="=<script>alert(1)</script>")
    row = backtest_results.finished_backtest(draft, backtest_results.result(leads=(hostile.pk,)))
    client = ops()

    page = html(client.get(address(row)))
    rows = list(csv.DictReader(client.get(address(row, "backtest_csv", "lost-wins")).getvalue().decode().splitlines()))

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert [(one["lead"], one["name"][:2]) for one in rows] == [(str(hostile.pk), "'=")]


def test_a_deleted_lead_keeps_its_row(draft: Version) -> None:
    row = backtest_results.finished_backtest(draft, backtest_results.result(leads=(987654,)))

    assert "A lead known no more" in html(ops().get(address(row)))


@pytest.mark.parametrize(
    ("table", "rows"),
    [
        ("summary", 8),
        ("lost-wins", 2),
        ("lost-by-criterion", 1),
        ("still-passing", 2),
        ("signals", 3),
        ("weeks", 27),
        ("thresholds", 42),
        ("distributions", 40),
        ("grid", 25),
    ],
)
def test_every_table_can_be_downloaded(draft: Version, table: str, rows: int) -> None:
    row = backtest_results.finished_backtest(draft, backtest_results.result(leads=(lead(1).pk, lead(2).pk)))

    lines = list(csv.reader(ops().get(address(row, "backtest_csv", table)).getvalue().decode().splitlines()))

    assert len(lines) == rows + 1
    assert {len(line) for line in lines} == {len(lines[0])}


def test_unknown_tables_and_tables_of_unfinished_backtests_answer_404(draft: Version) -> None:
    client = ops()

    assert client.get(address(backtest_results.finished_backtest(draft), "backtest_csv", "secrets")).status_code == 404
    assert client.get(address(backtest_results.pending_backtest(draft), "backtest_csv", "weeks")).status_code == 404


def test_the_number_of_queries_does_not_grow_with_the_rows(draft: Version, count_queries: Callable[[str], int]) -> None:
    few = backtest_results.finished_backtest(draft, backtest_results.result(leads=(lead(1).pk,)))
    listing = reverse("version_backtests", args=[draft.pk])
    before = count_queries(address(few)), count_queries(listing)

    many = backtest_results.finished_backtest(
        draft, backtest_results.result(leads=tuple(lead(number).pk for number in range(2, 40)))
    )

    assert (count_queries(address(many)), count_queries(listing)) == before


@pytest.fixture
def count_queries() -> Callable[[str], int]:
    from django.db import connection  # noqa: PLC0415  # used by this test alone

    client = ops()

    def count(path: str) -> int:
        client.get(path)
        with CaptureQueriesContext(connection) as queries:
            assert client.get(path).status_code == 200
        return len(queries)

    return count


# ── What if ───────────────────────────────────────────────────────────────────────────────────────────────


def test_page_and_fragment_of_a_what_if_agree(draft: Version) -> None:
    row = backtest_results.finished_backtest(draft)
    client = ops()

    page = html(client.get(address(row, "what_if"), {"t0": "30"}))
    fragment = html(client.get(address(row, "what_if"), {"t0": "30"}, headers=HTMX))

    assert "fewer than tested" in fragment
    assert "Take these values into the draft" in fragment
    without_token = fragment.partition("csrfmiddlewaretoken")[0].strip()
    assert without_token in page
    assert 'name="t0" value="30"' in page


def test_the_tested_values_give_no_what_if(draft: Version) -> None:
    row = backtest_results.finished_backtest(draft)

    fragment = html(ops().get(address(row, "what_if"), {"t0": "40", "t1": ""}, headers=HTMX))

    assert "the values that were tested" in fragment


@pytest.mark.parametrize("typed", ["-1", "NaN", "1e9", "many", "1" * 400])
def test_an_invalid_value_is_refused(draft: Version, typed: str) -> None:
    row = backtest_results.finished_backtest(draft)
    client = ops()

    assert client.get(address(row, "what_if"), {"t0": typed}, headers=HTMX).status_code == 422
    assert client.get(address(row, "what_if"), {"t0": typed}).status_code == 422
    assert client.post(address(row, "what_if"), {"t0": typed}).status_code == 422


def test_adopting_values_changes_only_these_values_of_the_draft(draft: Version) -> None:
    row = backtest_results.finished_backtest(draft)
    before = version_documents.export_document(draft)

    answer = ops().post(address(row, "what_if"), {"t0": "32.5", "t1": "21"}, follow=True)

    after = version_documents.export_document(Version.objects.get(pk=draft.pk))
    assert "Run the backtest again before proposing it" in html(answer)
    assert after["paths"][0]["clauses"][0] == before["paths"][0]["clauses"][0] | {"at_least": 32.5}
    assert after["timing"] == before["timing"] | {"engaged_within_days": 21}
    assert {key for key in before if before[key] != after[key]} == {"paths", "timing"}
    assert backtest_requests.find_current_backtest(Version.objects.get(pk=draft.pk)) is None


def test_values_are_not_written_to_another_path_that_took_the_place(draft: Version) -> None:
    path = draft.paths.create(kind="paths", position=1, name="By webinar", rationale="They came.")
    path.clauses.create(axis="engagement", at_least=90)
    row = backtest_results.finished_backtest(Version.objects.get(pk=draft.pk))
    draft.paths.exclude(pk=path.pk).update(position=2)

    answer = ops().post(address(row, "what_if"), {"t0": "30"}, follow=True)

    assert backtest_requests.find_current_backtest(Version.objects.get(pk=draft.pk)) == row
    assert "The draft was edited since this backtest" in html(answer)
    assert path.clauses.get().at_least == 90


def test_values_are_not_adopted_twice(draft: Version) -> None:
    row = backtest_results.finished_backtest(draft)
    client = ops()
    client.post(address(row, "what_if"), {"t0": "30"})

    again = client.post(address(row, "what_if"), {"t0": "20"}, follow=True)

    assert "The draft was edited since this backtest" in html(again)
    assert Clause.objects.get(path__version=draft, axis="engagement").at_least == 30


def test_only_marketing_ops_adopt_values_and_only_into_a_draft(draft: Version) -> None:
    row = backtest_results.finished_backtest(draft)
    values = {"paths[0].clauses[0]": Decimal(30)}
    leader = signed_in(UserFactory(roles=[Role.MARKETING_LEADER]))

    page = html(leader.get(address(row, "what_if"), {"t0": "30"}))
    refused = html(leader.post(address(row, "what_if"), {"t0": "30"}, follow=True))
    advance_version(draft, to=VersionState.PROPOSED, at=timezone.now())

    assert "Take these values" not in page
    assert "may change a draft" in refused
    with pytest.raises(threshold_adoption.ThresholdRefused, match="only a draft"):
        threshold_adoption.adopt_thresholds(backtest=row, values=values, by=None)


@pytest.mark.parametrize(
    "place", ["paths[9].clauses[0]", "paths[0].clauses[7]", "gate[0].value", "timing.or_request_within_days", "owner"]
)
def test_a_place_that_holds_no_threshold_is_refused(draft: Version, place: str) -> None:
    row = backtest_results.finished_backtest(draft)

    with pytest.raises(threshold_adoption.ThresholdRefused, match="no threshold"):
        threshold_adoption.adopt_thresholds(backtest=row, values={place: Decimal(3)}, by=None)


# ── On other pages ────────────────────────────────────────────────────────────────────────────────────────


def render_tag(tag: str, version: Version, *roles: Role) -> str:
    request = RequestFactory().get("/")
    request.user = UserFactory(roles=roles)
    template = engines["django"].from_string(f"{{% load scoring %}}{{% {tag} version %}}")
    return template.render({"version": version}, request)


def test_the_card_of_a_version_shows_the_current_backtest_or_how_to_get_one(draft: Version) -> None:
    never = render_tag("backtest_of", draft, Role.MARKETING_OPS)
    backtest_results.finished_backtest(draft)
    current = render_tag("backtest_of", draft, Role.MARKETING_OPS)
    Clause.objects.filter(path__version=draft, axis="engagement").update(at_least=45)
    edited = render_tag("backtest_of", Version.objects.get(pk=draft.pk), Role.MARKETING_OPS)

    assert "was never tested" in never
    assert "36 of 50" in current
    assert "edited since its last backtest" in edited


def test_the_charts_of_a_version_name_no_lead_and_link_only_to_allowed_pages(draft: Version) -> None:
    someone = lead(1, name="Grace")
    row = backtest_results.finished_backtest(draft, backtest_results.result(leads=(someone.pk,)))

    for_sdr = render_tag("charts_of", draft, Role.SDR)
    for_viewer = render_tag("charts_of", draft, Role.VIEWER)

    assert "Grace" not in for_sdr
    assert address(row) not in for_sdr
    assert address(row) in for_viewer


def test_the_decay_curve_equals_the_engines_decay() -> None:
    version = version_lifecycles.create_draft(
        signals=[{"signal": "demo_request", "points": 30, "rationale": "They asked."}],
        decay={"mode": "compound", "percent": 10, "per_days": 30},
        inactivity={"after_days": 60, "points": 5},
    )

    page = render_tag("charts_of", version, Role.SDR)

    assert "8.1\u202fpoints" in page
    assert '<td class="number">24.3</td>' in page
    assert "5 points off the engagement for each full 30 days beyond 60 days" in page
