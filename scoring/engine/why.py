"""The decisive reason of a verdict, in one plain sentence."""

from __future__ import annotations

from collections.abc import Iterable

from scoring.engine.decisions import DecisiveReason
from scoring.engine.explanation import (
    ClauseAnswer,
    CriterionAnswer,
    Explanation,
    PathAnswer,
    SignalExclusion,
    TimingAnswer,
)
from scoring.engine.rules import AxisClause, CountClause, CriterionRule
from scoring.engine.timeline import DAY

_NAMES_SHOWN = 3
_TEXT_SHOWN = 60


def sentence(explanation: Explanation) -> str:
    """Say of a lead that meets the rules by which ways in it does, else the first thing that is missing."""
    return reached(explanation) if explanation.meets else _name_missing(explanation)


def reached(explanation: Explanation | DecisiveReason) -> str:
    """Say what brought a lead that meets the rules there, and name every way in by which it does.

    A hot trigger qualifies by itself, a path only with the timing (rules 3.5); so a path that holds without it is no way in.
    """
    hot = [path for path in explanation.hot_paths if path.held]
    paths = [path for path in explanation.paths if path.held] if explanation.timing.held else []
    met = [*hot, *paths]
    latest = max((clause for clause in _counts(met) if clause.last_at is not None), key=_last_at, default=None)
    event = "" if latest is None else _deed(latest) + _earlier(explanation.at - _last_at(latest))
    scores = [clause for path in met for clause in path.clauses if _scored(clause)]
    # What the lead did says more than what it is.
    score = _points(min(scores, key=_is_about_fit)) if scores else ""
    # The only path that a version has need not be named.
    is_only = not explanation.hot_paths and len(explanation.paths) == 1 and (event or score)
    ways_in = "" if is_only else _name_ways_in(hot, paths)
    return capitalize("; ".join(filter(None, (event, score, ways_in)))) + "."


def _name_ways_in(hot: list[PathAnswer], paths: list[PathAnswer]) -> str:
    parts = [_quoted("hot trigger", hot), _quoted("path", paths)]
    return " and ".join(filter(None, parts)) + ("" if paths else ", enough by itself")


def _quoted(kind: str, paths: list[PathAnswer]) -> str:
    # Every way in is named, however many there are.
    names = " and ".join(f"“{path.name}”" for path in paths)
    return f"{kind}{'s' if len(paths) > 1 else ''} {names}" if paths else ""


def _deed(answer: ClauseAnswer) -> str:
    """The latest signal; with how often, where one signal had to come several times."""
    name, clause = signal_words(str(answer.last_signal)), answer.clause
    if not isinstance(clause, CountClause) or clause.distinct or len(clause.signals) > 1 or clause.at_least == 1:
        return name
    return f"{name} {answer.found:g} times"


def _is_about_fit(answer: ClauseAnswer) -> bool:
    return isinstance(answer.clause, AxisClause) and answer.clause.axis == "fit"


def _name_missing(explanation: Explanation) -> str:
    hit = next((answer for answer in explanation.disqualifier_answers if answer.verdict == "pass"), None)
    if hit is not None:
        return excluded(hit)
    exclusion = next((row for row in explanation.exclusions if row.held), None)
    if exclusion is not None:
        return excluded_by_signal(exclusion, explanation.at)
    for verdict in ("fail", "unknown"):
        answer = next((answer for answer in explanation.gate_answers if answer.verdict == verdict), None)
        if answer is not None and not answer.holds_lead:
            return not_passed(answer)
    waiting = [answer for answer in (*explanation.gate_answers, *explanation.held_answers) if answer.holds_lead]
    if waiting:
        return waits(waiting)
    missing = late(explanation.timing) if explanation.threshold else _nearest(explanation.paths)
    # The other way in is said as well; `no_path` says it by itself.
    is_said = not explanation.hot_paths or missing == no_path()
    return missing if is_said else f"{missing.removesuffix('.')}; no hot trigger fired."


def excluded(answer: CriterionAnswer) -> str:
    """Say what a disqualifier that hit saw."""
    doubt = ", which excludes" if answer.criterion.unknown and answer.seen in (None, "") else ""
    return f"Excluded: {field_words(answer.criterion.field)} is {show_value(answer.seen)}{doubt}."


def excluded_by_signal(exclusion: SignalExclusion, at: int) -> str:
    """Say by which signal a lead is excluded, when it came, and until when it counts (rules 4.31)."""
    days = exclusion.within_days
    until = "" if days is None else f", which counts until the lead is active again after {_days(days)}"
    return f"Excluded: {signal_words(exclusion.signal).lower()}{_earlier(at - (exclusion.last_at or at))}{until}."


def not_passed(answer: CriterionAnswer) -> str:
    """Say what a gate criterion saw instead of what it asks."""
    field, needed = capitalize(field_words(answer.criterion.field)), describe_needed(answer.criterion)
    if answer.seen is None or answer.seen == "":
        counted_as = ", which counts as failed" if answer.verdict == "fail" and answer.criterion.unknown else ""
        return f"{field} is not known{counted_as}; needed: {needed}."
    doubt = "" if answer.verdict == "fail" else ", which does not tell"
    return f"{field} is {show_value(answer.seen)}{doubt}; needed: {needed}."


def waits(answers: Iterable[CriterionAnswer]) -> str:
    """Name the values for which a lead is held (rules 3.15)."""
    fields = dict.fromkeys(field_words(answer.criterion.field) for answer in answers)
    return f"Waits for enrichment: {_listed([*fields], 'and')}."


def _nearest(paths: Iterable[PathAnswer]) -> str:
    """The first clause that misses on the nearest path."""
    path = nearest(paths)
    return no_path() if path is None else short(next(clause for clause in path.clauses if not clause.held))


