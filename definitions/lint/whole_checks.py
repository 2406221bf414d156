"""What the whole lacks or has too much of: time limits, exclusions, brevity, tiers that somebody is in. Rules 3.10, 9.4, 9.5."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from definitions.lint.context import CRITERIA, LintContext
from definitions.lint.finding import Finding, Severity
from definitions.lint.reachability import PathReach, format_amount
from definitions.plain_english import generated_statement, phrases
from definitions.plain_english.generated_statement import Json, PlainStatement
from definitions.vocabulary import STATEMENT_SECONDS, Axis, DecayMode

#: Rules 9.4, 9.5: more criteria than these are warned about, or refused; more rows in all fill more than a screen.
MANY_CRITERIA: Final = 15
TOO_MANY_CRITERIA: Final = 40
ONE_SCREEN: Final = 40
BY_ENGAGEMENT: Final = frozenset({Axis.ENGAGEMENT, Axis.FIT_AND_ENGAGEMENT})


def check(case: LintContext) -> Iterator[Finding]:
    yield from _check_timing(case)
    yield from _check_criteria_count(case)
    yield from _check_row_count(case)
    yield from _check_statement_length(case)
    yield from _check_exclusions(case)
    yield from _check_tier_floor(case)
    yield from _check_hot_triggers(case)


# Time


def engagement_fades(document: Json) -> bool:
    """Whether engagement points go by themselves: by decay, or by the price of silence."""
    decay, silence = document["decay"], document["inactivity"]
    return (decay["mode"] != DecayMode.NONE and bool(decay["percent"])) or bool(silence and silence["points"])


def _check_timing(case: LintContext) -> Iterator[Finding]:
    if case.document["timing"] or not case.document["paths"]:
        return
    windows = any(row.value.get("within_days") is not None for row in case.clauses("paths"))
    if windows or engagement_fades(case.document):
        yield from _warn_of_missing_timing(case)
        return
    asks = not any(way.without_request for way in _reachable_paths(case))
    yield Finding(
        "timing.nothing_ages",
        Severity.WARNING if asks else Severity.ERROR,
        "Nothing bounds how old the interest may be: there is no timing, no path counts within a window, and points do not fade.",
        "Ask for engagement within so many days, count signals within a window, or let points fade.",
        ("timing", "decay"),
    )


def _warn_of_missing_timing(case: LintContext) -> Iterator[Finding]:
    ageless = [row.value["name"] for row in case.rows("paths") if not _expires_by_itself(case.document, row.value)]
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
    """Whether time alone can end the path: one clause is enough."""
    return any(
        clause.get("within_days") is not None or (engagement_fades(document) and clause.get("axis") in BY_ENGAGEMENT)
        for clause in path["clauses"]
    )


def _reachable_paths(case: LintContext) -> list[PathReach]:
    return [way for way in case.ways if way.kind == "paths" and way.reachable]


# Size


def _check_criteria_count(case: LintContext) -> Iterator[Finding]:
    count = len(case.rows(*CRITERIA))
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


def _check_row_count(case: LintContext) -> Iterator[Finding]:
    count = len(case.rows(*CRITERIA, "signals")) + len(list(case.clauses()))
    if count > ONE_SCREEN:
        yield Finding(
            "complex.one_screen",
            Severity.WARNING,
            f"The definition has {count} rows, more than the {ONE_SCREEN} that fit one screen.",
            "Take away signals and rows that decide nothing.",
        )


def _check_statement_length(case: LintContext) -> Iterator[Finding]:
    own = case.document.get("statement")
    said = PlainStatement(own) if own else generated_statement.write_statement(case.document, case.names)
    if said.is_long:
        yield Finding(
            "statement.long",
            Severity.WARNING,
            f"The statement takes {said.seconds} seconds to say ({said.words} words); {STATEMENT_SECONDS} are what people remember.",
            "Shorten it, or simplify the definition until it says itself."
            if own
            else "Simplify, or give it words of your own.",
            ("statement",),
        )


def _check_exclusions(case: LintContext) -> Iterator[Finding]:
    if not case.document["disqualifiers"]:
        yield Finding(
            "exclusions.none",
            Severity.WARNING,
            "Nobody is excluded: neither free e-mail, students and competitors nor current customers.",
            "Add disqualifiers for those whom sales must never get.",
            ("disqualifiers",),
        )


# Tiers


def _check_tier_floor(case: LintContext) -> Iterator[Finding]:
    floor = case.document["tier_3_below"]
    if not floor or not (paths := _reachable_paths(case)):
        return
    axis, below = floor["axis"], floor["less_than"]
    least = min(_least_amount(case.document["paths"][_path_index(path)], axis) for path in paths)
    best = case.best.amount(axis)
    if least >= below:
        sentence = f"Nobody is tier 3: every path asks for at least {format_amount(least)} on that axis, and the floor is {format_amount(below)}."
        yield _build_tier_finding("tier.nobody", sentence)
    elif best < below:
        sentence = f"Everybody who is not hot is tier 3: the floor is {format_amount(below)}, and {format_amount(best)} is the most there can be."
        yield _build_tier_finding("tier.everybody", sentence)


def _build_tier_finding(code: str, sentence: str) -> Finding:
    remedy = "Set the floor between what the paths ask and what good leads have, or take it away."
    return Finding(code, Severity.WARNING, sentence, remedy, ("tier_3_below",))


def _least_amount(path: Json, axis: str) -> float:
    """What any lead on this path has on the axis at least."""
    asked: dict[str, float] = {}
    for clause in path["clauses"]:
        if "axis" in clause:
            asked[clause["axis"]] = max(asked.get(clause["axis"], 0.0), float(clause["at_least"]))
    if axis == Axis.FIT_AND_ENGAGEMENT:
        return max(asked.get(axis, 0.0), asked.get(Axis.FIT, 0.0) + asked.get(Axis.ENGAGEMENT, 0.0))
    return asked.get(axis, 0.0)


def _path_index(way: PathReach) -> int:
    return int(way.place.partition("[")[2].rstrip("]"))


def _check_hot_triggers(case: LintContext) -> Iterator[Finding]:
    """A hot trigger that asks nothing beyond a path makes everybody on that path tier 1."""
    for hot in case.rows("hot"):
        names = [path for path in case.rows("paths") if _implies(path.value["clauses"], hot.value["clauses"])]
        if names:
            yield Finding(
                "hot.as_wide_as_a_path",
                Severity.WARNING,
                f"The hot trigger “{hot.value['name']}” asks no more than {_quote_names(row.value['name'] for row in names)}: "
                "everybody on that path is tier 1.",
                "Ask the hot trigger for more, or take the path away.",
                (hot.place, *(row.place for row in names)),
            )


def _implies(path: Iterable[Json], hot: Iterable[Json]) -> bool:
    """Whether whoever meets the path surely meets the trigger, clause for clause."""
    given = list(path)
    return bool(given) and all(any(is_at_least_as_strict(one, asked) for one in given) for asked in hot)


def is_at_least_as_strict(one: Json, other: Json) -> bool:
    """Whether all who meet the one clause meet the other."""
    if "axis" in one or "axis" in other:
        return one.get("axis") == other.get("axis") and one["at_least"] >= other["at_least"]
    return (
        set(one["count_of"]) <= set(other["count_of"])
        and one["at_least"] >= other["at_least"]
        and _window_days(one, "within_days") <= _window_days(other, "within_days")
        and one.get("within_hours_of_each_other") == other.get("within_hours_of_each_other")
        and (one.get("distinct") == other.get("distinct") or not other.get("distinct"))
    )


def _window_days(clause: Json, name: str) -> float:
    days = clause.get(name)
    return float("inf") if days is None else float(days)


def _quote_names(names: Iterable[str]) -> str:
    return phrases.join_words([f"“{name}”" for name in names], "and")
