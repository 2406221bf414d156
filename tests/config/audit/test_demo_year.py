from __future__ import annotations

import pytest

from config.audit.models import SealedEntry
from config.demo.company import lead_generator, seed
from sla.models import Clock
from tests.config.audit.tampering import find_faults
from tests.factories import NOW


@pytest.mark.django_db
def test_a_year_written_in_bulk_is_whole() -> None:
    seed.seed(size=lead_generator.SIZES["smoke"], seed=1, now=NOW, say=lambda text: None)

    assert find_faults() == []
    assert (
        SealedEntry.objects.filter(table_name="sla_clock").values("row_id").distinct().count()
        == Clock.objects.count()
        > 0
    )
