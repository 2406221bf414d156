from __future__ import annotations

import pytest

from leads import named_lists, shipped_signals
from leads.models import Signal


@pytest.fixture
def shipped(transactional_db: None) -> None:
    """Ship the signals and named lists anew: a migration ships them, and tests that commit empty all tables."""
    shipped_signals.ship(signals=Signal.objects)
    named_lists.ship()
