"""Charts as plain geometry, drawn by components/chart.html and heat_grid.html without script or style. Imports no app."""

from __future__ import annotations

from config.charts.bars import bar_chart, histogram
from config.charts.figures import Across, Chart, Mark, Series, ShadedBand
from config.charts.grid import Grid, heat_grid, spans
from config.charts.lines import line_chart

__all__ = [
    "Across",
    "Chart",
    "Grid",
    "Mark",
    "Series",
    "ShadedBand",
    "bar_chart",
    "heat_grid",
    "histogram",
    "line_chart",
    "spans",
]
