"""The migration of the demo: shipped lists and rights come after the last migration, and may have failed there."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection

from config.demo import prepare
from leads.models import ReferenceData

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_first_start_that_failed_behind_the_last_migration_is_repeated(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "DATABASE_URL", "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**connection.settings_dict)
    )
    monkeypatch.setenv("DJANGO_SETTINGS_MODULE", "config.settings")
    stamp = tmp_path / "migrate.digest"
    ReferenceData.objects.all().delete()

    prepare._migrate(stamp)
    assert ReferenceData.objects.filter(name="public_suffixes").exists()

    # Complete: nothing is done again.
    written = stamp.stat().st_mtime_ns
    prepare._migrate(stamp)
    assert stamp.stat().st_mtime_ns == written
