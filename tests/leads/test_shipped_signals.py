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


def test_weak_signals_have_low_intent_and_hand_raises_are_requests() -> None:
    low = {"email_open", "homepage_visit", "checklist_download", "blog_read", "social_follow"}
    requests = {"demo_request", "contact_request", "pricing_inquiry", "outbound_reply", "talk_to_sales"}

    assert set(Signal.objects.filter(code__in=low, intent=Intent.LOW).values_list("code", flat=True)) == low
    assert (
        set(Signal.objects.filter(code__in=requests, is_explicit_request=True).values_list("code", flat=True))
        == requests
    )
    assert Signal.objects.get(closes_request=True).code == "request_closed"


def test_a_new_sign_up_and_an_opt_in_end_an_unsubscribe() -> None:
    ending = Signal.objects.filter(ends__isnull=False).order_by("code")

    assert [(signal.code, signal.ends and signal.ends.code) for signal in ending] == [
        ("newsletter_signup", "unsubscribe"),
        ("opt_in", "unsubscribe"),
    ]
    assert Signal.objects.get(code="opt_in").is_engagement


def test_shipping_again_keeps_an_ending_that_the_customer_removed() -> None:
    Signal.objects.filter(code="newsletter_signup").update(ends=None)
    Signal.objects.filter(code="opt_in").delete()

    shipped_signals.ship(signals=Signal.objects)

    assert Signal.objects.get(code="newsletter_signup").ends is None
    assert Signal.objects.get(code="opt_in").ends.code == "unsubscribe"


def test_shipping_again_keeps_changes_of_the_customer() -> None:
    Signal.objects.filter(code="blog_read").update(name="Our blog")
    NamedList.objects.get(name="competitors").entries.create(value="rival.example")
    before = ListEntry.objects.count()

    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()

    assert (Signal.objects.get(code="blog_read").name, ListEntry.objects.count()) == ("Our blog", before)


def test_a_list_also_holds_for_the_domains_below_its_entries() -> None:
    domains = named_lists.find_listed_domains(
        ["cs.state.edu", "mail.gmail.com", "gmail.com", "edu.example", "acme.example"],
        names=("student_email", "free_email"),
    )

    assert domains == {"cs.state.edu", "mail.gmail.com", "gmail.com"}


def test_entries_are_in_lower_case_and_unknown_lists_are_left_out() -> None:
    NamedList.objects.get(name="competitors").entries.create(value="Rival.example")

    entries = named_lists.read_entries(["competitors", "student_email", "nobody"])

    assert entries["competitors"] == {"rival.example"}
    assert "edu" in entries["student_email"]
    assert "nobody" not in entries


def test_marketing_ops_can_add_signals_but_not_change_recorded_facts() -> None:
    granted = set(Group.objects.get(name=Role.MARKETING_OPS).permissions.values_list("codename", flat=True))

    assert {"view_lead", "add_signal", "add_listentry", "view_event"} <= granted
    assert not granted & {"change_event", "delete_event", "add_stagechange", "change_lead", "add_user", "add_apikey"}
