from __future__ import annotations

import html
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.html import escape

from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.models import Clause, Criterion, Definition, Version
from leads.models import NamedList, Signal
from leads.vocabulary import Intent
from tests.definitions.documents import criterion, load_reference
from tests.definitions.version_lifecycles import create_active, create_draft, create_proposed
from tests.factories import CompanyFactory, UserFactory

pytestmark = pytest.mark.django_db

CONTENT = {key: value for key, value in load_reference().items() if key not in ("format", "name")}
#: Prefixes of the inlines, in their order on the page.
GATE, DISQUALIFIERS, FIT, BANT, SIGNALS, PATHS, HOT = (
    "criteria", "criteria-2", "criteria-3", "criteria-4", "signal_rules", "paths", "paths-2",
)  # fmt: skip


def login_staff(*roles: Role) -> Client:
    client = Client()
    client.force_login(UserFactory(roles=roles, is_staff=True))
    return client


@pytest.fixture
def ops() -> Client:
    return login_staff(Role.MARKETING_OPS)


def url(version: Version) -> str:
    return reverse("admin:definitions_version_change", args=[version.pk])


def read_form_data(client: Client, address: str) -> dict[str, Any]:
    """Return the data that a browser would send when the page is saved untouched."""
    response = client.get(address)
    assert response.status_code == 200
    return {
        bound.html_name: _browser_value(bound.value())
        for form in list_forms(response)
        for bound in form
        if _browser_value(bound.value()) is not None
    }


def list_forms(response: Any) -> list[Any]:
    forms = [response.context["adminform"].form]
    for inline in response.context["inline_admin_formsets"]:
        forms += _flatten_formset(inline.formset)
    return forms


def _flatten_formset(formset: Any) -> list[Any]:
    inner = [form.clauses for form in formset.forms if hasattr(form, "clauses")]
    return [formset.management_form, *formset.forms, *(form for clauses in inner for form in _flatten_formset(clauses))]


def _browser_value(value: Any) -> Any:
    if value is True:
        return "on"
    return None if value is None or value is False else value


def read_errors(response: Any) -> str:
    assert response.status_code == 200, "saved"
    return " ".join(str(error) for form in list_forms(response) for errors in form.errors.values() for error in errors)


def row_data(prefix: str, number: int, **columns: Any) -> dict[str, Any]:
    """Return the form data of one row of a formset that ends with it."""
    values = {"position": 0, "points": 0, "rationale": "Because.", "op": "in"} | columns
    return {f"{prefix}-{number}-{name}": value for name, value in values.items()} | {
        f"{prefix}-TOTAL_FORMS": number + 1
    }


def test_saving_an_untouched_draft_changes_nothing(ops: Client) -> None:
    version = create_draft(**CONTENT)
    before = version_documents.export_document(version)

    response = ops.post(url(version), read_form_data(ops, url(version)))

    assert response.status_code == 302, read_errors(response)
    assert version_documents.export_document(Version.objects.get(pk=version.pk)) == before


@pytest.mark.parametrize("prefix", [GATE, DISQUALIFIERS, FIT, BANT])
def test_each_part_of_the_definition_has_its_rows(ops: Client, prefix: str) -> None:
    version = create_draft()
    added = row_data(prefix, 0, field="company.industry", texts="Software\nFood, drinks\n\n")

    response = ops.post(url(version), read_form_data(ops, url(version)) | added)

    assert response.status_code == 302, read_errors(response)
    saved = Criterion.objects.get()
    assert saved.texts == ["Software", "Food, drinks"]
    assert saved.part == {GATE: "gate", DISQUALIFIERS: "disqualifiers", FIT: "fit", BANT: "bant"}[prefix]


