"""The figures of the product by key, each once (rules 12.19). A module with new figures takes a place in `_GROUPS`. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sla.figure_catalogue.catalogue import CATALOGUE, RateFigure
from sla.figure_catalogue.content_figures import CONTENT_FIGURES
from sla.figure_catalogue.data_health_figures import DATA_HEALTH_FIGURES
from sla.figure_catalogue.figure_shape import CatalogueFigure
from sla.figure_catalogue.forecast_figures import FORECAST_FIGURES
from sla.figure_catalogue.funnel_figures import FUNNEL_FIGURES
from sla.figure_catalogue.pipeline_figures import PIPELINE_FIGURES
from sla.figure_catalogue.promise_figures import PROMISE_FIGURES
from sla.figure_catalogue.rejection_figures import REJECTION_FIGURES
from sla.figure_catalogue.satisfaction_figures import SATISFACTION_FIGURES
from sla.figure_catalogue.source_figures import SOURCE_FIGURES
from sla.figure_catalogue.speed_figures import SPEED_FIGURES
from sla.figure_catalogue.version_comparison_figures import VERSION_COMPARISON_FIGURES

_GROUPS: Final[tuple[tuple[CatalogueFigure, ...], ...]] = (
    PIPELINE_FIGURES,
    tuple(CATALOGUE.values()),
    PROMISE_FIGURES,
    FUNNEL_FIGURES,
    SPEED_FIGURES,
    FORECAST_FIGURES,
    REJECTION_FIGURES,
    CONTENT_FIGURES,
    SOURCE_FIGURES,
    VERSION_COMPARISON_FIGURES,
    DATA_HEALTH_FIGURES,
    SATISFACTION_FIGURES,
)
ALL_FIGURES: Final[Mapping[str, CatalogueFigure]] = {figure.key: figure for group in _GROUPS for figure in group}


def list_as_dicts(motion: str) -> list[dict[str, Any]]:
    """Return every figure with its texts for a motion, as the API gives it."""
    return [_as_dict(figure, motion) for figure in ALL_FIGURES.values()]


def _as_dict(figure: CatalogueFigure, motion: str) -> dict[str, Any]:
    rate = figure if isinstance(figure, RateFigure) else None
    bands = rate.bands if rate else ()
    return {
        "key": str(figure.key),
        "name": figure.name_for(motion),
        "kind": figure.kind,
        "numerator": figure.numerator.format(mql=motion.upper()),
        "denominator": figure.denominator.format(mql=motion.upper()),
        "period_rule": figure.period_rule.format(mql=motion.upper()),
        "smallest_sample": figure.smallest_sample,
        "good_direction": figure.good_direction,
        "matures_after_days": rate.matures_after.days if rate and rate.matures_after else None,
        "bands": [{"limit": band.limit, "label": band.label, "tone": band.tone} for band in bands],
        "sentence": figure.explain_for(motion),
    }
