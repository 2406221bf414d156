from __future__ import annotations

import pytest
from django.db import connection

from config.expiring_cache import ExpiringCache

pytestmark = pytest.mark.django_db


def test_a_full_cache_drops_what_has_expired_and_nothing_else() -> None:
    cache = ExpiringCache("accord_cache", {"OPTIONS": {"MAX_ENTRIES": 3}})
    for number in range(4):
        cache.set(f"expired-{number}", number, timeout=-10)
    for number in range(8):
        cache.set(f"counted-{number}", number, timeout=60)

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM accord_cache")
        assert cursor.fetchone() == (8,)
    assert [cache.get(f"counted-{number}") for number in range(8)] == list(range(8))
