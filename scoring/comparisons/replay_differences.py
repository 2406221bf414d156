"""Differences between a replay and the record, with their reasons where known: facts that were learned too late (rules
10.11).
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from definitions.models import Version
from leads.models import AttributeChange, Event, Lead, Outcome

#: A judgement that left no record is taken to be made this long after the instant.
_LATE: Final = dt.timedelta(minutes=5)
#: Facts of the last minutes of a version may have been judged by the version that took over.
_LAST_MOMENTS: Final = dt.timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class ReplayDifference:
    """An MQL on which replay and record differ, by `kind`.

    `missing`: expected, not made. `surplus`: made, not expected. `moved`: made at another instant. `lost`: neither, but
    expected if all facts had come in order. Without `reason` it is unexplained.
    """

    kind: str
    lead_id: int
    cycle: int
    expected_at: dt.datetime | None
    made_at: dt.datetime | None
    recorded_at: dt.datetime | None
    reason: str = ""

    @property
    def at(self) -> dt.datetime:
        """Return the later of the two instants; facts learned after it cannot have been used."""
        return max(at for at in (self.expected_at, self.made_at) if at is not None)

    @property
    def judged_at(self) -> dt.datetime:
        """Return when the record was written, or should have been."""
        return self.recorded_at or self.at + _LATE

    @property
    def key(self) -> tuple[int, int]:
        """Return (lead, cycle)."""
        return self.lead_id, self.cycle

    def is_too_late(self, *, valid_at: dt.datetime, recorded_at: dt.datetime) -> bool:
        """Return whether a fact came after the record was written, or too late to be judged at the expected instant."""
        if valid_at <= self.at and recorded_at > self.judged_at:
            return True
        expected_at = self.expected_at
        return expected_at is not None and valid_at <= expected_at and recorded_at > expected_at + _LATE


def explain_rest(
    differences: Iterable[ReplayDifference], *, version: Version, now: dt.datetime
) -> tuple[ReplayDifference, ...]:
    """Return the differences with the reasons that lie in the work itself; others keep their reason, or an empty one.

    An error, a lead that is not judged yet, an outcome that was recorded late, and a change of versions.
    """
    all_differences = tuple(differences)
    leads = Lead.objects.in_bulk([difference.lead_id for difference in all_differences if not difference.reason])
    outcomes = _read_outcomes(leads)
    return tuple(
        difference
        if difference.reason or difference.lead_id not in leads
        else replace(
            difference,
            reason=_find_reason(difference, leads[difference.lead_id], outcomes[difference.lead_id], version, now),
        )
        for difference in all_differences
    )


def explain_losses(losses: Sequence[ReplayDifference]) -> tuple[ReplayDifference, ...]:
    """Return the losses with what came late, when, and why it did not count at its own instant."""
    leads = Lead.objects.in_bulk([loss.lead_id for loss in losses])
    learned = _read_learned_facts(leads)
    return tuple(replace(loss, reason=_explain_loss(loss, learned[loss.lead_id])) for loss in losses)


def _explain_loss(loss: ReplayDifference, learned: Sequence[_LearnedFact]) -> str:
    """Name the last fact up to the instant that came late; an explicit request before all others."""
    facts = [fact for fact in learned if fact.valid_at <= loss.at < fact.recorded_at]
    fact = max(facts, key=lambda fact: (fact.is_request, fact.is_event, fact.valid_at), default=None)
    if fact is None:
        return ""
    if fact.is_imported:
        rule = "It came from a file of history, which makes nobody an MQL in hindsight."
    elif fact.is_request:
        rule = "It came later than a request counts, or the lead could not be called any more."
    else:
        rule = "Old interest makes nobody an MQL in hindsight."
    return f"{_describe_delay(fact)} {rule}"


@dataclass(frozen=True, slots=True)
class _LearnedFact:
    """A fact that holds since `valid_at` and that we learned at `recorded_at`."""

    what: str
    valid_at: dt.datetime
    recorded_at: dt.datetime
    is_event: bool = False
    is_request: bool = False
    is_imported: bool = False


def _describe_delay(fact: _LearnedFact) -> str:
    valid_at, recorded_at = (f"{at:%Y-%m-%d %H:%M} UTC" for at in (fact.valid_at, fact.recorded_at))
    return f"{fact.what} of {valid_at} was recorded later, on {recorded_at}."


def _find_reason(
    difference: ReplayDifference,
    lead: Lead,
    outcomes: Sequence[_LearnedFact],
    version: Version,
    now: dt.datetime,
) -> str:
    """Return the reason of one difference; empty if there is none."""
    if difference.kind == "missing" and lead.look_error:
        return "It could not be judged; the error is kept with the lead."
    if difference.kind == "missing" and lead.next_look_at is not None and lead.next_look_at <= now:
        return "It has not been judged yet."
    # An opportunity or a win bars a lead from its own instant on, also when it was told of later.
    late_outcomes = (
        outcome
        for outcome in outcomes
        if difference.kind == "surplus"
        and difference.is_too_late(valid_at=outcome.valid_at, recorded_at=outcome.recorded_at)
    )
    outcome = next(late_outcomes, None)
    return _find_reason_around_change(difference, version) if outcome is None else _describe_delay(outcome)


def _find_reason_around_change(difference: ReplayDifference, version: Version) -> str:
    """Return the reason of a difference near the version's end or beginning; empty if there is none."""
    if (
        difference.kind == "missing"
        and version.retired_at is not None
        and difference.at >= version.retired_at - _LAST_MOMENTS
    ):
        return "The next version took over before it was judged."
    if difference.made_at is None or version.activated_at is None:
        return ""
    if difference.made_at < version.activated_at:
        return "It asked before the version came into force, which had not been judged."
    if difference.made_at == version.activated_at and version.hands_over_entrants is False:
        return "What it did just before the version came into force had not been judged."
    return ""


