"""Checks of the definition as a whole: time limits, size, exclusions, tiers. Rules 3.10, 9.4, 9.5."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from definitions.lint.context import CRITERIA, LintContext
from definitions.lint.finding import Finding, Severity
from definitions.lint.reachability import PathReach, format_amount
from definitions.plain_english import generated_statement, phrases
from definitions.plain_english.generated_statement import Json, PlainStatement
from definitions.vocabulary import STATEMENT_SECONDS, Axis, DecayMode

#: Rules 9.4, 9.5: more criteria than MANY are a warning, more than TOO_MANY an error; ONE_SCREEN counts all rows.
MANY_CRITERIA: Final = 15
TOO_MANY_CRITERIA: Final = 40
ONE_SCREEN: Final = 40
#: Words by which an author names all hot triggers at once.
_NAMES_FAST_TRACK: Final = re.compile(r"\bhot\b|\bfast[- ]track|\bby itself\b|\bon its own\b|\balone\b")
#: What a mail program does or a third party reports: no interest that the person shows.
_NO_INTEREST: Final = ("email_open", "newsletter_open", "job_posting")
BY_ENGAGEMENT: Final = frozenset({Axis.ENGAGEMENT, Axis.FIT_AND_ENGAGEMENT})


def check(context: LintContext) -> Iterator[Finding]:
    yield from _check_timing(context)
    yield from _check_fresh_engagement(context)
    yield from _check_criteria_count(context)
    yield from _check_row_count(context)
    yield from _check_statement_length(context)
    yield from _check_own_words(context)
    yield from _check_exclusions(context)
    yield from _check_tier_floor(context)
    yield from _check_hot_triggers(context)


# Time


def engagement_fades(document: Json) -> bool:
    """Tell whether engagement points shrink with time: by decay, or by the inactivity penalty."""
    decay, silence = document["decay"], document["inactivity"]
    return (decay["mode"] != DecayMode.NONE and bool(decay["percent"])) or bool(silence and silence["points"])


def _check_fresh_engagement(context: LintContext) -> Iterator[Finding]:
    """Find opened mails and job postings that count as fresh engagement because timing does not name what counts."""
    timing = context.document["timing"]
    if not timing or timing["engaged_within_days"] is None or timing.get("engaged_by"):
        return
    meanings = context.meanings
    counted = [code for code in _NO_INTEREST if code in meanings and meanings[code].is_engagement]
    if counted:
        quoted = [f"“{context.names.signal(code)}”" for code in counted]
        yield Finding(
            "timing.opens_count",
            Severity.ADVICE,
            f"As fresh engagement counts {phrases.join_options(quoted)}, though the person need not have shown any interest.",
            "Name under timing the signals that count.",
            ("timing",),
        )


def _check_timing(context: LintContext) -> Iterator[Finding]:
    if context.document["timing"] or not context.document["paths"]:
        return
    windows = any(row.value.get("within_days") is not None for row in context.clauses("paths"))
    if windows or engagement_fades(context.document):
        yield from _warn_of_missing_timing(context)
        return
    needs_request = not any(reach.without_request for reach in _reachable_paths(context))
    yield Finding(
        "timing.nothing_ages",
        Severity.WARNING if needs_request else Severity.ERROR,
        "Nothing bounds how old the interest may be: there is no timing, no path counts within a window, and points do not fade.",
        "Ask for engagement within so many days, count signals within a window, or let points fade.",
        ("timing", "decay"),
    )


def _warn_of_missing_timing(context: LintContext) -> Iterator[Finding]:
    ageless = [
        row.value["name"] for row in context.rows("paths") if not _expires_by_itself(context.document, row.value)
    ]
    sentence = (
        f"There is no timing, and nothing else bounds the age of {_quote_names(ageless)}: it stays met for ever."
        if ageless
        else "There is no timing: how recent interest must be follows from windows and fading points alone."
    )
    yield Finding(
        "timing.none",
        Severity.WARNING,
        sentence,
        "Ask for engagement within so many days, or an open request.",
        ("timing",),
    )


def _expires_by_itself(document: Json, path: Json) -> bool:
    """Tell whether time alone ends a path; one clause that time ends is enough."""
    return any(
        clause.get("within_days") is not None or (engagement_fades(document) and clause.get("axis") in BY_ENGAGEMENT)
        for clause in path["clauses"]
    )


def _reachable_paths(context: LintContext) -> list[PathReach]:
    return [reach for reach in context.reaches if reach.kind == "paths" and reach.reachable]


# Size


def _check_criteria_count(context: LintContext) -> Iterator[Finding]:
    count = len(context.rows(*CRITERIA))
    if count <= MANY_CRITERIA:
        return
    limit = TOO_MANY_CRITERIA if count > TOO_MANY_CRITERIA else MANY_CRITERIA
    yield Finding(
        "complex.many_criteria",
        Severity.ERROR if count > TOO_MANY_CRITERIA else Severity.WARNING,
        f"There are {count} criteria, more than {limit}: nobody keeps them in mind, so nobody can tell why a lead qualified.",
        "Keep those that the closed-won data speak for, and join rows on the same field.",
        CRITERIA,
    )


def _check_row_count(context: LintContext) -> Iterator[Finding]:
    count = len(context.rows(*CRITERIA, "signals")) + len(list(context.clauses()))
    if count > ONE_SCREEN:
        yield Finding(
            "complex.one_screen",
            Severity.WARNING,
            f"The definition has {count} rows, more than the {ONE_SCREEN} that fit one screen.",
            "Take away signals and rows that decide nothing.",
        )


def _check_statement_length(context: LintContext) -> Iterator[Finding]:
    own_text = context.document.get("statement")
    statement = (
        PlainStatement(own_text) if own_text else generated_statement.write_statement(context.document, context.names)
    )
    if statement.is_long:
        yield Finding(
            "statement.long",
            Severity.WARNING,
            f"The statement takes {statement.seconds} seconds to say ({statement.word_count} words); "
            f"{STATEMENT_SECONDS} are what people remember.",
            "Shorten it, or simplify the definition until it says itself."
            if own_text
            else "Simplify, or give it words of your own.",
            ("statement",),
        )


def _check_own_words(context: LintContext) -> Iterator[Finding]:
    """Find hot triggers that the author's own words leave out, as far as that can be recognised."""
    text = str(context.document.get("statement") or "").casefold()
    if not text or _NAMES_FAST_TRACK.search(text):
        return
    by_path = {code for clause in context.clauses("paths") for code in clause.value.get("count_of", ())}
    left_out = [
        row
        for row in context.rows("hot")
        if row.value["clauses"] and not _names_trigger(text, row.value, by_path, context)
    ]
    if left_out:
        names = _quote_names(row.value["name"] for row in left_out)
        yield Finding(
            "statement.way_in_missing",
            Severity.WARNING,
            f"Your own words leave out a way in: {names} qualifies by itself, without any path or timing.",
            "Name the hot trigger in your words, or let the rows speak.",
            ("statement", *(row.place for row in left_out)),
        )


