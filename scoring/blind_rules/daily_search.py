"""The daily search for blind rules in the active versions (rules 4.22), and the alarms that it stores."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.db import transaction

from config.jobs import sweeps
from config.jobs.periods import claim_period
from definitions.document.values import field_kind
from definitions.models import Version
from definitions.plain_english.generated_statement import field_label
from definitions.vocabulary import FieldKind
from leads.models import Signal
from scoring import active_versions
from scoring.blind_rules import blindness, value_counts
from scoring.blind_rules.blindness import ValueCount
from scoring.columns.attribute_fields import attribute_field
from scoring.engine.criteria import predicate
from scoring.engine.rules import CountClause, CriterionRule, Rules
from scoring.models import BlindRule, BlindRuleKind

#: The name under which versions whose search failed are set aside.
SWEEP: Final = "searches for blind rules"
#: A new value counts for two days, so that a search at midnight does not cut one evening's leads in two.
NEWS: Final = 2 * value_counts.DAY
#: The periods in which a field is compared with the weeks before: a day shows a break at once, a week with few leads.
_PERIODS: Final = (value_counts.DAY, 7 * value_counts.DAY)
_BASELINE: Final = 28 * value_counts.DAY
_LISTING: Final = frozenset({"in", "not_in", "has_any", "contains_any", "has_word_any"})
_FREE_TEXT: Final = frozenset({"contains_any", "has_word_any"})
#: Fields whose values are single texts. A list is one value after another, and a new one is no new spelling.
_TEXT_KINDS: Final = frozenset({FieldKind.TEXT, None})
#: Derived from the title and the address; a break in those shows there.
_DERIVED: Final = frozenset({"lead.seniority", "lead.email_domain"})


@dataclass(frozen=True, slots=True)
class BlindSpot:
    """A blind spot of one version: the field or signal, the value concerned, its count, and the newest leads."""

    kind: BlindRuleKind
    field: str
    value: str = ""
    count: int = 0
    resembles: str = ""
    lead_ids: Sequence[int] = ()


def watch_daily(*, now: dt.datetime) -> int:
    """Search each active version once a day; return how many new alarms were stored.

    A version whose search fails is set aside (rules 17.5).
    """
    in_force = [*active_versions.list_active_versions(), *active_versions.list_account_versions()]
    sweeps.forget_others(SWEEP, [version.pk for version in in_force], now)
    aside, new = sweeps.list_set_aside(SWEEP, now=now), 0
    for version in in_force:
        if version.pk not in aside:
            with sweeps.set_aside_failure(SWEEP, version.pk, now=now):
                new += _watch_once_a_day(version, now)
    return new


@transaction.atomic
def _watch_once_a_day(version: Version, now: dt.datetime) -> int:
    if not claim_period(job=f"blind rules {version.pk}", period=now.date().isoformat(), now=now):
        return 0
    return watch_version(version, now=now)


def watch_version(version: Version, *, now: dt.datetime) -> int:
    """Store the blind spots of a version that are new, and end the alarms that no longer hold; return the new ones."""
    open_alarms = {
        (alarm.kind, alarm.field, alarm.value): alarm for alarm in BlindRule.objects.open().filter(version=version)
    }
    rules, signals = active_versions.rules_of(version), _list_named_signals(active_versions.document_of(version))
    blind_spots = {
        (finding.kind, finding.field, finding.value): finding
        for finding in find_blind_spots(rules, now=now, signals=signals)
    }
    _end_alarms(open_alarms, blind_spots, rules, now)
    new = [finding for key, finding in blind_spots.items() if key not in open_alarms]
    BlindRule.objects.bulk_create(
        [
            BlindRule(
                version=version,
                kind=finding.kind,
                field=finding.field,
                value=finding.value[:300],
                count=finding.count,
                resembles=finding.resembles[:300],
                lead_ids=list(finding.lead_ids),
                at=now,
            )
            for finding in new
        ],
        ignore_conflicts=True,
    )
    return len(new)


def _list_named_signals(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the signals that a version names as engagement, for its timing or of companies, and those of companies."""
    section, timing = document.get("account") or {}, document.get("timing") or {}
    company_signals = section.get("company_signals") or {}
    return frozenset(
        [*(timing.get("engaged_by") or ()), *(section.get("engaged_by") or ()), *company_signals.get("count_of", ())]
    )


