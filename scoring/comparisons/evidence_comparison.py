"""The frozen evidence of an MQL compared with its explanation of today: which rule, value, list or flag is another now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np

from scoring.comparisons.logged_edits import FLAGS, describe_flag, flip_flag
from scoring.engine.facts import Facts
from scoring.engine.judge import explain
from scoring.engine.rules import CriterionRule, Rules
from scoring.engine.why import capitalize, describe_needed, field_words, show_value, signal_words

_CRITERIA: Final = ("gate_answers", "fit_answers", "bant_answers", "disqualifier_answers")
#: What a changed flag shows itself by.
_SHOWN_BY_FLAGS: Final = ("meets", "tier", "timing", "engagement")


def find_change(evidence: Mapping[str, Any], rules: Rules, facts: Facts, at: int, *, may_be_edited: bool = True) -> str:
    """Return what differs between the evidence of the only lead of the facts and its explanation now; empty if nothing.

    Only what turns an answer counts. The facts are those that were known on the day. A changed rule goes before a changed
    value, and that before a list and a flag, because each brings the next about. `may_be_edited` says whether the lead was
    judged by lists and flags that people may have edited since (rules 9.19).
    """
    today = explain(rules, facts, 0, at).as_dict()
    searches = [_find_criterion, _find_points, _find_clause, _find_window, _find_value]
    if may_be_edited:
        searches.append(_find_list)
    for find in searches:
        sentence = find(evidence, today)
        if sentence:
            return sentence
    return _find_flag(evidence, today, rules, facts, at) if may_be_edited else ""


def _find_criterion(then: Mapping[str, Any], today: Mapping[str, Any]) -> str:
    for before, after in _pair_answers(then, today):
        old, new = before["criterion"], after["criterion"]
        field, has_changed = field_words(new["field"]), before.get("verdict") != after["verdict"]
        if has_changed and any(old.get(name) != new[name] for name in ("field", "op", "value")):
            then_words, now_words = _needed(old), _needed(new)
            return (
                f"The rule about {field} asked for “{then_words}” when it was judged, and does for “{now_words}” now."
            )
        if after["verdict"] == "pass" and old.get("points") != new["points"]:
            gave, gives = _number(old.get("points")), _number(new["points"])
            return f"The rule about {field} gave {gave} points when it was judged, and gives {gives} now."
    return ""


def _find_points(then: Mapping[str, Any], today: Mapping[str, Any]) -> str:
    signals = {row.get("signal"): row for row in _rows(then, "contributions")}
    for row in today["contributions"]:
        before = signals.get(row["signal"])
        is_other = before is not None and any(before.get(name) != row[name] for name in ("points", "cap"))
        if before is not None and is_other and before.get("contributes") != row["contributes"]:
            gave, gives = _points(before), _points(row)
            return f"{signal_words(row['signal'])} gave {gave} when it was judged, and gives {gives} now."
    return ""


def _find_clause(then: Mapping[str, Any], today: Mapping[str, Any]) -> str:
    for kind in ("paths", "hot_paths"):
        paths = {path.get("key"): path for path in _rows(then, kind)}
        for path in today[kind]:
            before = paths.get(path["key"])
            if before is not None and before.get("held") != path["held"] and _clauses(before) != _clauses(path):
                then_words, now_words = (" and ".join(map(_clause_words, _clauses(way))) for way in (before, path))
                return f"The path “{path['name']}” asked for {then_words} when it was judged, and asks for {now_words} now."
    return ""


def _find_window(then: Mapping[str, Any], today: Mapping[str, Any]) -> str:
    before, after = then.get("timing"), today["timing"]
    if not isinstance(before, Mapping) or before.get("held") == after["held"]:
        return ""
    for name, what in (("engaged_within_days", "An engagement"), ("or_request_within_days", "A request")):
        if before.get(name) != after[name]:
            was, now = (
                f"{_number(days)} days" if days is not None else "no time" for days in (before.get(name), after[name])
            )
            return f"{what} counted for {was} when it was judged, and counts for {now} now."
    return ""


def _find_value(then: Mapping[str, Any], today: Mapping[str, Any]) -> str:
    for before, after in _pair_answers(then, today):
        if before.get("seen") != after["seen"] and before.get("verdict") != after["verdict"]:
            field = field_words(after["criterion"]["field"])
            old_value, new_value = show_value(before.get("seen")), show_value(after["seen"])
            return f"{capitalize(field)} was {old_value} when it was judged, and is {new_value} by what is known now."
    return ""


def _find_list(then: Mapping[str, Any], today: Mapping[str, Any]) -> str:
    for before, after in _pair_answers(then, today):
        criterion = after["criterion"]
        if criterion["op"] == "in_list" and before.get("verdict") != after["verdict"]:
            was, now = ("not covered", "is") if after["verdict"] == "pass" else ("covered", "is not")
            return f"{show_value(after['seen'])} was {was} by the list “{criterion['value']}” when it was judged, and {now} now."
    return ""


def _find_flag(then: Mapping[str, Any], today: Mapping[str, Any], rules: Rules, facts: Facts, at: int) -> str:
    """Try each flag of each signal that the lead had sent: the one with which the explanation is that of the day."""
    expected = {name: then.get(name) for name in _SHOWN_BY_FLAGS}
    if expected == {name: today[name] for name in _SHOWN_BY_FLAGS}:
        return ""
    codes = np.unique(facts.event_signal[facts.event_at <= at]).tolist()
    for signal in sorted(facts.signals[code] for code in codes):
        for flag, _with_it, _without_it in FLAGS.values():
            explanation = explain(flip_flag(rules, signal, flag), facts, 0, at).as_dict()
            if {name: explanation[name] for name in _SHOWN_BY_FLAGS} == expected:
                has_it = signal in getattr(rules.catalogue, flag)
                return f"{describe_flag(signal_words(signal), flag, has_it=has_it)}."
    return ""


def _pair_answers(
    then: Mapping[str, Any], today: Mapping[str, Any]
) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    """Yield the answers of the criteria that both have, in the order of the rules."""
    for part in _CRITERIA:
        answers = {
            answer["criterion"].get("key"): answer
            for answer in _rows(then, part)
            if isinstance(answer.get("criterion"), Mapping)
        }
        for answer in today[part]:
            before = answers.get(answer["criterion"]["key"])
            if before is not None:
                yield before, answer


def _rows(explanation: Mapping[str, Any], name: str) -> Iterable[Mapping[str, Any]]:
    """Return the mappings of a part; evidence of an older form may lack it."""
    part = explanation.get(name)
    return [row for row in part if isinstance(row, Mapping)] if isinstance(part, list) else []


def _needed(criterion: Mapping[str, Any]) -> str:
    value = criterion.get("value")
    rule = CriterionRule(
        "", str(criterion.get("field")), str(criterion.get("op")), tuple(value) if isinstance(value, list) else value
    )
    try:
        return describe_needed(rule)
    except (KeyError, TypeError, ValueError):
        return "something else"


def _points(row: Mapping[str, Any]) -> str:
    cap = row.get("cap")
    return f"{_number(row.get('points'))} points" + ("" if cap is None else f" up to {_number(cap)}")


def _number(value: object) -> str:
    return f"{value:g}" if isinstance(value, int | float) else "other"


def _clauses(path: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    clauses = (clause.get("clause") for clause in _rows(path, "clauses"))
    return [clause for clause in clauses if isinstance(clause, Mapping)]


def _clause_words(clause: Mapping[str, Any]) -> str:
    at_least, days = _number(clause.get("at_least")), clause.get("within_days")
    if "axis" in clause:
        return f"{at_least} points of {clause['axis']}"
    names = ", ".join(signal_words(str(signal)).lower() for signal in clause.get("signals") or ())
    return f"{at_least} of {names}" + ("" if days is None else f" in {_number(days)} days")
