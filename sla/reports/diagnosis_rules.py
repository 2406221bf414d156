"""The rules by which the diagnosis says what is wrong between marketing and sales, from its inputs (rules 12.55, 12.56, 12.80). Pure."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Final

from scoring.backtests.intervals_and_tests import Sample, wilson
from sla.figure_catalogue.catalogue import SMALLEST_SAMPLE

#: Opportunities in each of two periods, below which their pipelines are not compared.
OPPORTUNITIES_NEEDED: Final = 10
#: Parts of one, as percentages are compared exactly.
_ONE: Final = Fraction(1)
FLAT_BELOW: Final = Fraction(1, 10)
HEALTHY_VOLUME: Final = Fraction(9, 10)
LOW_VOLUME: Final = Fraction(8, 10)
#: Below it sales takes nearly all of the little that it gets; above the line it rejects too much.
FEW_REJECTED: Final = Fraction(20, 100)
REJECTION_LINE: Final = Fraction(35, 100)
UNTOUCHED_LINE: Final = Fraction(10, 100)
#: The middle of the scale of satisfaction; below it sales complains.
CONTENT_FROM: Final = Fraction(3)


class RuleFinding(StrEnum):
    """The answers of a rule: it holds, it does not, or its inputs are too few."""

    HOLDS = "holds"
    NOT = "does not hold"
    TOO_FEW = "not enough to say"


@dataclass(frozen=True, slots=True)
class DiagnosisInputs:
    """The inputs of the diagnosis, of the period and of the one before.

    `delivered` and `agreed` are of the calendar months that are over and lie within the period; `pipeline` is in the installation's
    currency, `opportunities` how many opened. `satisfaction` is the mean of the newest month of the period that has enough
    answers to be shown, from 1 to 5; None without any.
    """

    mqls: int
    mqls_before: int
    delivered: int
    agreed: int
    pipeline: Decimal
    pipeline_before: Decimal
    opportunities: int
    opportunities_before: int
    rejection: Sample
    untouched: Sample
    satisfaction: Fraction | None = None

    @property
    def complains(self) -> bool:
        """Say whether sales gives its leads less than the middle of the scale."""
        return self.satisfaction is not None and self.satisfaction < CONTENT_FROM

    @property
    def volume_change(self) -> Fraction | None:
        return None if not self.mqls_before else Fraction(self.mqls, self.mqls_before) - _ONE

    @property
    def pipeline_change(self) -> Fraction | None:
        return None if not self.pipeline_before else Fraction(self.pipeline) / Fraction(self.pipeline_before) - _ONE

    @property
    def delivered_share(self) -> Fraction | None:
        return Fraction(self.delivered, self.agreed) if self.agreed else None

    @property
    def has_enough_mqls(self) -> bool:
        return min(self.mqls, self.mqls_before) >= SMALLEST_SAMPLE

    @property
    def has_enough_pipeline(self) -> bool:
        return min(self.opportunities, self.opportunities_before) >= OPPORTUNITIES_NEEDED


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """A diagnosis with its rule in words. `consequence` is what follows if it holds."""

    key: str
    name: str
    rule: str
    consequence: str


TOO_LOOSE: Final = Diagnosis(
    "too_loose", "Too loose",
    "Volume is healthy: 90 % of what is agreed or more, and not a tenth below the period before. Pipeline is flat: it grew by less than"
    " a tenth, and a tenth or more behind the volume.",
    "Leads come as agreed and pipeline does not follow: the definition lets through those that do not buy. Look at rejections.",
)  # fmt: skip
TOO_TIGHT: Final = Diagnosis(
    "too_tight", "Too tight",
    "Volume is low: below 80 % of what is agreed, or without an agreement a fifth below the period before. And sales rejects less than"
    " 20 % of it, or gives its leads less than 3 of 5 without rejecting clearly more than 35 %: leads are lacking and not quality.",
    "Sales gets little, and takes nearly all of it or complains: the definition is defensive. Look at the wins that no MQL"
    " explains and loosen it.",
)  # fmt: skip
NO_OWNERSHIP: Final = Diagnosis(
    "no_shared_ownership", "No shared ownership",
    "Sales rejects clearly more than 35 %, or leaves clearly more than 10 % untouched for seven days: the lower end of the interval of 95 %"
    " lies above the line.",
    "What marketing calls qualified sales rejects or ignores: the definition is not one of both sides. Take it to a joint review.",
)  # fmt: skip
HEALTHY: Final = Diagnosis(
    "healthy", "Healthy", "Each of the others can be told, none of them holds, and sales does not give its leads"
    " less than 3 of 5.", "Nothing speaks against the definition as it is."
)  # fmt: skip
DIAGNOSES: Final = (TOO_LOOSE, TOO_TIGHT, NO_OWNERSHIP, HEALTHY)


def diagnose(inputs: DiagnosisInputs) -> dict[str, RuleFinding]:
    """Return what each diagnosis' rule says, by its key."""
    findings = {
        TOO_LOOSE.key: _find_too_loose(inputs),
        TOO_TIGHT.key: _find_too_tight(inputs),
        NO_OWNERSHIP.key: _find_no_ownership(inputs),
    }
    return {**findings, HEALTHY.key: _find_healthy(inputs, list(findings.values()))}


