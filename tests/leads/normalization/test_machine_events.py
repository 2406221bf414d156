"""What senders say of machines: the same fact under many names, in many spellings and types."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command

from leads.intake import events
from leads.models import Event
from leads.normalization.machine_events import is_by_machine
from tests.leads.facts import NOW, event

CASE = Path(__file__).parents[2] / "data" / "cases" / "machine-opens-by-file"


@pytest.mark.parametrize(
    "properties",
    [
        {"sg_machine_open": True}, {"sg_machine_open": "true"}, {"SG-Machine-Open": "TRUE"}, {"sg_machine_open": 1},
        {"sg_machine_open": "1"}, {"sg_machine_open": "yes"}, {"sg_machine_open": " True "},
        {"client-info": {"bot": "apple"}}, {"client-info.bot": "gmail"}, {"client_info.bot": "generic"}, {"clientInfo": {"bot": True}},
        {"event-data": {"client-info": {"bot": "apple"}}}, {"event-data.client-info.bot": "apple"},
        {"bot": "apple"}, {"is_bot": "true"}, {"isBot": True}, {"Bot Click": "True"}, {"machine_open": 1}, {"Machine Open": True},
        {"is_machine": "yes"}, {"isMachineOpen": True}, {"machineOpen": "1"}, {"Apple Privacy Open": "true"},
        {"filteredEvent": True}, {"prefetched": True}, {"machine": True}, {"machine": "true"}, {"is_prefetched": "1"},
        {"proxySource": "Apple"}, {"Is Bot Activity": "true"}, {"event": "unique_proxy_open"}, {"open_type": "machine"},
        {"is_human": False}, {"isHuman": "false"}, {"is_automated_open": True}, {"nonHumanInteraction": "true"}, {"apple_mpp": True},
        {"opened_by_bot": 1}, {"events": [{"sg_machine_open": True}]}, {"sg_machine_open": ["true"]},
        {"bot_opens": "2"}, {"client-type": "bot"}, {"opened_by": "Apple Mail Privacy"}, {"link_scanner": True}, {"Likely Bot": "yes"},
        {"hs_filtered_event": "TRUE"}, {"unique_machine_open": "true"}, {"is_robot": 1}, {"real_open": "false"}, {"nhi_click": "y"},
    ],
    ids=str,
)  # fmt: skip
def test_a_machine_is_recognised(properties: dict[str, Any]) -> None:
    assert is_by_machine({"campaign": "May", **properties})


@pytest.mark.parametrize(
    "properties",
    [
        {}, {"sg_machine_open": False}, {"sg_machine_open": "false"}, {"sg_machine_open": "0"}, {"sg_machine_open": 0},
        {"sg_machine_open": ""}, {"sg_machine_open": None}, {"sg_machine_open": "No"}, {"bot": "none"}, {"bot": "human"},
        {"bot": "N/A"}, {"client-info": {"bot": ""}}, {"client-info": {"client-name": "Apple Mail"}}, {"client-info": None},
        {"bot": {}}, {"bot": []}, {"is_human": True}, {"is_human": None}, {"is_human": ""}, {"event": "opened"}, {"machine": "MacBook"},
        {"is_bot": "FALSCH"}, {"is_bot": "faux"}, {"bot": "[not provided]"}, {"events": [{"sg_machine_open": False}]},
        {"robot_vacuum": True}, {"bottle": "yes"}, {"asset": "bot"},
    ],
    ids=str,
)  # fmt: skip
def test_a_person_is_not_taken_for_a_machine(properties: dict[str, Any]) -> None:
    assert not is_by_machine(properties)


def test_endless_nesting_is_not_followed() -> None:
    properties: dict[str, Any] = {"bot": "apple"}
    for _ in range(500):
        properties = {"wrapped": properties}

    assert not is_by_machine(properties)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("signal", "stored_as"),
    [
        ("email_open", "machine_open"),
        ("email_click", "machine_open"),
        ("newsletter_open", "machine_open"),
        ("pricing_view", "pricing_view"),
    ],
)
def test_opens_and_clicks_by_machines_are_stored_as_such(signal: str, stored_as: str) -> None:
    events.record(items=[event(signal=signal, properties={"client-info": {"bot": "apple"}})], source="mail", now=NOW)

    assert Event.objects.get().signal.code == stored_as


@pytest.mark.django_db
def test_a_machine_in_a_file_counts_as_one_from_the_api(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes((CASE / "events.csv").read_bytes())

    call_command("import_events", str(path))

    assert Event.objects.get().signal.code == "machine_open"


@pytest.mark.django_db
@pytest.mark.parametrize("header", ["sg_machine_open", "Machine Open", "client-info.bot"])
def test_a_column_of_a_mail_services_own_name_counts_as_a_property(header: str, tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        f"email,signal,occurred_at,id,{header}\n"
        "scan@acme.example,email_open,2026-11-20T10:00:00Z,1,true\n"
        "ada@acme.example,email_open,2026-11-20T10:00:00Z,2,false\n"
    )

    call_command("import_events", str(path))

    assert dict(Event.objects.values_list("external_id", "signal__code")) == {"1": "machine_open", "2": "email_open"}
