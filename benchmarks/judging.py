"""The bare read, the full rescore and the every-instant backtest: cold and warm, with everything, nothing and little
changed.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import numpy as np
from django.conf import settings
from django.db import connection

from benchmarks import agreement, company, loop
from benchmarks.child import Measured, folder
from benchmarks.company import LEADS, NOW
from leads import named_lists
from leads.models import Lead
from scoring import active_versions
from scoring.backtests import pending_backtests
from scoring.columns.bulk_reader import bulk_reader
from scoring.engine.rules import Rules
from scoring.explain import lead_explanation
from scoring.live import daily_rescore
from scoring.models import Score
from scoring.what_ifs import measurement_cache

_TIMES = 15
_HALF_A_YEAR_AGO = NOW - dt.timedelta(days=183)
_EVENTS = "SELECT lead_id, occurred_at, signal_id FROM leads_event"
_LEADS = "SELECT id, company_id, known_at, has_history, title, split_part(email, '@', 2) FROM leads_lead"
_COMPANIES = "SELECT id, known_at, has_history, employees_low, employees_high, industry, country FROM leads_company"


def bare_read() -> Measured:
    """Read the columns of all events, leads and companies that the engine needs into Arrow tables, and nothing else."""
    measured = Measured()
    with measured.timed(), bulk_reader() as reader:
        for statement in (_EVENTS, _LEADS, _COMPANIES):
            measured.rows += reader.read_table(statement).num_rows
    return measured


def rescore_cold_all() -> Measured:
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE scoring_score")
    return _cold(rescore_warm)


def rescore_cold() -> Measured:
    return _cold(rescore_warm)


def rescore_cold_some() -> Measured:
    company.add_events(0.01)
    return _cold(rescore_warm)


def rescore_warm_some() -> Measured:
    company.add_events(0.01)
    return rescore_warm()


def rescore_warm() -> Measured:
    measured = Measured(rows=LEADS)
    _warm_up()
    with measured.timed():
        measured.more["written"] = daily_rescore.rescore_all(now=NOW)
    meeting = Score.objects.filter(meets=True).order_by("lead_id").values_list("lead_id", flat=True)
    np.save(folder() / "meets-engine.npy", np.array(meeting, dtype=np.int64))
    return measured


def backtest_cold() -> Measured:
    return _cold(backtest_warm)


def backtest_warm() -> Measured:
    measured = Measured(rows=LEADS)
    rules = _warm_up()
    with measured.timed():
        first_instants = pending_backtests.find_first_instants(rules, until=NOW + company.MICROSECOND)
    np.save(folder() / "first-engine.npy", np.array(sorted(first_instants.items()), dtype=np.int64).reshape(-1, 2))
    return measured


def whole_backtest() -> Measured:
    """Find the first instants of all leads, compare with their outcomes, and give the two numbers over six months."""
    measured = Measured(rows=LEADS)
    rules = _warm_up()
    with measured.timed():
        figures = pending_backtests.compute_figures(rules, start=_HALF_A_YEAR_AGO, end=NOW)
    measured.more["flagged"] = figures.flagged
    return measured


def quick_figures() -> Measured:
    """Measure answers to an editor who changed more than thresholds, so that all leads are measured again; `more` has the
    seconds of each.
    """
    measured = Measured(rows=LEADS)
    rules = _warm_up()
    measurement_cache.quick_figures(rules, now=NOW)
    measured.more["seconds"] = [
        _seconds(partial(measurement_cache.quick_figures, rules, now=NOW), before=measurement_cache.forget_measurements)
        for _ in range(_TIMES)
    ]
    return measured


def what_ifs() -> Measured:
    """Measure answers to an editor who moves the threshold; `more` has the seconds of each."""
    measured = Measured(rows=LEADS)
    rules = _warm_up()
    measurement_cache.quick_figures(rules, now=NOW)
    measured.more["seconds"] = [
        _seconds(
            partial(
                measurement_cache.what_if_figures,
                _with_threshold(rules, at_least),
                start=_HALF_A_YEAR_AGO,
                end=NOW,
                now=NOW,
            )
        )
        for at_least in range(agreement.THRESHOLD - _TIMES, agreement.THRESHOLD)
    ]
    return measured


def _with_threshold(rules: Rules, at_least: float) -> Rules:
    [path] = rules.paths
    axis, *others = path.clauses
    return replace(rules, paths=(replace(path, clauses=(replace(axis, at_least=at_least), *others)),))


def _seconds(ask: Callable[[], object], before: Callable[[], object] = lambda: None) -> float:
    before()
    measured = Measured()
    with measured.timed():
        ask()
    return measured.seconds


def loop_sample() -> Measured:
    """Answer both questions lead by lead in plain Python, for a sample; the seconds are of the sample."""
    step = max(1, LEADS // 1000)
    ids = list(Lead.objects.filter(pk__gt=0).order_by("pk").values_list("pk", flat=True)[::step])
    measured = Measured(rows=len(ids))
    with measured.timed():
        private = frozenset().union(*named_lists.read_entries(agreement.LISTS).values())
        answers = [loop.judged(lead_id, NOW, private) for lead_id in ids]
    np.save(folder() / "sample.npy", np.array(ids))
    np.save(folder() / "meets-loop.npy", np.array([pk for pk, (meets, _) in zip(ids, answers, strict=True) if meets]))
    firsts = [(pk, company.microseconds(at)) for pk, (_, at) in zip(ids, answers, strict=True) if at is not None]
    np.save(folder() / "first-loop.npy", np.array(firsts, dtype=np.int64).reshape(-1, 2))
    return measured


def compared() -> Measured:
    """Check that engine, SQL and loop found the same leads and instants: to the microsecond, on every lead that they
    judged.
    """
    arrays = {path.stem: np.load(path) for path in folder().glob("*.npy")}
    meets, first, sample = arrays["meets-engine"], arrays["first-engine"], arrays["sample"]
    assert np.array_equal(meets, arrays["meets-sql"]), "engine and SQL disagree on who meets the definition"
    assert np.array_equal(first, arrays["first-sql"]), "engine and SQL disagree on first instants"
    assert np.array_equal(meets[np.isin(meets, sample)], arrays["meets-loop"]), "the loop disagrees on who meets"
    assert np.array_equal(first[np.isin(first[:, 0], sample)], arrays["first-loop"]), "the loop disagrees on instants"
    sentence = f"All agree: {meets.size:,} leads meet the definition now, {len(first):,} did at some instant."
    return Measured(more={"sentence": sentence})


def _warm_up() -> Rules:
    """Bring the process to the state of a worker that has run a while: definition compiled, lists read, libraries loaded."""
    lead_explanation.explain_lead(Lead.objects.earliest("pk"), at=NOW)
    return active_versions.rules_of(active_versions.list_active_versions()[0])


def _cold(run: Callable[[], Measured]) -> Measured:
    shutil.rmtree(settings.COLUMN_CACHE_DIR, ignore_errors=True)
    return run()
