from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import psycopg
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection

from config.embedded.postgres import APPLICATION
from scoring.what_ifs import measurement_cache

_CHROMIUM = ("chromium", "chromium-browser", "google-chrome")
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
def empty_cache(request: pytest.FixtureRequest) -> Iterator[None]:
    """Clear rate limits, cached figures and the like, so that no test affects another.

    The cache is a table: it is rolled back with the test, unless the test commits.
    """
    mark = request.node.get_closest_marker("django_db")
    commits = bool(mark and mark.kwargs.get("transaction")) or "transactional_db" in request.fixturenames
    if commits:
        request.getfixturevalue("transactional_db")
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
