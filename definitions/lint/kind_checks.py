"""Checks of the kind of a definition, its summary and how much there is to keep in mind. Rules 3.18 to 3.20."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from definitions.lint.context import CRITERIA, LintContext
from definitions.lint.finding import Finding, Severity
from definitions.lint.reachability import PATH_PARTS
from definitions.plain_english import phrases
from definitions.plain_english.generated_statement import Json
from definitions.vocabulary import DecayMode, DefinitionKind

#: More ways to change points than these, and nobody can work out a score in their head (rules 3.20).
MODIFIERS_AT_MOST: Final = 2
_END_OF_SENTENCE: Final = re.compile(r"[.!?]\s+\S")


def check(context: LintContext) -> Iterator[Finding]:
    yield from _check_summary(context)
    if not context.document.get("account"):
        yield from _check_kind(context)
        yield from _check_modifiers(context)


@dataclass(frozen=True, slots=True)
class Complexity:
    """The rows of a version that people have to keep in mind, as counts (rules 3.20)."""

    criteria: int
    signals: int
    clauses: int
    modifiers: tuple[str, ...]

    @property
    def sentence(self) -> str:
        counts = [
            f"{self.criteria} {'criterion' if self.criteria == 1 else 'criteria'}",
            phrases.count_noun(self.signals, "signal"),
            phrases.count_noun(self.clauses, "clause"),
        ]
        changed = f"; points are changed by {phrases.join_words(self.modifiers, 'and')}" if self.modifiers else ""
        return f"{phrases.join_words(counts, 'and')}{changed}."


def measure_complexity(document: Json) -> Complexity:
    """Count the criteria, signals and clauses of a complete document, and name what changes points."""
    modifiers = {
        "fading": document["signals"] and document["decay"]["mode"] != DecayMode.NONE and document["decay"]["percent"],
        "caps": any(row["cap"] is not None for row in document["signals"]),
        "negative points": any(
            row["points"] < 0 for row in (*document["signals"], *document["fit"], *document["bant"])
        ),
        "a penalty for silence": document["inactivity"],
    }
    return Complexity(
        criteria=sum(len(document[part]) for part in CRITERIA),
        signals=len(document["signals"]),
        clauses=sum(len(path["clauses"]) for part in PATH_PARTS for path in document[part]),
        modifiers=tuple(name for name, is_used in modifiers.items() if is_used),
    )


def _check_summary(context: LintContext) -> Iterator[Finding]:
    summary = str(context.document.get("summary") or "").strip()
    if not summary:
        yield Finding(
            "summary.missing",
            Severity.ERROR,
            "It has no summary in one sentence.",
            "Write in one sentence who is handed to sales; what cannot be said in one is too complicated.",
            ("summary",),
        )
    elif _END_OF_SENTENCE.search(summary):
        yield Finding(
            "summary.several_sentences",
            Severity.WARNING,
            "The summary is more than one sentence.",
            "Say it in one.",
            ("summary",),
        )


def _check_modifiers(context: LintContext) -> Iterator[Finding]:
    modifiers = measure_complexity(context.document).modifiers
    if len(modifiers) > MODIFIERS_AT_MOST:
        yield Finding(
            "complex.many_modifiers",
            Severity.ADVICE,
            f"Points are changed by {phrases.join_words(modifiers, 'and')}: nobody works out a score in their head.",
            "Keep those without which the backtest is worse.",
            ("signals", "decay"),
        )


def _check_kind(context: LintContext) -> Iterator[Finding]:
    kind = context.document.get("kind")
    if not kind:
        yield Finding(
            "kind.not_said",
            Severity.ADVICE,
            "It does not say which kind of definition it is.",
            "Choose three components, points, a checklist or a hand raise; the linter then holds it to that.",
            ("kind",),
        )
        return
    missing = _LACKS[DefinitionKind(kind)](context)
    if missing:
        label = str(DefinitionKind(kind).label).partition(":")[0]
        yield Finding(
            "kind.does_not_match",
            Severity.ERROR,
            f"It says that it is of the kind “{label}”, but {phrases.join_words(missing, 'and')}.",
            "Fill what is missing, or choose the kind that it is.",
            ("kind",),
        )


def _lacks_component(context: LintContext) -> list[str]:
    """Return the components that are empty (rules 3.18)."""
    document = context.document
    parts = {
        "there is no fit: no gate row": document["gate"],
        "there is no behaviour: no path with a clause": any(path["clauses"] for path in document["paths"]),
        "there is no timing": document["timing"],
    }
    return [sentence for sentence, is_filled in parts.items() if not is_filled]


def _lacks_points(context: LintContext) -> list[str]:
    return [] if any("axis" in row.value for row in context.clauses("paths")) else ["no path asks for points"]


def _has_points(context: LintContext) -> list[str]:
    asks = any("axis" in row.value for row in context.clauses())
    return ["a path or hot trigger asks for points"] if asks else []


def _qualifies_without_request(context: LintContext) -> list[str]:
    ways_in = [reach.name for reach in context.reaches if reach.reachable and reach.without_request]
    return [f"“{name}” is met without a request" for name in ways_in]


_LACKS: Final = {
    DefinitionKind.THREE_COMPONENTS: _lacks_component,
    DefinitionKind.POINTS: _lacks_points,
    DefinitionKind.CHECKLIST: _has_points,
    DefinitionKind.HAND_RAISE: _qualifies_without_request,
}
