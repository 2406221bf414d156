"""The answer of one criterion to one value: pass, fail or unknown. The only reading of the operators of rules 15.3."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import cast

from leads.normalization.job_titles import LADDER, rank_of
from scoring.engine.bands import Band, parse_band
from scoring.engine.rules import CriterionRule

Predicate = Callable[[object], bool | None]
Lists = Mapping[str, frozenset[str]]

SENIORITY = "lead.seniority"
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")
_TRUTHS = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}


def predicate(criterion: CriterionRule, lists: Lists) -> Predicate:
    """The criterion as a question to one value: True pass, False fail, None unknown.

    Only `known` has an answer for a missing value. ValueError for an operator, list or seniority that does not exist.
    """
    if criterion.op == "known":
        return lambda value: is_missing(value) is not bool(criterion.value)
    ask = _question(criterion, lists)

    def answer(value: object) -> bool | None:
        # Asked of every distinct text of a column: a call saved is a tenth of the time.
        missing = not value.strip() if isinstance(value, str) else is_missing(value)
        return None if missing else ask(value)

    return answer


def is_missing(value: object) -> bool:
    """Return whether a value says nothing: None, NaN, a blank text, a list of nothing else, a band without ends."""
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, tuple):
        return all(is_missing(part) for part in value)
    return value is None or value == Band(None, None) or (isinstance(value, float) and math.isnan(value))


def _question(criterion: CriterionRule, lists: Lists) -> Predicate:
    op, value = criterion.op, criterion.value
    if op in ("between", "at_least", "at_most"):
        return _within(criterion)
    if op == "is":
        return lambda stated: None if (truth := truth_of(stated)) is None else truth is bool(value)
    if op == "in_list":
        if value not in lists:
            raise ValueError(f"{criterion.key}: there is no list named {value!r}.")
        return _listed(_normal(lists[str(value)]))
    options = value if isinstance(value, tuple | list | frozenset) else (value,)
    if criterion.field == SENIORITY and op in ("in", "not_in", "has_any"):
        return _rung_of({_rank(criterion, option) for option in options}, within=op != "not_in")
    if op not in _CHOICES:
        raise ValueError(f"{criterion.key}: there is no operator {op!r}.")
    return _CHOICES[op](options)


# Amounts


def _within(criterion: CriterionRule) -> Predicate:
    read, measure = (_plain, band_of) if criterion.field != SENIORITY else (_rank, _rung_band)
    low, high = (None if end is None else read(criterion, end) for end in _ends(criterion))

    def ask(stated: object) -> bool | None:
        band = measure(stated)
        return None if band is None else band.within(low, high)

    return ask


def _ends(criterion: CriterionRule) -> tuple[object, object]:
    if criterion.op == "at_least":
        return criterion.value, None
    if criterion.op == "at_most":
        return None, criterion.value
    try:
        low, high = cast("tuple[object, object]", criterion.value)
    except (TypeError, ValueError):
        raise ValueError(f"{criterion.key}: between needs a lower and an upper end.") from None
    return low, high


def _plain(criterion: CriterionRule, end: object) -> float:
    number = number_of(end)
    if number is None:
        raise ValueError(f"{criterion.key}: {end!r} is not a number.")
    return number


def number_of(value: object) -> float | None:
    """A finite number, also one written plainly as text ("12.5"); never a truth value."""
    if isinstance(value, str):
        value = float(value) if _PLAIN_NUMBER.fullmatch(value.strip()) else None
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def band_of(value: object) -> Band | None:
    """A number or a band, also one written as text; None for what cannot be read as either."""
    if isinstance(value, Band):
        return value
    number = number_of(value)
    if number is not None:
        return Band(number, number)
    try:
        return parse_band(value) if isinstance(value, str) else None
    except ValueError:
        return None


# Seniority


def _rank(criterion: CriterionRule, name: object) -> float:
    rank = rank_of(str(name))
    if rank is None:
        raise ValueError(f"{criterion.key}: {name!r} is no seniority; they are {', '.join(LADDER)}.")
    return float(rank)


def _rung_band(value: object) -> Band | None:
    rank = rank_of(value) if isinstance(value, str) else None
    return None if rank is None else Band(rank, rank)


def _rung_of(ranks: set[float], *, within: bool) -> Predicate:
    return lambda stated: None if (band := _rung_band(stated)) is None else (band.low in ranks) is within


# Truths and texts


def truth_of(value: object) -> bool | None:
    """True or False, also written as text or as 1 and 0; None for anything else."""
    if isinstance(value, bool):
        return value
    return _TRUTHS.get(text_of(value))


def text_of(value: object) -> str:
    """Return how a value reads once trimmed and case-folded."""
    if isinstance(value, str):
        return value.strip().casefold()
    if isinstance(value, float | int) and not isinstance(value, bool):
        return f"{value:.15g}"
    return str(value).strip().casefold()


def _texts(value: object) -> list[str]:
    parts = value if isinstance(value, tuple) else (value,)
    return [text_of(part) for part in parts if not is_missing(part)]


@lru_cache(maxsize=64)
def _normal(options: frozenset[str]) -> frozenset[str]:
    return frozenset(text_of(option) for option in options) - {""}


def _listed(entries: frozenset[str]) -> Predicate:
    """An entry also holds for what is below it, as domains are: `edu` lists `state.edu`, `gmail.com` lists `mail.gmail.com`."""

    def ask(stated: object) -> bool:
        if isinstance(stated, str):
            return _is_under(stated.strip().casefold(), entries)
        return any(_is_under(text, entries) for text in _texts(stated))

    return ask


def _is_under(text: str, entries: frozenset[str]) -> bool:
    while text and text not in entries:
        text = text.partition(".")[2]
    return bool(text)


def _one_of(texts: frozenset[str], numbers: frozenset[float]) -> Predicate:
    def ask(stated: object) -> bool:
        if isinstance(stated, str) and not numbers:
            return text_of(stated) in texts
        parts = stated if isinstance(stated, tuple) else (stated,)
        return not texts.isdisjoint(_texts(stated)) or bool(numbers and not numbers.isdisjoint(map(number_of, parts)))

    return ask


def _in(options: Iterable[object]) -> Predicate:
    options = [option for option in options if not is_missing(option)]
    numbers = {float(option) for option in options if isinstance(option, int | float) and not isinstance(option, bool)}
    return _one_of(frozenset(map(text_of, options)), frozenset(numbers))


def _not_in(options: Iterable[object]) -> Predicate:
    within = _in(options)
    return lambda stated: not within(stated)


def _contains_any(options: Iterable[object]) -> Predicate:
    needles = [text_of(option) for option in options if not is_missing(option)]
    return lambda stated: any(needle in text for text in _texts(stated) for needle in needles)


def _has_word_any(options: Iterable[object]) -> Predicate:
    phrases = [r"\s+".join(map(re.escape, text_of(option).split())) for option in options if not is_missing(option)]
    # Without a phrase, what never matches.
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(phrases) or '(?!)'})(?!\w)")
    return lambda stated: any(pattern.search(text) is not None for text in _texts(stated))


_CHOICES: Mapping[str, Callable[[Iterable[object]], Predicate]] = {
    "in": _in,
    "not_in": _not_in,
    "has_any": _in,
    "contains_any": _contains_any,
    "has_word_any": _has_word_any,
}
