"""Zones are places: what is offered, what is accepted, and what is named instead."""

from __future__ import annotations

import csv
import datetime as dt
from pathlib import Path
from zoneinfo import ZoneInfo, available_timezones

import pytest

from config.time_zones import explain_refusal, is_zone, offered_zones, spell_zone

CASE = Path(__file__).parents[1] / "data" / "cases" / "zones-without-summer-time"


def test_places_and_utc_are_offered_under_their_current_names() -> None:
    zones = offered_zones()

    assert zones[0] == "UTC"
    assert {"America/New_York", "Europe/Berlin", "Asia/Kolkata", "Pacific/Auckland"} <= set(zones)
    assert 350 < len(zones) < 500
    assert all(is_zone(zone) and ZoneInfo(zone) for zone in zones)
    assert {"EST", "MST", "HST", "EST5EDT", "CET", "MET", "GMT", "Etc/GMT+5", "US/Eastern", "Asia/Calcutta"}.isdisjoint(
        zones
    )


def test_nothing_that_is_accepted_has_a_fixed_name() -> None:
    accepted = {zone for zone in available_timezones() if is_zone(zone)}

    refused = available_timezones() - accepted
    assert {zone for zone in refused if "/" in zone and not zone.startswith("Etc/")} == set()
    assert {zone for zone in accepted if zone.startswith("Etc/")} == {"Etc/UTC", "Etc/UCT", "Etc/Universal", "Etc/Zulu"}


@pytest.mark.parametrize("zone", ["UTC", "Etc/UTC", "America/New_York", "US/Eastern", "Asia/Calcutta", "Japan", "GB"])
def test_places_are_accepted_also_under_old_names(zone: str) -> None:
    assert is_zone(zone)


@pytest.mark.parametrize(
    ("zone", "sentence"),
    [
        ("EST", "EST has no summer time; take America/New_York."),
        ("MST", "MST has no summer time; take America/Denver."),
        ("HST", "HST has no summer time; take Pacific/Honolulu."),
        ("EST5EDT", "EST5EDT is no place; take America/New_York."),
        ("CET", "CET is no place; take Europe/Berlin."),
        ("MET", "MET is no place; take Europe/Berlin."),
        ("GMT", "GMT has no summer time; take Europe/London."),
        ("Etc/GMT", "Etc/GMT has no summer time; take Europe/London."),
        ("Etc/GMT+5", "Etc/GMT+5 has no summer time; take America/New_York."),
        ("Etc/GMT-1", "Etc/GMT-1 has no summer time; take Europe/Berlin."),
        ("UTC+1", "UTC+1 has no summer time; take Europe/Berlin."),
        ("-05:00", "-05:00 has no summer time; take America/New_York."),
        ("pst", "pst has no summer time; take America/Los_Angeles."),
        ("Mars/Base", "There is no such time zone; take a place, such as Europe/Berlin."),
        ("../../etc/passwd", "There is no such time zone; take a place, such as Europe/Berlin."),
        ("localtime", "There is no such time zone; take a place, such as Europe/Berlin."),
    ],
)
def test_a_refusal_names_the_place_to_take(zone: str, sentence: str) -> None:
    assert not is_zone(zone)
    assert explain_refusal(zone) == sentence


def test_zones_of_the_case_that_would_be_wrong_in_summer_are_refused() -> None:
    with (CASE / "zones.csv").open(encoding="utf-8") as file:
        rows = [(zone, answer == "yes") for zone, answer in list(csv.reader(file))[1:]]
    half_past_nine = dt.datetime(2026, 7, 15, 9, 30, tzinfo=ZoneInfo("America/New_York"))

    for zone, is_open in rows:
        assert (half_past_nine.astimezone(ZoneInfo(zone)).hour >= 9) is is_open
        assert is_zone(zone) is is_open


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("europe/berlin", "Europe/Berlin"),
        ("EUROPE/BERLIN", "Europe/Berlin"),
        ("america/new york", "America/New_York"),
        ("asia/ho_chi_minh", "Asia/Ho_Chi_Minh"),
        ("utc", "UTC"),
        ("us/eastern", "US/Eastern"),
        ("est", ""),
        ("etc/gmt+5", ""),
        ("atlantis/city", ""),
    ],
)
def test_a_place_is_known_in_any_case(name: str, spelled: str) -> None:
    assert spell_zone(name) == spelled
