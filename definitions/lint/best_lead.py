"""The most fit and BANT points that one lead can have: the best value of each field that the gate lets through."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Any, Final

from definitions.document.values import field_kind
from definitions.plain_english.generated_statement import Json
from definitions.vocabulary import FieldKind, Operator
from leads.vocabulary import Seniority

Rows = Sequence[Json]
#: Whether a value meets a row. None: some values of its kind do and some do not, so the best lead may choose.
Answer = Callable[[Json], bool | None]

_RANGES: Final = frozenset({Operator.BETWEEN, Operator.AT_LEAST, Operator.AT_MOST})
_SEARCHES: Final = frozenset({Operator.CONTAINS_ANY, Operator.HAS_WORD_ANY})
_MATCHES: Final = _SEARCHES | {Operator.IN, Operator.HAS_ANY}
_SETS: Final = _MATCHES | {Operator.NOT_IN}
#: With more ends than these no spans over two of them are tried: their number grows with the square.
_MANY_ENDS: Final = 40


@dataclass(frozen=True, slots=True)
class BestLead:
    """The most points before ceilings: the sum, over fields, of the best single value; never less than a lead can have.

    `impossible_fields` are the fields on which the gate and the disqualifiers leave no value.
    """

    fit: float
    bant: float
    impossible_fields: tuple[str, ...] = ()


def find_best_lead(document: Json) -> BestLead:
    """Find the most points that a lead can have, field by field, among the values that the rows tell apart."""
    fields = {row["field"] for part in ("gate", "fit", "bant") for row in document[part]}
    impossible_fields, fit, bant = [], 0.0, 0.0
    for field in sorted(fields):
        rows = {part: _select_rows(field, document[part]) for part in ("gate", "fit", "bant", "disqualifiers")}
        passing = [
            answer for answer in _generate_answers(field, rows) if _passes(answer, rows["gate"], rows["disqualifiers"])
        ]
        if not passing:
            impossible_fields.append(field)
        chosen = passing or list(_generate_answers(field, rows))
        fit += max((_sum_points(answer, [*rows["gate"], *rows["fit"]]) for answer in chosen), default=0.0)
        bant += max((_sum_points(answer, rows["bant"]) for answer in chosen), default=0.0)
    return BestLead(round(fit, 6), round(bant, 6), tuple(impossible_fields))


def _select_rows(field: str, rows: Rows) -> list[Json]:
    """Return the rows on this field; the values of sets are added under "texts", normalized for comparison."""
    selected = [row for row in rows if row["field"] == field]
    return [
        {**row, "texts": frozenset(map(normalize_text, row["value"]))} if row["op"] in _SETS else row
        for row in selected
    ]


def _passes(answer: Answer, gate: Rows, disqualifiers: Rows) -> bool:
    return all(answer(row) is not False for row in gate) and not any(answer(row) is True for row in disqualifiers)


def _sum_points(answer: Answer, rows: Rows) -> float:
    answers = [(answer(row), float(row["points"])) for row in rows]
    return sum(points if is_met else max(points, 0.0) for is_met, points in answers if is_met is not False)


def _generate_answers(field: str, rows_by_part: dict[str, list[Json]]) -> Iterator[Answer]:
    """Yield one answer for every kind of value that the rows can tell apart."""
    yield _missing_answer
    kind = field_kind(field)
    rows = [row for part in rows_by_part.values() for row in part]
    if kind in (FieldKind.NUMBER, None):
        yield from map(_number_answer, _list_spans(rows))
    if kind == FieldKind.SENIORITY:
        yield from (_seniority_answer(rank) for rank in range(len(Seniority.values)))
        yield _unrecognised_answer
    if kind in (FieldKind.FLAG, None):
        yield from (_flag_answer(flag) for flag in (True, False))
    if kind in (FieldKind.TEXT, None):
        yield from map(_text_answer, _list_texts(rows))
        yield _other_text_answer(rows_by_part["disqualifiers"])
    if kind in (FieldKind.LIST, None):
        yield _text_list_answer(rows_by_part["disqualifiers"])


def _asks_whether_known(row: Json) -> bool | None:
    return bool(row["value"]) if row["op"] == Operator.KNOWN else None


def _missing_answer(row: Json) -> bool:
    return row["op"] == Operator.KNOWN and not row["value"]


def _unrecognised_answer(row: Json) -> bool:
    """Answer for a seniority that is known but stands on no level of the ladder."""
    return bool(_asks_whether_known(row))


def _flag_answer(flag: bool) -> Answer:
    return lambda row: bool(row["value"]) is flag if row["op"] == Operator.IS else bool(_asks_whether_known(row))


# Numbers, and spans of them


def range_ends(row: Json) -> tuple[Any, Any]:
    """Return the lower and the upper end of a range, None where it is open."""
    if row["op"] == Operator.BETWEEN:
        low, high = row["value"]
        return low, high
    return (row["value"], None) if row["op"] == Operator.AT_LEAST else (None, row["value"])


def _list_spans(rows: Rows) -> list[tuple[float, float]]:
    """Return each end of a range, a number between each two, and one beyond either side, as spans (low, high).

    When points can be lost, spans over two of these numbers are added: a whole span may fail a row that each of its
    ends meets.
    """
    cuts = sorted({float(end) for row in rows for end in _row_numbers(row)})
    if not cuts:
        return [(0.0, 0.0)]
    between = [(low + high) / 2 for low, high in pairwise(cuts)]
    values = sorted({cuts[0] - 1, *cuts, *between, cuts[-1] + 1})
    points = [(value, value) for value in values]
    if any(row.get("points", 0) < 0 for row in rows) and len(values) <= _MANY_ENDS:
        points += combinations(values, 2)
    return points


def _row_numbers(row: Json) -> Iterator[float]:
    values = range_ends(row) if row["op"] in _RANGES else row["value"] if isinstance(row["value"], list) else ()
    yield from (value for value in values if isinstance(value, int | float))


def _number_answer(span: tuple[float, float]) -> Answer:
    low, high = span

    def answer(row: Json) -> bool | None:
        if row["op"] in _RANGES:
            bottom, top = range_ends(row)
            return bool((bottom is None or bottom <= low) and (top is None or high <= top))
        if row["op"] in (Operator.IN, Operator.NOT_IN, Operator.HAS_ANY):
            within = low == high and any(_same_number(value, low) for value in row["value"])
            return within is not (row["op"] == Operator.NOT_IN)
        return bool(_asks_whether_known(row))

    return answer


def _same_number(value: object, number: float) -> bool:
    return isinstance(value, int | float) and value == number


# Seniority


def seniority_rank(name: object) -> int:
    return Seniority.values.index(str(name).strip().lower())


def _seniority_answer(rank: int) -> Answer:
    def answer(row: Json) -> bool | None:
        if row["op"] in _RANGES:
            low, high = (None if end is None else seniority_rank(end) for end in range_ends(row))
            return (low is None or low <= rank) and (high is None or rank <= high)
        if row["op"] in (Operator.IN, Operator.NOT_IN):
            return (rank in map(seniority_rank, row["value"])) is not (row["op"] == Operator.NOT_IN)
        return bool(_asks_whether_known(row))

    return answer


# Texts


def normalize_text(value: object) -> str:
    return (f"{value:.15g}" if isinstance(value, float | int) else str(value)).strip().casefold()


def _list_texts(rows: Rows) -> list[str]:
    """Return the texts that sets name; of texts that stand in the same sets, one is enough unless rows search in texts.

    Any other text is covered by `_other_text_answer`.
    """
    rows_by_text: dict[str, list[int]] = {}
    for at, row in enumerate(rows):
        for text in row["texts"] if row["op"] in _SETS - _SEARCHES else ():
            rows_by_text.setdefault(text, []).append(at)
    if any(row["op"] in _SEARCHES for row in rows):
        return sorted(rows_by_text)
    return list({tuple(positions): text for text, positions in rows_by_text.items()}.values())


def _text_answer(text: str) -> Answer:
    def answer(row: Json) -> bool | None:
        if row["op"] in (Operator.IN, Operator.NOT_IN, Operator.HAS_ANY):
            return (text in row["texts"]) is not (row["op"] == Operator.NOT_IN)
        if row["op"] in _SEARCHES:
            return _row_matches(row, text)
        return None if row["op"] == Operator.IN_LIST else bool(_asks_whether_known(row))

    return answer


def _other_text_answer(disqualifiers: Rows) -> Answer:
    """Answer for a text that no set names: it may contain whatever rows search, unless that text alone disqualifies."""
    searches = [row for row in disqualifiers if row["op"] in _SEARCHES]

    def answer(row: Json) -> bool | None:
        if row["op"] in _SEARCHES:
            return _match_if_wanted(row, searches)
        if row["op"] in (Operator.IN, Operator.NOT_IN, Operator.HAS_ANY):
            return bool(row["op"] == Operator.NOT_IN)
        return None if row["op"] == Operator.IN_LIST else bool(_asks_whether_known(row))

    return answer


def _row_matches(row: Json, text: str) -> bool:
    if row["op"] not in _SEARCHES:
        return text in row["texts"]
    return any(_contains(needle, text, whole_words=row["op"] == Operator.HAS_WORD_ANY) for needle in row["texts"])


def _contains(needle: str, text: str, *, whole_words: bool) -> bool:
    if not whole_words:
        return needle in text
    phrase = r"\s+".join(map(re.escape, needle.split()))
    return re.search(rf"(?<!\w)(?:{phrase})(?!\w)", text) is not None


def _match_if_wanted(row: Json, disqualifiers: Rows) -> bool | None:
    """Return None (the lead may choose) if some text of the row matches without being disqualified, else False."""
    usable = any(not any(_row_matches(disqualifier, text) for disqualifier in disqualifiers) for text in row["texts"])
    return None if usable else False


def _text_list_answer(disqualifiers: Rows) -> Answer:
    """Answer for a list of texts: it may or may not hold whatever rows look for."""
    matching = [row for row in disqualifiers if row["op"] in _MATCHES]

    def answer(row: Json) -> bool | None:
        if row["op"] in _MATCHES:
            return _match_if_wanted(row, matching)
        if row["op"] in (Operator.NOT_IN, Operator.IN_LIST):
            return None
        return bool(_asks_whether_known(row))

    return answer