def test_timing_says_in_the_editor_what_counts_as_engagement(ops: Client) -> None:
    version = create_draft()
    data = read_form_data(ops, url(version))

    response = ops.post(url(version), data | {"timing_signals": ["pricing_view"], "engaged_within_days": "30"})

    assert response.status_code == 302, read_errors(response)
    saved = Version.objects.get(pk=version.pk)
    assert version_documents.export_document(saved)["timing"] == {
        "engaged_within_days": 30, "or_request_within_days": None, "engaged_by": ["pricing_view"],
    }  # fmt: skip
    response = ops.post(url(version), data | {"timing_signals": ["pricing_view"], "engaged_within_days": ""})
    assert "say within how many days" in read_errors(response)


def test_a_version_states_its_healthy_range_in_percent(ops: Client) -> None:
    version = create_draft()
    data = read_form_data(ops, url(version)) | {"mql_to_sql_low": "30", "mql_to_sql_high": "40.5"}

    response = ops.post(url(version), data | {"mql_to_sql_rationale": "Few come, and nearly all are ready."})

    assert response.status_code == 302, read_errors(response)
    saved = Version.objects.get(pk=version.pk)
    assert version_documents.export_document(saved)["mql_to_sql"] == {
        "low": 0.3, "high": 0.405, "rationale": "Few come, and nearly all are ready.",
    }  # fmt: skip
    assert read_form_data(ops, url(version))["mql_to_sql_low"] == "30"
    response = ops.post(url(version), data | {"mql_to_sql_high": "30"})
    assert "more than where the range begins" in read_errors(response)
    response = ops.post(url(version), data | {"mql_to_sql_high": ""})
    assert "Fill both, or neither." in read_errors(response)


def test_a_signal_excludes_in_the_editor(ops: Client) -> None:
    version = create_draft()
    data, signal = read_form_data(ops, url(version)), Signal.objects.get(code="unsubscribe")
    row = row_data(SIGNALS, 0, signal=signal.pk, disqualifies="on", disqualifies_within_days="365")

    response = ops.post(url(version), data | row)

    assert response.status_code == 302, read_errors(response)
    [saved] = version_documents.export_document(version)["signals"]
    assert saved["disqualifies"] == {"within_days": 365}


def test_one_choice_asks_for_a_signal_of_high_intent(ops: Client) -> None:
    version = create_draft()
    clauses = f"{PATHS}-0-clauses"
    high = set(Signal.objects.filter(intent=Intent.HIGH).values_list("code", flat=True))

    response = ops.post(
        url(version),
        read_form_data(ops, url(version)) | {f"{clauses}-0-axis": "high_intent", f"{clauses}-0-signals": []},
    )

    assert response.status_code == 302, read_errors(response)
    [clause] = version_documents.export_document(Version.objects.get(pk=version.pk))["paths"][0]["clauses"]
    assert set(clause["count_of"]) == high


def test_a_clause_asks_in_the_editor_for_the_same_asset(ops: Client) -> None:
    version = create_draft()
    clauses = f"{PATHS}-0-clauses"
    data = read_form_data(ops, url(version)) | {f"{clauses}-0-same_asset": "on"}

    response = ops.post(url(version), data | {f"{clauses}-0-signals": ["webinar_attended", "webinar_question"]})

    assert response.status_code == 302, read_errors(response)
    [clause] = version_documents.export_document(Version.objects.get(pk=version.pk))["paths"][0]["clauses"]
    assert clause["same"] == "asset"
    response = ops.post(url(version), data | {f"{clauses}-0-signals": ["webinar_attended"]})
    assert "two different signals at least" in read_errors(response)


def test_the_editor_takes_the_reasons_of_numbers(ops: Client) -> None:
    version = create_draft(timing={"engaged_within_days": 30}, tier_3_below={"axis": "engagement", "less_than": 5})
    reasons = {
        "timing_rationale": "A month.", "decay_rationale": "Fades.", "tier_3_rationale": "Weak.",
        f"{PATHS}-0-clauses-0-rationale": "Once is enough.",
    }  # fmt: skip

    response = ops.post(url(version), read_form_data(ops, url(version)) | reasons)

    assert response.status_code == 302, read_errors(response)
    document: Any = version_documents.export_document(Version.objects.get(pk=version.pk))
    reasons_read = [document[part]["rationale"] for part in ("timing", "decay", "tier_3_below")]
    assert [*reasons_read, document["paths"][0]["clauses"][0]["rationale"]] == [
        "A month.",
        "Fades.",
        "Weak.",
        "Once is enough.",
    ]