def find_blind_spots(rules: Rules, *, now: dt.datetime, signals: frozenset[str] = frozenset()) -> Iterator[BlindSpot]:
    """Yield the blind spots of a version; `signals` are those that it names beside its rules.

    1. Fields whose values stop arriving.
    2. Values that could not be read, and new values that a criterion does not match.
    3. Criteria that never match.
    4. Signals that stop arriving, or never arrived.
    """
    by_field = _criteria_by_field(rules)
    for name, criteria in by_field.items():
        yield from _find_missing_values(name, now)
        yield from _find_unread_values(name, now)
        yield from _find_unmatched_values(name, criteria, rules.lists, now)
    yield from _find_missing_signals(rules, signals, now)


def _criteria_by_field(rules: Rules) -> Mapping[str, Sequence[CriterionRule]]:
    by_field: dict[str, dict[str, CriterionRule]] = defaultdict(dict)
    for criterion in (*rules.gate, *rules.fit, *rules.bant, *rules.disqualifiers):
        if criterion.field not in _DERIVED:
            by_field[criterion.field][criterion.key] = criterion
    return {name: list(criteria.values()) for name, criteria in by_field.items()}


def _find_missing_values(name: str, now: dt.datetime) -> Iterator[BlindSpot]:
    if field_kind(name) == FieldKind.FLAG:
        return
    for period in _PERIODS:
        start = now - period
        known, total = value_counts.count_known(name, start=start, now=now)
        before = value_counts.count_known(name, start=start - _BASELINE, now=start)
        if blindness.has_dropped(known, total, *before):
            leads = value_counts.find_leads_without(name, start=start, now=now)
            yield BlindSpot(BlindRuleKind.STOPPED, name, count=total - known, lead_ids=leads)
            return


def _find_unread_values(name: str, now: dt.datetime) -> Iterator[BlindSpot]:
    start = now - NEWS
    for text, total, recent in value_counts.count_unread_values(name, start=start, now=now):
        if total == recent >= blindness.NEW_VALUE_COUNT:
            leads = value_counts.find_leads_with(name, text, start=start, now=now, is_unread=True)
            yield BlindSpot(BlindRuleKind.NOT_UNDERSTOOD, name, text, recent, lead_ids=leads)


def _find_unmatched_values(
    name: str, criteria: Sequence[CriterionRule], lists: Mapping[str, frozenset[str]], now: dt.datetime
) -> Iterator[BlindSpot]:
    listing = [row for row in criteria if row.op in _LISTING]
    if not listing:
        return
    start = now - NEWS
    raw_counts = value_counts.count_values(name, start=start, now=now)
    new_texts: dict[str, tuple[int, Sequence[str]]] = {}
    for criterion in listing:
        counts = _judge_values(name, criterion, lists, raw_counts)
        is_exclusion = criterion.key.startswith("disqualifiers")
        if not is_exclusion and blindness.never_matches(counts):
            yield BlindSpot(BlindRuleKind.NEVER_MATCHES, name, criterion.key, sum(count.total for count in counts))
        options = [str(option) for option in criterion.value] if isinstance(criterion.value, tuple) else []
        if field_kind(name) not in _TEXT_KINDS:
            continue
        # A new value that an exclusion does not match is as a rule one that it need not match.
        is_free_text = is_exclusion or criterion.op in _FREE_TEXT
        for count in blindness.new_values(counts, options, is_free_text=is_free_text):
            new_texts.setdefault(count.text, (count.recent, options))
    earlier_texts = value_counts.find_stated_before(name, new_texts.keys(), start=start)
    for text, (recent, option_texts) in new_texts.items():
        if text not in earlier_texts:
            leads = value_counts.find_leads_with(name, text, start=start, now=now)
            alike = blindness.find_alike(text, option_texts)
            yield BlindSpot(BlindRuleKind.NEW_VALUE, name, text, recent, alike, leads)


