"""The one sentence that answers a leader's question: is this working? (rules 12.77). Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from leads.vocabulary import Motion
from sla.figure_catalogue.catalogue import MQL_TO_SQL
from sla.reports.conversion_figures import ConversionRow
from sla.reports.pipeline_overview import PIPELINE_OVER
from sla.reports.pipeline_sums import PipelineMoney

#: Two counts differ where chance alone would make such a difference in fewer than one of twenty cases.
_DEVIATIONS: Final = 1.96
_DAYS: Final = PIPELINE_OVER.days


@dataclass(frozen=True, slots=True)
class Answer:
    """A sentence and its tone: "good" yes, "bad" no, "" not clear or too early to say."""

    sentence: str
    tone: str


def answer(
    pipeline: PipelineMoney, before: PipelineMoney, conversions: Sequence[ConversionRow], *, motion: Motion
) -> Answer:
    """Answer from the opportunities of 90 days against those of the 90 days before, and the worst MQL→SQL of the motion.

    Yes: the opportunities did not fall, and the rate is healthy, or there is no rate and they rose. No: they fell, or the rate
    is far from healthy. Amounts do not decide, as currencies are not summed and some deals have none.
    """
    name = f"{motion.upper()}s"
    if not pipeline.count and not before.count:
        return Answer(f"Too early to say: no opportunity has come of {name} in {2 * _DAYS} days.", "")
    trend = _compare(pipeline.count, before.count)
    worst = _find_worst(conversions)
    tone = "" if worst is None or worst.reading.band is None else worst.reading.band.tone
    counts = (
        f"{pipeline.count} opportunit{'y' if pipeline.count == 1 else 'ies'} came of {name} in {_DAYS} days,"
        f" {before.count} in the {_DAYS} days before ({trend})"
    )
    if worst is not None:
        sample = worst.reading.sample
        counts += (
            f", and {worst.name} was {worst.reading.rate:.0%} ({sample.hits} of {sample.total}) in {worst.quarter.label}:"
            f" {worst.reading.health_text[:1].lower()}{worst.reading.health_text[1:]}"
        )
    if trend == "fewer" or tone == "bad":
        return Answer(f"No: {counts}.", "bad")
    if tone == "good" or (worst is None and trend == "more"):
        return Answer(f"Yes: {counts}.", "good")
    return Answer(f"Not clear: {counts}.", "")


def _compare(count: int, before: int) -> str:
    """Say whether a count is more or fewer than the one before, or not clearly different: both vary as counts do."""
    if abs(count - before) <= _DEVIATIONS * math.sqrt(count + before):
        return "no clear difference"
    return "more" if count > before else "fewer"


def _find_worst(conversions: Sequence[ConversionRow]) -> ConversionRow | None:
    """Return the MQL→SQL whose band is the worst, among those with a verdict."""
    order = {"bad": 0, "warn": 1, "good": 2}
    judged = [row for row in conversions if row.reading.figure.key == MQL_TO_SQL.key and row.reading.band is not None]
    return min(judged, key=lambda row: order.get(row.reading.band.tone, 3) if row.reading.band else 3, default=None)
