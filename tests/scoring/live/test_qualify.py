"""Leads that meet a version by the change alone: handed to sales, or only marked (rules 9.12)."""

from __future__ import annotations

import datetime as dt

import pytest

from definitions.models import Version
from leads import named_lists, shipped_signals
from leads.models import Company, Lead, Signal
from leads.stages import stage_changes
from leads.vocabulary import Motion, Stage
from scoring.live import mqls, qualify
from scoring.models import Qualification
from tests.scoring.lead_histories import (
    DAY,
    HOUR,
    START,
    activate_version,
    add_event,
    approve_version,
    document,
    make_company,
    make_lead,
    rescore_all_due,
)

pytestmark = pytest.mark.django_db

CHANGE = START + 30 * DAY


@pytest.fixture
def employer() -> Company:
    return make_company()


@pytest.fixture
def lead(employer: Company) -> Lead:
    """Return a lead with some 30 points under the first version, which asks for 50."""
    activate_version(approve_version(document(), START), START)
    lead = make_lead(1, employer)
    add_event(lead, "webinar_attended", CHANGE - 2 * DAY)
    rescore_all_due(CHANGE - DAY)
    return lead


def activate_second(*, hand_over_entrants: bool, at: dt.datetime = CHANGE) -> Version:
    """Put the second version, which asks for 25, into force."""
    second = activate_version(
        approve_version(document(engagement=25), CHANGE), at, hand_over_entrants=hand_over_entrants
    )
    rescore_all_due(at + HOUR / 60)
    return second


def mql_instants(lead: Lead) -> list[dt.datetime]:
    return list(Qualification.objects.filter(lead=lead).order_by("cycle").values_list("at", flat=True))


def test_entrants_that_are_handed_over_qualify_as_of_the_activation(lead: Lead) -> None:
    activate_second(hand_over_entrants=True)

    assert mql_instants(lead) == [CHANGE]
    # The promise to route counts from when it was judged, not from the activation.
    assert Qualification.objects.get().recorded_at == CHANGE + HOUR / 60


def test_entrants_that_are_only_marked_wait_for_their_next_activity(lead: Lead) -> None:
    version = activate_second(hand_over_entrants=False)

    assert mql_instants(lead) == []
    assert qualify.marked_entrants(version, [lead.pk], now=CHANGE + HOUR) == {lead.pk}

    add_event(lead, "blog_read", CHANGE + DAY)
    rescore_all_due(CHANGE + DAY + HOUR)

    assert mql_instants(lead) == [CHANGE + DAY]
    assert qualify.marked_entrants(version, [lead.pk], now=CHANGE + DAY + HOUR) == frozenset()


def test_a_marked_lead_that_fell_below_starts_again_with_its_next_activity(lead: Lead, employer: Company) -> None:
    activate_second(hand_over_entrants=False)
    later = CHANGE + 25 * DAY

    rescore_all_due(later)
    add_event(lead, "pricing_view", later + HOUR)
    rescore_all_due(later + DAY)

    assert mql_instants(lead) == [later + HOUR]


def test_a_lead_that_meets_the_version_by_new_activity_is_not_marked(lead: Lead, employer: Company) -> None:
    other = make_lead(2, employer)
    activate_second(hand_over_entrants=False)

    add_event(other, "demo_request", CHANGE + 2 * DAY)
    rescore_all_due(CHANGE + 2 * DAY)

    assert mql_instants(other) == [CHANGE + 2 * DAY]


def test_a_lead_with_unjudged_activity_just_before_the_change_is_not_marked(lead: Lead, employer: Company) -> None:
    other = make_lead(2, employer)
    rescore_all_due(CHANGE - HOUR)
    add_event(other, "demo_request", CHANGE - HOUR / 360)

    activate_second(hand_over_entrants=False)

    assert (mql_instants(lead), mql_instants(other)) == ([], [CHANGE])


def test_a_lead_with_activity_before_the_change_learned_later_is_not_marked(employer: Company) -> None:
    activate_version(approve_version(document(), START), START)
    lead = make_lead(1, employer)
    rescore_all_due(START)
    activate_second(hand_over_entrants=False)

    add_event(lead, "webinar_attended", CHANGE - 2 * DAY, recorded_at=CHANGE + DAY)
    rescore_all_due(CHANGE + DAY)

    assert mql_instants(lead) == [CHANGE]


