"""Checks of the reasons of parts that are no rows: clauses, caps, timing, decay, the floor of tier 3, healthy ranges (rules 3.17)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from config import canonical_json
from definitions.lint.context import LintContext
from definitions.lint.finding import Finding, Severity
from definitions.lint.reachability import PATH_PARTS
from definitions.lint.row_checks import is_empty_rationale
from definitions.lint.whole_checks import engagement_fades
from definitions.plain_english import generated_statement, phrases
from definitions.plain_english.generated_statement import DisplayNames, Json


class ReasonedPart(NamedTuple):
    """A part of a document that has a reason of its own: its place, what it asks in words and as content, and the reason."""

    place: str
    subject: str
    content: str
    rationale: str


def _build_part(place: str, subject: str, rationale: str, **content: object) -> ReasonedPart:
    """Return a part; its content is written without reasons, so that equal parts compare equal."""
    bare = {key: _without_rationale(value) for key, value in content.items()}
    return ReasonedPart(place, subject, canonical_json.write(bare), rationale)


def _without_rationale(value: object) -> object:
    return {key: part for key, part in value.items() if key != "rationale"} if isinstance(value, Mapping) else value


def check(context: LintContext) -> Iterator[Finding]:
    """Find parts without a reason: an error, and a warning where the version in force has the same part without one."""
    missing = [part for part in _list_parts(context.document, context.names) if is_empty_rationale(part.rationale)]
    before = context.change.before if context.change else None
    parts_before = _list_parts(before, context.names) if before else ()
    known = {part.content for part in parts_before if is_empty_rationale(part.rationale)}
    for severity, parts in (
        (Severity.ERROR, [part for part in missing if part.content not in known]),
        (Severity.WARNING, [part for part in missing if part.content in known]),
    ):
        if parts:
            subjects = [part.subject for part in parts]
            if len(subjects) > phrases.SHOWN_EXCLUDED + 1:
                subjects = [*subjects[: phrases.SHOWN_EXCLUDED], f"{len(subjects) - phrases.SHOWN_EXCLUDED} more"]
            yield Finding(
                "rationale.part_missing",
                severity,
                f"{phrases.count_noun(len(parts), 'number')} without a reason: {phrases.join_words(subjects, 'and')}.",
                "Write why each number is this one and no other.",
                tuple(part.place for part in parts),
            )


def _list_parts(document: Json, names: DisplayNames) -> Iterator[ReasonedPart]:
    yield from _list_clauses(document, names)
    yield from _list_caps(document, names)
    if timing := document["timing"]:
        yield _build_part("timing", "timing", timing.get("rationale", ""), timing=timing)
    if document["signals"] and engagement_fades(document):
        fading = {"decay": document["decay"], "inactivity": document["inactivity"]}
        yield _build_part("decay", "decay and inactivity", document["decay"].get("rationale", ""), **fading)
    if floor := document["tier_3_below"]:
        yield _build_part("tier_3_below", "the floor of tier 3", floor.get("rationale", ""), floor=floor)
    if healthy := document.get("mql_to_sql"):
        yield _build_part("mql_to_sql", "the healthy range of MQL→SQL", healthy.get("rationale", ""), healthy=healthy)


def _list_clauses(document: Json, names: DisplayNames) -> Iterator[ReasonedPart]:
    for part in PATH_PARTS:
        for at, path in enumerate(document[part]):
            for index, clause in enumerate(path["clauses"]):
                text = generated_statement.describe_clause(clause, names, shown=phrases.SHOWN_CUT)
                place = f"{part}[{at}].clauses[{index}]"
                yield _build_part(place, f"“{text}”", clause.get("rationale", ""), clause=clause)


def _list_caps(document: Json, names: DisplayNames) -> Iterator[ReasonedPart]:
    for at, row in enumerate(document["signals"]):
        if row["cap"] is not None:
            subject = f"the cap of “{names.signal(row['signal'])}” at {phrases.format_number(row['cap'])}"
            content = {"signal": row["signal"], "cap": row["cap"]}
            yield _build_part(f"signals[{at}]", subject, row.get("cap_rationale", ""), **content)
