"""A definition in plain English, written from its document so that it always agrees with the rows. Rules 3.10. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from definitions.plain_english import account_statement, phrases
from definitions.plain_english.phrases import count_noun, format_number, join_words
from definitions.vocabulary import FIELDS, STATEMENT_SECONDS, Axis, DecayMode, Operator, split_currency

#: A document, or a part of one, as `definitions.version_documents.export_document` writes it.
Json = Mapping[str, Any]

WORDS_PER_MINUTE: Final = 150

_AXES: Final = {
    Axis.FIT: "fit points",
    Axis.ENGAGEMENT: "engagement points",
    Axis.BANT: "BANT points",
    Axis.FIT_AND_ENGAGEMENT: "points of fit and engagement together",
}


@dataclass(frozen=True, slots=True)
class DisplayNames:
    """The display names of signals and named lists, by code. A signal or list without a name is called by its code."""

    signals: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)

    def signal(self, code: str) -> str:
        return _lower_first(self.signals.get(code) or code.replace("_", " "))

    def list(self, code: str) -> str:
        return _lower_first(self.lists.get(code) or code.replace("_", " "))


@dataclass(frozen=True, slots=True)
class PlainStatement:
    text: str

    @property
    def word_count(self) -> int:
        return len(self.text.split())

    @property
    def seconds(self) -> int:
        """Return the time to read it aloud at 150 words a minute."""
        return math.ceil(self.word_count * 60 / WORDS_PER_MINUTE)

    @property
    def is_long(self) -> bool:
        return self.seconds > STATEMENT_SECONDS


def write_statement(document: Json, names: DisplayNames) -> PlainStatement:
    """Write the sentences on who qualifies, on timing, and on who never qualifies."""
    sentences = [_write_first_sentence(document, names), _write_timing(document), _write_exclusions(document, names)]
    return PlainStatement(" ".join(filter(None, sentences)))


def _write_first_sentence(document: Json, names: DisplayNames) -> str:
    if section := document.get("account"):
        company = account_statement.describe_company(document["gate"], names.list)
        needs = account_statement.describe_account(section, names.signal)
        return f"An AQL is a company{f' {company};' if company else ''} {needs}."
    noun = document["motion"].upper()
    subject = f"{'An' if noun[0] in 'AM' else 'A'} {noun}"
    profile = phrases.describe_profile(document["gate"], names.list)
    behaviour = _describe_behaviour(document["paths"], names)
    if not profile:
        return f"{subject} is anyone who {behaviour}." if behaviour else f"{subject} is not defined yet."
    return f"{subject} {profile}{'; and ' if behaviour else ''}{behaviour}."


def _describe_behaviour(paths: Sequence[Json], names: DisplayNames) -> str:
    descriptions = [_describe_requirements(path["clauses"], names) for path in paths if path["clauses"]]
    if len(descriptions) > 1:
        return f"either {'; or '.join(descriptions)}"
    return "".join(descriptions)


def _describe_requirements(clauses: Sequence[Json], names: DisplayNames) -> str:
    return f"has {join_words([describe_clause(row, names) for row in clauses], 'and')}"


def _write_timing(document: Json) -> str:
    sentence = describe_timing(document)
    return f"Must have {sentence}." if sentence else ""


def _write_exclusions(document: Json, names: DisplayNames) -> str:
    rows = phrases.describe_exclusions(document["disqualifiers"], names.list)
    return f"Never: {'; '.join(rows)}." if rows else ""


# One line for each row


def describe_criterion(row: Json, names: DisplayNames) -> str:
    """Describe a criterion in full, no list shortened."""
    base, currency = split_currency(row["field"])
    label = field_label(base)
    op, value = Operator(row["op"]), row["value"]
    if op == Operator.IS:
        return f"{label}: {'yes' if value else 'no'}"
    if op == Operator.KNOWN:
        return f"{field_label(row['field'])} is {'known' if value else 'not known'}"
    if op == Operator.IN_LIST:
        return f"{label} is in the list “{names.list(value)}”"
    return f"{label} {phrases.describe_comparison(op, value, unit=currency)}"


def field_label(name: str) -> str:
    """Return the words for a field with a capital letter; an attribute of the customer's own keeps its name."""
    label = phrases.field_label(name)
    return capitalize_first(label) if name in FIELDS or split_currency(name)[1] else label


def describe_clause(row: Json, names: DisplayNames) -> str:
    """Describe a clause so that it can follow “has”."""
    if "axis" in row:
        return f"at least {format_number(row['at_least'])} {_AXES[Axis(row['axis'])]}"
    return " ".join(filter(None, [_describe_count(row, names), _describe_cluster(row), _describe_window(row)]))