def recycled(lead: Lead, *, closed: dt.datetime, back: dt.datetime) -> None:
    add_event(lead, "demo_request", closed - HOUR)
    rescore_all_due(closed - HOUR)
    mqls.close_cycle(qualification=Qualification.objects.get(lead=lead), now=closed, reenter_at=back)
    stage_changes.move(lead=lead, motion=Motion.MQL, to=Stage.NURTURE, by=None, now=closed, why="Next quarter.")


def test_a_recycled_lead_due_after_the_change_comes_back_on_its_day(lead: Lead) -> None:
    recycled(lead, closed=CHANGE - 20 * HOUR, back=CHANGE + 5 * DAY)
    add_event(lead, "webinar_attended", CHANGE - 10 * HOUR)
    activate_second(hand_over_entrants=False)
    before = len(mql_instants(lead))

    rescore_all_due(CHANGE + 5 * DAY)

    assert (before, mql_instants(lead)[1:]) == (1, [CHANGE + 5 * DAY])


def test_a_recycled_lead_that_was_free_again_before_the_change_waits(lead: Lead) -> None:
    recycled(lead, closed=CHANGE - 40 * HOUR, back=CHANGE - 30 * HOUR)
    for hours in (39, 38):
        add_event(lead, "unsubscribe", CHANGE - hours * HOUR)
    add_event(lead, "pricing_view", CHANGE - 20 * HOUR)
    rescore_all_due(CHANGE - 20 * HOUR)
    free_again = mql_instants(lead)

    activate_second(hand_over_entrants=False)

    assert mql_instants(lead) == free_again


@pytest.mark.parametrize("ending", ["newsletter_signup", "opt_in", "email_click"])
def test_a_lead_that_unsubscribed_qualifies_at_its_next_opt_in(lead: Lead, ending: str) -> None:
    add_event(lead, "unsubscribe", CHANGE - 23 * HOUR)
    add_event(lead, "trial_signup", CHANGE - 22 * HOUR)
    rescore_all_due(CHANGE - 21 * HOUR)
    before = mql_instants(lead)

    add_event(lead, ending, CHANGE - 20 * HOUR)
    rescore_all_due(CHANGE)

    assert before == []
    assert mql_instants(lead) == ([] if ending == "email_click" else [CHANGE - 20 * HOUR])


@pytest.mark.parametrize("hand_over_entrants", [True, False])
def test_a_lead_already_with_sales_does_not_qualify_again(lead: Lead, hand_over_entrants: bool) -> None:
    add_event(lead, "demo_request", CHANGE - 2 * HOUR)
    rescore_all_due(CHANGE - HOUR)

    version = activate_second(hand_over_entrants=hand_over_entrants)
    add_event(lead, "pricing_view", CHANGE + DAY)
    rescore_all_due(CHANGE + DAY)

    assert mql_instants(lead) == [CHANGE - 2 * HOUR]
    assert qualify.marked_entrants(version, [lead.pk], now=CHANGE + DAY) == frozenset()


def test_a_lead_judged_late_is_dated_when_it_began_and_not_when_it_was_judged(lead: Lead) -> None:
    activate_version(approve_version(document(engagement=25), CHANGE), CHANGE)
    add_event(lead, "blog_read", CHANGE + HOUR)

    rescore_all_due(CHANGE + DAY)

    assert mql_instants(lead) == [CHANGE]


def test_a_run_that_decayed_in_between_does_not_date_a_later_start(employer: Company) -> None:
    """Imported with its history, the lead met the version 200 days ago, but not between then and its next request."""
    activate_version(approve_version(document(), START - 300 * DAY), START - 300 * DAY)
    lead = make_lead(1, employer, at=START)
    add_event(lead, "demo_request", START - 200 * DAY, recorded_at=START)
    rescore_all_due(START)

    add_event(lead, "demo_request", START + DAY)
    rescore_all_due(START + DAY)

    assert mql_instants(lead) == [START + DAY]


@pytest.fixture(autouse=True)
def shipped(db: None) -> None:
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
