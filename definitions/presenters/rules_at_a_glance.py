"""The rules of a version in short blocks that fit one screen: no rationale, signals by their points (rules 9.31)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from definitions.plain_english import account_statement, generated_statement, phrases
from definitions.plain_english.generated_statement import DisplayNames, Json, capitalize_first


@dataclass(frozen=True, slots=True)
class RuleLine:
    """A rule in words; `name` is that of a path or hot trigger, `points` what the rule gives."""

    text: str
    points: float | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class RuleBlock:
    title: str
    lines: list[RuleLine]


def build_blocks(document: Json, names: DisplayNames) -> list[RuleBlock]:
    """Return the blocks of a document that have lines, in the order in which people read them."""
    whole: dict[str, Any] = dict(document)
    blocks = [
        RuleBlock("The company", _describe_account(whole.get("account"), names)),
        RuleBlock("Gate: all must pass", _describe_criteria(whole["gate"], names)),
        RuleBlock(
            f"Paths: any one{', with the timing' if whole['timing'] else ''}", _describe_paths(whole["paths"], names)
        ),
        RuleBlock("Hot: any one is enough, tier 1", _describe_paths(whole["hot"], names)),
        RuleBlock("Timing and tiers", _describe_timing_and_tiers(document, names)),
        RuleBlock("Never", _describe_exclusions(document, names)),
        RuleBlock("Fit points", _describe_criteria(whole["fit"], names)),
        RuleBlock("BANT points", _describe_criteria(whole["bant"], names)),
        RuleBlock("Signal points (≤ in all)", _describe_signals(whole["signals"], names)),
        RuleBlock("Over time", _describe_decay(document)),
    ]
    return [block for block in blocks if block.lines]


def _describe_account(section: dict[str, Any] | None, names: DisplayNames) -> list[RuleLine]:
    if section is None:
        return []
    return [RuleLine(capitalize_first(account_statement.describe_account(section, names.signal)))]


def _describe_criteria(rows: Iterable[Json], names: DisplayNames) -> list[RuleLine]:
    return [RuleLine(generated_statement.describe_criterion(row, names), row.get("points") or None) for row in rows]


def _describe_paths(rows: Iterable[Json], names: DisplayNames) -> list[RuleLine]:
    return [RuleLine(generated_statement.describe_path(row, names), name=row["name"]) for row in rows]


def _describe_exclusions(document: Json, names: DisplayNames) -> list[RuleLine]:
    rows = phrases.describe_exclusions(document["disqualifiers"], names.list)
    rows += generated_statement.list_excluding_signals(document, names)
    return [RuleLine(capitalize_first(text)) for text in rows]


def _describe_signals(rows: Iterable[Json], names: DisplayNames) -> list[RuleLine]:
    """Return a line for all signals of the same points, in the order of the rows, each with its cap."""
    by_points: dict[float, list[str]] = {}
    for row in rows:
        name = capitalize_first(names.signal(row["signal"]))
        if row["cap"] is not None:
            name += f" {'≤' if row['points'] >= 0 else '≥'}\u00a0{phrases.format_number(row['cap'])}"
        by_points.setdefault(row["points"], []).append(name)
    return [RuleLine(", ".join(texts), points) for points, texts in by_points.items()]


def _describe_timing_and_tiers(document: Json, names: DisplayNames) -> list[RuleLine]:
    """Return timing and tiers; the block of the hot triggers says which leads are of tier 1."""
    tiers = generated_statement.describe_tiers(document, names)
    others = tiers if document.get("account") else [tier for tier in tiers if not tier.startswith("Tier 1")]
    return [RuleLine(text) for text in (generated_statement.write_timing_sentence(document, names), *others) if text]


def _describe_decay(document: Json) -> list[RuleLine]:
    if document.get("account") or not document["signals"]:
        return []
    return [
        RuleLine(generated_statement.describe_decay(document)),
        RuleLine(generated_statement.describe_ceilings(document)),
    ]