def test_a_row_says_in_the_editor_what_an_unknown_value_means(ops: Client) -> None:
    version = create_draft()
    row = row_data(GATE, 0, field="company.industry", texts="Software", unknown="hold")

    response = ops.post(url(version), read_form_data(ops, url(version)) | row)

    assert response.status_code == 302, read_errors(response)
    assert version_documents.export_document(version)["gate"][0]["unknown"] == "hold"
    refused = row_data(FIT, 0, field="lead.title", op="known", flag="true", unknown="hold")
    response = ops.post(url(version), read_form_data(ops, url(version)) | refused)
    assert "“is known” asks for that itself" in read_errors(response)


@pytest.mark.parametrize(
    ("columns", "value"),
    [
        ({"field": "company.employees", "op": "between", "low": "50", "high": "5000"}, [50, 5000]),
        ({"field": "company.employees", "op": "between", "low": "50"}, [50, None]),
        ({"field": "company.employees", "op": "at_least", "low": "0"}, 0),
        ({"field": "company.annual_revenue", "op": "at_most", "high": "1.5"}, 1.5),
        ({"field": "company.employees", "op": "in", "texts": "1\n2.5"}, [1, 2.5]),
        ({"field": "company.is_customer", "op": "is", "flag": "false"}, False),
        ({"field": "lead.title", "op": "known", "flag": "true"}, True),
        ({"field": "lead.seniority", "op": "at_least", "texts": "Director"}, "director"),
        ({"field": "lead.seniority", "op": "between", "texts": "manager\nvp"}, ["manager", "vp"]),
        ({"own_field": "lead.custom.plan", "op": "in", "texts": "trial"}, ["trial"]),
        ({"field": "lead.budget.EUR", "op": "at_least", "low": "10000"}, 10000),
        ({"own_field": "lead.budget.CHF", "op": "between", "low": "10000", "high": "20000"}, [10000, 20000]),
    ],
)
def test_every_kind_of_value_has_its_input(ops: Client, columns: dict[str, Any], value: object) -> None:
    version = create_draft()

    response = ops.post(url(version), read_form_data(ops, url(version)) | row_data(GATE, 0, **columns))

    assert response.status_code == 302, read_errors(response)
    saved = Version.objects.get(pk=version.pk)
    assert version_documents.export_document(saved)["gate"][0]["value"] == value
    again = ops.post(url(saved), read_form_data(ops, url(saved)))
    assert again.status_code == 302, read_errors(again)
    assert version_documents.export_document(Version.objects.get(pk=version.pk))["gate"][0]["value"] == value


def test_a_criterion_can_name_a_list(ops: Client) -> None:
    version = create_draft()
    chosen = NamedList.objects.get(name="free_email").pk

    ops.post(
        url(version),
        read_form_data(ops, url(version))
        | row_data(DISQUALIFIERS, 0, field="lead.email_domain", op="in_list", list=chosen),
    )

    assert (
        version_documents.export_document(Version.objects.get(pk=version.pk))["disqualifiers"][0]["value"]
        == "free_email"
    )


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"field": "company.employees", "op": "is", "flag": "true"}, "“is” does not fit company.employees"),
        ({"field": "company.employees", "op": "at_least"}, "“is at least” needs this."),
        ({"field": "company.employees", "op": "at_least", "low": "5", "texts": "x"}, "does not use this: clear it."),
        ({"field": "company.employees", "op": "between", "low": "5", "high": "1"}, "The lower end 5 is above"),
        ({"field": "lead.seniority", "op": "at_least", "texts": "boss"}, "There is no seniority “boss”"),
        ({"field": "lead.seniority", "op": "at_least", "texts": "vp\ndirector"}, "Must be a text, not a list."),
        ({"field": "company.employees", "op": "in", "texts": "many"}, "Line 1: must be a number, not a text."),
        ({"op": "in", "texts": "x"}, "Choose a field, or name an attribute of your own"),
        ({"field": "lead.title", "own_field": "lead.custom.x", "texts": "x"}, "one of the two"),
        ({"own_field": "company.size", "texts": "x"}, "There is no field “company.size”"),
        ({"field": "lead.title", "op": "in", "texts": "x", "rationale": ""}, "This field is required."),
    ],
)
def test_an_invalid_row_shows_what_to_do(ops: Client, columns: dict[str, Any], sentence: str) -> None:
    version = create_draft()

    response = ops.post(url(version), read_form_data(ops, url(version)) | row_data(GATE, 0, **columns))

    assert sentence in read_errors(response)
    assert not Criterion.objects.exists()


