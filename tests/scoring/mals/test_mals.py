"""MALs: what each lacks, leads of unknown gate, exits, pauses and how activity ends them."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import time_machine
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config import periodic
from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.models import Version
from leads.intake import events, lead_upserts
from leads.models import Company, Lead, MalExit, StageChange
from leads.rescoring import company_rescores
from leads.stages import mal_exits, motion_stages
from leads.vocabulary import MalExitKind, Motion, Stage
from scoring.live import daily_rescore, due_leads, quiet_leads, shortfalls
from scoring.mals import exit_figures, gate_gaps, mal_list
from scoring.models import Qualification, Score, Shortfall, ShortfallKind
from tests.factories import EventFactory, LeadFactory, UserFactory, place_leads
from tests.refused_rows import RowRefusal
from tests.scoring import facts
from tests.scoring.reference_lead import DAY, HOUR, NOW, add_event, lead, put_in_force, version

__all__ = ["lead", "version"]

pytestmark = pytest.mark.django_db


@pytest.fixture
def ops() -> User:
    return UserFactory(roles=[Role.MARKETING_OPS])


@pytest.fixture
def mal(version: Version, lead: Lead) -> Lead:
    """A MAL since now, by a visit of the pricing page an hour ago."""
    add_event(lead, "pricing_view", NOW - HOUR)
    judge(NOW)
    lead.refresh_from_db()
    assert lead.stage == Stage.MAL
    return lead


def judge(now: dt.datetime) -> None:
    due_leads.rescore_due(now=now)
    shortfalls.refresh_shortfalls(now=now)


def send(lead: Lead, signal: str, at: dt.datetime, now: dt.datetime) -> None:
    """Have an event recorded as a sender would, and judge."""
    item = {"lead": lead.pk, "signal": signal, "occurred_at": at, "id": f"{signal} {at}"}
    assert [result.status for result in events.record(items=[item], source="test", now=now)] == ["accepted"]
    judge(now)


def stage_rows(lead: Lead) -> list[tuple[str, str, dt.datetime, str | None]]:
    rows = StageChange.objects.filter(lead=lead).order_by("pk").select_related("by")
    return [(row.from_stage, row.to_stage, row.at, row.by and str(row.by)) for row in rows]


# ── What is missing ───────────────────────────────────────────────────────────────────────────────────────


def test_a_mal_says_which_clause_is_missing_and_what_it_did_last(mal: Lead) -> None:
    shortfall = Shortfall.objects.get()

    assert (shortfall.lead, shortfall.kind, shortfall.criterion) == (mal, ShortfallKind.CLAUSE, "Engagement points")
    assert shortfall.why == "20 points, 50 needed."
    assert shortfall.active_at == NOW - HOUR
    assert mal_list.describe_event(shortfall.last_event) == shortfall.last_event.signal.name


def test_a_new_score_renews_what_is_missing_and_nothing_new_writes_nothing(mal: Lead) -> None:
    assert shortfalls.refresh_shortfalls(now=NOW + HOUR) == 0

    send(mal, "email_click", NOW + HOUR, NOW + HOUR)

    assert Shortfall.objects.get().judged_at == NOW + HOUR
    assert shortfalls.refresh_shortfalls(now=NOW + HOUR) == 0
    # Decay changes it without a new fact, so it is renewed once a day.
    assert shortfalls.refresh_shortfalls(now=NOW + 2 * DAY) == 1


def test_a_mal_whose_company_turns_out_too_small_names_the_criterion_that_failed(mal: Lead) -> None:
    state_company(mal, employees="3")
    judge(NOW + HOUR)

    shortfall = Shortfall.objects.get()
    assert (shortfall.kind, shortfall.field) == (ShortfallKind.GATE_FAILED, "company.employees")
    assert shortfall.why.startswith("Company employees is 3; needed: ")
    assert [(row.criterion, row.count) for row in mal_list.count_missing()] == [("Company employees", 1)]


def test_a_held_lead_waits_for_enrichment_and_is_judged_again_when_the_value_comes(lead: Lead) -> None:
    # A disqualifier alone lets an unknown value pass.
    agency = {
        "field": "company.business_model",
        "op": "in",
        "value": ["Agency"],
        "rationale": "They resell.",
        "unknown": "hold",
    }
    document = facts.document()
    draft = version_documents.import_document(
        document={**document, "disqualifiers": [*document["disqualifiers"], agency]}, by=None, now=NOW - 365 * DAY
    )
    put_in_force(draft, NOW - 365 * DAY)
    add_event(lead, "demo_request", NOW - HOUR)
    add_event(lead, "pricing_view", NOW - HOUR)

    judge(NOW)

    shortfall = Shortfall.objects.get()
    assert (shortfall.kind, shortfall.unknown_fields) == (ShortfallKind.GATE_UNKNOWN, ["company.business_model"])
    assert shortfall.why == "Waits for enrichment: company business model."
    assert [(row.field, row.count) for row in gate_gaps.count_gaps()] == [("company.business_model", 1)]
    assert not Qualification.objects.exists()

    state_company(lead, business_model="SaaS", employees="120", industry="Software", country="US")
    company_rescores.rescore_people(now=NOW + HOUR)
    judge(NOW + HOUR)

    assert Qualification.objects.get().lead == lead


def state_company(lead: Lead, now: dt.datetime = NOW + HOUR, **values: object) -> None:
    assert lead.company is not None
    lead_upserts.upsert_company(domain=str(lead.company.domain), values=values, source="test", now=now)


def test_a_mal_that_sales_gave_back_waits_for_new_activity(mal: Lead, version: Version) -> None:
    send(mal, "demo_request", NOW + HOUR, NOW + HOUR)
    Qualification.objects.update(closed_at=NOW + HOUR)
    Lead.objects.update(stage=Stage.MAL, next_look_at=NOW + 2 * HOUR)

    judge(NOW + 2 * HOUR)

    shortfall = Shortfall.objects.get()
    assert (shortfall.kind, shortfall.criterion) == (ShortfallKind.NOTHING, "New activity")


def test_only_changed_scores_are_looked_at_again(version: Version, lead: Lead) -> None:
    idle = LeadFactory(email="idle@nowhere.example", at=NOW, next_look_at=NOW)
    add_event(lead, "pricing_view", NOW - HOUR)

    due_leads.rescore_due(now=NOW)

    assert list(Score.objects.filter(shortfall_due=True).values_list("lead", flat=True)) == [lead.pk]
    assert not Score.objects.get(lead=idle).shortfall_due
    assert shortfalls.refresh_shortfalls(now=NOW) == 1
    assert not Score.objects.filter(shortfall_due=True).exists()


def test_a_lead_in_a_deadlock_is_explained_by_the_next_run(mal: Lead) -> None:
    add_event(mal, "email_click", NOW + HOUR)
    due_leads.rescore_due(now=NOW + HOUR)
    refusal = RowRefusal("scoring_shortfall", "INSERT", "lead_id", sqlstate="40P01")
    refusal.begin([mal.pk])
    shortfalls.refresh_shortfalls(now=NOW + HOUR)
    refusal.end()

    assert Score.objects.get().shortfall_due
    assert Shortfall.objects.get().judged_at == NOW
    assert shortfalls.refresh_shortfalls(now=NOW + HOUR) == 1
    assert Shortfall.objects.get().judged_at == NOW + HOUR


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("shipped")
def test_the_daily_rescore_has_a_changed_score_explained(mal: Lead) -> None:
    EventFactory(lead=mal, signal__code="email_click", occurred_at=NOW + HOUR, recorded_at=NOW + HOUR)
    daily_rescore.rescore_all(now=NOW + HOUR)

    assert Score.objects.get().shortfall_due
    assert shortfalls.refresh_shortfalls(now=NOW + HOUR) == 1
    assert Shortfall.objects.get().judged_at == NOW + HOUR


def test_what_an_mql_lacks_is_right_when_it_is_a_mal_again(mal: Lead) -> None:
    """Its score changes while it is on no list of MALs, and not when it comes back."""
    send(mal, "demo_request", NOW + HOUR, NOW + HOUR)
    assert Lead.objects.get().stage == Stage.MQL
    Lead.objects.update(stage=Stage.MAL)

    assert shortfalls.refresh_shortfalls(now=NOW + HOUR) == 0
    assert Shortfall.objects.get().kind == ShortfallKind.NOTHING


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("shipped")
def test_a_score_that_is_being_written_keeps_its_mark(version: Version, lead: Lead) -> None:
    add_event(lead, "pricing_view", NOW - HOUR)
    due_leads.rescore_due(now=NOW)

    def refresh() -> int:
        try:
            return shortfalls.refresh_shortfalls(now=NOW)
        finally:
            connection.close()

    with transaction.atomic(), ThreadPoolExecutor() as pool:
        Score.objects.update(judged_at=NOW + HOUR)
        assert pool.submit(refresh).result(timeout=30) == 1

    assert Score.objects.get().shortfall_due


# ── Gate unknown ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def unknown(version: Version) -> Lead:
    """An engaged lead of which no company is known."""
    person = LeadFactory(email="bo@nowhere.example", title="Head of Operations", at=NOW - DAY, source="webinar")
    send(person, "pricing_view", NOW - HOUR, NOW)
    return person


def test_an_engaged_lead_of_unknown_gate_is_listed_with_every_attribute_that_is_missing(unknown: Lead) -> None:
    shortfall = gate_gaps.select_gaps().get()

    assert (shortfall.lead, shortfall.lead.stage) == (unknown, Stage.LEAD)
    assert "company.employees" in shortfall.unknown_fields
    assert {row.field: row.count for row in gate_gaps.count_gaps()} == dict.fromkeys(shortfall.unknown_fields, 1)
    assert gate_gaps.select_gaps(field="company.employees").exists()
    assert not gate_gaps.select_gaps(field="lead.country").exists()
    assert not mal_list.select_mals().exists()


def test_a_lead_that_did_nothing_is_not_listed_and_one_whose_value_comes_leaves_the_list(
    version: Version, unknown: Lead
) -> None:
    LeadFactory(email="idle@nowhere.example", at=NOW, next_look_at=NOW)
    bounced = LeadFactory(email="bounced@nowhere.example", at=NOW)
    send(bounced, "email_bounce", NOW, NOW)
    assert [row.lead for row in gate_gaps.select_gaps()] == [unknown]

    company = Company.objects.create(
        name="New", domain="new.example", employees_low=3, employees_high=3, recorded_at=NOW
    )
    assert company.pk
    lead_upserts.upsert_lead(email="bo@nowhere.example", company_domain="new.example", source="test", now=NOW + HOUR)
    judge(NOW + HOUR)

    assert not gate_gaps.select_gaps().exists()


def test_a_text_that_was_not_understood_stands_beside_the_missing_attribute(version: Version) -> None:
    lead_upserts.upsert_company(
        domain="odd.example", values={"employees": "a handful", "industry": "Software", "country": "DE"},
        source="test", now=NOW - DAY,
    )  # fmt: skip
    person, _ = lead_upserts.upsert_lead(
        email="eve@odd.example", values={"title": "Head of Operations"}, source="test", now=NOW - DAY
    )
    send(person, "pricing_view", NOW - HOUR, NOW)

    gaps = gate_gaps.list_gaps(gate_gaps.select_gaps().get())

    assert [(gap.label, gap.text) for gap in gaps] == [("Company employees", "a handful")]


# ── Exits ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("kind", "stage"),
    [
        (MalExitKind.QUIET, Stage.PAUSED),
        (MalExitKind.WRONG_FIT, Stage.DISQUALIFIED),
        (MalExitKind.BOUGHT_ELSEWHERE, Stage.DISQUALIFIED),
    ],
)
def test_an_exit_keeps_who_when_and_why_and_is_taken_back(
    mal: Lead, ops: User, kind: MalExitKind, stage: Stage
) -> None:
    result = mal_exits.leave(lead_ids=[mal.pk], kind=kind, note=" Told us so ", by=ops, now=NOW + DAY)

    assert result == mal_exits.MovedLeads(1, 0)
    assert stage_rows(mal)[-1] == (Stage.MAL, stage, NOW + DAY, str(ops))
    assert StageChange.objects.latest("pk").why == f"{kind.label}: Told us so"
    assert MalExit.objects.values_list("kind", "note", "by", "at").get() == (kind, "Told us so", ops.pk, NOW + DAY)
    [left] = exit_figures.build_left_leads(list(exit_figures.select_left(kind=kind)))
    assert (left.lead, left.kind, left.change and left.change.by) == (mal, kind, ops)
    assert mal_exits.leave(lead_ids=[mal.pk], kind=kind, note="x", by=ops, now=NOW + DAY).unmoved == 1

    assert mal_exits.return_to_mal(lead_ids=[mal.pk], by=ops, now=NOW + 2 * DAY) == mal_exits.MovedLeads(1, 0)

    assert stage_rows(mal)[-1] == (stage, Stage.MAL, NOW + 2 * DAY, str(ops))
    assert not exit_figures.select_left().exists()
    assert mal_exits.return_to_mal(lead_ids=[mal.pk], by=ops, now=NOW + 2 * DAY).unmoved == 1


EXIT_KINDS = (MalExitKind.QUIET, MalExitKind.WRONG_FIT, MalExitKind.BOUGHT_ELSEWHERE)


@pytest.mark.parametrize("of_mql", [Stage.LEAD, Stage.MAL])
@pytest.mark.parametrize("kind", list(MalExitKind))
def test_a_pql_that_sales_sent_back_leaves_in_its_motion_and_returns_there(
    version: Version, ops: User, kind: MalExitKind, of_mql: Stage
) -> None:
    person = LeadFactory()
    place_leads(of_mql, person)
    place_leads(Stage.MAL, person, motion=Motion.PQL)
    assert list(mal_list.select_mals()) == [person]

    assert mal_exits.leave(lead_ids=[person.pk], kind=kind, note="x", by=ops, now=NOW).moved == 1

    assert not mal_list.select_mals().exists()
    [left] = exit_figures.build_left_leads(list(exit_figures.select_left(kind=kind)))
    assert (left.lead, left.kind, left.change and left.change.at) == (person, kind, NOW)
    counts = exit_figures.count_exits(NOW)
    by_kind = (counts.still_quiet, counts.wrong_fit, counts.bought_elsewhere)
    assert by_kind == tuple(int(kind == other) for other in EXIT_KINDS)
    assert mal_exits.return_to_mal(lead_ids=[person.pk], by=ops, now=NOW + DAY).moved == 1
    assert motion_stages.read_all_motions(person.pk) == {Motion.MQL: of_mql, Motion.PQL: Stage.MAL}


@pytest.mark.parametrize(
    ("note", "role", "sentence"),
    [
        ("  ", Role.MARKETING_OPS, "Say in the note"),
        ("x" * 251, Role.MARKETING_OPS, "at most 250"),
        ("so", Role.MARKETING_LEADER, "Marketing ops decide"),
        ("so", Role.SDR, "Marketing ops decide"),
    ],
)
def test_an_exit_needs_a_note_and_marketing_ops(mal: Lead, note: str, role: Role, sentence: str) -> None:
    with pytest.raises(mal_exits.MalExitRefused, match=sentence):
        mal_exits.leave(lead_ids=[mal.pk], kind=MalExitKind.WRONG_FIT, note=note, by=UserFactory(roles=[role]), now=NOW)

    mal.refresh_from_db()
    assert mal.stage == Stage.MAL


def test_a_lead_that_sales_rejected_is_no_exit_and_cannot_be_returned(mal: Lead, ops: User) -> None:
    Lead.objects.update(stage=Stage.DISQUALIFIED, stage_at=NOW)

    assert not exit_figures.select_left().exists()
    assert mal_exits.return_to_mal(lead_ids=[mal.pk], by=ops, now=NOW).moved == 0


def test_exits_are_counted_by_kind_without_those_taken_back(version: Version, ops: User) -> None:
    leads = [LeadFactory(stage=Stage.MAL, at=NOW) for _ in range(4)]
    for kind, person in zip((*MalExitKind, MalExitKind.WRONG_FIT), leads, strict=True):
        mal_exits.leave(lead_ids=[person.pk], kind=kind, note="x", by=ops, now=NOW)
    mal_exits.return_to_mal(lead_ids=[leads[0].pk, leads[3].pk], by=ops, now=NOW + HOUR)

    counts = exit_figures.count_exits(NOW + DAY)

    assert (counts.mql, counts.quiet, counts.still_quiet, counts.wrong_fit, counts.bought_elsewhere) == (0, 1, 0, 1, 1)
    assert exit_figures.count_exits(NOW + 91 * DAY).taken_out == 0


def test_content_is_counted_before_mals_and_before_mqls_of_mals(mal: Lead) -> None:
    send(mal, "demo_request", NOW + HOUR, NOW + HOUR)

    rows = {row.signal: (row.mals, row.mqls) for row in exit_figures.count_content(NOW + DAY)}

    assert sorted(rows.values()) == [(0, 1), (1, 0)]
    assert exit_figures.count_exits(NOW + DAY).mql == 1


# ── Pauses ────────────────────────────────────────────────────────────────────────────────────────────────

ACTIVE_AT = NOW - HOUR


def test_a_mal_is_paused_when_90_days_are_over_and_resumes_at_the_instant_of_its_activity(mal: Lead) -> None:
    assert quiet_leads.pause_quiet(now=ACTIVE_AT + 90 * DAY - dt.timedelta(microseconds=1)) == 0
    assert quiet_leads.pause_quiet(now=ACTIVE_AT + 90 * DAY) == 1
    assert quiet_leads.pause_quiet(now=ACTIVE_AT + 90 * DAY) == 0
    assert not mal_list.select_mals().exists()

    send(mal, "email_click", ACTIVE_AT + 95 * DAY, ACTIVE_AT + 96 * DAY)

    assert stage_rows(mal)[-2:] == [
        (Stage.MAL, Stage.PAUSED, ACTIVE_AT + 90 * DAY, None),
        (Stage.PAUSED, Stage.MAL, ACTIVE_AT + 95 * DAY, None),
    ]


@pytest.mark.parametrize("signal", ["email_bounce", "machine_open", "unsubscribe"])
def test_what_a_machine_does_and_an_opt_out_are_no_activity(mal: Lead, signal: str) -> None:
    send(mal, signal, NOW + 30 * DAY, NOW + 30 * DAY)
    assert quiet_leads.pause_quiet(now=NOW + 90 * DAY) == 1

    send(mal, signal, NOW + 91 * DAY, NOW + 91 * DAY)

    mal.refresh_from_db()
    assert mal.stage == Stage.PAUSED


def test_a_hand_raise_of_a_paused_lead_makes_an_mql(mal: Lead) -> None:
    quiet_leads.pause_quiet(now=NOW + 90 * DAY)

    send(mal, "demo_request", NOW + 100 * DAY, NOW + 100 * DAY)

    assert [row[1] for row in stage_rows(mal)] == [Stage.MAL, Stage.PAUSED, Stage.MAL, Stage.MQL]


def test_an_activity_that_comes_late_ends_the_pause_that_it_would_have_prevented(mal: Lead) -> None:
    quiet_leads.pause_quiet(now=ACTIVE_AT + 90 * DAY)

    send(mal, "email_click", NOW + 50 * DAY, ACTIVE_AT + 92 * DAY)

    assert stage_rows(mal)[-1] == (Stage.PAUSED, Stage.MAL, ACTIVE_AT + 90 * DAY, None)


def test_history_from_before_the_silence_resumes_nobody(mal: Lead) -> None:
    quiet_leads.pause_quiet(now=ACTIVE_AT + 90 * DAY)

    send(mal, "email_click", ACTIVE_AT - 30 * DAY, ACTIVE_AT + 92 * DAY)

    mal.refresh_from_db()
    assert mal.stage == Stage.PAUSED


def test_a_lead_paused_by_hand_resumes_by_what_it_does_afterwards_alone(mal: Lead, ops: User) -> None:
    mal_exits.leave(lead_ids=[mal.pk], kind=MalExitKind.QUIET, note="On leave", by=ops, now=NOW + HOUR)

    send(mal, "email_click", NOW, NOW + 2 * HOUR)
    mal.refresh_from_db()
    assert mal.stage == Stage.PAUSED
    send(mal, "email_click", NOW + 3 * HOUR, NOW + 3 * HOUR)

    mal.refresh_from_db()
    assert mal.stage == Stage.MAL


def test_a_mal_that_somebody_put_there_is_paused_90_days_after_that(mal: Lead, ops: User) -> None:
    quiet_leads.pause_quiet(now=NOW + 90 * DAY)
    mal_exits.return_to_mal(lead_ids=[mal.pk], by=ops, now=NOW + 100 * DAY)

    assert quiet_leads.pause_quiet(now=NOW + 190 * DAY - HOUR) == 0
    assert quiet_leads.pause_quiet(now=NOW + 190 * DAY) == 1


def test_the_activity_of_an_alias_keeps_a_mal_awake_and_resumes_it(mal: Lead) -> None:
    alias = LeadFactory(email="ada@home.example", merged_into=mal, at=NOW)
    add_event(alias, "email_click", NOW + 30 * DAY)

    assert quiet_leads.pause_quiet(now=NOW + 100 * DAY) == 0
    assert quiet_leads.pause_quiet(now=NOW + 120 * DAY) == 1
    send(alias, "email_click", NOW + 121 * DAY, NOW + 121 * DAY)

    mal.refresh_from_db()
    assert (mal.stage, mal.stage_at) == (Stage.MAL, NOW + 121 * DAY)


def test_the_setting_says_after_how_many_days(mal: Lead, settings: object) -> None:
    settings.PAUSE_AFTER_DAYS = 30  # type: ignore[attr-defined]  # pytest-django's fixture has no type

    assert quiet_leads.pause_quiet(now=NOW + 30 * DAY) == 1
    assert StageChange.objects.latest("pk").why == "No activity for 30 days"


def test_the_periodic_work_pauses_and_explains(mal: Lead) -> None:
    Shortfall.objects.all().delete()

    assert periodic.rescore_daily(now=NOW)["explained"] == 1
    assert periodic.watch_figures(now=NOW + 90 * DAY)["paused"] == 1


# ── The pages ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def ops_client(ops: User) -> Iterator[Client]:
    with time_machine.travel(NOW + HOUR, tick=False):
        client = Client()
        client.force_login(ops)
        yield client


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("mals", "No MALs"), ("gate_unknown", "Nothing is unknown"), ("mals_left", "Nobody has left")],
)
def test_an_empty_database_says_what_would_stand_there(ops_client: Client, name: str, sentence: str) -> None:
    assert sentence in ops_client.get(reverse(name)).content.decode()


def test_the_list_shows_what_is_missing_filters_and_counts(ops_client: Client, mal: Lead) -> None:
    other = LeadFactory(stage=Stage.MAL, at=NOW, source="fair", country="FR", first_name="Zelda")

    everybody = ops_client.get(reverse("mals"), {"sort": "newest"}).content.decode()
    rows_by_query = {
        query: [row[0] for row in ops_client.get(f"{reverse('mals')}?{query}").context["rows"]]
        for query in (
            "q=zelda",
            "source=fair",
            "country=France",
            "since=7",
            "since=older",
            "missing=clause:Engagement+points",
        )
    }

    assert "20 points, 50 needed." in everybody
    assert "Being looked at" in everybody
    assert rows_by_query == {
        "q=zelda": [other], "source=fair": [other], "country=France": [other], "since=7": [mal, other],
        "since=older": [], "missing=clause:Engagement+points": [mal],
    }  # fmt: skip


@pytest.mark.parametrize(
    "query", ["since=abc", "missing=x", "after=abc", "after=99999", "q=%00", "sort=no", "source=none"]
)
@pytest.mark.parametrize("name", ["mals", "gate_unknown", "mals_left", "mals_export", "gate_unknown_export"])
def test_no_filter_breaks_a_page(ops_client: Client, mal: Lead, name: str, query: str) -> None:
    answer = ops_client.get(f"{reverse(name)}?{query}")
    getattr(answer, "getvalue", bytes)()

    assert answer.status_code == 200


def test_a_page_needs_no_query_for_each_row(ops_client: Client, mal: Lead, unknown: Lead) -> None:
    counts = []
    for size in (0, 20):
        for _ in range(size):
            person = LeadFactory(stage=Stage.MAL, company=mal.company, at=NOW)
            add_event(person, "pricing_view", NOW - HOUR)
            nobody = LeadFactory(at=NOW)
            add_event(nobody, "pricing_view", NOW - HOUR)
        judge(NOW)
        for name in ("mals", "gate_unknown", "mals_left"):
            ops_client.get(reverse(name))
            with CaptureQueriesContext(
                connection,
            ) as queries:
                ops_client.get(reverse(name))
            counts.append(len(queries))

    assert counts[:3] == counts[3:]


def test_csv_files_hold_all_rows_and_run_no_formula(ops_client: Client, mal: Lead, unknown: Lead, ops: User) -> None:
    Lead.objects.filter(pk=mal.pk).update(first_name="=1+1", last_name="")

    files = {
        name: list(csv.DictReader(io.StringIO(ops_client.get(reverse(name)).getvalue().decode())))
        for name in ("mals_export", "gate_unknown_export")
    }
    mal_exits.leave(lead_ids=[mal.pk], kind=MalExitKind.WRONG_FIT, note="x", by=ops, now=NOW)
    left = list(csv.DictReader(io.StringIO(ops_client.get(reverse("mals_left_export")).getvalue().decode())))

    assert [(row["Lead"], row["Why it is no MQL"]) for row in files["mals_export"]] == [
        ("'=1+1", "20 points, 50 needed.")
    ]
    assert [(row["E-mail"], "Company employees" in row["Missing"]) for row in files["gate_unknown_export"]] == [
        ("bo@nowhere.example", True)
    ]
    assert [(row["Left as"], row["By"]) for row in left] == [("Wrong fit", str(ops))]


def test_ticked_mals_leave_after_a_confirmation_and_return(ops_client: Client, mal: Lead) -> None:
    typed = {"lead": [mal.pk], "kind": "wrong_fit", "note": "Ten people"}

    confirmation = ops_client.post(reverse("mals_leave"), typed)
    mal.refresh_from_db()
    assert (confirmation.status_code, mal.stage) == (200, Stage.MAL)
    assert "Take them out of the MALs?" in confirmation.content.decode()
    ops_client.post(reverse("mals_leave"), typed | {"confirmed": "1"})
    mal.refresh_from_db()
    assert mal.stage == Stage.DISQUALIFIED
    assert "1 lead left as “Wrong fit”." in ops_client.get(reverse("mals_left")).content.decode()
    ops_client.post(reverse("mals_return"), {"lead": [mal.pk]})
    mal.refresh_from_db()
    assert mal.stage == Stage.MAL


@pytest.mark.parametrize("typed", [{"note": ""}, {"kind": "mql"}, {"note": "x" * 251}])
def test_an_exit_that_is_not_complete_is_refused(ops_client: Client, mal: Lead, typed: dict[str, str]) -> None:
    answer = ops_client.post(
        reverse("mals_leave"), {"lead": [mal.pk], "kind": "wrong_fit", "note": "x", "confirmed": "1"} | typed
    )

    mal.refresh_from_db()
    assert (answer.status_code, mal.stage) == (422, Stage.MAL)


@pytest.mark.parametrize("role", [Role.MARKETING_LEADER, Role.SALES_LEADER, Role.VIEWER])
def test_leaders_and_executives_read_and_change_nothing(mal: Lead, role: Role) -> None:
    client = Client()
    client.force_login(UserFactory(roles=[role]))

    page = client.get(reverse("mals"))

    assert page.status_code == 200
    assert "Take them out" not in page.content.decode()
    assert client.post(reverse("mals_leave"), {"lead": [mal.pk]}).status_code == 403


# ── The API ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_api_lists_mals_with_what_is_missing(ops_client: Client, mal: Lead, unknown: Lead) -> None:
    mals = ops_client.get("/api/v1/leads", {"stage": "mal"}).json()["results"]
    gaps = ops_client.get("/api/v1/leads", {"unknown": "company.employees"}).json()["results"]
    any_gap = ops_client.get("/api/v1/leads", {"unknown": "any"}).json()["results"]

    assert [row["id"] for row in mals] == [mal.pk]
    assert mals[0]["missing"] == {
        "kind": "clause", "attribute": "", "criterion": "Engagement points", "why": "20 points, 50 needed.",
        "unknown_fields": [], "last_activity_at": "2026-03-02T08:00:00Z", "judged_at": "2026-03-02T09:00:00Z",
    }  # fmt: skip
    assert [row["id"] for row in gaps] == [row["id"] for row in any_gap] == [unknown.pk]
    assert gaps[0]["missing"]["kind"] == "gate_unknown"
    assert "company.employees" in gaps[0]["missing"]["unknown_fields"]


def test_the_api_says_nothing_is_missing_of_others(ops_client: Client, mal: Lead) -> None:
    send(mal, "demo_request", NOW, NOW)

    [row] = ops_client.get("/api/v1/leads", {"stage": "mql"}).json()["results"]

    assert row["missing"] is None
