"""The figures of the catalogue as a version reads them: with the healthy range that it states (rules 8.35)."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from definitions.models import Version
from sla.figure_catalogue import health_bands
from sla.figure_catalogue.catalogue import RateFigure, RateKey

_HUNDRED: Final = 100


def apply_range(figure: RateFigure, version: Version | None) -> RateFigure:
    """Return a figure with the health bands of a version, the one in force in the period; None: those of all versions."""
    if figure.key != RateKey.MQL_TO_SQL or version is None:
        return figure
    low, high = version.mql_to_sql_low, version.mql_to_sql_high
    if low is None or high is None:
        return figure
    return replace(figure, bands=health_bands.build_conversion_bands(low * _HUNDRED, high * _HUNDRED))