def clause_data(prefix: str, number: int, **columns: Any) -> dict[str, Any]:
    values = {"position": number, "at_least": "1"} | columns
    return {f"{prefix}-clauses-{number}-{name}": value for name, value in values.items()} | {
        f"{prefix}-clauses-TOTAL_FORMS": number + 1
    }


def test_a_path_is_saved_with_its_clauses(ops: Client) -> None:
    version = create_draft()
    added = clause_data("paths-0", 1, axis="engagement", at_least="50")

    response = ops.post(url(version), read_form_data(ops, url(version)) | added)

    assert response.status_code == 302, read_errors(response)
    assert response.url == url(version)
    assert version_documents.export_document(version)["paths"][0]["clauses"] == [
        {"count_of": ["demo_request", "contact_request"], "at_least": 1, "within_days": 30, "rationale": "Once."},
        {"axis": "engagement", "at_least": 50},
    ]


def test_a_new_hot_trigger_is_saved_with_its_clauses(ops: Client) -> None:
    version = create_draft()
    added = row_data(HOT, 0, name="Asked twice") | {f"{HOT}-0-clauses-INITIAL_FORMS": 0}
    added |= clause_data(f"{HOT}-0", 0, signals=["demo_request"], at_least="2", within_days="1")

    response = ops.post(url(version), read_form_data(ops, url(version)) | added)

    assert response.status_code == 302, read_errors(response)
    assert version_documents.export_document(version)["hot"] == [
        {
            "name": "Asked twice",
            "clauses": [{"count_of": ["demo_request"], "at_least": 2, "within_days": 1}],
            "rationale": "Because.",
        }
    ]


def test_a_clause_and_a_path_can_be_deleted(ops: Client) -> None:
    version = create_draft(**CONTENT)
    before = version_documents.export_document(version)
    sent = read_form_data(ops, url(version)) | {"paths-0-clauses-0-DELETE": "on", "paths-1-DELETE": "on"}

    response = ops.post(url(version), sent)

    assert response.status_code == 302, read_errors(response)
    paths = version_documents.export_document(Version.objects.get(pk=version.pk))["paths"]
    assert [path["name"] for path in paths] == [path["name"] for at, path in enumerate(before["paths"]) if at != 1]
    assert paths[0]["clauses"] == before["paths"][0]["clauses"][1:]


def test_rows_are_saved_in_the_order_of_the_page(ops: Client) -> None:
    version = create_draft(gate=[criterion("company.industry", "in", ["a"]), criterion("lead.region", "in", ["b"])])

    ops.post(url(version), read_form_data(ops, url(version)) | {"criteria-0-position": 1, "criteria-1-position": 0})

    fields = [row["field"] for row in version_documents.export_document(Version.objects.get(pk=version.pk))["gate"]]
    assert fields == ["lead.region", "company.industry"]


