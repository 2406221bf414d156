"""Records and messages of failures: what passes leaves no trace, the rest a sentence without the database's words (rules 17.20)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection

from config import outages
from leads.models import AccountQueueEntry, Lead
from leads.rescoring import account_queue
from leads.vocabulary import ImportState
from scoring.account_judgement import account_qualification
from scoring.columns.bulk_reader import bulk_reader
from scoring.live import due_leads
from sla.handoffs import routing, undo_window
from sla.models import Delivery, Notice, PendingDecision, RoutingDecision
from sla.notifications import deliveries, outbox
from sla.vocabulary import DispositionKind, NoticeKind
from tests import account_plays
from tests.factories import MINUTE, NOW, HandoffFactory, UserFactory, read_handoff
from tests.leads.imports import stored_imports
from tests.scoring.reference_lead import lead, version

__all__ = ["lead", "version"]

pytestmark = pytest.mark.django_db

#: SQLSTATEs of a deadlock, which passes, and of a division by zero, which does not.
PASSING, LASTING = "40P01", "22012"
SECRET = "anna@acme.example"
SENTENCE = "The database refused it. An administrator finds more in the log."
MORNING = NOW.replace(hour=9) + dt.timedelta(days=1)


@contextmanager
def broken(sqlstate: str, *parts: str) -> Iterator[None]:
    """Let PostgreSQL fail with this SQLSTATE and a person's address on every statement that has these parts."""

    def execute(normal: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
        if all(part in sql for part in parts):
            failing = f"DO $$ BEGIN RAISE EXCEPTION 'Key ({SECRET})' USING ERRCODE = '{sqlstate}'; END $$"
            return normal(failing, None, False, context)
        return normal(sql, params, many, context)

    with connection.execute_wrapper(execute):
        yield


def test_a_handoff_whose_routing_failed_for_a_moment_has_no_record_of_it_and_is_routed_next() -> None:
    handoff = HandoffFactory(unrouted=True)
    before = RoutingDecision.objects.count(), Notice.objects.count()

    with broken(PASSING, '"sla_rep"', "FOR NO KEY UPDATE"):
        assert routing.route_unrouted(now=MORNING) == 0

    assert (RoutingDecision.objects.count(), Notice.objects.count()) == before
    assert routing.route_unrouted(now=MORNING) == 1
    assert not read_handoff(handoff).is_unrouted


def test_a_lasting_failure_of_routing_is_recorded_and_mailed_without_the_database_s_words() -> None:
    handoff = HandoffFactory(unrouted=True)

    with broken(LASTING, '"sla_rep"', "FOR NO KEY UPDATE"):
        routing.route_unrouted(now=MORNING)

    explanation = RoutingDecision.objects.filter(handoff=handoff).latest("pk").explanation
    assert explanation == f"Routing failed: {SENTENCE}"
    assert not Notice.objects.filter(text__contains=SECRET).exists()


@pytest.mark.parametrize(("sqlstate", "is_kept"), [(PASSING, True), (LASTING, False)])
def test_a_decision_is_given_back_for_a_lasting_failure_only(sqlstate: str, is_kept: bool) -> None:
    handoff = HandoffFactory()
    undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW)
    later = NOW + undo_window.GIVE_UP_AFTER + MINUTE

    with broken(sqlstate, 'INSERT INTO "sla_disposition"'):
        assert undo_window.finish_due(now=later) == 0

    notices = Notice.objects.filter(kind=NoticeKind.GIVEN_BACK)
    assert (PendingDecision.objects.exists(), notices.exists()) == (is_kept, not is_kept)
    assert undo_window.finish_due(now=later + MINUTE) == int(is_kept)
    assert all(notice.text.endswith(SENTENCE) for notice in notices)


def test_leads_that_could_not_be_judged_for_a_moment_stay_due(version: Any, lead: Lead) -> None:
    with broken(PASSING, "scoring_score", "INSERT"), pytest.raises(OperationalError):
        due_leads.rescore_due(now=NOW)

    lead.refresh_from_db()
    assert (lead.look_failures, lead.look_error, lead.next_look_at <= NOW) == (0, "", True)
    assert due_leads.rescore_due(now=NOW) == 1


def test_a_lead_that_cannot_be_judged_keeps_a_sentence_without_the_database_s_words(version: Any, lead: Lead) -> None:
    with broken(LASTING, "scoring_score", "INSERT"):
        due_leads.rescore_due(now=NOW)

    lead.refresh_from_db()
    assert (lead.look_failures, lead.look_error) == (1, SENTENCE)


def test_a_company_that_could_not_be_judged_stays_due_or_keeps_a_sentence() -> None:
    account_plays.activate_accounts()
    account_queue.request(company_ids=[account_plays.engage_company().pk], at=NOW)
    parts = ('INSERT INTO "scoring_accountqualification"',)

    with broken(PASSING, *parts), pytest.raises(OperationalError):
        account_qualification.judge_due(now=NOW)
    entry = AccountQueueEntry.objects.get()
    with broken(LASTING, *parts):
        account_qualification.judge_due(now=NOW)

    assert (entry.failures, entry.error) == (0, "")
    entry.refresh_from_db()
    assert (entry.failures, entry.error) == (1, SENTENCE)


def test_an_import_that_failed_for_a_moment_goes_on_and_a_lasting_failure_ends_it_with_a_sentence() -> None:
    run = stored_imports.start()

    with broken(PASSING, "leads_lead", "INSERT"), pytest.raises(OperationalError):
        stored_imports.work()
    run.refresh_from_db()
    state = run.state
    # Not one row that the database refuses, but a statement that it does not understand.
    with broken("42703", "leads_lead", "INSERT"):
        stored_imports.work(NOW + 2 * MINUTE)

    run.refresh_from_db()
    assert (state, run.state) == (ImportState.RUNNING, ImportState.FAILED)
    assert run.error == f"It could not go on. {SENTENCE}"


def test_a_message_that_failed_for_a_moment_is_due_and_a_lasting_failure_is_a_sentence() -> None:
    draft = outbox.NoticeDraft(NoticeKind.NEW_MQL, "x", None, [UserFactory()], "Hello", NOW)
    outbox.write_notices([draft])

    with broken(PASSING, "sla_alertsettings"), pytest.raises(OperationalError):
        deliveries.send_due(now=NOW)
    delivery = Delivery.objects.get()
    with broken(LASTING, "sla_alertsettings"):
        deliveries.send_due(now=NOW)

    assert (delivery.failures, delivery.error) == (0, "")
    delivery.refresh_from_db()
    assert (delivery.failures, delivery.error) == (1, SENTENCE)


@pytest.mark.django_db(transaction=True)
def test_a_bulk_reader_whose_connection_was_cut_tells_of_an_outage() -> None:
    def read_after_cut() -> None:
        with bulk_reader() as reader, connection.cursor() as cursor:
            pid = reader.read_table("SELECT pg_backend_pid() AS pid")["pid"][0].as_py()
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
            reader.read_table("SELECT 1")

    with pytest.raises(OperationalError) as failure:
        read_after_cut()

    assert outages.is_outage(failure.value)


@pytest.mark.django_db(transaction=True)
def test_a_bulk_reader_that_is_refused_tells_of_no_outage() -> None:
    with pytest.raises(OperationalError) as failure, bulk_reader() as reader:
        reader.read_table("SELECT nothing FROM nowhere")

    assert not outages.is_outage(failure.value)
