"""Attributes: every criterion asked once per distinct value, then looked up for the row in force. Rules 3.1, 3.4, 3.7."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from leads.normalization.job_titles import TitleReader
from scoring.engine.criteria import SENIORITY, Predicate, is_missing, predicate
from scoring.engine.facts import Column, Facts
from scoring.engine.rules import CriterionRule, Rules
from scoring.engine.timeline import EVER, Bools, Floats, Ints, Positions, Timeline

PASS, FAIL, UNKNOWN = 1, 0, -1
_CODES = {True: PASS, False: FAIL, None: UNKNOWN}
#: The answers that a version counts an unknown one as.
_COUNTED_AS = {"fail": FAIL, "pass": PASS}
_UNASKED = -2
#: Whose answers a dictionary remembers at most.
_QUESTIONS = 64
Answers = NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Profile:
    """The answers of the attributes, one entry per attribute row and a last one for "no row yet".

    `fit` and `bant` are sums of points, not yet limited.
    """

    gate: Answers
    disqualified: Bools
    fit: Floats
    bant: Floats

    def slice(self, begin: int, end: int) -> Profile:
        """Return those of the rows from `begin` up to and without `end`; the last entry stays."""
        return Profile(
            *(
                np.append(column[begin:end], column[-1])
                for column in (self.gate, self.disqualified, self.fit, self.bant)
            )
        )


class InForce:
    """The attribute rows in force at instants."""

    def __init__(self, facts: Facts) -> None:
        dated = facts.row_from[facts.row_from > EVER]
        # "Since ever" is just before everything dated, so that no span of the timeline is endless.
        self._dawn = int(dated.min()) - 1 if dated.size else 0
        self._timeline = Timeline(facts.row_lead, np.maximum(facts.row_from, self._dawn), len(facts))

    def row(self, leads: Positions, at: Ints) -> Positions:
        """The row in force at each (lead, instant); -1, which is the entry for "no row yet", where there is none."""
        upto = self._timeline.upto(leads, np.maximum(at, self._dawn))
        return np.where(upto > self._timeline.starts[leads], upto - 1, -1)


class Attributes:
    """The columns of facts and what they answer, row by row. `titles` gives a seniority that is not stated."""

    def __init__(self, facts: Facts, titles: TitleReader) -> None:
        self._facts = facts
        self._titles = titles
        self._columns: dict[str, Column | None] = {}

    def profile(self, rules: Rules) -> Profile:
        disqualifiers = (self.answers(criterion, rules) == PASS for criterion in rules.disqualifiers)
        return Profile(
            gate=self.gate(rules),
            disqualified=np.logical_or.reduce([self._no(), *disqualifiers]),
            fit=self._points(rules.fit, rules),
            bant=self._points(rules.bant, rules),
        )

    def gate(self, rules: Rules) -> Answers:
        """PASS, FAIL or UNKNOWN of each row, and of a lead without a row.

        A criterion of another part that holds while it is unknown makes the gate unknown, unless it is failed (rules 3.15).
        """
        gate = self._all_pass(self.answers(criterion, rules) for criterion in rules.gate)
        for criterion in rules.holding:
            gate[(gate == PASS) & (self.answers(criterion, rules) == UNKNOWN)] = UNKNOWN
        return gate

    def answers(self, criterion: CriterionRule, rules: Rules) -> Answers:
        """PASS, FAIL or UNKNOWN of each row, and of a lead without a row."""
        ask = predicate(criterion, rules.lists)
        column = self._column(criterion.field)
        answers = np.full(self._facts.row_from.size + 1, _CODES[ask(None)], dtype=np.int8)
        if column is not None:
            answers[:-1] = _table(column, _question(criterion, rules), ask)[column.codes]
        if criterion.unknown in _COUNTED_AS:
            answers[answers == UNKNOWN] = _COUNTED_AS[criterion.unknown]
        return answers

    def value(self, field: str, row: int) -> object:
        """Return what one row says in a field, for showing."""
        column = self._column(field)
        return None if column is None or row < 0 else column.values[column.codes[row]]

    def _column(self, field: str) -> Column | None:
        if field not in self._columns:
            self._columns[field] = _column_of(self._facts, field, self._titles)
        return self._columns[field]

    def _no(self) -> Bools:
        return np.zeros(self._facts.row_from.size + 1, dtype=np.bool_)

    def _all_pass(self, answers: Iterable[Answers]) -> Answers:
        failed, unknown = self._no(), self._no()
        for answer in answers:
            failed |= answer == FAIL
            unknown |= answer == UNKNOWN
        return np.where(failed, FAIL, np.where(unknown, UNKNOWN, PASS)).astype(np.int8)

    def _points(self, criteria: Iterable[CriterionRule], rules: Rules) -> Floats:
        points = np.zeros(self._facts.row_from.size + 1)
        for criterion in criteria:
            points += criterion.points * (self.answers(criterion, rules) == PASS)
        return points


def domain_of(email: object) -> str | None:
    """Return what follows the last @ of an address; None for anything else."""
    return email.rpartition("@")[2].strip() or None if isinstance(email, str) and "@" in email else None


def _column_of(facts: Facts, field: str, titles: TitleReader) -> Column | None:
    stated = facts.columns.get(field)
    if field == "lead.email_domain" and stated is None:
        return _derived(facts.columns.get("lead.email"), domain_of)
    if field == SENIORITY:
        read = titles.seniority_of
        derived = _derived(
            facts.columns.get("lead.title"), lambda title: read(title) if isinstance(title, str) else None
        )
        return _filled(stated, derived)
    return stated


def _derived(column: Column | None, derive: Callable[[object], object]) -> Column | None:
    if column is None:
        return None
    distinct: dict[object, int] = {}
    codes = np.zeros(len(column.values), dtype=np.int32)
    for code in np.flatnonzero(_occurs(column)).tolist():
        codes[code] = distinct.setdefault(derive(column.values[code]), len(distinct))
    return Column(codes[column.codes], tuple(distinct))


def _filled(column: Column | None, spare: Column | None) -> Column | None:
    """The first column, with the second's values where the first has none."""
    if column is None or spare is None:
        return column or spare
    missing = np.fromiter(map(is_missing, column.values), dtype=np.bool_, count=len(column.values))
    codes = np.where(missing[column.codes], spare.codes + len(column.values), column.codes)
    return Column(codes.astype(np.int32), column.values + spare.values)


def _occurs(column: Column) -> Bools:
    """Return which values occur: a slice of facts shares the dictionary of the whole, and asking is the slow part."""
    occurs: Bools = np.bincount(column.codes, minlength=len(column.values)) > 0
    return occurs


def _question(criterion: CriterionRule, rules: Rules) -> Hashable:
    """Return what the answers hang on, apart from the value. As text, True is not 1."""
    entries = rules.lists.get(str(criterion.value)) if criterion.op == "in_list" else None
    return criterion.field == SENIORITY, criterion.op, repr(criterion.value), entries


def _table(column: Column, question: Hashable, ask: Predicate) -> Answers:
    """The answer for each value that occurs, also if it was asked before: of the same column, or of another with its dictionary."""
    table = np.full(len(column.values), _UNASKED, dtype=np.int8)
    before = column.asked.get(question, table[:0])
    table[: before.size] = before
    unanswered = np.flatnonzero(_occurs(column) & (table == _UNASKED)).tolist()
    table[unanswered] = [_CODES[ask(column.values[code])] for code in unanswered]
    if len(column.asked) >= _QUESTIONS:
        column.asked.clear()
    column.asked[question] = table
    return table
