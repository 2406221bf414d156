from __future__ import annotations

from django.apps import AppConfig


class ScoringConfig(AppConfig):
    """The Django app of scores, qualifications and backtests."""

    name = "scoring"
