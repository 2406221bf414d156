from __future__ import annotations

import csv

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.vocabulary import Role
from definitions.models import Version
from leads import named_lists, shipped_signals
from leads.models import Lead, Signal
from leads.stages import stage_changes
from leads.vocabulary import Motion, Stage
from scoring.comparisons import replays, version_comparison
from scoring.comparisons.version_comparison import ComparisonOutcome
from tests.factories import UserFactory
from tests.scoring.lead_histories import (
    DAY,
    HOUR,
    START,
    activate_version,
    add_event,
    approve_version,
    document,
    make_company,
    rescore_all_due,
)
from tests.scoring.lead_histories import make_lead as lead_number

pytestmark = pytest.mark.django_db(transaction=True)

NOW = START + 2 * DAY


@pytest.fixture(autouse=True)
def shipped(transactional_db: None) -> None:
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()


@pytest.fixture
def versions() -> tuple[Version, Version]:
    """Return two versions: the active one asks for 50 points and punishes an unsubscribe, the other asks for 25, of
    managers only.
    """
    first = activate_version(approve_version(document(), START), START)
    narrower = document(engagement=25)
    narrower["gate"].append(
        {"field": "lead.title", "op": "contains_any", "value": ["head"], "points": 0, "rationale": "Who decides."}
    )
    return first, approve_version(narrower, START)


@pytest.fixture
def people(versions: tuple[Version, Version]) -> dict[str, Lead]:
    """Return leads named after the version that they meet by their activity of two days."""
    employer = make_company()
    leads = {
        name: lead_number(number, employer) for number, name in enumerate(["stays", "leaves", "enters", "done", "out"])
    }
    Lead.objects.filter(pk=leads["leaves"].pk).update(title="Engineer")
    for name in ("stays", "leaves"):
        add_event(leads[name], "demo_request", START + DAY)
        add_event(leads[name], "webinar_attended", START + DAY)
    for name in ("enters", "done"):
        add_event(leads[name], "webinar_attended", START + DAY)
    stage_changes.move(lead=leads["done"], motion=Motion.MQL, to=Stage.WON, by=None, now=START + DAY, why="Bought.")
    rescore_all_due(NOW)
    return leads


def test_leads_are_counted_by_the_versions_that_they_meet(
    versions: tuple[Version, Version], people: dict[str, Lead]
) -> None:
    comparison = version_comparison.compare_versions(*versions, now=NOW)

    assert comparison.counts == {
        ComparisonOutcome.BOTH: 1,
        ComparisonOutcome.FIRST: 1,
        ComparisonOutcome.SECOND: 2,
        ComparisonOutcome.NEITHER: 1,
    }
    assert {kind: [row.lead for row in comparison.rows(kind)] for kind in ComparisonOutcome} == {
        ComparisonOutcome.BOTH: [people["stays"]],
        ComparisonOutcome.FIRST: [people["leaves"]],
        ComparisonOutcome.SECOND: [people["enters"], people["done"]],
        ComparisonOutcome.NEITHER: [people["out"]],
    }
    assert comparison.tiers[0] == {1: 2, 2: 0, 3: 0}
    assert comparison.tiers[1] == {1: 1, 2: 0, 3: 2}


def test_entering_and_leaving_leads_have_the_reasons_of_both_versions(
    versions: tuple[Version, Version], people: dict[str, Lead]
) -> None:
    comparison = version_comparison.compare_versions(*versions, now=NOW)

    reasons = {row.lead: row.why for row in comparison.rows(ComparisonOutcome.FIRST, ComparisonOutcome.SECOND)}

    assert reasons[people["leaves"]].startswith("v1.0: ")
    assert "v1.1: Title is Engineer; needed: containing head." in reasons[people["leaves"]]
    assert reasons[people["enters"]].startswith(
        "v1.1: Webinar attended a day earlier; 30 points, 25 needed; path “Engaged, with intent”."
    )
    assert "v1.0: 30 points, 50 needed; no hot trigger fired." in reasons[people["enters"]]


def test_only_entrants_that_may_qualify_would_be_handed_to_sales(
    versions: tuple[Version, Version], people: dict[str, Lead]
) -> None:
    assert version_comparison.compare_with_active(versions[1], now=NOW).handed_over == {people["enters"].pk}


