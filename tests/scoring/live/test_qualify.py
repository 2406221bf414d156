"""Leads that meet a version by its coming alone: handed to sales, or only marked (rules 9.12)."""

from __future__ import annotations

import datetime as dt

import pytest

from definitions.models import Version
from leads import named_lists, shipped_signals, stage_changes
from leads.models import Company, Lead, Signal
from leads.vocabulary import Stage
from scoring.live import mqls, qualify
from scoring.models import Qualification
from tests.scoring.lead_histories import DAY, HOUR, START, approved, company, did, document, person, take_over, tick

pytestmark = pytest.mark.django_db

CHANGE = START + 30 * DAY


@pytest.fixture
def employer() -> Company:
    return company()


@pytest.fixture
def lead(employer: Company) -> Lead:
    """Has some 30 points under the first version, which asks for 50."""
    take_over(approved(document(), START), START)
    lead = person(1, employer)
    did(lead, "webinar_attended", CHANGE - 2 * DAY)
    tick(CHANGE - DAY)
    return lead


def come(*, hand_over_entrants: bool, at: dt.datetime = CHANGE) -> Version:
    """The second version asks for 25."""
    second = take_over(approved(document(engagement=25), CHANGE), at, hand_over_entrants=hand_over_entrants)
    tick(at + HOUR / 60)
    return second


def mql_instants(lead: Lead) -> list[dt.datetime]:
    return list(Qualification.objects.filter(lead=lead).order_by("cycle").values_list("at", flat=True))


def test_entrants_that_are_handed_over_qualify_as_of_the_activation(lead: Lead) -> None:
    come(hand_over_entrants=True)

    assert mql_instants(lead) == [CHANGE]
    # The promise to route counts from when it was judged, not from the activation.
    assert Qualification.objects.get().recorded_at == CHANGE + HOUR / 60


def test_entrants_that_are_only_marked_wait_for_their_next_activity(lead: Lead) -> None:
    version = come(hand_over_entrants=False)

    assert mql_instants(lead) == []
    assert qualify.marked_entrants(version, [lead.pk], now=CHANGE + HOUR) == {lead.pk}

    did(lead, "blog_read", CHANGE + DAY)
    tick(CHANGE + DAY + HOUR)

    assert mql_instants(lead) == [CHANGE + DAY]
    assert qualify.marked_entrants(version, [lead.pk], now=CHANGE + DAY + HOUR) == frozenset()


def test_a_marked_lead_that_fell_begins_anew_with_its_next_activity(lead: Lead, employer: Company) -> None:
    come(hand_over_entrants=False)
    later = CHANGE + 25 * DAY

    tick(later)
    did(lead, "pricing_view", later + HOUR)
    tick(later + DAY)

    assert mql_instants(lead) == [later + HOUR]


def test_activity_that_makes_a_lead_meet_the_version_is_not_the_change(lead: Lead, employer: Company) -> None:
    other = person(2, employer)
    come(hand_over_entrants=False)

    did(other, "demo_request", CHANGE + 2 * DAY)
    tick(CHANGE + 2 * DAY)

    assert mql_instants(other) == [CHANGE + 2 * DAY]


def test_what_came_just_before_the_change_and_nobody_judged_is_not_the_change(lead: Lead, employer: Company) -> None:
    other = person(2, employer)
    tick(CHANGE - HOUR)
    did(other, "demo_request", CHANGE - HOUR / 360)

    come(hand_over_entrants=False)

    assert (mql_instants(lead), mql_instants(other)) == ([], [CHANGE])


def test_activity_from_before_the_change_that_we_learn_of_later_is_not_the_change(employer: Company) -> None:
    take_over(approved(document(), START), START)
    lead = person(1, employer)
    tick(START)
    come(hand_over_entrants=False)

    did(lead, "webinar_attended", CHANGE - 2 * DAY, recorded_at=CHANGE + DAY)
    tick(CHANGE + DAY)

    assert mql_instants(lead) == [CHANGE]


def recycled(lead: Lead, *, closed: dt.datetime, back: dt.datetime) -> None:
    did(lead, "demo_request", closed - HOUR)
    tick(closed - HOUR)
    mqls.close_cycle(qualification=Qualification.objects.get(lead=lead), now=closed, reenter_at=back)
    stage_changes.move(lead=lead, to=Stage.NURTURE, by=None, now=closed, why="Next quarter.")


def test_a_recycled_lead_whose_day_comes_after_the_change_comes_back_on_its_day(lead: Lead) -> None:
    recycled(lead, closed=CHANGE - 20 * HOUR, back=CHANGE + 5 * DAY)
    did(lead, "webinar_attended", CHANGE - 10 * HOUR)
    come(hand_over_entrants=False)
    before = len(mql_instants(lead))

    tick(CHANGE + 5 * DAY)

    assert (before, mql_instants(lead)[1:]) == (1, [CHANGE + 5 * DAY])


def test_a_recycled_lead_that_was_free_again_before_the_change_waits(lead: Lead) -> None:
    recycled(lead, closed=CHANGE - 40 * HOUR, back=CHANGE - 30 * HOUR)
    for hours in (39, 38):
        did(lead, "unsubscribe", CHANGE - hours * HOUR)
    did(lead, "pricing_view", CHANGE - 20 * HOUR)
    tick(CHANGE - 20 * HOUR)
    free_again = mql_instants(lead)

    come(hand_over_entrants=False)

    assert mql_instants(lead) == free_again


@pytest.mark.parametrize("hand_over_entrants", [True, False])
def test_a_lead_with_sales_already_is_left_in_peace(lead: Lead, hand_over_entrants: bool) -> None:
    did(lead, "demo_request", CHANGE - 2 * HOUR)
    tick(CHANGE - HOUR)

    version = come(hand_over_entrants=hand_over_entrants)
    did(lead, "pricing_view", CHANGE + DAY)
    tick(CHANGE + DAY)

    assert mql_instants(lead) == [CHANGE - 2 * HOUR]
    assert qualify.marked_entrants(version, [lead.pk], now=CHANGE + DAY) == frozenset()


def test_a_lead_judged_late_is_dated_when_it_began_and_not_when_it_was_judged(lead: Lead) -> None:
    take_over(approved(document(engagement=25), CHANGE), CHANGE)
    did(lead, "blog_read", CHANGE + HOUR)

    tick(CHANGE + DAY)

    assert mql_instants(lead) == [CHANGE]


def test_what_decayed_in_between_does_not_date_a_later_beginning(employer: Company) -> None:
    """Imported with its history, it held 200 days ago; between then and its next request it did not."""
    take_over(approved(document(), START - 300 * DAY), START - 300 * DAY)
    lead = person(1, employer, at=START)
    did(lead, "demo_request", START - 200 * DAY, recorded_at=START)
    tick(START)

    did(lead, "demo_request", START + DAY)
    tick(START + DAY)

    assert mql_instants(lead) == [START + DAY]


@pytest.fixture(autouse=True)
def shipped(db: None) -> None:
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