def _names_trigger(text: str, trigger: Json, by_path: set[str], context: LintContext) -> bool:
    """Tell whether a text names a hot trigger, or a signal that only hot triggers count."""
    signals = {code for clause in trigger["clauses"] for code in clause.get("count_of", ())} - by_path
    names = [trigger["name"], *(context.names.signal(code) for code in signals)]
    return any(name.casefold() in text for name in names)


def _check_exclusions(context: LintContext) -> Iterator[Finding]:
    if not context.document["disqualifiers"]:
        yield Finding(
            "exclusions.none",
            Severity.WARNING,
            "Nobody is excluded: neither free e-mail, students and competitors nor current customers.",
            "Add disqualifiers for those whom sales must never get.",
            ("disqualifiers",),
        )


# Tiers


def _check_tier_floor(context: LintContext) -> Iterator[Finding]:
    floor = context.document["tier_3_below"]
    if not floor or not (paths := _reachable_paths(context)):
        return
    axis, below = floor["axis"], floor["less_than"]
    least = min(_least_amount(context.document["paths"][_path_index(path)], axis) for path in paths)
    best = context.best_points.amount(axis)
    if least >= below:
        sentence = (
            f"Nobody is tier 3: every path asks for at least {format_amount(least)} on that axis, "
            f"and the floor is {format_amount(below)}."
        )
        yield _build_tier_finding("tier.nobody", sentence)
    elif best < below:
        sentence = (
            f"Everybody who is not hot is tier 3: the floor is {format_amount(below)}, "
            f"and {format_amount(best)} is the most there can be."
        )
        yield _build_tier_finding("tier.everybody", sentence)


