"""A backup by pg_dump, restored into an empty server: every table has the same rows, and the site goes on from there."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from config import embedded
from definitions.models import Version
from tests.drills import postgres_tools
from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany, draw_events
from tests.drills.event_load import deliver
from tests.drills.figures import Report
from tests.drills.running_site import RunningSite, connected_to, hold

pytestmark = pytest.mark.xdist_group("drills")


@contextmanager
def _empty_servers() -> Iterator[tuple[Path, embedded.Urls]]:
    folder = Path(tempfile.mkdtemp(prefix="accord-drills-"))
    with hold(folder):
        yield folder, embedded.ensure(folder)


def test_a_restored_backup_has_the_same_rows(site: RunningSite, company: DrilledCompany, report: Report) -> None:
    leads = company.add_leads("restore", COUNTS.waiting_leads)
    record = deliver(company, draw_events(leads, COUNTS.events, seed=5), clients=4)
    wait_until_caught_up()
    # Nobody writes between the backup and the comparison.
    for program in site.supervisor.programs:
        site.kill(program.name)
    backup = site.folder / "backup"

    began = time.monotonic()
    postgres_tools.run(
        "pg_dump",
        "--format=custom",
        f"--file={backup}",
        f"--dbname={postgres_tools.superuser_url(site.folder, site.urls)}",
    )
    dumping = time.monotonic() - began
    with _empty_servers() as (folder, urls):
        began = time.monotonic()
        postgres_tools.run(
            "pg_restore", "--exit-on-error", f"--dbname={postgres_tools.superuser_url(folder, urls)}", str(backup)
        )
        restoring = time.monotonic() - began
        before, after = _digest_tables(site.urls.owner_database), _digest_tables(urls.owner_database)
        with connected_to(urls.owner_database):
            require_nothing_lost_or_doubled(record)
        _require_rights_of_application(urls.database, company.version)

    assert after == before
    assert before["leads_event"][0] >= COUNTS.events
    backup_size = backup.stat().st_size
    backup.unlink()
    report(
        tables=len(before), rows=sum(count for count, _ in before.values()), backup_bytes=backup_size,
        dump_s=dumping, restore_s=restoring,
    )  # fmt: skip


def _require_rights_of_application(url: str, version: Version) -> None:
    """Check that the application still reads and writes, and that the guards were restored, too."""
    with psycopg.connect(url) as application:
        application.execute("INSERT INTO jobs_periodicrun (job, period, started_at) VALUES ('restored', '', now())")
        with pytest.raises(psycopg.Error):
            application.execute("UPDATE definitions_version SET owner = 'nobody' WHERE id = %s", [version.pk])


def _digest_tables(url: str) -> dict[str, tuple[int, str]]:
    """Return the number of rows and a digest of all rows of each table, whatever their order."""
    with psycopg.connect(url) as database:
        tables = database.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY tablename"
        ).fetchall()
        return {name: _digest_table(database, name) for (name,) in tables}


def _digest_table(database: psycopg.Connection, name: str) -> tuple[int, str]:
    query = sql.SQL(
        "SELECT count(*), coalesce(md5(string_agg(digest, '' ORDER BY digest)), '')"
        " FROM (SELECT md5(row::text) AS digest FROM {} row) rows"
    ).format(sql.Identifier(name))
    count, digest = database.execute(query).fetchone() or (0, "")
    return count, digest
