"""The background job of imports: claims, turns, killed workers, cancelling, what is deleted when."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from leads.imports import file_imports, import_requests, import_runs, pending_imports, refused_addresses, stored_files
from leads.models import ImportFile, ImportRefusedRow, ImportRun, Lead
from leads.rescoring import rescore_queue
from leads.vocabulary import ImportState
from tests.factories import DAY, NOW
from tests.leads.imports import stored_imports
from tests.small_files import limit_file_size

pytestmark = pytest.mark.django_db

LINES = "email\n" + "".join(f"p{number}@acme.example\n" for number in range(25))


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_imports, "BATCH", 10)


def stop_after(monkeypatch: pytest.MonkeyPatch, batches: int) -> None:
    """Let a worker be killed within the batch after so many."""
    normal, calls = file_imports.STORE_BY_KIND["leads"], [0]

    def store(items: Any, source: str, now: dt.datetime) -> Any:
        calls[0] += 1
        verdicts = normal(items, source, now)
        if calls[0] == batches + 1:
            raise KeyboardInterrupt
        return verdicts

    monkeypatch.setitem(file_imports.STORE_BY_KIND, "leads", store)


def test_an_import_takes_turns_with_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_imports, "SECONDS_A_TURN", -1)
    long = stored_imports.start(LINES)
    short = stored_imports.start("email\na@b.example\n")

    for seconds in range(3):
        pending_imports.run_pending(now=NOW + dt.timedelta(seconds=seconds))

    long.refresh_from_db()
    short.refresh_from_db()
    assert (long.rows_done, short.rows_done) == (20, 1)


def test_one_import_is_worked_on_at_a_time() -> None:
    run = stored_imports.start(LINES)
    import_runs.claim_run(run, now=NOW)

    assert pending_imports.run_pending(now=NOW + dt.timedelta(seconds=59)) == 0
    assert pending_imports.run_pending(now=NOW + dt.timedelta(seconds=61)) == 1


def test_a_killed_worker_loses_and_repeats_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored_imports.start(LINES + "nobody\n")
    stop_after(monkeypatch, 1)
    with pytest.raises(KeyboardInterrupt):
        pending_imports.run_pending(now=NOW)
    assert Lead.objects.count() == 10

    stored_imports.work(NOW + dt.timedelta(minutes=2))

    run.refresh_from_db()
    assert (run.state, run.created, run.unchanged, run.rejected) == (ImportState.DONE, 25, 0, 1)
    assert (Lead.objects.count(), run.refused_rows.count()) == (25, 1)


def test_a_worker_that_was_thought_dead_stores_nothing_more() -> None:
    run = stored_imports.start(LINES)
    import_runs.claim_run(run, now=NOW)
    stale = ImportRun.objects.get(pk=run.pk)
    stored_imports.work(NOW + dt.timedelta(minutes=2))

    with pytest.raises(import_runs.ImportStopped):
        import_runs.lock_claimed(stale)
    assert not import_runs.write_while_claimed(stale, error="late")


def test_an_import_waits_while_the_disk_of_its_worker_is_full() -> None:
    run = stored_imports.start("email,note\n" + f"ada@acme.example,{'x' * 2000}\n" * 50)

    with limit_file_size(1 << 16):
        for _ in range(4):
            pending_imports.run_pending(now=NOW)
    run.refresh_from_db()
    waiting = (run.state, run.rows_done, run.error)
    stored_imports.work()

    run.refresh_from_db()
    assert waiting[1:] == (0, "")
    assert (run.state, run.created, run.error) == (ImportState.DONE, 1, "")


def test_an_import_whose_workers_die_three_times_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    run = stored_imports.start(LINES)
    for attempt in range(3):
        stop_after(monkeypatch, 0)
        with pytest.raises(KeyboardInterrupt):
            pending_imports.run_pending(now=NOW + attempt * dt.timedelta(minutes=2))
        monkeypatch.undo()

    pending_imports.run_pending(now=NOW + dt.timedelta(minutes=10))

    run.refresh_from_db()
    assert (run.state, Lead.objects.count()) == (ImportState.FAILED, 0)
    assert "behind line 0" in run.error


def test_a_cancelled_import_stops_before_its_next_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_imports, "SECONDS_A_TURN", -1)
    run = stored_imports.start(LINES)
    pending_imports.run_pending(now=NOW)

    import_runs.cancel_run(run=run, by=None, now=NOW)
    stored_imports.work()

    run.refresh_from_db()
    assert (run.state, run.rows_done, Lead.objects.count()) == (ImportState.CANCELLED, 10, 10)


def test_a_cancelled_import_that_is_started_again_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pending_imports, "SECONDS_A_TURN", -1)
    run = stored_imports.start(LINES)
    pending_imports.run_pending(now=NOW)
    import_runs.cancel_run(run=run, by=None, now=NOW)

    again = stored_imports.start(LINES)
    stored_imports.work()

    again.refresh_from_db()
    assert (again.pk, again.state, again.created, again.unchanged) == (run.pk, ImportState.DONE, 25, 0)


def test_two_people_who_start_the_same_file_get_one_import() -> None:
    first, second = stored_imports.start(LINES), stored_imports.start(LINES)

    assert first.pk == second.pk
    assert ImportRun.objects.count() == 1


def test_the_same_content_with_another_map_is_another_import() -> None:
    first = stored_imports.start(LINES)
    second = stored_imports.start(LINES, map={"columns": {"external_id": "email"}})

    assert first.pk != second.pk
    assert second.file is not None
    assert import_requests.find_earlier_run(second.file) == second


def test_an_error_within_the_file_is_a_sentence_on_the_import() -> None:
    # Behind the rows by which the columns are guessed when the import starts.
    run = stored_imports.start(LINES + "x\n" * file_imports.SAMPLE + "x" * 4_000_001 + "\n")

    stored_imports.work()

    run.refresh_from_db()
    assert run.state == ImportState.FAILED
    assert "is longer than 4,000,000 characters" in run.error


def test_a_batch_of_very_long_rows_is_a_short_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_imports, "_BATCH_CHARACTERS", 40)
    run = stored_imports.start(LINES)
    sizes: list[int] = []
    normal = file_imports.STORE_BY_KIND["leads"]
    monkeypatch.setitem(
        file_imports.STORE_BY_KIND, "leads", lambda items, *rest: [sizes.append(len(items)), normal(items, *rest)][1]
    )

    stored_imports.work()

    run.refresh_from_db()
    assert (max(sizes), run.created) == (3, 25)


def test_the_rescoring_of_an_import_is_spread_over_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rescore_queue, "PACE_A_SECOND", 0.1)
    run = stored_imports.start(LINES)

    stored_imports.work()

    looks = list(Lead.objects.order_by("pk").values_list("next_look_at", flat=True))
    run.refresh_from_db()
    pace = dt.timedelta(seconds=100)
    assert looks[0] is not None
    assert looks[9] == looks[0]
    assert looks[24] == looks[0] + 2 * pace
    assert run.rescored_until == looks[0] + 2.5 * pace


def test_files_and_refused_rows_are_deleted_after_their_time() -> None:
    old = stored_imports.start(stored_imports.LEADS)
    stored_imports.work()
    draft, waiting = stored_imports.store("email\n"), stored_imports.start(LINES)

    assert pending_imports.delete_old_files(now=NOW + 29 * DAY) == 0
    pending_imports.delete_old_files(now=NOW + 31 * DAY)

    old.refresh_from_db()
    assert (old.file, old.rejected, ImportRefusedRow.objects.count()) == (None, 1, 0)
    assert list(ImportFile.objects.values_list("pk", flat=True)) == [waiting.file_id]
    assert not ImportFile.objects.filter(pk=draft.pk).exists()


def test_a_long_file_is_stored_in_parts_and_read_as_it_was() -> None:
    lines = "email\n" + "".join(f"person-with-a-long-name-{number}@acme.example\n" for number in range(60_000))
    file = stored_imports.store(lines)

    assert file.parts.count() == 3
    assert (file.size, file.lines) == (len(lines), 60_001)
    with stored_files.copy_to_disk(file) as path:
        assert path.read_text() == lines
        folder = path.parent
    assert not folder.exists()


def test_an_import_again_is_a_row_of_its_own_and_leaves_the_first_counts() -> None:
    first = stored_imports.start("email\na@acme.example\nnobody\n")
    stored_imports.work()
    first.refresh_from_db()

    for _ in range(2):
        # The second click finds the import that the first one asked for.
        again = import_requests.start_again(run=first, by=None, now=NOW + DAY)
    stored_imports.work(NOW + DAY)

    first.refresh_from_db()
    again.refresh_from_db()
    assert (first.created, first.unchanged, first.rejected, first.started_at) == (1, 0, 1, NOW)
    assert (again.created, again.unchanged, again.rejected, again.repetition) == (0, 1, 1, 1)
    assert (first.refused_rows.count(), again.refused_rows.count()) == (1, 1)
    assert list(import_requests.list_runs()) == [again, first]
    assert list(import_requests.list_runs(after=again.pk)) == [first]


def test_a_refused_address_waits_once_when_its_file_is_imported_again() -> None:
    run = stored_imports.start("email,first_name\nnobody,Nix\n")
    stored_imports.work()
    run.refresh_from_db()
    import_requests.start_again(run=run, by=None, now=NOW + DAY)
    stored_imports.work(NOW + DAY)

    (row,) = refused_addresses.list_refused_addresses(limit=10)
    assert (row.text, row.lead_rows) == ("nobody", 1)


def test_a_claim_goes_on_from_the_progress_that_it_finds() -> None:
    run = stored_imports.start(LINES)
    early = ImportRun.objects.get(pk=run.pk)
    ImportRun.objects.filter(pk=run.pk).update(lines_done=11, created=10)

    assert import_runs.claim_run(early, now=NOW)
    assert (early.lines_done, early.created) == (11, 10)