def _build_tier_finding(code: str, sentence: str) -> Finding:
    remedy = "Set the floor between what the paths ask and what good leads have, or take it away."
    return Finding(code, Severity.WARNING, sentence, remedy, ("tier_3_below",))


def _least_amount(path: Json, axis: str) -> float:
    """Return the least amount on the axis that any lead on this path has."""
    amounts: dict[str, float] = {}
    for clause in path["clauses"]:
        if "axis" in clause:
            amounts[clause["axis"]] = max(amounts.get(clause["axis"], 0.0), float(clause["at_least"]))
    if axis == Axis.FIT_AND_ENGAGEMENT:
        return max(amounts.get(axis, 0.0), amounts.get(Axis.FIT, 0.0) + amounts.get(Axis.ENGAGEMENT, 0.0))
    return amounts.get(axis, 0.0)


def _path_index(reach: PathReach) -> int:
    return int(reach.place.partition("[")[2].rstrip("]"))


def _check_hot_triggers(context: LintContext) -> Iterator[Finding]:
    """Find hot triggers that demand nothing beyond a path, so that everybody on that path is tier 1."""
    for hot in context.rows("hot"):
        paths = [path for path in context.rows("paths") if _implies(path.value["clauses"], hot.value["clauses"])]
        if paths:
            yield Finding(
                "hot.as_wide_as_a_path",
                Severity.WARNING,
                f"The hot trigger “{hot.value['name']}” asks no more than {_quote_names(row.value['name'] for row in paths)}: "
                "everybody on that path is tier 1.",
                "Ask the hot trigger for more, or take the path away.",
                (hot.place, *(row.place for row in paths)),
            )


def _implies(path: Iterable[Json], hot: Iterable[Json]) -> bool:
    """Tell whether every lead that meets the path's clauses meets the hot trigger's, compared clause by clause."""
    path_clauses = list(path)
    return bool(path_clauses) and all(
        any(is_at_least_as_strict(path_clause, hot_clause) for path_clause in path_clauses) for hot_clause in hot
    )


def is_at_least_as_strict(clause: Json, looser_clause: Json) -> bool:
    """Tell whether every lead that meets `clause` meets `looser_clause`."""
    if "axis" in clause or "axis" in looser_clause:
        return clause.get("axis") == looser_clause.get("axis") and clause["at_least"] >= looser_clause["at_least"]
    return (
        set(clause["count_of"]) <= set(looser_clause["count_of"])
        and clause["at_least"] >= looser_clause["at_least"]
        and _window_days(clause, "within_days") <= _window_days(looser_clause, "within_days")
        and clause.get("within_hours_of_each_other") == looser_clause.get("within_hours_of_each_other")
        and (clause.get("distinct") == looser_clause.get("distinct") or not looser_clause.get("distinct"))
        and clause.get("same") == looser_clause.get("same")
    )


def _window_days(clause: Json, name: str) -> float:
    days = clause.get(name)
    return float("inf") if days is None else float(days)


def _quote_names(names: Iterable[str]) -> str:
    return phrases.join_words([f"“{name}”" for name in names], "and")
