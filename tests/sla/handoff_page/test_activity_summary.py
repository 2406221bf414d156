from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from leads.shipped_signals import SIGNALS
from sla.handoff_page import activity_summary

BERLIN = ZoneInfo("Europe/Berlin")
#: Tuesday morning, 11:00 in Berlin.
NOW = dt.datetime(2026, 3, 10, 10, 0, tzinfo=dt.UTC)


def event(signal: str, at: dt.datetime, points: float = 5) -> dict[str, object]:
    return {"index": 0, "at": at.isoformat(), "signal": signal, "points": points}


def evidence(*events: dict[str, object], counts: tuple[str, ...] = (), total: int | None = None) -> dict[str, object]:
    clause = {"clause": {"signals": list(counts), "at_least": 1}, "held": True}
    return {
        "events": list(events),
        "events_total": len(events) if total is None else total,
        "hot_paths": [{"name": "Hot", "held": True, "clauses": [clause]}],
        "paths": [{"name": "Cold", "held": False, "clauses": [{"clause": {"signals": ["blog_read"]}, "held": True}]}],
    }


def told(document: object, *, now: dt.datetime = NOW, zone: dt.tzinfo = BERLIN) -> str:
    return activity_summary.write_summary(activity_summary.read_history(document), asked_at=NOW, now=now, zone=zone)


def hours(number: float) -> dt.datetime:
    return NOW - dt.timedelta(hours=number)


def test_what_it_did_is_told_as_on_the_phone():
    views = [event("pricing_view", hours(15 - at / 10)) for at in range(3)]

    assert (
        told(evidence(*views, event("demo_request", hours(1))))
        == "Viewed the pricing page 3 times yesterday evening and asked for a demo this morning."
    )


def test_the_day_is_the_readers():
    at_night = event("demo_request", dt.datetime(2026, 3, 9, 23, 30, tzinfo=dt.UTC))

    assert told(evidence(at_night)) == "Asked for a demo early this morning."
    assert told(evidence(at_night), zone=dt.UTC) == "Asked for a demo yesterday evening."


def test_read_a_day_later_yesterday_has_moved_but_nothing_else():
    document = evidence(event("demo_request", hours(1)))

    assert told(document, now=NOW + dt.timedelta(days=1)) == "Asked for a demo yesterday morning."
    assert told(document, now=NOW + dt.timedelta(days=3)) == "Asked for a demo on Tuesday morning."
    assert told(document, now=NOW + dt.timedelta(days=30)) == "Asked for a demo on 10 March."
    assert told(document, now=NOW + dt.timedelta(days=400)) == "Asked for a demo on 10 March 2026."


def test_what_triggered_goes_before_what_merely_had_points():
    many = [event(name, hours(2), 50) for name in ("case_study", "chat_started", "badge_scan")]

    story = told(evidence(*many, event("pricing_view", hours(3), 0), counts=("pricing_view",)))

    assert story.startswith("Viewed the pricing page this morning, ")
    assert story.endswith(" 1 other signal since this morning.")


def test_one_signal_on_two_days_and_on_many():
    twice = [event("pricing_view", hours(26)), event("pricing_view", hours(1))]
    often = [event("pricing_view", hours(24 * day + 1)) for day in range(4)]

    assert told(evidence(*twice)) == "Viewed the pricing page once yesterday morning and once this morning."
    assert told(evidence(*often)) == "Viewed the pricing page 4 times since Saturday morning."


def test_several_times_of_one_day_are_told_by_the_day():
    views = [event("pricing_view", hours(16)), event("pricing_view", hours(20)), event("pricing_view", hours(25))]

    assert told(evidence(*views)) == "Viewed the pricing page 3 times yesterday."


def test_what_is_long_ago_is_counted_and_not_told():
    old = [event("blog_read", hours(24 * 40)), event("ebook_download", hours(24 * 30))]

    assert told(evidence(event("demo_request", hours(1)), *old)) == (
        "Asked for a demo this morning. 2 other signals since 29 January."
    )
    assert told(evidence(*old)) == "Downloaded an e-book on 8 February. 1 other signal since 29 January."


def test_of_more_than_were_kept_only_the_number_is_known():
    assert told(evidence(event("demo_request", hours(1)), total=81)).endswith(" 80 other signals.")


def test_a_customers_own_signal_goes_by_its_name():
    assert told(evidence(event("community_post", hours(1)), event("community_post", hours(2)))) == (
        "“Community post” twice this morning."
    )


def test_what_counts_against_a_lead_is_no_reason_to_call():
    assert told(evidence(event("unsubscribe", hours(1), -20))) == ""


@pytest.mark.parametrize(
    "document",
    [None, [], {}, {"events": 3}, {"events": [{}, {"at": "soon"}, {"at": "2026-03-10T10:00:00", "signal": "x"}, 7]}],
)
def test_evidence_of_any_shape_tells_nothing_rather_than_break(document):
    assert told(document) == ""


def test_every_shipped_signal_that_engages_has_its_words():
    nameless = {
        each.code
        for each in SIGNALS
        if each.is_engagement and activity_summary.signal_phrase(each.code).startswith("“")
    }

    assert nameless <= {"hired_for_role", "job_posting", "technology_installed", "third_party_intent", "first_contact"}
