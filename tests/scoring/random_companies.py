"""Random and hand-made leads as facts, and random rules that favour edges: exact thresholds, exact windows, ties."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from scoring.engine.bands import Band
from scoring.engine.facts import Column, Facts
from scoring.engine.rules import (
    AxisClause,
    Catalogue,
    CountClause,
    CriterionRule,
    Decay,
    Inactivity,
    PathRule,
    Rules,
    SignalPoints,
    TierFloor,
    Timing,
)
from tests.scoring.reference import DAY, HOUR, SENIORITIES, TITLES, Event, Lead

START = 1_700_000_000_000_000
SIGNALS = ("demo", "pricing", "ebook", "open", "unsubscribe", "visit", "unnamed", "called")


def facts_of(leads: Sequence[Lead]) -> Facts:
    """Return the leads in the engine's columns, with only the signals in use, so that rules may name one that the facts
    never saw.
    """
    events = [(index, event) for index, lead in enumerate(leads) for event in sorted(lead.events, key=lambda e: e.at)]
    signals = tuple(dict.fromkeys(event.signal for _, event in events))
    rows = [(index, *row) for index, lead in enumerate(leads) for row in lead.rows]
    names = dict.fromkeys(name for _, _, values in rows for name in values)
    return Facts(
        lead_ids=np.arange(100, 100 + len(leads)),
        event_lead=np.array([index for index, _ in events], dtype=np.int32),
        event_at=np.array([event.at for _, event in events], dtype=np.int64),
        event_signal=np.array([signals.index(event.signal) for _, event in events], dtype=np.int16),
        event_asset=np.array([-1 if event.asset is None else event.asset for _, event in events], dtype=np.int32),
        signals=signals,
        row_lead=np.array([index for index, _, _ in rows], dtype=np.int32),
        row_from=np.array([start for _, start, _ in rows], dtype=np.int64),
        columns={name: _column([values.get(name) for _, _, values in rows]) for name in names},
    ).validated()


def _column(values: list[object]) -> Column:
    # By representation: 1, 1.0 and True are equal and must stay apart, NaN is not equal to itself.
    distinct = {repr(value): value for value in values}
    place = {shown: code for code, shown in enumerate(distinct)}
    return Column(np.array([place[repr(value)] for value in values], dtype=np.int32), tuple(distinct.values()))


# Instants that meet each other's windows exactly, or miss them by a microsecond.
instants = st.builds(
    lambda days, hours, nudge: START + days * DAY + hours * HOUR + nudge,
    st.sampled_from([0, 0, 1, 2, 7, 14, 30, 31, 37, 60, 61, 67, 90, 97, 120, 365, 3650]),
    st.sampled_from([0, 0, 0, 1, 12, 23, 24]),
    st.sampled_from([0, 0, 0, 0, -1, 1, 1_000_000]),
)
_windows = st.sampled_from([None, 0, 1, 7, 30, 60, 365])
_signal_sets = st.frozensets(st.sampled_from(SIGNALS), max_size=4)
_events = st.builds(Event, instants, st.sampled_from(SIGNALS), st.sampled_from([None, 0, 1, 2]))

_values: dict[str, st.SearchStrategy[object]] = {
    "lead.title": st.sampled_from([None, "", *TITLES]),
    "lead.seniority": st.sampled_from([None, None, " ", *SENIORITIES]),
    "lead.email": st.sampled_from([None, "no address", "a@gmail.com", "b@Firm.example "]),
    "lead.do_not_contact": st.sampled_from([None, True, False]),
    "lead.custom.plan": st.sampled_from([None, " Pro ", "free", "Pro trial", "prolific", float("nan")]),
    "company.employees": st.sampled_from(
        [
            None,
            49,
            50,
            51,
            999.5,
            1000,
            1001,
            "50",
            "many",
            Band(51, 200),
            Band(11, 50),
            Band(201, 500),
            Band(1000, None),
        ]
    ),
    "company.technologies": st.sampled_from([None, (), ("Django",), ("django ", "redis"), ("cobol",)]),
}
_rows = st.tuples(instants, st.fixed_dictionaries({}, optional=_values)).map(lambda row: row)
leads = st.builds(
    lambda events, rows: Lead(tuple(events), tuple(sorted(rows, key=lambda row: row[0]))),
    st.lists(_events, max_size=12),
    st.lists(_rows, max_size=3),
)

_amounts = st.sampled_from([None, 50, 1000, 200])
_words = st.lists(
    st.sampled_from(["pro", "PRO ", "free", "gmail.com", "firm.example", "django", "manager"]), max_size=3
)
_questions = st.one_of(
    st.tuples(st.just("company.employees"), st.just("between"), st.tuples(_amounts, _amounts)),
    st.tuples(st.just("company.employees"), st.sampled_from(["at_least", "at_most"]), st.sampled_from([50, 1000])),
    st.tuples(st.just("lead.seniority"), st.sampled_from(["at_least", "at_most"]), st.sampled_from(SENIORITIES)),
    st.tuples(st.just("lead.seniority"), st.sampled_from(["in", "not_in"]), st.tuples(st.sampled_from(SENIORITIES))),
    st.tuples(
        st.sampled_from(
            ["lead.custom.plan", "lead.title", "lead.email_domain", "company.technologies", "lead.nowhere"]
        ),
        st.sampled_from(["in", "not_in", "contains_any", "has_word_any", "has_any"]),
        _words.map(tuple),
    ),
    st.tuples(st.sampled_from([*_values, "lead.email_domain"]), st.just("known"), st.booleans()),
    st.tuples(st.just("lead.do_not_contact"), st.just("is"), st.booleans()),
    st.tuples(st.just("lead.email_domain"), st.just("in_list"), st.just("free_email")),
)
_criteria = st.lists(
    st.builds(
        lambda question, points, unknown: (*question, points, unknown),
        _questions,
        st.sampled_from([0, 10, 50, 33.3]),
        st.sampled_from(["", "", "", "fail", "pass", "hold"]),
    ),
    max_size=3,
)


def _keyed(section: str, rows: list[tuple[str, str, object, float, str]]) -> tuple[CriterionRule, ...]:
    return tuple(CriterionRule(f"{section}.{number}", *row) for number, row in enumerate(rows, start=1))


_signal_rules = st.lists(
    st.builds(
        SignalPoints,
        st.sampled_from(SIGNALS[:-2]),
        st.sampled_from([50, 50, 20, 5, 2.5, 0.1, 100 / 3, 0, -5, -20]),
        st.sampled_from([None, None, 10, 30, -15]),
        st.sampled_from([False, False, False, True]),
        st.sampled_from([None, 0, 7, 30]),
    ),
    unique_by=lambda rule: rule.signal,
    max_size=6,
)
_axes = st.sampled_from(["fit", "engagement", "bant", "fit+engagement"])
_thresholds = st.sampled_from([0, 5, 10, 45, 50, 60, 100, 150])
_clauses = st.one_of(
    st.builds(AxisClause, _axes, _thresholds),
    st.builds(
        CountClause,
        _signal_sets,
        st.sampled_from([0, 1, 1, 2, 3]),
        _windows,
        st.sampled_from([None, None, 0, 1, 24]),
        st.sampled_from([None, None, "asset"]),
    ),
    st.builds(
        lambda signals, at_least, days: CountClause(signals, at_least, days, same="asset"),
        _signal_sets,
        st.sampled_from([1, 1, 2]),
        _windows,
    ),
)
_paths = st.lists(
    st.builds(lambda clauses: PathRule("path", "A path", tuple(clauses)), st.lists(_clauses, min_size=1, max_size=2)),
    max_size=2,
).map(tuple)
_ceilings = st.sampled_from([None, 100, 40])

decays = st.builds(
    Decay,
    st.sampled_from(["none", "linear", "compound", "compound"]),
    st.sampled_from([0, 10, 33.3, 50, 100]),
    st.sampled_from([1, 7, 30]),
)
rules = st.builds(
    Rules,
    gate=_criteria.map(lambda rows: _keyed("gate", rows)),
    fit=_criteria.map(lambda rows: _keyed("fit", rows)),
    bant=_criteria.map(lambda rows: _keyed("bant", rows)),
    disqualifiers=_criteria.map(lambda rows: _keyed("disqualifiers", rows[:1])),
    signals=_signal_rules.map(tuple),
    paths=_paths,
    hot=_paths,
    timing=st.one_of(st.none(), st.builds(Timing, _windows, _windows)),
    decay=decays,
    inactivity=st.one_of(
        st.none(),
        st.builds(Inactivity, st.sampled_from([0, 30, 60]), st.sampled_from([5, 12.5]), st.sampled_from([7, 30])),
    ),
    ceilings=st.fixed_dictionaries({"fit": _ceilings, "engagement": _ceilings, "bant": _ceilings}),
    tier_3_below=st.one_of(st.none(), st.builds(TierFloor, _axes, _thresholds)),
    catalogue=st.builds(
        Catalogue,
        _signal_sets,
        st.frozensets(st.sampled_from(SIGNALS[:2])),
        st.frozensets(st.just(SIGNALS[-1])),
        st.frozensets(st.tuples(st.sampled_from(SIGNALS), st.sampled_from(SIGNALS)), max_size=4),
    ),
    engaged_by=st.one_of(st.none(), st.none(), _signal_sets),
    lists=st.just({"free_email": frozenset({"Gmail.com", "gmx.de"})}),
)
# More that qualifies: the same without what keeps most random leads out.
lenient = rules.map(lambda drawn: drawn and Rules(**_without_gate(drawn)))


def _without_gate(drawn: Rules) -> dict[str, object]:
    parts = {name: getattr(drawn, name) for name in Rules.__slots__}
    return parts | {"gate": (), "disqualifiers": ()}