def test_without_a_version_in_force_every_lead_that_meets_the_draft_enters(
    people: dict[str, Lead], versions: tuple[Version, Version]
) -> None:
    comparison = version_comparison.compare_versions(None, versions[1], now=NOW)

    assert comparison.counts == {
        ComparisonOutcome.BOTH: 0,
        ComparisonOutcome.FIRST: 0,
        ComparisonOutcome.SECOND: 3,
        ComparisonOutcome.NEITHER: 2,
    }
    assert [row.first for row in comparison.rows(ComparisonOutcome.SECOND)] == [None] * 3


def test_without_leads_there_is_nothing_to_compare(versions: tuple[Version, Version]) -> None:
    assert set(version_comparison.compare_versions(*versions, now=NOW).counts.values()) == {0}


def visitor(*roles: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(roles=roles))
    return client


@pytest.fixture
def later() -> object:
    with time_machine.travel(NOW + 2 * HOUR, tick=False) as clock:
        yield clock


def test_the_page_shows_numbers_names_and_reasons(
    versions: tuple[Version, Version], people: dict[str, Lead], later: object
) -> None:
    url = reverse("comparison", args=[version.pk for version in versions])

    page = visitor(Role.VIEWER).get(url, {"kind": "first"}).content.decode()

    assert reverse("lead", args=[people["leaves"].pk]) in page
    assert reverse("lead", args=[people["stays"].pk]) not in page
    assert "needed: containing head" in page


def test_the_page_without_leads_says_so(versions: tuple[Version, Version], later: object) -> None:
    page = visitor(Role.VIEWER).get(reverse("comparison", args=[version.pk for version in versions])).content.decode()

    assert "No leads yet" in page


def test_the_csv_holds_every_lead(versions: tuple[Version, Version], people: dict[str, Lead], later: object) -> None:
    answer = visitor(Role.VIEWER).get(reverse("comparison_csv", args=[version.pk for version in versions]))

    rows = list(csv.DictReader(answer.getvalue().decode().splitlines()))
    assert [(row["lead"], row["meets"]) for row in rows] == [
        (str(lead.pk), kind)
        for lead, kind in zip(people.values(), ["both", "first", "second", "second", "neither"], strict=True)
    ]
    assert rows[2]["v1.0 engagement"] == rows[2]["v1.1 engagement"]


def test_the_api_returns_counts_and_lists_the_leads_of_one_outcome(
    versions: tuple[Version, Version], people: dict[str, Lead], later: object
) -> None:
    first, second = versions
    url = reverse("api:definition-compare", args=[first.pk])
    client = visitor(Role.MARKETING_OPS)

    counts = client.get(url, {"with": second.pk}).json()
    named = client.get(url, {"with": second.pk, "leads": "second", "after": people["enters"].pk}).json()

    assert counts["counts"] == {"both": 1, "first": 1, "second": 2, "neither": 1}
    assert (counts["first"], counts["second"], counts["handed_over"]) == ("v1.0", "v1.1", 1)
    assert "leads" not in counts
    assert [row["lead"] for row in named["leads"]] == [people["done"].pk]
    assert client.get(url).status_code == 400
    assert client.get(url, {"with": 0}).status_code == 400


def test_the_replay_page_names_facts_that_were_learned_too_late(
    versions: tuple[Version, Version], people: dict[str, Lead], later: object
) -> None:
    add_event(people["stays"], "trial_signup", START + 2 * HOUR, recorded_at=NOW + HOUR)
    add_event(people["stays"], "trial_signup", START + 3 * HOUR, recorded_at=NOW + HOUR)
    page = visitor(Role.VIEWER).get(reverse("replay", args=[versions[0].pk])).content.decode()

    replay = replays.replay_version(versions[0], now=NOW + 2 * HOUR)

    assert (replay.on_record, replay.expected, replay.agree, len(replay.moved), replay.excused) == (2, 2, 1, 1, 1)
    assert replay.moved[0].reason.startswith("Trial sign-up of 2026-03-02 11:00 UTC was recorded later")
    assert "Trial sign-up of 2026-03-02 11:00 UTC was recorded later" in page


def test_a_version_that_was_never_in_force_has_nothing_to_replay(versions: tuple[Version, Version]) -> None:
    page = visitor(Role.VIEWER).get(reverse("replay", args=[versions[1].pk])).content.decode()

    assert "was never in force" in page
