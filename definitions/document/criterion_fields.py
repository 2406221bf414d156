"""A criterion's question: which fields there are, which operators fit them, what answers they take. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from decimal import Decimal
from typing import Final, NamedTuple

from definitions.document.json_reader import Measure, Node
from definitions.document.values import CHOICES, RANGES, TRUTHS, kind_of
from definitions.vocabulary import FIELDS, OPERATORS_OF, FieldKind, Operator
from leads.vocabulary import Seniority

CUSTOM_FIELD: Final = re.compile(r"(lead|company)\.custom\.\w[\w .-]{0,99}")
LONGEST_TEXT: Final = 253
AMOUNT: Final = Measure(digits=18, places=4)

_KINDS: Final = {
    FieldKind.TEXT: "a text",
    FieldKind.NUMBER: "a number",
    FieldKind.FLAG: "a yes or no",
    FieldKind.LIST: "a list",
    FieldKind.SENIORITY: "a seniority",
}


class Answer(NamedTuple):
    """What a criterion compares with, in the columns of `CriterionRow`."""

    low: Decimal | None = None
    high: Decimal | None = None
    texts: tuple[str, ...] = ()
    flag: bool | None = None
    list_name: str = ""


def field(node: Node) -> str | None:
    text = node.value.strip() if isinstance(node.value, str) else ""
    return text if CUSTOM_FIELD.fullmatch(text) else node.choice(FIELDS, "field")


def unfit(field: str, op: Operator) -> str:
    """Why this operator cannot ask this field, or nothing."""
    kind = kind_of(field)
    if kind is None or op in OPERATORS_OF[kind]:
        return ""
    fitting = ", ".join(sorted(OPERATORS_OF[kind]))
    return f"“{op}” does not fit {field}, which is {_KINDS[kind]}; use one of {fitting}."


def answer(node: Node, *, field: str, op: Operator, lists: Collection[str]) -> Answer:
    """What stands under `value`, read as the operator and the field's kind demand."""
    if op in TRUTHS:
        return Answer(flag=node.truth())
    if op == Operator.IN_LIST:
        return Answer(list_name=node.choice(lists, "list") or "")
    if op in CHOICES:
        return Answer(texts=_choices(node, kind_of(field)))
    if op in RANGES and kind_of(field) == FieldKind.SENIORITY:
        return _seniority_range(node, op)
    low, high = (end.number(AMOUNT) if end else None for end in _ends(node, op))
    if low is not None and high is not None and low > high:
        node.complain(f"the lower end {low:f} is above the upper end {high:f}.")
    return Answer(low=low, high=high)


def _seniority_range(node: Node, op: Operator) -> Answer:
    low, high = (_seniority(end) if end else "" for end in _ends(node, op))
    if low and high and Seniority.values.index(low) > Seniority.values.index(high):
        node.complain(f"the lower end “{low}” is above the upper end “{high}”.")
    return Answer(texts=(low, high))


def _ends(node: Node, op: Operator) -> tuple[Node | None, Node | None]:
    if op == Operator.AT_LEAST:
        return node, None
    if op == Operator.AT_MOST:
        return None, node
    ends = list(node.items())
    if len(ends) != 2:  # noqa: PLR2004 (a lower and an upper one)
        if isinstance(node.value, list):
            node.complain("must be a list of a lower and an upper end; either may be null.")
        return None, None
    low, high = (None if end.value is None else end for end in ends)
    if low is None and high is None:
        node.complain("needs at least one end.")
    return low, high


def _choices(node: Node, kind: FieldKind | None) -> tuple[str, ...]:
    reader = _READERS.get(kind, _text)
    texts = tuple(reader(item) for item in node.items())
    if not texts and isinstance(node.value, list):
        node.complain("names nothing.")
    return texts


def _text(node: Node) -> str:
    return node.text(longest=LONGEST_TEXT)


def _amount(node: Node) -> str:
    return f"{node.number(AMOUNT):f}"


def _text_or_amount(node: Node) -> str:
    """The customer's own attributes compare as texts, numbers included."""
    return _text(node) if isinstance(node.value, str) else _amount(node)


def _seniority(node: Node) -> str:
    text = node.value.strip().lower() if isinstance(node.value, str) else node.value
    return Node(text, node.place, node.complaints).choice(Seniority.values, "seniority") or Seniority.INTERN


_READERS: Final[dict[FieldKind | None, Callable[[Node], str]]] = {
    FieldKind.NUMBER: _amount,
    FieldKind.SENIORITY: _seniority,
    None: _text_or_amount,
}
