"""The fields that a criterion can name, the operators that fit them, and the values that they take. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from decimal import Decimal
from typing import Any, Final, NamedTuple

from definitions.document.json_reader import Node, NumberLimits
from definitions.document.values import CHOICES, RANGES, TRUTHS, field_kind
from definitions.vocabulary import FIELDS, OPERATORS_OF, FieldKind, Operator, Part, split_currency
from leads.normalization import locale_formats
from leads.normalization.countries import read_country
from leads.vocabulary import Seniority

CUSTOM_FIELD: Final = re.compile(r"(lead|company)\.custom\.\w[\w .-]{0,99}")
COUNTRY_FIELDS: Final = frozenset({"lead.country", "company.country"})
LONGEST_TEXT: Final = 253
AMOUNT: Final = NumberLimits(digits=18, places=4)

_KINDS: Final = {
    FieldKind.TEXT: "a text",
    FieldKind.NUMBER: "a number",
    FieldKind.FLAG: "a yes or no",
    FieldKind.LIST: "a list",
    FieldKind.SENIORITY: "a seniority",
}


class CriterionValue(NamedTuple):
    """The value that a criterion compares with, in the columns of `CriterionRow`."""

    low: Decimal | None = None
    high: Decimal | None = None
    texts: tuple[str, ...] = ()
    flag: bool | None = None
    list_name: str = ""


def read_field(node: Node) -> str | None:
    """Return the name of a known field or of an own attribute; note a complaint and return None for any other."""
    text = node.value.strip() if isinstance(node.value, str) else ""
    currency = split_currency(text)[1]
    if currency and not locale_formats.is_currency(currency):
        node.complain(f"“{text[:LONGEST_TEXT]}” ends in no code of a currency, as EUR or USD.")
        return None
    return text if currency or CUSTOM_FIELD.fullmatch(text) else node.read_choice(FIELDS, "field")


def explain_misfit(field: str, op: Operator) -> str:
    """Explain why this operator does not fit this field; return "" if it does."""
    kind = field_kind(field)
    if kind is None or op in OPERATORS_OF[kind]:
        return ""
    fitting = ", ".join(sorted(OPERATORS_OF[kind]))
    return f"“{op}” does not fit {field}, which is {_KINDS[kind]}; use one of {fitting}."


def read_value(node: Node, *, field: str, op: Operator, lists: Collection[str]) -> CriterionValue:
    """Read the node under `value` as the operator and the kind of the field demand."""
    if op in TRUTHS:
        return CriterionValue(flag=node.read_truth())
    if op == Operator.IN_LIST:
        return CriterionValue(list_name=node.read_choice(lists, "list") or "")
    if op in CHOICES:
        texts = _read_choices(node, field_kind(field))
        if field in COUNTRY_FIELDS and op in (Operator.IN, Operator.NOT_IN):
            _check_countries(node, texts)
        return CriterionValue(texts=texts)
    if op in RANGES and field_kind(field) == FieldKind.SENIORITY:
        return _read_seniority_range(node, op)
    low, high = (end.read_number(AMOUNT) if end else None for end in _split_ends(node, op))
    if low is not None and high is not None and low > high:
        node.complain(f"the lower end {low:f} is above the upper end {high:f}.")
    return CriterionValue(low=low, high=high)


def _check_countries(node: Node, texts: Collection[str]) -> None:
    """Complain of texts that name no country, or that two countries share: no lead could ever have that value."""
    for text in texts:
        if text.strip() and not read_country(text):
            node.complain(f"“{text}” is no country that Accord knows; write its name, or its code as DE.")


def name_countries_by_code(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a complete document whose criteria write countries as codes, so that two spellings compare as one."""
    coded = {
        str(part): [
            {**row, "value": [read_country(str(text)) or text for text in row["value"]]}
            if row["field"] in COUNTRY_FIELDS and row["op"] in (Operator.IN, Operator.NOT_IN)
            else row
            for row in document[str(part)]
        ]
        for part in Part
    }
    return {**document, **coded}


def _read_seniority_range(node: Node, op: Operator) -> CriterionValue:
    low, high = (_read_seniority(end) if end else "" for end in _split_ends(node, op))
    if low and high and Seniority.values.index(low) > Seniority.values.index(high):
        node.complain(f"the lower end “{low}” is above the upper end “{high}”.")
    return CriterionValue(texts=(low, high))


def _split_ends(node: Node, op: Operator) -> tuple[Node | None, Node | None]:
    if op == Operator.AT_LEAST:
        return node, None
    if op == Operator.AT_MOST:
        return None, node
    ends = list(node.read_items())
    if len(ends) != 2:  # noqa: PLR2004 (a lower and an upper one)
        if isinstance(node.value, list):
            node.complain("must be a list of a lower and an upper end; either may be null.")
        return None, None
    low, high = (None if end.value is None else end for end in ends)
    if low is None and high is None:
        node.complain("needs at least one end.")
    return low, high


def _read_choices(node: Node, kind: FieldKind | None) -> tuple[str, ...]:
    reader = _READERS.get(kind, _read_text)
    texts = tuple(reader(item) for item in node.read_items())
    if not texts and isinstance(node.value, list):
        node.complain("names nothing.")
    return texts


def _read_text(node: Node) -> str:
    return node.read_text(longest=LONGEST_TEXT)


def _read_amount(node: Node) -> str:
    return f"{node.read_number(AMOUNT):f}"


def _read_text_or_amount(node: Node) -> str:
    """Read a value for one of the customer's own attributes: they compare as texts, numbers included."""
    return _read_text(node) if isinstance(node.value, str) else _read_amount(node)


def _read_seniority(node: Node) -> str:
    text = node.value.strip().lower() if isinstance(node.value, str) else node.value
    return Node(text, node.place, node.complaints).read_choice(Seniority.values, "seniority") or Seniority.INTERN


_READERS: Final[dict[FieldKind | None, Callable[[Node], str]]] = {
    FieldKind.NUMBER: _read_amount,
    FieldKind.SENIORITY: _read_seniority,
    None: _read_text_or_amount,
}