def _read_learned_facts(leads: Mapping[int, Lead]) -> Mapping[int, list[_LearnedFact]]:
    """Read everything known of each lead, with when we learned it."""
    facts_by_lead: dict[int, list[_LearnedFact]] = defaultdict(list)
    lead_ids_by_company: dict[int, list[int]] = defaultdict(list)
    for lead in leads.values():
        facts_by_lead[lead.pk].append(_LearnedFact("The lead", lead.known_at, lead.recorded_at))
        if lead.company_id is not None:
            lead_ids_by_company[lead.company_id].append(lead.pk)
    for event in Event.objects.filter(lead_id__in=leads).select_related("signal").order_by("pk").iterator():
        signal = event.signal
        facts_by_lead[event.lead_id].append(
            _LearnedFact(
                signal.name, event.occurred_at, event.recorded_at, True, signal.is_explicit_request, event.is_imported
            )
        )
    for lead_id, outcomes in _read_outcomes(leads).items():
        facts_by_lead[lead_id] += outcomes
    for change in AttributeChange.objects.filter(lead_id__in=leads).order_by("pk"):
        facts_by_lead[change.lead_id or 0].append(_LearnedFact("An attribute", change.valid_from, change.recorded_at))
    for change in AttributeChange.objects.filter(company_id__in=lead_ids_by_company).order_by("pk"):
        for lead_id in lead_ids_by_company[change.company_id or 0]:
            facts_by_lead[lead_id].append(
                _LearnedFact("An attribute of the company", change.valid_from, change.recorded_at)
            )
    return facts_by_lead


def _read_outcomes(leads: Mapping[int, Lead]) -> defaultdict[int, list[_LearnedFact]]:
    """Read the outcomes of each lead, with when we learned them."""
    outcomes: defaultdict[int, list[_LearnedFact]] = defaultdict(list)
    for outcome in Outcome.objects.effective().filter(lead_id__in=leads).order_by("pk"):
        outcomes[outcome.lead_id].append(_LearnedFact(outcome.get_kind_display(), outcome.at, outcome.recorded_at))
    return outcomes
