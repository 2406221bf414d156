"""Each difference between a replay and the record names its own cause, whatever else came late or was changed since."""

from __future__ import annotations

import datetime as dt
import json

import pgtrigger
import pytest
from django.contrib.admin.models import ADDITION, CHANGE, DELETION, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model

from definitions import version_basis, version_documents
from definitions.models import Criterion, Version
from leads.models import Company, Lead, ListEntry, NamedList, Signal
from leads.vocabulary import BEGINNING
from scoring import active_versions
from scoring.comparisons import replays
from tests.factories import LeadFactory, UserFactory
from tests.scoring import facts
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

JUDGED, LATER, NOW = START + 5 * DAY, START + 8 * DAY, START + 10 * DAY


def person(domain: str, employer: Company, title: str = "Head of Operations") -> Lead:
    return LeadFactory(
        email=f"ada@{domain}", title=title, company=employer, known_at=BEGINNING, at=START, next_look_at=START
    )


def log_change(row: Model, flag: int, at: dt.datetime, *fields: str) -> None:
    """Write what the administration logs of a change."""
    LogEntry.objects.create(
        user=UserFactory(),
        content_type=ContentType.objects.get_for_model(row),
        object_id=row.pk,
        object_repr=str(row),
        action_flag=flag,
        change_message=json.dumps([{"changed": {"fields": fields}}] if fields else [{}]),
        action_time=at,
    )


def list_entry(name: str, value: str) -> ListEntry:
    return ListEntry.objects.create(list=NamedList.objects.get(name=name), value=value)


@pytest.fixture
def version(shipped: None) -> Version:  # the signals that the document names
    content = document()
    content["disqualifiers"].append(
        {"field": "lead.email_domain", "op": "in_list", "value": "competitors", "rationale": "No customers."}
    )
    return activate_version(approve_version(content, START), START)


def test_each_difference_names_its_own_cause(version: Version) -> None:
    employer, shrunk = make_company(), make_company(domain="shrunk.example")
    Signal.objects.filter(code="trial_signup").update(is_engagement=False)
    free_again = list_entry("competitors", "freed.example")
    people = {
        domain: person(domain, shrunk if domain == "company.example" else employer, title)
        for domain, title in (
            ("flag.example", "Head of Operations"),
            ("list.example", "Head of Operations"),
            ("event.example", "Head of Operations"),
            ("title.example", "Head of Operations"),
            ("company.example", "Head of Operations"),
            ("rule.example", "Buyer"),
            ("trial.example", "Head of Operations"),
            ("freed.example", "Head of Operations"),
        )
    }
    for domain, lead in people.items():
        signal = {"flag.example": "webinar_attended", "trial.example": "trial_signup"}.get(domain, "pricing_view")
        for hours in (24, 25, 26):
            add_event(lead, signal, START + hours * HOUR)
    keep_basis_of_today(version)
    rescore_all_due(JUDGED)

    # Facts and changes that have no part in any of the differences, and were named by mistake.
    for lead in people.values():
        add_event(lead, "careers_page", START + HOUR, recorded_at=LATER)
        facts.add_statement(lead, START, LATER, source="elsewhere")
    log_change(NamedList.objects.get(name="free_email"), CHANGE, LATER, "Label")
    log_change(Signal.objects.get(code="pricing_view"), CHANGE, LATER, "Description")
    # The causes.
    Signal.objects.filter(code="webinar_attended").update(is_engagement=False)
    log_change(list_entry("competitors", "list.example"), ADDITION, LATER)
    add_event(people["event.example"], "demo_request", START + 2 * HOUR, recorded_at=LATER)
    facts.add_statement(people["title.example"], START, LATER, title="Student")
    state_employees(shrunk, 3)
    Signal.objects.filter(code="trial_signup").update(is_engagement=True)
    log_change(Signal.objects.get(code="trial_signup"), CHANGE, LATER, "Is engagement")
    log_change(free_again, DELETION, LATER)
    free_again.delete()
    with pgtrigger.ignore("definitions.Criterion:criterion_of_a_draft"):
        Criterion.objects.filter(version=version, field="lead.title").update(texts=["student", "buyer"])
    keep_basis_of_today(version)

    replayed = replays.replay_version(version, now=NOW)

    reasons = {
        people_name(people, difference.lead_id): (difference.kind, difference.reason)
        for difference in replayed.differences
    }
    assert reasons == {
        "flag.example": (
            "surplus",
            "The signal “Webinar attended” counted as engagement when it was judged, and does not now.",
        ),
        "list.example": (
            "surplus",
            "“list.example” was added to the list “competitors” on 2026-03-10; it was not on it when it was judged.",
        ),
        "event.example": (
            "moved",
            "Demo request of 2026-03-02 11:00 UTC was recorded later, on 2026-03-10 09:00 UTC.",
        ),
        "title.example": (
            "surplus",
            "Title was Head of Operations when it was judged, and is Student by what was recorded on 2026-03-10 09:00 UTC.",
        ),
        "company.example": (
            "surplus",
            "Company employees was 200 when it was judged, and is 3 by what was recorded on 2026-03-10 09:00 UTC.",
        ),
        "rule.example": (
            "surplus",
            (
                "The rule about title asked for “with the word student or intern” when it was judged, and does for “with"
                " the word student or buyer” now."
            ),
        ),
        "trial.example": (
            "missing",
            "The signal “Trial sign-up” did not count as engagement when it was judged, and does now (changed 2026-03-10).",
        ),
        "freed.example": (
            "missing",
            "“freed.example” was taken off the list “competitors” on 2026-03-10; it was on it when it was judged.",
        ),
    }


def keep_basis_of_today(version: Version) -> None:
    """Keep the present basis, as before each version kept its own: edits of signals and lists changed what it judges."""
    basis = version_basis.read_present_basis(version_documents.export_document(version))
    with pgtrigger.ignore("definitions.Version:version_is_immutable"):
        Version.objects.filter(pk=version.pk).update(basis=version_basis.keep_basis(basis, now=NOW), basis_kept_at=NOW)
    version.refresh_from_db()
    active_versions._read_signed_document.cache_clear()
    active_versions._compile_signed.cache_clear()


def people_name(people: dict[str, Lead], lead_id: int) -> str:
    return next(domain for domain, lead in people.items() if lead.pk == lead_id)


def state_employees(company: Company, employees: int) -> None:
    """State another size of the company from the first day on, as a sender does who corrects it late."""
    for size, valid_from, recorded_at in ((200, company.known_at, START), (employees, START, LATER)):
        company.attribute_changes.create(
            values={"industry": "Software", "country": "DE", "employees_low": size, "employees_high": size},
            valid_from=valid_from,
            recorded_at=recorded_at,
            source="crm",
        )
    Company.objects.filter(pk=company.pk).update(employees_low=employees, employees_high=employees, has_history=True)
