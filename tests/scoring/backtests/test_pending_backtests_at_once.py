"""Backtests in the background: run once although workers die, cancelled while they run, judged by the document that was
asked about.
"""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import OperationalError, connection

from config import periodic
from config.accounts.vocabulary import Role
from config.jobs.heartbeat import last_heartbeat
from definitions import backtest_requests as requests
from definitions import version_documents
from definitions.models import Backtest, Version
from leads import shipped_signals
from leads.models import Lead, Outcome, Signal
from leads.vocabulary import OutcomeKind
from scoring.backtests import pending_backtests
from scoring.columns import fact_reader
from scoring.engine.facts import Facts
from tests.definitions.documents import criterion, minimal_document
from tests.factories import CompanyFactory, EventFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
MONTH = dt.timedelta(days=30)


@pytest.fixture(autouse=True)
def leads(transactional_db: None) -> list[Lead]:
    """Return three leads that asked for a demo and were won after it, and one that did nothing."""
    shipped_signals.ship(signals=Signal.objects)
    company = CompanyFactory(fits=True, recorded_at=NOW)
    rows = Lead.objects.bulk_create(
        Lead(email=f"{n}@fit.example", company=company, known_at=NOW - 3 * MONTH, stage_at=NOW, recorded_at=NOW)
        for n in range(4)
    )
    for lead in rows[:3]:
        EventFactory(lead=lead, occurred_at=NOW - 2 * MONTH, recorded_at=NOW)
        Outcome.objects.create(lead=lead, kind=OutcomeKind.WON, at=NOW - MONTH, recorded_at=NOW, source="test")
    return rows


def draft(**changes: object) -> Version:
    return version_documents.import_document(document=minimal_document(**changes), by=None, now=NOW)


def request_backtest(version: Version | None = None, *, months: int = 6) -> Backtest:
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    return requests.request_backtest(version=version or draft(), start=NOW - months * MONTH, end=NOW, by=ops, now=NOW)


def run_worker() -> int:
    """Run one turn of a worker in a thread of its own."""
    try:
        return pending_backtests.run_pending(now=NOW)
    finally:
        connection.close()


def interrupt(monkeypatch: pytest.MonkeyPatch, *, by: Callable[[], object]) -> None:
    """Call `by` once, while the first range is being judged."""
    everything, waiting = fact_reader.read_all, [by]

    def interrupted(*rules: object, **more: object) -> Iterator[Facts]:
        for facts in everything(*rules, **more):
            if waiting:
                waiting.pop()()
            yield facts

    monkeypatch.setattr(fact_reader, "read_all", interrupted)


def kill_worker() -> None:
    """Raise an exception that no part of the program catches."""
    raise SystemExit


def test_a_backtest_ends_with_a_result_and_all_steps_done() -> None:
    backtest = request_backtest()

    counts = [pending_backtests.run_pending(now=NOW), pending_backtests.run_pending(now=NOW)]

    backtest.refresh_from_db()
    assert counts == [1, 0]
    assert (backtest.done, backtest.total, backtest.error, backtest.claimed_until) == (2, 2, "", None)
    assert backtest.finished_at is not None
    assert backtest.result is not None
    assert backtest.result["version"]["coverage"]["n"] == backtest.result["version"]["flagged"] == 3
    assert backtest.result["against"] is None
    assert backtest.result["seconds"] >= 0
    assert requests.find_current_backtest(backtest.version) == backtest


