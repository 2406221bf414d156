from __future__ import annotations

import time
from collections.abc import Generator

import pytest
from django.db import connection


@pytest.fixture(scope="session")
def base_url() -> None:
    """The live server has its own address; the plugin's fixture of this name is deprecated by pytest itself."""


@pytest.fixture(autouse=True)
def _last_requests_end(transactional_db: None) -> Generator[None, None, None]:
    """Wait, once the page is closed, for the requests that it has sent: they and the flush would lock each other out."""
    yield
    deadline = time.monotonic() + 30
    while _count_busy_sessions() and time.monotonic() < deadline:
        time.sleep(0.05)


def _count_busy_sessions() -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
            " AND backend_type = 'client backend' AND state != 'idle'"
        )
        return int(cursor.fetchone()[0])
