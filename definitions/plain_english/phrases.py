"""The phrases of plain English: numbers, spans of time, lists, criteria inside a sentence. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from definitions.vocabulary import FIELDS, Operator, UnknownPolicy, split_currency

#: Longer lists are cut in the statement, with the number of items left out; the rows themselves show all items.
SHOWN: Final = 5
SHOWN_EXCLUDED: Final = 3
#: In a statement that would be too long, a list of three or more names one item and counts the others.
SHOWN_CUT: Final = 1
#: In such a statement the longer lists of companies are called by their names instead: “in our industries and countries”.
_GROUP_NAMES: Final = {
    "company.industry": "industries",
    "company.country": "countries",
    "company.region": "regions",
}
_HOURS: Final = 24
_DAYS_IN_HOURS: Final = 2

_EMAIL_DOMAIN: Final = "lead.email_domain"

ListName = Callable[[str], str]
Row = Mapping[str, Any]


def format_number(value: float) -> str:
    return f"{value:,.10g}" if isinstance(value, int) or abs(value) < 1e9 else f"{value:,.2f}"  # noqa: PLR2004 (ten digits hold no decimals beyond)


def count_noun(value: float, noun: str) -> str:
    return f"{format_number(value)} {noun}{'' if value in (1, -1) else 's'}"


def format_days(days: float) -> str:
    """Format a span of days: 30 becomes “30 days”; spans under two days are in hours."""
    return count_noun(days, "day") if days >= _DAYS_IN_HOURS else count_noun(days * _HOURS, "hour")


def join_words(parts: Iterable[str], conjunction: str) -> str:
    """Join parts as “a, b or c”."""
    *first, last = list(parts) or [""]
    return f"{', '.join(first)} {conjunction} {last}" if first else last


def join_options(values: Sequence[object], *, shown: int | None = None) -> str:
    texts = [format_number(value) if isinstance(value, int | float) else str(value) for value in values]
    if shown and len(texts) > shown + 1:
        texts = [*texts[:shown], f"{len(texts) - shown} more"]
    return join_words(texts, "or")


def describe_comparison(op: Operator, value: Any, *, shown: int | None = None, unit: str = "") -> str:
    """Describe an operator and its value, to follow the name of a field; `unit` is the currency of an amount."""
    if unit:
        return f"{describe_comparison(op, value, shown=shown)} {unit}"
    if op == Operator.BETWEEN:
        return _describe_between(*value)
    if op in (Operator.AT_LEAST, Operator.AT_MOST):
        return f"is at {'least' if op == Operator.AT_LEAST else 'most'} {format_value(value)}"
    verbs = {
        Operator.IN: "is",
        Operator.NOT_IN: "is none of",
        Operator.CONTAINS_ANY: "contains",
        Operator.HAS_WORD_ANY: "has the word",
        Operator.HAS_ANY: "includes",
    }
    return f"{verbs[op]} {join_options(value, shown=shown)}"


def format_value(value: object) -> str:
    return format_number(value) if isinstance(value, int | float) else str(value)


def _describe_between(low: object, high: object) -> str:
    if low is None:
        return f"is at most {format_value(high)}"
    if high is None:
        return f"is at least {format_value(low)}"
    return f"is {format_value(low)} to {format_value(high)}"


def describe_profile(gate: Sequence[Row], list_name: ListName, *, shown: int = SHOWN) -> str:
    """Describe the gate as the middle of a sentence: “works at a company with … in …, and is a person whose …”."""
    rows = [row for row in gate if row["field"].startswith("company.")]
    grouped = [row for row in rows if shown == SHOWN_CUT and _is_group(row)]
    company = [describe_company_criterion(row, list_name, shown=shown) for row in rows if row not in grouped]
    if grouped:
        company.append(f"in our {join_words([_GROUP_NAMES[row['field']] for row in grouped], 'and')}")
    person = [
        f"whose {describe_question(row, list_name, shown=shown)}" for row in gate if row["field"].startswith("lead.")
    ]
    parts = [f"works at a company {', '.join(company)}"] if company else []
    if person:
        parts.append(f"is a person {' and '.join(person)}")
    return " and ".join(parts)


def _is_group(row: Row) -> bool:
    """Tell whether a criterion asks for one of a list of industries or places that is too long to be said."""
    return row["field"] in _GROUP_NAMES and row["op"] == Operator.IN and len(row["value"]) > SHOWN_CUT + 1


def describe_company_criterion(row: Row, list_name: ListName, *, shown: int = SHOWN) -> str:
    op, value = Operator(row["op"]), row["value"]
    if row["field"] == "company.employees" and op in _RANGES:
        return f"with {format_range(op, value)} employees"
    prepositions = {"company.industry": "in", "company.country": "based in", "company.region": "based in"}
    if row["field"] in prepositions and op in (Operator.IN, Operator.NOT_IN):
        negation = "not " if op == Operator.NOT_IN else ""
        return f"{negation}{prepositions[row['field']]} {join_options(value, shown=shown)}"
    if row["field"] == "company.technologies" and op == Operator.HAS_ANY:
        return f"that uses {join_options(value, shown=shown)}"
    if op == Operator.IS and row["field"] in _COMPANY_IS:
        return f"that is {'' if value else 'not '}{_COMPANY_IS[row['field']]}"
    return f"whose {describe_question(row, list_name, shown=shown)}"


_RANGES: Final = frozenset({Operator.BETWEEN, Operator.AT_LEAST, Operator.AT_MOST})
_COMPANY_IS: Final = {"company.is_customer": "a current customer", "company.is_competitor": "a competitor"}
_EXCLUDED_WHEN: Final = {
    "company.is_customer": ("current customers", "companies that are not customers yet"),
    "company.is_competitor": ("competitors", "companies that are not competitors"),
    "lead.do_not_contact": ("do not contact", "people whom we may contact"),
}


def format_range(op: Operator, value: Any) -> str:
    low, high = value if op == Operator.BETWEEN else (value, None) if op == Operator.AT_LEAST else (None, value)
    if low is not None and high is not None:
        return f"{format_value(low)} to {format_value(high)}"
    return f"at least {format_value(low)}" if high is None else f"at most {format_value(high)}"


def describe_question(row: Row, list_name: ListName, *, shown: int = SHOWN) -> str:
    """Describe a criterion in lower case, inside a sentence, with long lists cut."""
    op, value = Operator(row["op"]), row["value"]
    base, currency = split_currency(row["field"])
    label = field_label(base)
    if op == Operator.IS:
        return f"{label} is {'yes' if value else 'no'}"
    if op == Operator.KNOWN:
        return f"{label}{f' in {currency}' if currency else ''} is {'known' if value else 'not known'}"
    if op == Operator.IN_LIST:
        return f"{label} is on the list of {list_name(value)}"
    return f"{label} {describe_comparison(op, value, shown=shown, unit=currency)}"


def describe_exclusions(rows: Sequence[Row], list_name: ListName, *, is_cut: bool = False) -> list[str]:
    """Return the phrases that follow “Never:”. Rows on e-mail domains are merged into one, wherever they stand.

    `is_cut` counts the lists, domains and words instead of naming them.
    """
    merged = _merge_email_rows(_merge_email_rows(rows, Operator.IN), Operator.IN_LIST)
    return [
        ((is_cut and _count_exclusion(row)) or describe_exclusion(row, list_name))
        + (", or that is unknown" if row.get("unknown") == UnknownPolicy.FAIL else "")
        for row in merged
    ]


def describe_exclusion(row: Row, list_name: ListName) -> str:
    """Describe a disqualifier after “Never:”."""
    op, value = Operator(row["op"]), row["value"]
    if op == Operator.IS and row["field"] in _EXCLUDED_WHEN:
        return _EXCLUDED_WHEN[row["field"]][0 if value else 1]
    if row["field"] == _EMAIL_DOMAIN and op == Operator.IN_LIST:
        names = [list_name(code) for code in ([value] if isinstance(value, str) else value)]
        return f"e-mail on the list of {join_words(names, 'or')}"
    if row["field"] == _EMAIL_DOMAIN and op == Operator.IN:
        return f"e-mail at {join_options(value, shown=SHOWN_EXCLUDED)}"
    return describe_question(row, list_name, shown=SHOWN_EXCLUDED)


def _merge_email_rows(rows: Sequence[Row], op: Operator) -> list[Row]:
    """Return the rows with those on e-mail domains by this operator joined into the first of them."""
    same = [row for row in rows if row["field"] == _EMAIL_DOMAIN and row["op"] == op and not row.get("unknown")]
    if len(same) < 2:  # noqa: PLR2004 (one row has nothing to be joined with)
        return list(rows)
    values = [value for row in same for value in ([row["value"]] if op == Operator.IN_LIST else row["value"])]
    joined = {**same[0], "value": values}
    return [joined if row is same[0] else row for row in rows if not any(row is other for other in same[1:])]


def _count_exclusion(row: Row) -> str:
    """Describe a disqualifier with several values by their number; "" for any other."""
    count = len(row["value"]) if isinstance(row["value"], list | tuple) else 1
    if row["op"] == Operator.BETWEEN or count == 1:
        return ""
    if row["field"] == _EMAIL_DOMAIN and row["op"] in (Operator.IN, Operator.IN_LIST):
        return f"e-mail {f'on {count} lists' if row['op'] == Operator.IN_LIST else f'at {count} domains'}"
    if row["op"] in (Operator.CONTAINS_ANY, Operator.HAS_WORD_ANY):
        return f"{field_label(row['field'])} with one of {count} words"
    return ""


def field_label(name: str) -> str:
    """Return the words for a field, in lower case; an amount in one currency says which: “budget in EUR”."""
    base, currency = split_currency(name)
    if currency:
        return f"{field_label(base)} in {currency}"
    return str(FIELDS[name][1]) if name in FIELDS else name.partition(".custom.")[2] or name
