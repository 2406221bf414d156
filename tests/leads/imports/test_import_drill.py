"""Imports by real processes: one killed in the middle, and two at once (rules 17.4)."""

from __future__ import annotations

import datetime as dt
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.db import connection
from django.utils import timezone

from leads.imports import file_imports, import_runs
from leads.models import AttributeChange, ImportRun, Lead, LeadKey
from leads.vocabulary import ImportState
from tests.leads.imports import stored_imports

pytestmark = pytest.mark.django_db(transaction=True)

ROOT = Path(__file__).parents[3]
ROWS = 5_000
WORKER = """
import django
django.setup()
from django.utils import timezone
from leads.imports import pending_imports
pending_imports.run_pending(now=timezone.now())
"""


def start_worker() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", WORKER], cwd=ROOT, env=_environment())


def wait_for_first_batch(run: ImportRun, worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 90
    while not ImportRun.objects.filter(pk=run.pk, lines_done__gt=0).exists():
        assert worker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_killed_worker_leaves_an_import_that_another_one_completes_exactly() -> None:
    text = "Email,Title\n" + "".join(f"{'' if n % 100 == 0 else f'p{n}@acme.example'},CTO\n" for n in range(ROWS))
    run = stored_imports.start(text, now=timezone.now())
    worker = start_worker()
    wait_for_first_batch(run, worker)

    worker.kill()
    worker.wait()
    run.refresh_from_db()
    assert run.state == ImportState.RUNNING
    stored_imports.work(timezone.now() + dt.timedelta(minutes=2))

    run.refresh_from_db()
    refused = ROWS // 100
    assert (run.state, run.created, run.updated, run.unchanged) == (ImportState.DONE, ROWS - refused, 0, 0)
    assert (run.rejected, run.refused_rows.count()) == (refused, refused)
    assert Lead.objects.count() == AttributeChange.objects.count() == ROWS - refused
    assert LeadKey.objects.count() == ROWS - refused
    assert not Lead.objects.filter(next_look_at__isnull=True).exists()


def test_a_worker_stops_between_two_batches_of_a_cancelled_import_that_says_what_was_stored() -> None:
    text = "Email\n" + "".join(f"p{n}@acme.example\n" for n in range(4 * ROWS))
    run = stored_imports.start(text, now=timezone.now())
    worker = start_worker()
    wait_for_first_batch(run, worker)

    import_runs.cancel_run(run=run, by=None, now=timezone.now())

    assert worker.wait(60) == 0
    run.refresh_from_db()
    assert run.state == ImportState.CANCELLED
    assert 0 < run.created == run.rows_done < 4 * ROWS
    assert run.created % file_imports.BATCH == 0
    assert Lead.objects.count() == AttributeChange.objects.count() == run.created


def test_two_processes_that_import_one_file_at_once_count_each_row_once(tmp_path: Path) -> None:
    path = tmp_path / "leads.csv"
    path.write_text(
        "email,title\n" + "".join(f"{'' if n % 100 == 0 else f'p{n}@acme.example'},CTO\n" for n in range(ROWS))
    )
    command = [sys.executable, "manage.py", "import_leads", str(path)]
    processes = [subprocess.Popen(command, cwd=ROOT, env=_environment(), stdout=subprocess.DEVNULL) for _ in range(2)]
    codes = {process.wait(timeout=300) for process in processes}

    # The one that lost its claim says so, and the other one completes the file.
    assert 0 in codes
    run = ImportRun.objects.get()
    refused = ROWS // 100
    assert (run.state, run.created, run.updated, run.unchanged) == (ImportState.DONE, ROWS - refused, 0, 0)
    assert (run.rejected, run.refused_rows.count()) == (refused, refused)


def _environment() -> dict[str, str]:
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    return os.environ | {"DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "config.settings"}
