"""The one mechanism of all sweeps, on rows of any table."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.db.models import QuerySet

from config.jobs import sweeps
from config.jobs.models import PeriodicRun, SetAsideRow
from tests.threads import at_once

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 3, 10, 10, 0, tzinfo=dt.UTC)
SWEEP = "runs to delete"


def waiting() -> QuerySet[PeriodicRun]:
    return PeriodicRun.objects.order_by("pk")


def store(count: int) -> list[int]:
    runs = PeriodicRun.objects.bulk_create(
        PeriodicRun(job="sweep", period=str(number), started_at=NOW) for number in range(count)
    )
    return [run.pk for run in runs]


def delete_even(run: PeriodicRun) -> int:
    """Delete a row with an even period; raise an error with a secret for any other."""
    if int(run.period) % 2:
        raise ValueError("secret")
    return delete(run)


def delete(run: PeriodicRun) -> int:
    pk = run.pk
    run.delete()
    return pk


def run_sweep(work=delete_even, *, now: dt.datetime = NOW, limit: int = 100) -> list[int]:
    return list(sweeps.claim_each(SWEEP, waiting(), work, now=now, limit=limit))


def test_rows_that_fail_do_not_count_against_the_limit() -> None:
    ids = store(8)

    assert run_sweep(limit=3) == [ids[0], ids[2], ids[4]]
    assert run_sweep(limit=3) == [ids[6]]

    aside = SetAsideRow.objects.order_by("row_id")
    assert [row.row_id for row in aside] == [ids[1], ids[3], ids[5], ids[7]]
    assert {row.reason for row in aside} == {"Accord failed (ValueError). An administrator finds more in the log."}


def test_a_row_comes_back_after_a_time_that_grows_and_is_forgotten_once_it_is_done() -> None:
    store(2)
    run_sweep()
    (row,) = SetAsideRow.objects.all()

    waits, now = [], NOW
    for _ in range(5):
        waits.append(row.until - now)
        assert run_sweep(now=row.until - dt.timedelta(seconds=1)) == []
        now = row.until
        assert run_sweep(now=now) == []
        row.refresh_from_db()
    assert waits == [*sweeps.BACKOFF, sweeps.BACKOFF[-1]]
    assert (row.tries, row.since) == (6, NOW)

    assert run_sweep(delete, now=row.until) == [row.row_id]
    assert run_sweep(delete, now=row.until) == []
    assert not SetAsideRow.objects.exists()


def test_a_row_that_only_cannot_be_done_yet_says_why_and_is_tried_every_ten_minutes() -> None:
    store(1)

    def wait(_run: PeriodicRun) -> int:
        raise sweeps.CannotBeDone("Nobody is there.")

    now = NOW
    for _ in range(6):
        run_sweep(wait, now=now)
        row = SetAsideRow.objects.get()
        wait_for, now = row.until - now, row.until
    assert (row.reason, row.is_failure, wait_for) == ("Nobody is there.", False, dt.timedelta(minutes=10))


def test_a_row_that_somebody_else_did_is_forgotten() -> None:
    store(2)
    run_sweep()
    PeriodicRun.objects.all().delete()

    run_sweep(now=NOW + sweeps.BACKOFF[0])

    assert not SetAsideRow.objects.exists()


def test_everything_can_be_tried_again_at_once() -> None:
    ids = store(2)
    run_sweep()

    assert sweeps.retry_now(now=NOW) == 1
    assert run_sweep(delete) == [ids[1]]


def test_what_a_failing_row_had_changed_is_undone() -> None:
    store(1)

    def change_and_fail(run: PeriodicRun) -> int:
        PeriodicRun.objects.filter(pk=run.pk).update(job="changed")
        raise ValueError("secret")

    run_sweep(change_and_fail)

    assert PeriodicRun.objects.get().job == "sweep"


def test_of_rows_done_together_only_the_failing_ones_are_set_aside() -> None:
    ids = store(5)

    count = sweeps.claim_together(SWEEP, waiting(), lambda runs: [delete_even(run) for run in runs], now=NOW, limit=2)

    assert count == 5
    assert list(waiting().values_list("pk", flat=True)) == [ids[1], ids[3]]
    assert set(SetAsideRow.objects.values_list("row_id", flat=True)) == {ids[1], ids[3]}


def test_counts_are_by_sweep() -> None:
    store(4)
    run_sweep()
    sweeps.put_aside("other", 1, reason="Why.", is_failure=True, now=NOW - dt.timedelta(hours=1))

    counts = [(row.sweep, row.count, row.since) for row in sweeps.count_set_aside()]
    assert counts == [("other", 1, NOW - dt.timedelta(hours=1)), (SWEEP, 2, NOW)]


@pytest.mark.django_db(transaction=True)
def test_two_workers_do_each_row_once() -> None:
    ids = store(40)

    results = at_once(2, lambda _worker: run_sweep(delete))

    assert sorted(results[0] + results[1]) == ids


@pytest.mark.django_db(transaction=True)
def test_without_the_database_a_sweep_ends_and_sets_nothing_aside() -> None:
    ids = store(3)

    def lose_the_database(_run: PeriodicRun) -> int:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")
        return 0

    with pytest.raises((OperationalError, InterfaceError)):
        run_sweep(lose_the_database)

    connection.close()
    assert not SetAsideRow.objects.exists()
    assert list(waiting().values_list("pk", flat=True)) == ids
