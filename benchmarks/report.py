"""The report: the order of the measurements, their comparisons, and the check that they agree."""

from __future__ import annotations

from collections.abc import Iterable

from benchmarks.child import Measured, measure, measure_watched
from benchmarks.table import row, say, section

Environment = dict[str, str]


def judging(environment: Environment) -> None:
    loaded = measure(environment, "company", "load")
    say(f"{loaded.rows:,} events, loaded in {loaded.seconds:,.0f} s")
    section("Judging everybody")
    [bare] = _bests(environment, ("judging", "bare_read"))
    _show("bare read of the columns (ADBC)", bare, bare)
    first = measure(environment, "judging", "rescore_cold_all")
    _show(f"full rescore, cold, {first.more['written']:,} scores written", first, bare)
    cold, warm, *by_sql = _bests(
        environment,
        ("judging", "rescore_cold"),
        ("judging", "rescore_warm"),
        ("rival", "rescore"),
        ("rival", "flat_rescore"),
    )
    sql = min(by_sql, key=lambda measured: measured.seconds)
    _show("full rescore, cold, nothing changed", cold, bare, sql)
    _show("full rescore, warm, nothing changed", warm, bare, sql)
    _show(f"full rescore by the best SQL, {sql.more['written']:,} written", sql, bare, sql)
    cold, warm, whole, sql = _bests(
        environment,
        ("judging", "backtest_cold"),
        ("judging", "backtest_warm"),
        ("judging", "whole_backtest"),
        ("rival", "first_instants"),
    )
    _show("every-instant backtest, cold", cold, bare, sql)
    _show("every-instant backtest, warm", warm, bare, sql)
    _show(f"with what became of them, {whole.more['flagged']:,} flagged", whole, bare, sql)
    _show("first qualifying instants by the best SQL", sql, bare, sql)
    sample = measure(environment, "judging", "loop_sample")
    _show(f"both in plain Python, a sample of {sample.rows:,} leads", sample, bare)
    say(str(measure(environment, "judging", "compared").more["sentence"]))
    for name, title in (("rescore_warm_some", "warm"), ("rescore_cold_some", "cold")):
        some = measure(environment, "judging", name)
        _show(f"full rescore, {title}, 1 % of leads did something, {some.more['written']:,} written", some, bare)


def editing(environment: Environment) -> None:
    section("While a version is edited, milliseconds", ("times", "p50", "p95", "p99"))
    _show_times(
        "quick figures, everybody measured again", measure(environment, "judging", "quick_figures").more["seconds"]
    )
    _show_times("what if the threshold were another", measure(environment, "judging", "what_ifs").more["seconds"])


def _bests(environment: Environment, *functions: tuple[str, str]) -> list[Measured]:
    """Return the best of three runs of each function, in turns, because a busy machine only slows things down, and all
    alike.
    """
    rounds = [[measure(environment, *function) for function in functions] for _ in range(3)]
    return [min(results, key=lambda measured: measured.seconds) for results in zip(*rounds, strict=True)]


def _show(title: str, measured: Measured, bare: Measured, sql: Measured | None = None) -> None:
    row(
        (
            title,
            f"{measured.seconds:.2f}",
            f"{measured.seconds / bare.seconds:.2f}",
            f"{measured.seconds / sql.seconds:.2f}" if sql else "",
            f"{measured.rows / measured.seconds:,.0f}",
            f"{measured.peak:,.0f}",
        )
    )


def intake(environment: Environment) -> None:
    section("Events in, batches of 1,000", ("seconds", "speed", "", "events/s", ""))
    measured = measure(environment, "intake", "ingest")
    bare = measured.more["bare"]
    titles = {"bare": "bare multi-row INSERT, leads known", "record": "events.record", "http": "POST /api/v1/events"}
    for name, title in titles.items():
        seconds = measured.more[name]
        row((title, f"{seconds:.2f}", f"{bare / seconds:.2f}", "", f"{measured.rows / seconds:,.0f}"))


def imports(environment: Environment) -> None:
    """Report the import of files, after everything else: it doubles the number of leads."""
    measure(environment, "imports", "write_files")
    section("Files of leads in", ("seconds", "speed", "CPU s", "rows/s", "peak MB"))
    bare = measure(environment, "imports", "bare_copy")
    _show_import("bare COPY of the same leads and statements", bare, bare)
    titles = {
        "csv_file": "CSV file, all leads new",
        "csv_file_again": "the same CSV file again, nothing to change",
        "xlsx_file": "XLSX file, all leads new",
    }
    pages: dict[str, Measured] = {}
    for name, title in titles.items():
        measured, pages[title] = measure_watched(environment, "imports", name)
        _show_import(title, measured, bare)
    section("The queue page meanwhile, milliseconds", ("times", "p50", "p95", "p99"))
    for title, watched in pages.items():
        _show_times(title, [milliseconds / 1000 for milliseconds in watched.more["milliseconds"]])


def _show_import(title: str, measured: Measured, bare: Measured) -> None:
    row(
        (
            title,
            f"{measured.seconds:.2f}",
            f"{bare.seconds / measured.seconds:.2f}",
            f"{measured.more['cpu']:.1f}",
            f"{measured.rows / measured.seconds:,.0f}",
            f"{measured.peak:,.0f}",
        )
    )


def live(environment: Environment) -> None:
    section("One lead, milliseconds", ("times", "p50", "p95", "p99"))
    _show_times(
        "judged: claim, judge, store, plan the next look", measure(environment, "live", "rescores").more["seconds"]
    )
    _show_times("explained", measure(environment, "live", "explains").more["seconds"])
    _show_times(
        "event accepted → handoff visible, worker and beat at work",
        measure(environment, "live", "handoffs").more["seconds"],
    )


def activation(environment: Environment) -> None:
    section("Events while all leads are judged by a new version", ("times", "p50", "p95", "p99"))
    measured = measure(environment, "live", "activation")
    _show_times("event accepted → score, one worker process, milliseconds", measured.more["scored"])
    _show_times("event accepted → handoff visible", measured.more["handed_off"])
    say(f"{measured.rows:,} leads judged anew in {measured.seconds:,.0f} s meanwhile.")


def _show_times(title: str, times: Iterable[float]) -> None:
    seconds = sorted(times)
    quantiles = (seconds[min(len(seconds) - 1, int(len(seconds) * share))] for share in (0.5, 0.95, 0.99))
    row((title, f"{len(seconds)}", *(f"{1000 * quantile:,.1f}" for quantile in quantiles)))
