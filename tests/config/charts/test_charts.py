"""The geometry of charts: everything lies inside the frame, whatever the figures."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from django.template import engines

from config.charts import Chart, HorizontalAxis, Series, ShadedBand, bar_chart, heat_grid, histogram, line_chart
from config.charts.figures import format_tick

WEEKS = ["1 Jun", "8 Jun", "15 Jun"]


def points(path: str) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in re.findall(r"(\d+(?:\.\d+)?) (\d+(?:\.\d+)?)", path)]


def drawn(chart: Chart) -> list[tuple[float, float]]:
    """Return the corners of everything that is drawn."""
    lines = [point for line in chart.lines for point in points(line.path) + points(line.band)]
    bars = [corner for bar in chart.bars for corner in ((bar.x, bar.y), (bar.x + bar.width, bar.y + bar.height))]
    marks = [(mark.x, mark.y) for mark in [*chart.ticks, *chart.labels, chart.mark] if mark]
    return lines + bars + marks


def is_inside(chart: Chart) -> bool:
    return all(0 <= x <= chart.width and 0 <= y <= chart.height for x, y in drawn(chart))


def rendered(chart: object, tag: str = "chart") -> str:
    return engines["django"].from_string(f"{{% {tag} it %}}").render({"it": chart})


# ── Lines ─────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("values", [[0.0, 0.0, 0.0], [1e12, 3.0, 0.0], [0.001, 0.0, 0.0], [-5.0, 4.0, 1e300]])
def test_a_line_stays_in_its_frame(values: list[float]) -> None:
    assert is_inside(line_chart("Leads", WEEKS, [Series("New", "one", values)], unit="leads"))


def test_a_gap_in_the_values_is_a_gap_in_line_and_band() -> None:
    values = [10.0, None, 30.0, 40.0]
    band = ShadedBand([5.0, None, 20.0, 30.0], [15.0, None, 40.0, 50.0])

    chart = line_chart("Rate", ["a", "b", "c", "d"], [Series("New", "one", values, band)])

    assert chart.lines[0].path.count("M") == 2
    assert chart.lines[0].band.count("Z") == 1
    assert [row.cells for row in chart.rows][:2] == [["10\u202f% (5 to 15\u202f%)"], ["–"]]


def test_a_single_point_is_at_the_left() -> None:
    chart = line_chart(
        "Rate", ["40"], [Series("New", "one", [50.0])], at=[40], across=HorizontalAxis(mark=(40, "now 40"))
    )

    assert points(chart.lines[0].path) == [(chart.left, 106.0 + 1)]
    assert chart.mark is not None
    assert chart.mark.x == chart.left


def test_a_chart_without_values_says_so() -> None:
    chart = line_chart("Rate", [], [Series("New", "one", [])], across=HorizontalAxis(mark=(3, "now")))

    assert (chart.lines[0].path, chart.mark, chart.rows) == ("", None, [])
    assert chart.description == "No values."


def test_points_are_placed_by_their_numbers() -> None:
    chart = line_chart("Rate", ["0", "10", "40"], [Series("New", "one", [1.0, 1.0, 1.0])], at=[0, 10, 40])

    xs = [x for x, _ in points(chart.lines[0].path)]
    assert (xs[1] - xs[0]) * 3 == pytest.approx(xs[2] - xs[1], abs=0.5)


def test_a_mark_outside_is_drawn_at_the_edge_with_its_label_inside() -> None:
    chart = line_chart(
        "Rate", ["0", "10"], [Series("New", "one", [1.0, 1.0])], at=[0, 10], across=HorizontalAxis(mark=(99, "now 99"))
    )

    assert chart.mark is not None
    assert (chart.mark.x, chart.mark.anchor) == (chart.right, "end")


def test_the_marked_row_of_the_table_is_the_marked_number() -> None:
    chart = line_chart(
        "Rate", ["0", "10"], [Series("New", "one", [1.0, 1.0])], at=[0, 10], across=HorizontalAxis(mark=(10, "now 10"))
    )

    assert [row.is_marked for row in chart.rows] == [False, True]


@pytest.mark.parametrize(
    ("largest", "top"),
    [
        (0, 1),
        (1, 1),
        (3, 3),
        (5, 5),
        (6, 6),
        (10, 10),
        (11, 15),
        (37, 40),
        (41, 50),
        (99, 100),
        (101, 125),
        (1234, 1250),
        (1e15, 1e15),
    ],
)
def test_a_scale_ends_at_a_round_number(largest: float, top: float) -> None:
    chart = line_chart("Leads", WEEKS, [Series("New", "one", [largest, 0, 0])], unit="")

    assert chart.ticks[-1].text == format_tick(top, "")
    assert all("." not in tick.text for tick in chart.ticks if "k" not in tick.text)


def test_large_ticks_are_short() -> None:
    assert [format_tick(value, "") for value in (0, 999, 12_000, 3_500_000, 2e9)] == ["0", "999", "12k", "3.5M", "2G"]


def test_the_description_puts_the_chart_into_words() -> None:
    chart = line_chart("Rate", WEEKS, [Series("New", "one", [10.0, 40.0, None])])

    assert chart.description == (
        "New: from 10\u202f% at 1 Jun to 40\u202f% at 8 Jun, lowest 10\u202f% at 1 Jun, highest 40\u202f% at 8 Jun."
    )


# ── Bars ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("count", [1, 3, 26, 520])
def test_bars_side_by_side_do_not_overlap(count: int) -> None:
    labels = [str(at) for at in range(count)]
    chart = bar_chart("Leads", labels, [Series("New", "one", [7.0] * count), Series("Old", "two", [9.0] * count)])

    assert is_inside(chart)
    assert len(chart.bars) == count * 2
    if count <= 26:
        ends = sorted((bar.x, bar.x + bar.width) for bar in chart.bars)
        assert all(end <= begin + 0.15 for (_, end), (begin, _) in pairwise(ends))


def test_a_line_over_the_bars_stands_at_their_middles_and_in_the_table() -> None:
    over = Series("Sum", "two", [50.0, 80.0, 100.0])
    chart = bar_chart("Why", WEEKS, [Series("Share", "one", [50.0, 30.0, 20.0])], unit="%", over=over)

    middles = [bar.x + bar.width / 2 for bar in chart.bars]
    assert [x for x, _ in points(chart.lines[0].path)] == pytest.approx(middles, abs=0.2)
    assert ([key.is_line for key in chart.keys], chart.rows[1].cells) == ([False, True], ["30\u202f%", "80\u202f%"])
    assert is_inside(chart)


def test_a_zero_has_no_bar_but_a_row() -> None:
    chart = bar_chart("Leads", WEEKS, [Series("New", "one", [0.0, None, 3.0])])

    assert len(chart.bars) == 1
    assert [row.cells for row in chart.rows] == [["0"], ["–"], ["3"]]


def test_the_threshold_is_drawn_between_the_bins() -> None:
    bins = [(0.0, 5.0), (5.0, 10.0), (10.0, 20.0), (20.0, 100.0)]
    xs = []
    for threshold in (0, 5, 15, 100, 400):
        mark = histogram(
            "Scores", bins, Series("Leads", "one", [1.0] * 4), across=HorizontalAxis(mark=(threshold, "threshold"))
        ).mark
        assert mark is not None
        xs.append(mark.x)

    shares = [(x - xs[0]) / (xs[3] - xs[0]) for x in xs]
    assert shares == pytest.approx([0, 0.25, 0.625, 1, 1], abs=0.01)


def test_a_histogram_without_bins_is_a_chart() -> None:
    assert is_inside(histogram("Scores", [], Series("Leads", "one", []), across=HorizontalAxis(mark=(4, "threshold"))))


# ── The grid ──────────────────────────────────────────────────────────────────────────────────────────────


def test_the_grid_starts_with_the_highest_row_and_shades_by_rate() -> None:
    cells = [[(0, 0), (100, 0)], [(100, 10), (100, 50)]]

    grid = heat_grid(
        "Won", down=("Fit", [0, 50, 100]), across=("Engagement", [0, 40, 80]), cells=cells, hit="won", small=5
    )

    assert [row.label for row in grid.rows] == ["50 – 100", "0 – 50"]
    assert [[cell.shade for cell in row.cells] for row in grid.rows] == [[1, 5], [0, 1]]


def test_a_small_sample_does_not_set_the_scale_and_is_marked() -> None:
    cells = [[(1, 1), (100, 20)]]

    grid = heat_grid("Won", down=("Fit", [0, 100]), across=("Engagement", [0, 40, 80]), cells=cells, hit="won", small=5)

    assert [(cell.shade, cell.is_small) for cell in grid.rows[0].cells] == [(5, True), (5, False)]
    assert "small sample" in rendered(grid, "heat_grid")


# ── On the page ───────────────────────────────────────────────────────────────────────────────────────────


def test_a_chart_contains_its_table_and_its_description() -> None:
    page = rendered(bar_chart("Leads by week", WEEKS, [Series("<b>New</b>", "one", [1.0, 2.0, 1234567.0])]))

    assert 'role="img"' in page
    assert "<details" in page
    assert "1,234,567" in page
    assert "<b>" not in page
    assert "style=" not in page


def test_a_page_with_its_own_table_shows_no_second_one() -> None:
    chart = line_chart("Kept", WEEKS, [Series("Sales", "sales", [1.0, 2.0, 3.0])])

    assert "<details" not in engines["django"].from_string("{% chart it figures=False %}").render({"it": chart})
