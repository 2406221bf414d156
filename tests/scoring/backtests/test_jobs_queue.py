"""Backtests in the background: done once, whoever dies; cancelled while they run; judged by what was asked, not by what came since."""

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
from leads.models import Company, Event, Lead, Outcome, Signal
from leads.vocabulary import OutcomeKind
from scoring.backtests import jobs
from scoring.columns import fact_reader
from scoring.engine.facts import Facts
from tests.definitions.documents import criterion, minimal
from tests.definitions.people import person

pytestmark = pytest.mark.django_db(transaction=True)

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)
MONTH = dt.timedelta(days=30)


@pytest.fixture(autouse=True)
def leads(transactional_db: None) -> list[Lead]:
    """Three that asked for a demo and were won after it, one that did nothing."""
    shipped_signals.ship(signals=Signal.objects)
    company = Company.objects.create(domain="fit.example", employees_low=200, employees_high=200, recorded_at=NOW)
    made = Lead.objects.bulk_create(
        Lead(email=f"{n}@fit.example", company=company, known_at=NOW - 3 * MONTH, stage_at=NOW, recorded_at=NOW)
        for n in range(4)
    )
    signal = Signal.objects.get(code="demo_request")
    for lead in made[:3]:
        Event.objects.create(
            lead=lead, signal=signal, occurred_at=NOW - 2 * MONTH, recorded_at=NOW, source="test", digest=b""
        )
        Outcome.objects.create(lead=lead, kind=OutcomeKind.WON, at=NOW - MONTH, recorded_at=NOW, source="test")
    return made


def draft(**changes: object) -> Version:
    return version_documents.import_document(document=minimal(**changes), by=None, now=NOW)


def asked(version: Version | None = None, *, months: int = 6) -> Backtest:
    ops = person(Role.MARKETING_OPS)
    return requests.request(version=version or draft(), start=NOW - months * MONTH, end=NOW, by=ops, now=NOW)


def works() -> int:
    """One turn of a worker in a thread of its own."""
    try:
        return jobs.run_pending(now=NOW)
    finally:
        connection.close()


def interrupted(monkeypatch: pytest.MonkeyPatch, *, by: Callable[[], object]) -> None:
    """While the first range is being judged, something happens; once."""
    everything, waiting = fact_reader.everything, [by]

    def interrupted(*rules: object, **more: object) -> Iterator[Facts]:
        for facts in everything(*rules, **more):  # type: ignore[arg-type]
            if waiting:
                waiting.pop()()
            yield facts

    monkeypatch.setattr(fact_reader, "everything", interrupted)


def killed() -> None:
    """As nothing in a program catches it."""
    raise SystemExit


def test_it_ends_with_its_result_and_all_steps_done() -> None:
    backtest = asked()

    done = [jobs.run_pending(now=NOW), jobs.run_pending(now=NOW)]

    backtest.refresh_from_db()
    assert done == [1, 0]
    assert (backtest.done, backtest.total, backtest.error, backtest.claimed_until) == (2, 2, "", None)
    assert backtest.finished_at is not None
    assert backtest.result is not None
    assert backtest.result["version"]["coverage"]["n"] == backtest.result["version"]["flagged"] == 3
    assert backtest.result["against"] is None
    assert backtest.result["seconds"] >= 0
    assert requests.current(backtest.version) == backtest


