from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from django.contrib.auth.models import Group

from config.accounts.vocabulary import Role
from leads import named_lists, shipped_signals
from leads.models import ListEntry, NamedList, Signal
from leads.vocabulary import Intent

pytestmark = pytest.mark.django_db

COMPANY = Path(__file__).parent.parent / "data" / "company_1k"


def test_every_installation_begins_with_signals_groups_and_lists() -> None:
    assert Signal.objects.count() == len(shipped_signals.SIGNALS) >= 40
    assert set(Group.objects.values_list("name", flat=True)) >= set(Role.values)
    assert set(NamedList.objects.values_list("name", flat=True)) >= {
        "free_email",
        "disposable_email",
        "student_email",
        "competitors",
    }


def test_the_signals_of_the_reference_definition_are_there() -> None:
    document = json.loads((COMPANY / "definition.json").read_text())
    with (COMPANY / "events.csv").open(newline="") as file:
        used = {row["type"] for row in csv.DictReader(file)}

    assert used | {row["signal"] for row in document["signals"]} <= set(Signal.objects.values_list("code", flat=True))


def test_a_weak_sign_is_low_and_a_raised_hand_is_a_request() -> None:
    low = {"email_open", "homepage_visit", "checklist_download", "blog_read", "social_follow"}
    requests = {"demo_request", "contact_request", "pricing_inquiry", "outbound_reply", "talk_to_sales"}

    assert set(Signal.objects.filter(code__in=low, intent=Intent.LOW).values_list("code", flat=True)) == low
    assert (
        set(Signal.objects.filter(code__in=requests, is_explicit_request=True).values_list("code", flat=True))
        == requests
    )
    assert Signal.objects.get(closes_request=True).code == "request_closed"


def test_shipping_again_keeps_what_the_customer_made_of_it() -> None:
    Signal.objects.filter(code="blog_read").update(name="Our blog")
    NamedList.objects.get(name="competitors").entries.create(value="rival.example")
    before = ListEntry.objects.count()

    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()

    assert (Signal.objects.get(code="blog_read").name, ListEntry.objects.count()) == ("Our blog", before)


def test_a_list_also_holds_for_the_domains_below_its_entries() -> None:
    found = named_lists.among(
        ["cs.state.edu", "mail.gmail.com", "gmail.com", "edu.example", "acme.example"],
        names=("student_email", "free_email"),
    )

    assert found == {"cs.state.edu", "mail.gmail.com", "gmail.com"}


def test_the_contents_of_lists_come_in_lower_case_and_unknown_lists_are_left_out() -> None:
    NamedList.objects.get(name="competitors").entries.create(value="Rival.example")

    held = named_lists.contents(["competitors", "student_email", "nobody"])

    assert held["competitors"] == {"rival.example"}
    assert "edu" in held["student_email"]
    assert "nobody" not in held


def test_marketing_ops_may_keep_facts_but_not_rewrite_ledgers() -> None:
    granted = set(Group.objects.get(name=Role.MARKETING_OPS).permissions.values_list("codename", flat=True))

    assert {"view_lead", "add_signal", "add_listentry", "view_event"} <= granted
    assert not granted & {"change_event", "delete_event", "add_stagechange", "change_lead", "add_user", "add_apikey"}
