from __future__ import annotations

import gc
import os
import shutil
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.test import TransactionTestCase
from psycopg import sql

from config.embedded.postgres import APPLICATION
from scoring.what_ifs import measurement_cache
from tests import migrated_database

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
_FILLED_BY_MIGRATE = {"auth_permission", "django_content_type"}
_QUIET_BROWSER = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def pytest_configure() -> None:
    # Static files as they are now, not as they were collected.
    settings.WHITENOISE_AUTOREFRESH = settings.WHITENOISE_USE_FINDERS = True
    # Slow hashing protects passwords of people; there are none here.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    TransactionTestCase._fixture_teardown = empty_tables  # type: ignore[method-assign]  # Django offers no other place


def pytest_collection_finish() -> None:
    """Spare the garbage collection what lives to the end: it would walk through half a million objects again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def empty_tables(_: TransactionTestCase | None = None) -> None:
    """Delete the rows that a test has committed, past all triggers; what `migrate` fills stays.

    Django's flush makes the files of all hundred tables anew and then runs the end of `migrate`: a second after each test.
    """
    tables = connection.introspection.django_table_names(only_existing=True, include_views=False)
    written = [sql.Identifier(table) for table in tables if table not in _FILLED_BY_MIGRATE]
    looks = [
        sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})").format(sql.Literal(table.as_string()), table)
        for table in written
    ]
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql.SQL(" UNION ALL ").join(looks))
        filled = cursor.fetchall()
        cursor.execute("SET LOCAL session_replication_role = replica")
        for (table,) in filled:
            cursor.execute(sql.SQL("DELETE FROM {}").format(sql.SQL(table)))


@pytest.fixture(scope="session")
def django_db_modify_db_settings(django_db_modify_db_settings_parallel_suffix: None) -> None:
    """Make the database of this worker from the migrated one of the run, where there is one."""
    if migrated_database.ensure():
        connection.settings_dict["TEST"]["TEMPLATE"] = migrated_database.NAME


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser tests where other tests that empty the tables begin, after those that need the shipped rows.

    Browser tests empty the tables, too. Left alone, pytest would run them earlier because of their parameter, the
    browser.
    """
    pages = [item for item in items if "live_server" in getattr(item, "fixturenames", ())]
    others = [item for item in items if item not in set(pages)]
    marks = (item.get_closest_marker("django_db") for item in others)
    place = next((at for at, mark in enumerate(marks) if mark and mark.kwargs.get("transaction")), len(others))
    items[:] = others[:place] + pages + others[place:]


@pytest.fixture(autouse=True)
def empty_cache(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[None]:
    """Clear rate limits, cached figures and the like, so that no test affects another.

    The cache is a table: it is rolled back with the test, unless the test commits. The cache of columns knows a table that
    was emptied by its new files, which deleted rows do not make, so that a test that commits has a folder of its own.
    """
    mark = request.node.get_closest_marker("django_db")
    commits = bool(mark and mark.kwargs.get("transaction")) or "transactional_db" in request.fixturenames
    if commits:
        request.getfixturevalue("transactional_db")
        monkeypatch.setattr(settings, "COLUMN_CACHE_DIR", tmp_path_factory.mktemp("columns"))
    yield
    if commits:
        cache.clear()
    measurement_cache.forget_measurements()


@pytest.fixture
def application_role(db: None) -> None:
    """Give the rest of the test the rights that the application has in production."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL ROLE {APPLICATION}")


@pytest.fixture
def application_connection(db: None) -> Iterator[psycopg.Connection]:
    """Yield a connection that signed in as the application, as its programs do in production; it sees what is committed."""
    where = connection.settings_dict
    with psycopg.connect(
        host=where["HOST"],
        port=where["PORT"],
        dbname=where["NAME"],
        user=APPLICATION,
        password=where["PASSWORD"],
        autocommit=True,
    ) as as_application:
        yield as_application


@pytest.fixture(scope="session")
def browser_type_launch_args() -> dict[str, object]:
    program = next(filter(None, map(shutil.which, _CHROMIUM)), None)
    if program is None:
        pytest.fail("The tests of the pages need Chromium: apt-get install chromium")
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []
    return {"executable_path": program, "args": [*_QUIET_BROWSER, *sandbox]}