def test_of_many_workers_one_does_it(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest, judged = asked(), []
    everything = fact_reader.everything
    monkeypatch.setattr(
        fact_reader, "everything", lambda *rules, **more: judged.append(1) or everything(*rules, **more)
    )

    with ThreadPoolExecutor(6) as pool:
        done = list(pool.map(lambda _: works(), range(6)))

    backtest.refresh_from_db()
    assert (sum(done), len(judged), backtest.attempts) == (1, 1, 1)
    assert backtest.result is not None


def test_one_is_done_at_a_time_the_oldest_first(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = asked(), asked()
    meanwhile: list[int] = []
    interrupted(monkeypatch, by=lambda: meanwhile.append(in_a_thread(works)))

    jobs.run_pending(now=NOW)

    assert meanwhile == [0]
    assert list(Backtest.objects.pending()) == [second]
    assert jobs.run_pending(now=NOW) == 1
    assert not Backtest.objects.pending().exists()
    assert first.pk < second.pk


def in_a_thread(work: Callable[[], int]) -> int:
    found: list[int] = []
    thread = threading.Thread(target=lambda: found.append(work()))
    thread.start()
    thread.join()
    return found[0]


def test_a_cancelled_one_stops_and_leaves_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest, ops = asked(), person(Role.MARKETING_OPS)
    interrupted(monkeypatch, by=lambda: requests.cancel(backtest=backtest, by=ops, now=NOW))

    jobs.run_pending(now=NOW)

    backtest.refresh_from_db()
    assert (backtest.result, backtest.error, backtest.finished_at) == (None, "", NOW)
    assert (backtest.cancelled_at, backtest.cancelled_by) == (NOW, ops)
    assert backtest.done == 0


def test_the_work_of_a_killed_worker_is_anybodys_once_its_lease_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest = asked()
    interrupted(monkeypatch, by=killed)
    with pytest.raises(SystemExit):
        jobs.run_pending(now=NOW)

    at_once, later = jobs.run_pending(now=NOW), jobs.run_pending(now=NOW + 2 * jobs.LEASE)

    backtest.refresh_from_db()
    assert (at_once, later, backtest.attempts) == (0, 1, 2)
    assert backtest.result is not None


def test_a_worker_that_wakes_up_too_late_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest = asked()
    interrupted(monkeypatch, by=lambda: jobs.run_pending(now=NOW + 2 * jobs.LEASE))

    jobs.run_pending(now=NOW)

    backtest.refresh_from_db()
    assert backtest.attempts == 2
    assert backtest.finished_at is not None
    assert backtest.finished_at > NOW + jobs.LEASE


def test_what_kills_every_worker_ends_with_an_error_and_others_go_before_it(monkeypatch: pytest.MonkeyPatch) -> None:
    poison = asked()
    for attempt in range(jobs.ATTEMPTS):
        interrupted(monkeypatch, by=killed)
        with pytest.raises(SystemExit):
            jobs.run_pending(now=NOW + 2 * attempt * jobs.LEASE)
        monkeypatch.undo()
    other = asked()

    late = NOW + 10 * jobs.LEASE
    done = [jobs.run_pending(now=late), jobs.run_pending(now=late)]

    poison.refresh_from_db()
    other.refresh_from_db()
    assert (done, poison.attempts) == ([1, 0], 3)
    assert "begun 3 times and never came to its end" in poison.error
    assert other.result is not None


def test_one_that_cannot_be_judged_ends_with_a_sentence_and_the_next_is_done() -> None:
    broken, sound = asked(), asked()
    paths = [{**broken.document["paths"][0], "clauses": [{"axis": "charm", "at_least": 1}]}]
    Backtest.objects.filter(pk=broken.pk).update(document=broken.document | {"paths": paths})

    done = [jobs.run_pending(now=NOW), jobs.run_pending(now=NOW)]

    broken.refresh_from_db()
    sound.refresh_from_db()
    assert done == [1, 1]
    assert "There is no axis 'charm'" in broken.error
    assert broken.finished_at is not None
    assert sound.result is not None


def test_while_the_database_is_away_it_stays_to_be_done(monkeypatch: pytest.MonkeyPatch) -> None:
    backtest = asked()

    def away() -> None:
        raise OperationalError

    interrupted(monkeypatch, by=away)
    with pytest.raises(OperationalError):
        jobs.run_pending(now=NOW)

    assert jobs.run_pending(now=NOW + 2 * jobs.LEASE) == 1
    backtest.refresh_from_db()
    assert backtest.result is not None


def test_an_edit_of_the_draft_meanwhile_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    version = draft(gate=[criterion("company.employees", "at_least", 50)])
    backtest = asked(version)
    interrupted(monkeypatch, by=lambda: version.criteria.update(low=5000))

    jobs.run_pending(now=NOW)

    backtest.refresh_from_db()
    assert backtest.result is not None
    assert backtest.result["version"]["flagged"] == 3
    assert requests.current(version) is None


def test_the_beat_does_it(leads: list[Lead]) -> None:
    backtest = asked()

    counts = periodic.run_backtests(now=NOW)

    backtest.refresh_from_db()
    assert counts == {"backtests": 1}
    assert backtest.result is not None
    assert last_heartbeat(name="backtests") == NOW
