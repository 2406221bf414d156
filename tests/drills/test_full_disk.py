"""Full disks: of the web server, of the worker and of PostgreSQL. What cannot be stored is refused, and nothing is half."""

from __future__ import annotations

import contextlib
import os
import resource
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
from pytest_django.plugin import DjangoDbBlocker

from leads.models import ImportFile, ImportFilePart, ImportRun, Lead
from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.callers import Caller
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany, found_company
from tests.drills.event_load import event_load
from tests.drills.figures import Report, describe_seconds
from tests.drills.running_site import WEB, WORKER, RunningSite, list_family, run_site
from tests.drills.waiting import wait_until

pytestmark = pytest.mark.xdist_group("drills")

_MEGABYTE: Final = 1 << 20
_PATH: Final = "/api/v1/imports"
_MOUNT: Final = shutil.which("mount")


@contextlib.contextmanager
def _small_files(site: RunningSite, name: str) -> Iterator[None]:
    """Let a program write no file beyond a megabyte, as a quota does."""
    pids = list_family(site.program(name).process.pid)  # type: ignore[union-attr]  # it runs
    before = resource.prlimit(pids[0], resource.RLIMIT_FSIZE)
    for pid in pids:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (_MEGABYTE, before[1]))
    try:
        yield
    finally:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextlib.contextmanager
def _small_disk(site: RunningSite, name: str) -> Iterator[None]:
    """Put the site's temporary files on a disk of a megabyte."""
    with _mounted(site.folder / "tmp", _MEGABYTE):
        yield


@contextlib.contextmanager
def _mounted(folder: Path, size: int) -> Iterator[None]:
    if _MOUNT is None or os.geteuid() != 0:
        pytest.skip("Only root mounts a small disk.")
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size},mode=0711", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("No small disk can be mounted here.")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


_FILE_BYTES = 3_500_000
FULL_DISKS = pytest.mark.parametrize("fill", [_small_files, _small_disk], ids=["limit of files", "small disk"])
Fill = Callable[[RunningSite, str], contextlib.AbstractContextManager[None]]


def _write_file(name: str) -> bytes:
    """Return a file of several megabytes; a web server keeps smaller ones in its memory."""
    padding = "x" * (_FILE_BYTES // COUNTS.file_rows)
    lines = (f"{name}-{number}@fit.example,{number},{padding}\n" for number in range(COUNTS.file_rows))
    return ("email,external_id,padding\n" + "".join(lines)).encode()


def _upload(caller: Caller, name: str) -> tuple[int, bytes]:
    answer = caller.post_file(_PATH, f"{name}.csv", _write_file(name), kind="leads", source=name)
    return answer.status, answer.content


@FULL_DISKS
def test_an_upload_onto_a_full_disk_is_refused_whole(
    site: RunningSite, company: DrilledCompany, report: Report, fill: Fill
) -> None:
    caller = company.call_as_sender()
    name = f"web{fill.__name__.replace('_', '-')}"
    before = (ImportFile.objects.count(), ImportFilePart.objects.count(), ImportRun.objects.count())

    with fill(site, WEB):
        status, content = _upload(caller, name)
        is_ready = site.is_ready()
        leftovers = list((site.folder / "tmp").rglob("*.upload*"))
    after = (ImportFile.objects.count(), ImportFilePart.objects.count(), ImportRun.objects.count())
    again, _ = _upload(caller, name)

    assert (status, is_ready) == (503, True), content[:500]
    assert b"disk" in content
    assert after == before
    assert leftovers == []
    assert again == 202
    run = ImportRun.objects.order_by("pk").last()
    assert run is not None
    wait_until(lambda: ImportRun.objects.filter(pk=run.pk, finished_at__isnull=False).exists(), "the import has ended")
    run.refresh_from_db()
    assert (run.created, run.rejected, run.error) == (COUNTS.file_rows, 0, "")
    report(bytes=len(_write_file(name)), rows=run.created)


@FULL_DISKS
def test_an_import_by_a_worker_with_a_full_disk_goes_on_when_there_is_room(
    site: RunningSite, company: DrilledCompany, report: Report, fill: Fill
) -> None:
    name = f"worker{fill.__name__.replace('_', '-')}"
    site.pause(WORKER)
    status, content = _upload(company.call_as_sender(), name)
    assert status == 202, content
    run = ImportRun.objects.order_by("pk").last()
    assert run is not None

    with fill(site, WORKER):
        site.resume(WORKER)
        wait_until(lambda: ImportRun.objects.filter(pk=run.pk, attempts__gt=0).exists(), "the worker has tried it")
        stored = Lead.objects.filter(email__startswith=f"{name}-").count()
    wait_until(lambda: ImportRun.objects.filter(pk=run.pk, finished_at__isnull=False).exists(), "the import has ended")
    run.refresh_from_db()

    assert stored == 0
    assert (run.created, run.rejected, run.error) == (COUNTS.file_rows, 0, "")
    assert Lead.objects.filter(email__startswith=f"{name}-").count() == COUNTS.file_rows
    report(rows=run.created, attempts=run.attempts)


@pytest.mark.drill
def test_a_full_disk_of_postgres_loses_and_doubles_nothing(django_db_blocker: DjangoDbBlocker, report: Report) -> None:
    folder = Path(tempfile.mkdtemp(prefix="accord-drills-"))

    with _mounted(folder, 700 * _MEGABYTE), _connected_site(folder, django_db_blocker) as site:
        company = found_company(site)
        site.wait_until_ready()
        leads = company.add_leads("postgres-disk", COUNTS.waiting_leads)
        ballast = folder / "ballast"
        with site.supervise():
            with event_load(company, leads) as record:
                wait_until(lambda: len(record.results) > 50, "50 events are answered")
                _fill_disk(ballast)
                wait_until(lambda: record.statuses[503] > 0, "the full disk is noticed")
                ballast.unlink()
                site.start_servers()
                recovery = site.wait_until_ready()
            waiting = wait_until_caught_up()
        require_nothing_lost_or_doubled(record)
    folder.rmdir()
    report(
        events=len(record.events), answers=describe_seconds(record.seconds), statuses=record.describe_statuses(),
        ready_again_after_s=recovery, caught_up_after_s=waiting,
    )  # fmt: skip


@contextlib.contextmanager
def _connected_site(folder: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[RunningSite]:
    with run_site(folder=folder) as site, django_db_blocker.unblock(), site.connected():
        yield site


def _fill_disk(file: Path) -> None:
    """Write until nothing more fits on the disk of this file."""
    with file.open("wb", buffering=0) as ballast, contextlib.suppress(OSError):
        while True:
            ballast.write(bytes(_MEGABYTE // 16))