def _judge_values(
    name: str,
    criterion: CriterionRule,
    lists: Mapping[str, frozenset[str]],
    raw_counts: Iterable[tuple[str, int, int]],
) -> list[ValueCount]:
    """Return the values with the verdict of the criterion; spellings that differ in case alone count together."""
    decode, matches = _decoder(name), predicate(criterion, lists)
    counts: dict[str, ValueCount] = {}
    for text, total, recent in raw_counts:
        key = text.strip().casefold()
        known = counts.get(key)
        counts[key] = ValueCount(
            known.text if known else text,
            total + (known.total if known else 0),
            recent + (known.recent if known else 0),
            matches(decode(text)) is True,
        )
    return list(counts.values())


def _decoder(name: str) -> Callable[[str], object]:
    return str if ".custom." in name else attribute_field(name).decode


def _find_missing_signals(rules: Rules, signals: frozenset[str], now: dt.datetime) -> Iterator[BlindSpot]:
    # Nobody misses a signal that only costs points, as an unsubscribe.
    codes = {*signals, *(row.signal for row in rules.signals if row.points > 0)}
    for path in (*rules.paths, *rules.hot):
        for clause in path.clauses:
            codes |= clause.signals if isinstance(clause, CountClause) else frozenset()
    days_by_signal = value_counts.count_signal_days(now=now)
    for code in sorted(codes & days_by_signal.keys()):
        if blindness.is_missed(days_by_signal[code]):
            yield BlindSpot(BlindRuleKind.STOPPED, f"signal.{code}", count=sum(days_by_signal[code]))
    silent = {code for code in codes & days_by_signal.keys() if not any(days_by_signal[code])}
    if silent and sum(map(sum, days_by_signal.values())) >= blindness.NEVER_ARRIVED_COUNT:
        for code in sorted(value_counts.find_absent_signals(silent, now=now)):
            yield BlindSpot(BlindRuleKind.NEVER_MATCHES, f"signal.{code}")


def _end_alarms(
    alarms: Mapping[tuple[str, str, str], BlindRule],
    blind_spots: Mapping[tuple[Any, str, str], BlindSpot],
    rules: Rules,
    now: dt.datetime,
) -> None:
    """End the alarms that no longer hold.

    A new value stays an alarm after its two days, until a criterion of the field matches it or a person closes it.
    """
    for key, alarm in alarms.items():
        if key in blind_spots or alarm.kind == BlindRuleKind.NOT_UNDERSTOOD:
            continue
        if alarm.kind == BlindRuleKind.NEW_VALUE and not _is_matched(alarm, rules):
            continue
        alarm.ended_at = now
        alarm.save(update_fields=["ended_at"])


def _is_matched(alarm: BlindRule, rules: Rules) -> bool:
    criteria, decode = _criteria_by_field(rules).get(alarm.field, ()), _decoder(alarm.field)
    return any(predicate(row, rules.lists)(decode(alarm.value)) is True for row in criteria if row.op in _LISTING)


def describe(alarm: BlindRule, signal_names: Mapping[str, str]) -> str:
    """Describe an alarm as a sentence for marketing ops, with field, value and count."""
    if alarm.field.startswith("signal."):
        name = signal_names.get(alarm.field.removeprefix("signal."), alarm.field)
        if alarm.kind == BlindRuleKind.STOPPED:
            return (
                f"The signal “{name}” stopped arriving: none came in the last period, {alarm.count:,} in eight weeks."
            )
        return f"The signal “{name}” is in the definition, and no event of it has ever arrived."
    label = field_label(alarm.field)
    if alarm.kind == BlindRuleKind.STOPPED:
        return f"{label} stopped arriving: {alarm.count:,} new leads have none."
    if alarm.kind == BlindRuleKind.NOT_UNDERSTOOD:
        return f"{label}: “{alarm.value}” could not be read, {alarm.count:,} times."
    if alarm.kind == BlindRuleKind.NEVER_MATCHES:
        return f"{label}: the criterion matches none of {alarm.count:,} values."
    hint = f" It resembles “{alarm.resembles}”." if alarm.resembles else ""
    return f"{label}: “{alarm.value}” is new, came {alarm.count:,} times, and no criterion matches it.{hint}"


def signal_names() -> dict[str, str]:
    """Return the names of signals by code."""
    return dict(Signal.objects.values_list("code", "name"))