def test_an_empty_new_row_is_ignored(ops: Client) -> None:
    version = create_draft()
    before = version_documents.export_document(version)
    added = row_data(GATE, 0, position=3, op="", rationale="") | row_data(HOT, 0, name="", rationale="")
    added |= {f"{HOT}-0-clauses-INITIAL_FORMS": 0, f"{HOT}-0-clauses-TOTAL_FORMS": 0}

    response = ops.post(url(version), read_form_data(ops, url(version)) | added)

    assert response.status_code == 302, read_errors(response)
    assert version_documents.export_document(Version.objects.get(pk=version.pk)) == before


def test_errors_keep_all_typed_values(ops: Client) -> None:
    version = create_draft()
    before = version_documents.export_document(version)
    sent = read_form_data(ops, url(version)) | {"paths-0-name": "Asked again", "owner": ""}
    sent |= clause_data("paths-0", 1, axis="engagement", at_least="many")
    sent |= row_data(GATE, 0, field="company.industry", texts="Software", rationale="")

    shown = ops.post(url(version), sent).content.decode()

    assert "What you typed is still here" in shown
    assert all(f'value="{typed}"' in shown for typed in ("Asked again", "many"))
    assert ">\nSoftware</textarea>" in shown
    assert version_documents.export_document(Version.objects.get(pk=version.pk)) == before


@pytest.mark.parametrize(
    ("columns", "sentence"),
    [
        ({"axis": "fit", "signals": ["demo_request"]}, "choose one of the two"),
        ({"within_days": "3"}, "choose one of the two"),
        ({"axis": "fit", "within_days": "3"}, "Only a count of signals has this"),
        ({"signals": ["demo_request"], "at_least": "1.5"}, "A count is a whole number"),
        ({"signals": ["demo_request"], "within_days": "-1"}, "A window is not negative."),
        ({"signals": ["no_such"]}, "Select a valid choice"),
    ],
)
def test_an_invalid_clause_shows_what_to_do(ops: Client, columns: dict[str, Any], sentence: str) -> None:
    version = create_draft()

    response = ops.post(url(version), read_form_data(ops, url(version)) | clause_data("paths-0", 1, **columns))

    assert sentence in read_errors(response)
    assert Clause.objects.count() == 1


def test_a_clause_of_another_version_stays_unchanged(ops: Client) -> None:
    version, other = create_draft(), create_draft()
    foreign = Clause.objects.get(path__version=other)

    ops.post(
        url(version),
        read_form_data(ops, url(version)) | {"paths-0-clauses-0-id": foreign.pk, "paths-0-clauses-0-at_least": 9},
    )

    foreign.refresh_from_db()
    assert foreign.at_least == 1
    assert foreign.path.version == other


def test_a_new_draft_takes_the_next_number(ops: Client) -> None:
    definition = create_draft().definition
    address = reverse("admin:definitions_version_add") + "?empty"
    sent = read_form_data(ops, address) | {"definition": definition.pk, "owner": "Ops", "reason": "Tighter."}

    response = ops.post(address, sent)

    assert response.status_code == 302, read_errors(response)
    assert definition.versions.order_by("-pk").first().number == "v1.1"


def test_the_page_of_a_draft_shows_its_statement_and_its_steps(ops: Client) -> None:
    shown = ops.get(url(create_draft(**CONTENT))).content.decode()

    assert "An MQL works at a company with 50 to 5,000 employees" in shown
    assert "seconds aloud." in shown
    assert "Propose" in shown
    assert "Copy to a new draft" in shown


@pytest.mark.parametrize("make", [create_proposed, create_active])
def test_a_proposed_version_is_read_only(ops: Client, make: Any) -> None:
    version = make(**CONTENT)

    shown = ops.get(url(version)).content.decode()

    assert "from the proposal on nothing in a version changes" in shown
    assert 'name="_save"' not in shown
    assert ops.post(url(version), {"owner": "Me"}).status_code == 403
    assert ops.post(reverse("admin:definitions_version_delete", args=[version.pk]), {"post": "yes"}).status_code == 403
    assert ops.post(reverse("admin:definitions_version_panel", args=[version.pk]), {}).status_code == 403


