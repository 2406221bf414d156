"""These tests read files only: they run without a database and without a broker, in `make check` as in `make test`."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def empty_cache() -> None:
    """Override the suite's fixture: nothing here fills the cache, and there may be no broker to empty."""