def _find_too_loose(inputs: DiagnosisInputs) -> RuleFinding:
    volume, pipeline = inputs.volume_change, inputs.pipeline_change
    if volume is None or pipeline is None or not inputs.has_enough_mqls or not inputs.has_enough_pipeline:
        return RuleFinding.TOO_FEW
    share = inputs.delivered_share
    is_healthy = volume > -FLAT_BELOW and (share is None or share >= HEALTHY_VOLUME)
    is_flat = pipeline < FLAT_BELOW and pipeline <= volume - FLAT_BELOW
    return _as_finding(holds=is_healthy and is_flat)


def _find_too_tight(inputs: DiagnosisInputs) -> RuleFinding:
    share, change = inputs.delivered_share, inputs.volume_change
    if share is None:
        if change is None or not inputs.has_enough_mqls:
            return RuleFinding.TOO_FEW
        is_low = change <= -(_ONE - LOW_VOLUME)
    else:
        is_low = share < LOW_VOLUME
    if not is_low:
        return RuleFinding.NOT
    if inputs.rejection.total < SMALLEST_SAMPLE:
        return RuleFinding.TOO_FEW
    rejects_few = Fraction(inputs.rejection.hits, inputs.rejection.total) < FEW_REJECTED
    rejects_many = _exceeds(inputs.rejection, REJECTION_LINE) == RuleFinding.HOLDS
    return _as_finding(holds=rejects_few or (inputs.complains and not rejects_many))


def _find_no_ownership(inputs: DiagnosisInputs) -> RuleFinding:
    findings = [
        _exceeds(inputs.rejection, REJECTION_LINE),
        _exceeds(inputs.untouched, UNTOUCHED_LINE),
    ]
    if RuleFinding.HOLDS in findings:
        return RuleFinding.HOLDS
    return RuleFinding.TOO_FEW if RuleFinding.TOO_FEW in findings else RuleFinding.NOT


def _find_healthy(inputs: DiagnosisInputs, others: list[RuleFinding]) -> RuleFinding:
    if RuleFinding.HOLDS in others or inputs.complains:
        return RuleFinding.NOT
    return RuleFinding.TOO_FEW if RuleFinding.TOO_FEW in others else RuleFinding.HOLDS


def _exceeds(sample: Sample, line: Fraction) -> RuleFinding:
    """Say whether a rate lies clearly above a line: the lower end of its interval does."""
    bounds = wilson(sample.hits, sample.total)
    if sample.total < SMALLEST_SAMPLE or bounds is None:
        return RuleFinding.TOO_FEW
    return _as_finding(holds=bounds[0] > float(line))


def _as_finding(*, holds: bool) -> RuleFinding:
    return RuleFinding.HOLDS if holds else RuleFinding.NOT