@pytest.mark.parametrize("role", [role for role in Role if role != Role.MARKETING_OPS])
def test_other_roles_can_only_read(role: Role) -> None:
    version = create_draft(**CONTENT)
    client = login_staff(role)

    shown = client.get(url(version)).content.decode()

    assert 'name="_save"' not in shown
    assert client.post(url(version), {"owner": "Me"}).status_code == 403
    assert client.get(reverse("admin:definitions_version_add")).status_code == 403


def test_a_draft_is_deleted_with_its_rows(ops: Client) -> None:
    version = create_draft(**CONTENT)

    response = ops.post(reverse("admin:definitions_version_delete", args=[version.pk]), {"post": "yes"})

    assert response.status_code == 302
    assert not Version.objects.exists()


def test_the_lists_and_the_definition_open(ops: Client) -> None:
    definition = create_active().definition

    for address in (
        reverse("admin:index"),
        reverse("admin:definitions_version_changelist"),
        reverse("admin:definitions_definition_changelist"),
        reverse("admin:definitions_definition_change", args=[definition.pk]),
        reverse("admin:definitions_definition_add"),
    ):
        assert ops.get(address).status_code == 200
    assert Definition.objects.count() == 1


# The panel beside the editor


HTMX = {"HX-Request": "true"}


def post_panel(client: Client, version: Version, **typed: Any) -> str:
    sent = read_form_data(client, url(version)) | typed
    response = client.post(reverse("admin:definitions_version_panel", args=[version.pk]), sent, headers=HTMX)
    assert response.status_code == 200
    return response.content.decode()


def test_the_panel_describes_the_typed_version_and_stores_nothing(ops: Client) -> None:
    version = create_draft(**CONTENT)
    before = version_documents.export_document(version)

    shown = post_panel(
        ops, version, **{"criteria-0-low": "75", "owner": "Somebody else", "paths-0-clauses-0-at_least": "61"}
    )

    assert "An MQL works at a company with 75 to 5,000 employees" in shown
    assert "at least 61 engagement points" in shown
    assert 'data-saved="no"' in shown
    assert "Can it be reached?" in shown
    assert version_documents.export_document(Version.objects.get(pk=version.pk)) == before


def test_the_panel_marks_a_saved_version(ops: Client) -> None:
    assert 'data-saved="yes"' in post_panel(ops, create_draft(**CONTENT))


def test_findings_link_to_their_rows(ops: Client) -> None:
    shown = post_panel(ops, create_draft(), **{"paths-0-clauses-0-within_days": ""})

    assert 'href="#row-paths-0' in shown
    assert 'data-tone="bad"' in shown or 'data-tone="warn"' in shown


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        (
            lambda: row_data(GATE, 0, field="company.employees", op="between"),
            "Gate row 1 is not finished: it needs a value.",
        ),
        (
            lambda: row_data(GATE, 0, field="lead.title", texts="x", rationale=""),
            "Gate row 1 is not finished: it needs its why.",
        ),
        (
            lambda: row_data(GATE, 0, field="company.industry", op="", texts="x"),
            "Gate row 1 is not finished: it needs its comp",
        ),
        (lambda: row_data(GATE, 0, texts="x", op="in"), "Gate row 1 is not finished"),
        (lambda: row_data(SIGNALS, 0, signal="", points="5"), "Signal 1 is not finished: it needs a signal."),
        (lambda: {"paths-0-clauses-0-at_least": ""}, "clause 1 is not finished: it needs a number."),
        (lambda: {"paths-0-clauses-0-DELETE": "on"}, "Path “Asked to talk” is not finished: it needs a clause."),
        (lambda: {"paths-0-name": "\x00"}, "Null characters are not allowed"),
        (lambda: {"owner": ""}, "Owner: it needs an owner"),
        (lambda: {"decay_percent": "150"}, "This must be from 0 to 100"),
        (lambda: {"tier_3_less_than": "5"}, "Fill both, or neither"),
        (lambda: {"paths-TOTAL_FORMS": "x"}, "In plain English"),
        (lambda: {"paths-0-position": "²", "paths-0-clauses-0-signals": ["nothing"]}, "is not finished"),
    ],
)
def test_the_panel_names_an_unfinished_row_and_shows_the_rest(ops: Client, typed: Any, sentence: str) -> None:
    shown = html.unescape(post_panel(ops, create_draft(gate=[]), **typed()))

    assert sentence in shown
    assert "In plain English" in shown