def nearest(paths: Iterable[PathAnswer]) -> PathAnswer | None:
    """Return of the paths that do not hold the one of which most clauses do."""
    missed = [path for path in paths if not path.held]
    return max(missed, key=lambda path: sum(clause.held for clause in path.clauses) / len(path.clauses), default=None)


def no_path() -> str:
    return "No hot trigger fired, and there is no other path."


def short(answer: ClauseAnswer) -> str:
    """The figure of a clause, and what it asks."""
    figures = _points(answer) if isinstance(answer.clause, AxisClause) else _count(answer.clause, answer.found)
    return f"{capitalize(figures)}."


def late(timing: TimingAnswer) -> str:
    """Say what timing misses."""
    missing = []
    if timing.engaged_within_days is not None:
        what = "engagement" if timing.engaged_by is None else _name_signals(timing.engaged_by)
        missing.append(f"no {what} in the last {_days(timing.engaged_within_days)}")
    if timing.or_request_within_days is not None:
        missing.append(f"no open request in the last {_days(timing.or_request_within_days)}")
    return capitalize(" and ".join(missing)) + "."


def _points(answer: ClauseAnswer) -> str:
    clause = answer.clause
    axis = "" if not isinstance(clause, AxisClause) or clause.axis == "engagement" else f"{clause.axis} "
    # As few decimals as will do: what falls short must not look as if it reached.
    shown = next(text for text in (f"{answer.found:.{n}f}" for n in (0, 1, 2, 6)) if _honest(text, answer))
    return f"{shown} {axis.replace('+', ' and ')}points, {clause.at_least:g} needed"


def _honest(text: str, answer: ClauseAnswer) -> bool:
    return (float(text) >= answer.clause.at_least) == answer.held


def _count(clause: CountClause, figure: float) -> str:
    return f"{figure:g} of {clause.at_least} {counted(clause)}"


def counted(clause: CountClause) -> str:
    """Say what a clause counts, without how many it asks for."""
    what = "different assets of " if clause.distinct else "assets with " if clause.same else ""
    names = _name_signals(clause.signals, "and" if clause.same else "or")
    close = clause.within_hours_of_each_other
    together = "" if close is None else f" within {close:g} hours of each other"
    window = "" if clause.within_days is None else f" in the last {_days(clause.within_days)}"
    return f"{what}{names}{together}{window}"


def _name_signals(codes: Iterable[str], last: str = "or") -> str:
    return _listed([signal_words(code).lower() for code in sorted(codes)], last)


def axis_points(axis: str) -> str:
    """An axis as people say it: fit and engagement points."""
    return f"{axis.replace('+', ' and ')} points"


def describe_needed(criterion: CriterionRule) -> str:
    """Say what a criterion asks for."""
    value = criterion.value
    if criterion.op == "between" and isinstance(value, tuple | list):
        low, high = (None if end is None else show_value(end) for end in value)
        return f"{low} to {high}" if low and high else f"at least {low}" if low else f"at most {high}"
    if criterion.op in ("is", "known"):
        return {"is": ("no", "yes"), "known": ("not known", "known")}[criterion.op][bool(value)]
    text = _listed([show_value(part) for part in value], "or") if isinstance(value, tuple | list) else show_value(value)
    return f"{_ASKS[criterion.op]}{text}"


_ASKS = {
    "at_least": "at least ",
    "at_most": "at most ",
    "in": "",
    "not_in": "other than ",
    "contains_any": "containing ",
    "has_word_any": "with the word ",
    "has_any": "with ",
    "in_list": "on the list ",
}


def signal_words(code: str) -> str:
    """demo_request as people say it: Demo request."""
    return capitalize(code.replace("_", " ").replace(".", " ").strip())


def field_words(field: str) -> str:
    """Say a field in words: company.annual_revenue is company annual revenue, lead.budget.EUR budget in EUR."""
    owner, _, name = field.partition(".")
    name, _, currency = (name, "", "") if name.startswith("custom.") else name.partition(".")
    label = name.removeprefix("custom.").replace("_", " ") + (f" in {currency}" if currency else "")
    return label if owner == "lead" else f"{owner} {label}"


def _counts(paths: Iterable[PathAnswer]) -> list[ClauseAnswer]:
    return [clause for path in paths for clause in path.clauses]


def _last_at(clause: ClauseAnswer) -> int:
    return clause.last_at or 0


def _scored(clause: ClauseAnswer) -> bool:
    return isinstance(clause.clause, AxisClause)


def _earlier(age: int) -> str:
    """Counted from the instant judged, never from when it is read: the sentence is kept."""
    days = age // DAY
    return "" if days == 0 else " a day earlier" if days == 1 else f" {days} days earlier"


def _days(days: float) -> str:
    return "day" if days == 1 else f"{days:g} days"


def show_value(value: object) -> str:
    """Return a value for a sentence, shortened if it is long."""
    if value is None or value == "":
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return f"{value:,.15g}"
    if isinstance(value, tuple | list):
        return _listed([show_value(part) for part in value], "and")
    text = " ".join(str(value).split())
    return text if len(text) <= _TEXT_SHOWN else f"{text[:_TEXT_SHOWN]}…"


def _listed(names: list[str], last: str) -> str:
    if len(names) > _NAMES_SHOWN:
        return f"{', '.join(names[:_NAMES_SHOWN])} {last} {len(names) - _NAMES_SHOWN} more"
    return f" {last} ".join((", ".join(names[:-1]), names[-1])) if len(names) > 1 else "".join(names)


def capitalize(text: str) -> str:
    """Return the text with its first letter large, the others as they are."""
    return text[:1].upper() + text[1:]
