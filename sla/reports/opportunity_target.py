"""MQL→opportunity against the target in the commitments (rules 12.79): the rate that no volume of marketing stands without."""

from __future__ import annotations

from dataclasses import dataclass

from config.ui import formats
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample, wilson
from sla.commitments import commitments
from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE
from sla.vocabulary import OPPORTUNITY_DAYS


@dataclass(frozen=True, slots=True)
class TargetJudgement:
    """A rate against its target. `remark` says how they differ in words, `tone` is empty where no difference is clear."""

    remark: str
    tone: str = ""


def judge(sample: Sample, target: float | None, motion: Motion) -> TargetJudgement:
    """Compare a rate with the target, a quotient of 1: it differs clearly if the interval of 95 % excludes the target."""
    name = commitments.name_target(motion)
    if target is None:
        return TargetJudgement(f"{name}: {commitments.NO_TARGET}")
    bounds = wilson(sample.hits, sample.total)
    if bounds is None or sample.total < SMALLEST_SAMPLE:
        return TargetJudgement("too few to compare with the target")
    if bounds[1] < target:
        return TargetJudgement("clearly below the target", "bad")
    if bounds[0] > target:
        return TargetJudgement("clearly above the target", "good")
    return TargetJudgement("no clear difference from the target")


def describe(sample: Sample, target: float | None, motion: Motion, period: str) -> str:
    """Return the sentence on a period whose leads have all had their time; empty without any lead."""
    if not sample.total:
        return ""
    became = (
        f"Of the {sample.total:,} {motion.upper()}s of {period}, {formats.percent(sample.rate)} became opportunities within"
        f" {OPPORTUNITY_DAYS} days"
    )
    if target is None:
        return f"{became}; {commitments.NO_TARGET}."
    return f"{became}, where {formats.percent(target)} were agreed: {judge(sample, target, motion).remark}."