def test_only_one_of_many_workers_runs_a_backtest(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest, judged = request_backtest(), []
    everything = fact_reader.read_all
    monkeypatch.setattr(fact_reader, "read_all", lambda *rules, **more: judged.append(1) or everything(*rules, **more))

    with ThreadPoolExecutor(6) as pool:
        counts = list(pool.map(lambda _: run_worker(), range(6)))

    backtest.refresh_from_db()
    assert (sum(counts), len(judged), backtest.attempts) == (1, 1, 1)
    assert backtest.result is not None


def test_backtests_run_one_at_a_time_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = request_backtest(), request_backtest()
    meanwhile: list[int] = []
    interrupt(monkeypatch, by=lambda: meanwhile.append(in_a_thread(run_worker)))

    pending_backtests.run_pending(now=NOW)

    assert meanwhile == [0]
    assert list(Backtest.objects.pending()) == [second]
    assert pending_backtests.run_pending(now=NOW) == 1
    assert not Backtest.objects.pending().exists()
    assert first.pk < second.pk


def in_a_thread(work: Callable[[], int]) -> int:
    results: list[int] = []
    thread = threading.Thread(target=lambda: results.append(work()))
    thread.start()
    thread.join()
    return results[0]


def test_a_cancelled_backtest_stops_without_a_result(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest, ops = request_backtest(), UserFactory(roles=[Role.MARKETING_OPS])
    interrupt(monkeypatch, by=lambda: requests.cancel_backtest(backtest=backtest, by=ops, now=NOW))

    pending_backtests.run_pending(now=NOW)

    backtest.refresh_from_db()
    assert (backtest.result, backtest.error, backtest.finished_at) == (None, "", NOW)
    assert (backtest.cancelled_at, backtest.cancelled_by) == (NOW, ops)
    assert backtest.done == 0


def test_another_worker_takes_over_when_the_lease_of_a_killed_one_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest = request_backtest()
    interrupt(monkeypatch, by=kill_worker)
    with pytest.raises(SystemExit):
        pending_backtests.run_pending(now=NOW)

    at_once, later = (
        pending_backtests.run_pending(now=NOW),
        pending_backtests.run_pending(now=NOW + 2 * pending_backtests.LEASE),
    )

    backtest.refresh_from_db()
    assert (at_once, later, backtest.attempts) == (0, 1, 2)
    assert backtest.result is not None


def test_a_worker_that_lost_its_claim_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest = request_backtest()
    interrupt(monkeypatch, by=lambda: pending_backtests.run_pending(now=NOW + 2 * pending_backtests.LEASE))

    pending_backtests.run_pending(now=NOW)

    backtest.refresh_from_db()
    assert backtest.attempts == 2
    assert backtest.finished_at is not None
    assert backtest.finished_at > NOW + pending_backtests.LEASE


def test_a_backtest_that_kills_workers_runs_last_and_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    poison = request_backtest()
    for attempt in range(pending_backtests.ATTEMPTS):
        interrupt(monkeypatch, by=kill_worker)
        with pytest.raises(SystemExit):
            pending_backtests.run_pending(now=NOW + 2 * attempt * pending_backtests.LEASE)
        monkeypatch.undo()
    other = request_backtest()

    late = NOW + 10 * pending_backtests.LEASE
    counts = [pending_backtests.run_pending(now=late), pending_backtests.run_pending(now=late)]

    poison.refresh_from_db()
    other.refresh_from_db()
    assert (counts, poison.attempts) == ([1, 0], 3)
    assert "begun 3 times and never came to its end" in poison.error
    assert other.result is not None


def test_a_failed_backtest_ends_with_a_sentence_and_the_next_one_runs() -> None:
    broken, sound = request_backtest(), request_backtest()
    paths = [{**broken.document["paths"][0], "clauses": [{"axis": "charm", "at_least": 1}]}]
    Backtest.objects.filter(pk=broken.pk).update(document=broken.document | {"paths": paths})

    counts = [pending_backtests.run_pending(now=NOW), pending_backtests.run_pending(now=NOW)]

    broken.refresh_from_db()
    sound.refresh_from_db()
    assert counts == [1, 1]
    assert "There is no axis 'charm'" in broken.error
    assert broken.finished_at is not None
    assert sound.result is not None


def test_a_backtest_stays_pending_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest = request_backtest()

    def away() -> None:
        raise OperationalError

    interrupt(monkeypatch, by=away)
    with pytest.raises(OperationalError):
        pending_backtests.run_pending(now=NOW)

    assert pending_backtests.run_pending(now=NOW + 2 * pending_backtests.LEASE) == 1
    backtest.refresh_from_db()
    assert backtest.result is not None


def test_editing_the_draft_meanwhile_does_not_change_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    version = draft(gate=[criterion("company.employees", "at_least", 50)])
    backtest = request_backtest(version)
    interrupt(monkeypatch, by=lambda: version.criteria.update(low=5000))

    pending_backtests.run_pending(now=NOW)

    backtest.refresh_from_db()
    assert backtest.result is not None
    assert backtest.result["version"]["flagged"] == 3
    assert requests.find_current_backtest(version) is None


def test_the_periodic_task_runs_a_pending_backtest(leads: list[Lead]) -> None:
    backtest = request_backtest()

    counts = periodic.run_backtests(now=NOW)

    backtest.refresh_from_db()
    assert counts == {"backtests": 1}
    assert backtest.result is not None
    assert last_heartbeat(name="backtests") == NOW