def describe_path(row: Json, names: DisplayNames) -> str:
    """Describe all clauses of a path or hot trigger."""
    clauses = [describe_clause(clause, names) for clause in row["clauses"]]
    return capitalize_first(join_words(clauses, "and")) if clauses else "No clause yet"


def describe_signal_rule(row: Json) -> str:
    return f"{count_noun(row['points'], 'point')} each{f', {describe_cap(row)}' if describe_cap(row) else ''}"


def describe_cap(row: Json) -> str:
    if row["cap"] is None:
        return ""
    return f"{'at most' if row['points'] >= 0 else 'down to'} {format_number(row['cap'])} in all"


def _describe_count(row: Json, names: DisplayNames) -> str:
    signals = [names.signal(code) for code in row["count_of"]]
    times = row["at_least"]
    if row.get("distinct"):
        return f"at least {format_number(times)} different assets of {join_words(signals, 'or')}"
    if len(signals) > 1:
        return f"{f'at least {format_number(times)}' if times > 1 else 'one'} of {join_words(signals, 'or')}"
    return f"{signals[0]} at least {format_number(times)} times" if times > 1 else f"at least one {signals[0]}"


def _describe_cluster(row: Json) -> str:
    hours = row.get("within_hours_of_each_other")
    return "" if hours is None else f"within {count_noun(hours, 'hour')} of each other"


def _describe_window(row: Json) -> str:
    """Describe the window of a count; with a cluster it is the window of the cluster's last event."""
    if row.get("within_hours_of_each_other") is None:
        return _describe_period(row["within_days"])
    return "" if row["within_days"] is None else f"({_describe_period(row['within_days'])})"


def _describe_period(days: float | None) -> str:
    return "ever" if days is None else f"in the last {phrases.format_days(days)}"


# The version's other sentences


def describe_timing(document: Json) -> str:
    row = document["timing"]
    if not row:
        return ""
    engaged, request = row["engaged_within_days"], row["or_request_within_days"]
    parts = [
        "" if engaged is None else f"been active {_describe_period(engaged)}",
        "" if request is None else f"an open request of their own {_describe_period(request)}",
    ]
    return join_words([part for part in parts if part], "or")


def describe_decay(document: Json) -> str:
    """Describe the decay of points and the inactivity penalty."""
    row, sentences = document["decay"], []
    span = phrases.format_days(row["per_days"])
    if row["mode"] == DecayMode.NONE or not row["percent"]:
        sentences.append("Points do not fade.")
    elif row["mode"] == DecayMode.LINEAR:
        sentences.append(
            f"Points fade by {format_number(row['percent'])} % of their full value every {span}, down to nothing."
        )
    else:
        sentences.append(f"Points fade by {format_number(row['percent'])} % every {span}.")
    if silence := document["inactivity"]:
        sentences.append(
            f"After {phrases.format_days(silence['after_days'])} without activity, engagement loses "
            f"{count_noun(silence['points'], 'point')} for each full {phrases.format_days(silence['per_days'])} more."
        )
    return " ".join(sentences)


def describe_ceilings(document: Json) -> str:
    """Describe the limited axes and their ceilings."""
    limited = [
        f"{_axis_name(axis)} at {format_number(top)}" for axis, top in document["ceilings"].items() if top is not None
    ]
    return f"Scores end at a ceiling: {join_words(limited, 'and')}." if limited else "Scores have no ceiling."


def describe_tiers(document: Json, names: DisplayNames) -> tuple[str, ...]:
    """Return a sentence for each tier that this version assigns."""
    if section := document.get("account"):
        return account_statement.describe_tiers(section)
    hot = [
        f"has {join_words([describe_clause(clause, names) for clause in row['clauses']], 'and')}"
        for row in document["hot"]
        if row["clauses"]
    ]
    floor = document["tier_3_below"]
    sentences = [f"Tier 1 (hot): {'; or '.join(hot)}."] if hot else []
    sentences.append(f"Tier 2: every {'other ' if hot or floor else ''}{document['motion'].upper()}.")
    if floor:
        sentences.append(f"Tier 3: fewer than {format_number(floor['less_than'])} {_AXES[Axis(floor['axis'])]}.")
    return tuple(sentences)


def _axis_name(axis: str) -> str:
    return "BANT" if axis == Axis.BANT else axis


def capitalize_first(text: str) -> str:
    return text[:1].upper() + text[1:]


def _lower_first(name: str) -> str:
    """Lower the first letter for use inside a sentence: “demo request”.

    “PDF download” and “LinkedIn visit” stay as they are.
    """
    first = name.split(" ", 1)[0]
    return name[:1].lower() + name[1:] if first[1:].islower() else name
