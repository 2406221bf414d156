"""Charts as plain geometry, which components/chart.html and heat_grid.html draw without script or style.

Imports no app.
"""

from __future__ import annotations

from config.charts.bars import bar_chart, histogram
from config.charts.figures import Chart, HorizontalAxis, Mark, Series, ShadedBand
from config.charts.grid import Grid, heat_grid, span_labels
from config.charts.lines import line_chart

__all__ = [
    "Chart",
    "Grid",
    "HorizontalAxis",
    "Mark",
    "Series",
    "ShadedBand",
    "bar_chart",
    "heat_grid",
    "histogram",
    "line_chart",
    "span_labels",
]