def test_a_row_without_rationale_counts_already(ops: Client) -> None:
    typed = row_data(GATE, 0, field="company.industry", op="in", texts="Software", rationale="")

    assert "An MQL works at a company in Software" in post_panel(ops, create_draft(), **typed)


def test_text_from_leads_is_escaped(ops: Client) -> None:
    evil = '"><script>alert(1)</script>'
    CompanyFactory(name="Evil", industry=evil, custom={evil: 1})
    version = create_draft()
    typed = row_data(GATE, 0, field="company.industry", op="in", texts=evil, rationale=evil)

    page, shown = ops.get(url(version)).content.decode(), post_panel(ops, version, **typed)

    assert "<script>alert" not in page + shown
    assert escape(evil) in page
    assert escape(evil) in shown


@pytest.mark.parametrize("role", [None, *(role for role in Role if role != Role.MARKETING_OPS)])
def test_only_marketing_ops_can_open_the_panel(role: Role | None) -> None:
    version = create_draft()
    client = login_staff(*([role] if role else []))

    assert client.post(reverse("admin:definitions_version_panel", args=[version.pk]), {}).status_code == 403


def test_the_panel_accepts_only_post(ops: Client) -> None:
    address = reverse("admin:definitions_version_panel", args=[create_draft().pk])

    assert ops.get(address).status_code == 405
    assert ops.post(reverse("admin:definitions_version_panel", args=[0]), {}).status_code == 404


def test_without_script_the_panel_is_a_page(ops: Client) -> None:
    version = create_draft()

    shown = ops.post(reverse("admin:definitions_version_panel", args=[version.pk]), read_form_data(ops, url(version)))

    assert "Nothing is saved" in shown.content.decode()
    assert "</html>" in shown.content.decode()


def test_the_choices_come_from_stored_data(ops: Client) -> None:
    for name in ("Logistics", "Logistics", "Mining"):
        CompanyFactory(industry=name, technologies=["CRM", "ERP"], custom={"plan": "trial"})

    shown = ops.get(url(create_draft())).content.decode()

    assert '<option value="Logistics">2 companies</option><option value="Mining">1 companies</option>' in shown
    assert '<option value="CRM">3 companies</option>' in shown
    assert '<option value="company.custom.plan">' in shown
    assert "Free e-mail providers (" in shown
    assert '<optgroup label="High intent">' in shown


def test_the_number_of_queries_does_not_grow_with_the_rows(ops: Client) -> None:
    short, long = create_draft(), create_draft(**CONTENT)
    counts = []

    for version in (short, short, long):
        with CaptureQueriesContext(connection) as queries:
            ops.get(url(version))
        counts.append(len(queries))

    # Each further path or hot trigger adds one query for its clauses; there are few of them.
    assert counts[2] <= counts[1] + len(CONTENT["paths"]) + len(CONTENT["hot"])


def test_the_list_counts_lint_findings_of_drafts(ops: Client) -> None:
    create_active()
    create_draft()

    shown = ops.get(reverse("admin:definitions_version_changelist")).content.decode()

    of_draft, of_active = re.findall(r'<td class="field-findings">(.*?)</td>', shown)
    assert (of_draft == "clean") or ("warning" in of_draft)
    assert of_active == "–"
    assert "none yet" in shown


def test_adding_a_version_redirects_to_the_presets(ops: Client) -> None:
    assert ops.get(reverse("admin:definitions_version_add")).url == reverse("presets")
