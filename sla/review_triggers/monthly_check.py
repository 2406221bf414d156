"""The check of a closed month: rejection rate and SAL rate against their lines (rules 8.3 to 8.6, 8.11)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any, Final

from config.calendar_periods import CalendarMonth
from definitions import versions
from definitions.models import Definition, Review, Version
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import readings
from sla.figure_catalogue.catalogue import ACCEPTANCE, RateReading
from sla.review_triggers import rejection_evidence
from sla.review_triggers.rejection_evidence import DecidedMonth
from sla.review_triggers.review_drafts import ReviewDraft, offer_revert
from sla.review_triggers.trigger_rules import TOO_MANY, RejectionLine, find_rejection_line, is_below_target

#: The triggers whose open reviews get the evidence of each further month.
MONTHLY: Final = (
    ReviewTrigger.REJECTION_SPIKE,
    ReviewTrigger.REJECTION_SUSTAINED,
    ReviewTrigger.RUBBER_STAMP,
    ReviewTrigger.SAL_BELOW_TARGET,
    ReviewTrigger.SAL_GUARD,
)


def check_month(definition: Definition, month: CalendarMonth, now: dt.datetime) -> Iterator[ReviewDraft]:
    """Yield the reviews that a closed month calls for, and its evidence for those that are open already.

    1. Compare the month and the one before with the lines.
    2. Add the open reviews of the monthly triggers, locked so that none is decided meanwhile.
    3. Collect the month's evidence once, and write a draft for each trigger.
    """
    # 1.
    before = CalendarMonth.containing(month.start, months_back=1)
    accepted, accepted_before = (_read_acceptance(definition, period, now) for period in (month, before))
    fired = {(trigger, "") for trigger in _find_triggers(definition, month, before, accepted, accepted_before)}
    # 2.
    by_accord = Review.objects.undecided().filter(definition=definition, opened_by=None, trigger__in=MONTHLY)
    open_ones = by_accord.filter(opened_at__lt=month.end).select_for_update(of=("self",), no_key=True)
    fired |= {(ReviewTrigger(trigger), cause) for trigger, cause in open_ones.values_list("trigger", "cause")}
    # 3.
    if fired:
        decided = rejection_evidence.read_decisions(definition=definition, month=month)
        version = versions.find_in_force(definition, month.end)
        evidence = rejection_evidence.collect_evidence(definition, decided)
        for trigger, cause in sorted(fired, key=lambda pair: (MONTHLY.index(pair[0]), pair[1])):
            yield replace(_write_draft(definition, trigger, decided, evidence, version), cause=cause)


def _read_acceptance(definition: Definition, month: CalendarMonth, now: dt.datetime) -> Sample:
    return readings.read_rate(ACCEPTANCE, definition=definition, start=month.start, end=month.end, now=now)


def _find_triggers(
    definition: Definition, month: CalendarMonth, before: CalendarMonth, accepted: Sample, accepted_before: Sample
) -> Iterator[ReviewTrigger]:
    line = find_rejection_line(_rejected(accepted))
    if line == RejectionLine.TOO_FEW:
        yield ReviewTrigger.RUBBER_STAMP
    if line == RejectionLine.TOO_MANY:
        was_above = find_rejection_line(_rejected(accepted_before)) == RejectionLine.TOO_MANY
        yield ReviewTrigger.REJECTION_SUSTAINED if was_above else ReviewTrigger.REJECTION_SPIKE
    months = ((month, accepted), (before, accepted_before))
    if all(is_below_target(sample, _target_at_end(definition, period)) for period, sample in months):
        yield ReviewTrigger.SAL_BELOW_TARGET


def _rejected(accepted: Sample) -> Sample:
    return Sample(accepted.misses, accepted.total)


def _target_at_end(definition: Definition, month: CalendarMonth) -> Decimal:
    """Return the SAL target of the version in force at the month's end; without one there is none, which is 0."""
    version = versions.find_in_force(definition, month.end)
    return version.sal_rate_target if version else Decimal(0)


def _write_draft(
    definition: Definition,
    trigger: ReviewTrigger,
    decided: DecidedMonth,
    evidence: dict[str, Any],
    version: Version | None,
) -> ReviewDraft:
    concerns_sal = trigger in (ReviewTrigger.SAL_BELOW_TARGET, ReviewTrigger.SAL_GUARD)
    target = _describe_target(version) if concerns_sal else {}
    return ReviewDraft(
        trigger=trigger,
        kind=ReviewKind.LIGHT if trigger == ReviewTrigger.RUBBER_STAMP else ReviewKind.FULL,
        title=_write_title(Motion(definition.motion), trigger, decided, version),
        period=decided.month.name,
        evidence={**evidence, **target},
        proposal=_write_proposal(trigger, decided, target),
    )


def _describe_target(version: Version | None) -> dict[str, Any]:
    if version is None:
        return {}
    return {"target_percent": float(version.sal_rate_target * 100), **offer_revert(version)}


def _write_title(motion: Motion, trigger: ReviewTrigger, decided: DecidedMonth, version: Version | None) -> str:
    month, count = decided.month.label, len(decided.dispositions)
    if trigger == ReviewTrigger.SAL_BELOW_TARGET and version is not None:
        rate = RateReading(ACCEPTANCE, decided.acceptance).rate or 0
        return (
            f"SAL rate of {rate * 100:.3g} % of {count} decided {motion.upper()}s in {month}, the second month below the"
            f" target of {float(version.sal_rate_target * 100):.3g} %"
        )
    rate_text = f"{decided.percent:g} % of {count} decided {motion.upper()}s rejected in {month}"
    if trigger == ReviewTrigger.REJECTION_SUSTAINED:
        return f"{rate_text}, the second month above {TOO_MANY} %: for both leaders"
    return rate_text


def _write_proposal(trigger: ReviewTrigger, decided: DecidedMonth, target: dict[str, Any]) -> str:
    if trigger == ReviewTrigger.RUBBER_STAMP:
        return "Hardly anything is rejected: either the definition is too tight, or sales accepts without looking."
    lever = rejection_evidence.write_lever(decided)
    if before := target.get("revert_to"):
        return f"Go back to {before['number']}, which was in force before, or tighten. {lever}"
    return lever
