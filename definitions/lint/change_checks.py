"""Checks of a change and its stated reason (rules 9.6).

Evidence of quality moves thresholds; a wish for volume does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from definitions import diff
from definitions.diff import Effect, RowChange
from definitions.lint.context import LintContext
from definitions.lint.finding import ChangeContext, Finding, Severity
from definitions.plain_english import phrases
from definitions.vocabulary import ChangeDriver

_THINGS: Final = r"(?:mqls?|pqls?|aqls?|leads?|volume|qualified leads?)"
_VOLUME: Final = re.compile(
    rf"\b(?:volume|(?:more|additional|extra) (?:\w+ )?{_THINGS}|(?:not enough|too few|short of|shortage of) {_THINGS}"
    rf"|{_THINGS} (?:target|quota|goal|number|count)s?"
    r"|(?:hit|make|meet|reach|miss(?:ed|ing)?) (?:(?:the|our|this|its|their) )?(?:\w+ )?(?:numbers?|targets?|quotas?|goals?)"
    rf"|(?:raise|increase|boost|grow|lift) (?:the )?(?:number of |supply of )?{_THINGS})\b"
)
#: A clause with one of these denies a wish for volume, or is about the outcome of leads.
_DENIAL: Final = re.compile(
    r"\b(?:not|never|no|nor|without|regardless|irrespective|despite|whatever|fine|healthy|good|ok|okay|stable|steady|unchanged|same"
    r"|rather than|instead of|convert\w*|conversion|accept\w*|reject\w*|disqualif\w*|unaffected|sal rate)\b|n[’']t\b"
)
_NOT_ENOUGH: Final = re.compile(r"\bnot enough\b")
_CLAUSES: Final = re.compile(r"[.;:,!?\n()–—]|\b(?:but|and|because|so that|while|although)\b")

#: The answer to a wish for volume (rules 9.6).
_WHY: Final = (
    "Thresholds are moved by data on quality (a backtest, the SAL rate, a pattern in the rejections): lowered for volume, they "
    "send sales leads that they reject, and six weeks later nobody works the queue."
)


def check(context: LintContext) -> Iterator[Finding]:
    """Yield findings on the change against the version in force; nothing without a change."""
    if context.change is None:
        return
    changes = (
        *diff.find_changes(context.change.before, context.document, context.names),
        *context.change.basis_changes,
    )
    looser = [change for change in changes if change.effect == Effect.LOOSER]
    yield from _check_volume_driver(context.change, str(context.document.get("reason") or ""), looser)
    yield from _check_evidence(
        context.change, looser, [change for change in changes if change.effect == Effect.UNCLEAR]
    )
    yield from _check_projected_volume(context.change, looser)


def reads_like_volume(text: str) -> bool:
    """Tell whether some clause of a stated reason asks for more leads.

    It knows English words only. A clause with a denial, or about conversion, is not counted.
    """
    return any(_wants_volume(clause) for clause in _CLAUSES.split(text.casefold()))


def _wants_volume(clause: str) -> bool:
    return bool(_VOLUME.search(clause)) and not _DENIAL.search(_NOT_ENOUGH.sub("too few", clause))


def _check_volume_driver(change: ChangeContext, reason: str, looser: list[RowChange]) -> Iterator[Finding]:
    is_stated = reads_like_volume(reason) or reads_like_volume(change.evidence)
    if change.driver != ChangeDriver.VOLUME and not (is_stated and looser):
        return
    loosened = f" It loosens: {_list_changes(looser)}." if looser else ""
    yield Finding(
        "change.for_volume",
        Severity.ERROR,
        f"The stated reason is volume.{loosened} {_WHY}",
        "Say which evidence of quality the change answers, or leave the thresholds where they are.",
        ("reason",),
    )


def _check_evidence(change: ChangeContext, looser: list[RowChange], unclear: list[RowChange]) -> Iterator[Finding]:
    if looser and change.driver == ChangeDriver.CORRECTION:
        yield Finding(
            "change.correction_loosens",
            Severity.ERROR,
            f"A correction loosens nothing, and this one does: {_list_changes(looser)}.",
            "Name what drives the change, and its evidence.",
        )
    if change.is_shown or not (looser or unclear):
        return
    loosens = "loosens" if looser else "may loosen"
    # Whatever its words say, in whatever language: a looser definition that no figure speaks for is one for volume.
    why = f" Nothing shows that such leads are good, so it is a change for volume. {_WHY}" if looser else ""
    yield Finding(
        "change.no_evidence",
        Severity.ERROR if looser else Severity.WARNING,
        f"The change {loosens} the definition without evidence of quality: {_list_changes(looser or unclear)}.{why}",
        "Cite the review, backtest or report of Accord that shows it.",
    )


def _check_projected_volume(change: ChangeContext, looser: list[RowChange]) -> Iterator[Finding]:
    if not looser or change.volume is None or change.volume[1] <= change.volume[0]:
        return
    before, after = change.volume
    growth = f", {round((after - before) * 100 / before):+,} %" if before else ""
    yield Finding(
        "change.more_volume",
        Severity.WARNING,
        f"The change loosens the definition and raises volume: {phrases.format_number(after)} leads flagged in the backtest, "
        f"{phrases.format_number(before)} by the version in force{growth}.",
        "Check that precision holds, and that sales has the capacity.",
    )


def _list_changes(changes: Iterable[RowChange]) -> str:
    descriptions = [_describe_change(change) for change in changes]
    return "; ".join(descriptions[: phrases.SHOWN]) + (
        f"; {len(descriptions) - phrases.SHOWN} more" if len(descriptions) > phrases.SHOWN else ""
    )


def _describe_change(change: RowChange) -> str:
    name = change.part if change.label in (change.part, "Clause") else f"{change.part}, {change.label}"
    if change.before and change.after:
        return f"{name} (from “{change.before}” to “{change.after}”)"
    return f"{name} {change.kind} (“{change.after or change.before}”)"
