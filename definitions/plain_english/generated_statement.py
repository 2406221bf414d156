"""A definition in plain English, written from its document so that it always agrees with the rows. Rules 3.10. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Final

from definitions.plain_english import account_statement, phrases
from definitions.plain_english.phrases import count_noun, format_number, join_words
from definitions.vocabulary import (
    FIELDS,
    STATEMENT_SECONDS,
    Axis,
    DecayMode,
    Operator,
    Part,
    UnknownPolicy,
    split_currency,
)

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
    """A statement as it is said. `full_text` holds every row in words where `text` uses names and cuts lists."""

    text: str
    full_text: str = ""

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

    @property
    def is_shortened(self) -> bool:
        return bool(self.full_text) and self.full_text != self.text


class Brevity(IntEnum):
    """The length of a statement: each level keeps the shortenings of the level before."""

    FULL = 0
    #: Hot triggers are called by their names.
    HOT_NAMED = 1
    #: Lists name one item and count the others; those of industries, countries and regions are called as such.
    LISTS_CUT = 2
    #: Paths are called by their names as well.
    ALL_NAMED = 3


def write_statement(document: Json, names: DisplayNames) -> PlainStatement:
    """Write the sentences on every way in, on timing, and on who never qualifies (rules 3.10).

    Of the levels of brevity the first is taken that can be said in 30 seconds, else the shortest.
    """
    full_text = _write_text(document, names, Brevity.FULL)
    statements = (PlainStatement(_write_text(document, names, brevity), full_text) for brevity in Brevity)
    for statement in statements:
        if not statement.is_long:
            break
    return statement


def _write_text(document: Json, names: DisplayNames, brevity: Brevity) -> str:
    sentences = [
        _write_first_sentence(document, names, brevity),
        _write_timing(document, names, brevity),
        _write_exclusions(document, names, brevity),
    ]
    return " ".join(filter(None, sentences))


def _write_first_sentence(document: Json, names: DisplayNames, brevity: Brevity) -> str:
    shown = phrases.SHOWN_CUT if brevity >= Brevity.LISTS_CUT else phrases.SHOWN
    if section := document.get("account"):
        company = account_statement.describe_company(document["gate"], names.list)
        needs = account_statement.describe_account(section, names.signal)
        return f"An AQL is a company{f' {company};' if company else ''} {needs}."
    noun = document["motion"].upper()
    subject = f"{'An' if noun[0] in 'AM' else 'A'} {noun}"
    profile = phrases.describe_profile(document["gate"], names.list, shown=shown)
    ways_in = _describe_ways_in(document, names, brevity)
    if not profile:
        return f"{subject} is anyone who {ways_in}." if ways_in else f"{subject} is not defined yet."
    return f"{subject} {profile}{'; and ' if ways_in else ''}{ways_in}."


def _describe_ways_in(document: Json, names: DisplayNames, brevity: Brevity) -> str:
    """Describe each path and each hot trigger, so that it can follow “anyone who”."""
    paths, hot = _list_with_clauses(document["paths"]), _list_with_clauses(document["hot"])
    if brevity >= Brevity.ALL_NAMED and paths:
        ways_in = [f"meets {_join_names(paths)}"]
    else:
        ways_in = [_describe_requirements(row["clauses"], names, brevity) for row in paths]
    if brevity >= Brevity.HOT_NAMED and hot:
        ways_in.append(f"is hot: {_join_names(hot)}")
    elif hot:
        triggers = "; or ".join(_describe_requirements(row["clauses"], names) for row in hot)
        ways_in.append(f"is hot ({triggers})")
    return f"either {'; or '.join(ways_in)}" if len(ways_in) > 1 else "".join(ways_in)


def _list_with_clauses(rows: Sequence[Json]) -> list[Json]:
    return [row for row in rows if row["clauses"]]


def _join_names(rows: Sequence[Json]) -> str:
    return join_words([f"“{row['name']}”" for row in rows], "or")


def _describe_requirements(clauses: Sequence[Json], names: DisplayNames, brevity: Brevity = Brevity.FULL) -> str:
    shown = phrases.SHOWN_CUT if brevity >= Brevity.LISTS_CUT else None
    return f"has {join_words([describe_clause(row, names, shown=shown) for row in clauses], 'and')}"


def _write_timing(document: Json, names: DisplayNames, brevity: Brevity) -> str:
    if brevity < Brevity.LISTS_CUT or not _judges_timing(document):
        return write_timing_sentence(document, names)
    row = document["timing"]
    parts = [
        f"{subject} {_describe_period(row[key])}"
        for key, subject in (("engaged_within_days", "active"), ("or_request_within_days", "an open request"))
        if row[key] is not None
    ]
    text = join_words(parts, "or")
    return f"{'Unless hot' if _list_with_clauses(document['hot']) else 'Required'}: {text}."


def write_timing_sentence(document: Json, names: DisplayNames) -> str:
    """Write what timing asks and of whom: a hot trigger needs none (rules 3.5). "" where nothing is asked."""
    if not _judges_timing(document):
        return ""
    unless = ", unless hot" if _list_with_clauses(document["hot"]) else ""
    return f"Must have {describe_timing(document, names)}{unless}."


def _judges_timing(document: Json) -> bool:
    """Tell whether timing has a part in any verdict: hot triggers alone are not asked for it."""
    return bool(document["timing"]) and not (
        _list_with_clauses(document["hot"]) and not _list_with_clauses(document["paths"])
    )


def _write_exclusions(document: Json, names: DisplayNames, brevity: Brevity) -> str:
    is_cut = brevity >= Brevity.LISTS_CUT
    rows = phrases.describe_exclusions(document["disqualifiers"], names.list, is_cut=is_cut)
    rows += list_excluding_signals(document, names)
    return f"Never: {'; '.join(rows)}." if rows else ""


def list_excluding_signals(document: Json, names: DisplayNames) -> list[str]:
    """Return a phrase for each signal that disqualifies its lead (rules 4.31)."""
    rows = [(row["signal"], row["disqualifies"]) for row in document["signals"] if row.get("disqualifies")]
    return [f"“{names.signal(code)}”{_describe_return(exclusion['within_days'])}" for code, exclusion in rows]


def _describe_return(days: float | None) -> str:
    """Say what ends an exclusion: not time alone, but activity after so many days (rules 4.31)."""
    return "" if days is None else f", until active again more than {phrases.format_days(days)} later"


def list_holds(document: Json) -> list[str]:
    """Return the fields for whose value a lead waits while it is unknown, of rows of any part (rules 3.15)."""
    rows = [row for part in Part for row in document[part] if row.get("unknown") == UnknownPolicy.HOLD]
    return list(dict.fromkeys(phrases.field_label(row["field"]) for row in rows))


# One line for each row


def describe_criterion(row: Json, names: DisplayNames) -> str:
    """Describe a criterion in full, no list shortened, and what an unknown value means if the row says it."""
    policy = row.get("unknown")
    return _describe_question(row, names) + (f"; unknown {UnknownPolicy(policy).label}" if policy else "")


def _describe_question(row: Json, names: DisplayNames) -> str:
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


def describe_clause(row: Json, names: DisplayNames, *, shown: int | None = None) -> str:
    """Describe a clause so that it can follow “has”; of a longer list of signals only `shown` are named."""
    if "axis" in row:
        return f"at least {format_number(row['at_least'])} {_AXES[Axis(row['axis'])]}"
    return " ".join(filter(None, [_describe_count(row, names, shown), _describe_cluster(row), _describe_window(row)]))


def describe_path(row: Json, names: DisplayNames) -> str:
    """Describe all clauses of a path or hot trigger."""
    clauses = [describe_clause(clause, names) for clause in row["clauses"]]
    return capitalize_first(join_words(clauses, "and")) if clauses else "No clause yet"


def list_ways_in(document: Json, names: DisplayNames) -> list[str]:
    """Return a line for each path and each hot trigger: its kind, its name, all its clauses."""
    kinds = (("paths", "Path"), ("hot", "Hot trigger, enough by itself"))
    return [f"{kind}: “{row['name']}”. {describe_path(row, names)}." for part, kind in kinds for row in document[part]]


def describe_signal_rule(row: Json) -> str:
    points = f"{count_noun(row['points'], 'point')} each{f', {describe_cap(row)}' if describe_cap(row) else ''}"
    if not row.get("disqualifies"):
        return points
    days = row["disqualifies"]["within_days"]
    return f"{points}; excludes{' for good' if days is None else _describe_return(days)}"


def describe_cap(row: Json) -> str:
    if row["cap"] is None:
        return ""
    return f"{'at most' if row['points'] >= 0 else 'down to'} {format_number(row['cap'])} in all"


def _describe_count(row: Json, names: DisplayNames, shown: int | None) -> str:
    signals = [names.signal(code) for code in row["count_of"]]
    times, options = row["at_least"], phrases.join_options(signals, shown=shown)
    if row.get("same"):
        about = f"{join_words(signals, 'and')} about the same asset"
        return about if times == 1 else f"at least {format_number(times)} assets with {join_words(signals, 'and')}"
    if row.get("distinct"):
        return f"at least {format_number(times)} different assets of {options}"
    if len(signals) > 1:
        return f"{f'at least {format_number(times)}' if times > 1 else 'one'} of {options}"
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


def describe_timing(document: Json, names: DisplayNames) -> str:
    """Describe what timing asks for, and the signals that count as activity if the version names them."""
    row = document["timing"]
    if not row:
        return ""
    engaged, request = row["engaged_within_days"], row["or_request_within_days"]
    named = phrases.join_options([names.signal(code) for code in row.get("engaged_by", ())])
    active = f"been active ({named})" if named else "been active"
    parts = [
        "" if engaged is None else f"{active} {_describe_period(engaged)}",
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


def describe_healthy_range(document: Json) -> str:
    """Describe the healthy range of MQL→SQL that the version states (rules 8.35); "" without one."""
    healthy = document.get("mql_to_sql")
    if not healthy:
        return ""
    low, high = (format_number(round(healthy[end] * 100, 1)) for end in ("low", "high"))
    return f"Healthy: {low} to {high} % of them become SQLs."


def describe_tiers(document: Json, names: DisplayNames) -> tuple[str, ...]:
    """Return a sentence for each tier that this version assigns."""
    if section := document.get("account"):
        return account_statement.describe_tiers(section)
    hot = [_describe_requirements(row["clauses"], names) for row in _list_with_clauses(document["hot"])]
    floor = document["tier_3_below"]
    sentences = [f"Tier 1 (hot), by itself: {'; or '.join(hot)}."] if hot else []
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
