"""The audit that ends every drill: nothing that was answered is lost, nothing is doubled, and every score is right."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

from django.core.management import call_command, get_commands
from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from config.jobs.models import PeriodicRun
from definitions.models import Version
from leads.models import CompanyRescore, Event, Lead, Signal
from leads.rescoring import mass_rescores
from scoring import active_versions
from scoring.instants import from_microseconds, microseconds
from scoring.models import HotUpgrade, Qualification, Score, TierUpgrade
from sla.handoffs import creation
from sla.models import Clock, Disposition, Handoff, PendingDecision
from sla.vocabulary import OPEN_STATES, ClockKind, HandoffState
from tests.drills.drilled_company import SOURCE
from tests.drills.event_load import EventRecord
from tests.drills.waiting import wait_until
from tests.scoring import reference

_FAULTS_SHOWN = 20
_DECISIONS_IN = {
    HandoffState.UNROUTED: 0,
    HandoffState.ASSIGNED: 0,
    HandoffState.ACCEPTED: 1,
    HandoffState.REJECTED: 1,
}
_BEGINNING = 0


def wait_until_caught_up() -> float:
    """Wait until no work is left; return the seconds that it took."""
    return wait_until(lambda: not any(_list_waiting()), "the worker has caught up")


def require_nothing_lost_or_doubled(*records: EventRecord) -> None:
    """Check the whole database after the events of these records. Call it when the worker has caught up."""
    faults = [
        *(fault for record in records for fault in _check_events(record)),
        *_check_scores(),
        *_check_rows_that_exist_once(),
        *_check_handoffs(),
    ]
    assert not faults, "\n".join([f"{len(faults)} faults:", *faults[:_FAULTS_SHOWN]])
    if "verify_audit" in get_commands():
        call_command("verify_audit")


def _list_waiting() -> Iterator[bool]:
    now = timezone.now()
    yield Lead.objects.due_for_rescore(now).exists()
    yield CompanyRescore.objects.exists()
    yield bool(mass_rescores.list_unfinished())
    for upgrades in (HotUpgrade, TierUpgrade):
        yield upgrades.objects.filter(taken_at__isnull=True).exists()
    yield creation.mqls_to_hand_off(now).exists()
    yield Handoff.objects.unrouted().exists()
    yield PendingDecision.objects.exists()


def _check_events(record: EventRecord) -> Iterator[str]:
    """Yield what is wrong with the events: each that was answered is stored once, and was accepted at most once."""
    stored = Event.objects.filter(source=SOURCE, external_id__in=list(record.events))
    counts = dict(stored.values_list("external_id").annotate(count=Count("pk")))
    for key in record.events:
        results = record.results.get(key, [])
        if counts.get(key, 0) != 1:
            yield f"Event {key}, answered with {results}, is stored {counts.get(key, 0)} times."
        if results.count("accepted") > 1 or not set(results) <= {"accepted", "duplicate"} or not results:
            yield f"Event {key} was answered with {results}."
    emails = dict(stored.values_list("external_id", "lead__email"))
    yield from (
        f"Event {key} is stored for {emails[key]} instead of {event['email']}."
        for key, event in record.events.items()
        if key in emails and emails[key] != event["email"]
    )


def _check_scores() -> Iterator[str]:
    """Yield the scores that are missing, or differ from what the slow reference makes of the facts."""
    events = _read_events()
    for error in Lead.objects.exclude(look_error="").values_list("email", "look_error"):
        yield f"{error[0]} was set aside: {error[1]}"
    for version in active_versions.list_active_versions():
        rules = active_versions.rules_of(version)
        scores = {score.lead_id: score for score in Score.objects.filter(definition=version.definition)}
        for lead in Lead.objects.standing().filter(pk__in=list(events)).select_related("company"):
            score = scores.get(lead.pk)
            if score is None or score.version_id != version.pk:
                yield f"{lead.email} is not judged by {version}."
                continue
            if score.as_of < from_microseconds(events[lead.pk][-1].at):
                yield f"{lead.email} was judged before its last event was counted."
            history = reference.Lead(tuple(events[lead.pk]), ((_BEGINNING, _read_attributes(lead)),))
            of_facts = reference.judge(rules, history, microseconds(score.as_of))
            in_time = reference.judge(rules, history, microseconds(score.judged_at))
            stored = (score.fit, score.bant, score.is_disqualified, score.meets, score.tier, score.gate)
            expected = (of_facts.fit, of_facts.bant, in_time.disqualified, in_time.meets, in_time.tier, in_time.gate)
            # Half a millionth may round to either side.
            if stored != expected or abs(score.engagement - of_facts.engagement) > 1.1e-6:
                yield (
                    f"{lead.email} has {score.engagement} and {stored} by {version}, "
                    f"the reference says {of_facts.engagement} and {expected}."
                )


def _read_events() -> Mapping[int, Sequence[reference.Event]]:
    """Return the events of each lead that stands for its person, those of merged leads included."""
    codes = dict(Signal.objects.values_list("pk", "code"))
    by_lead = defaultdict(list)
    rows = Event.objects.values_list("lead", "lead__merged_into", "signal", "occurred_at")
    for lead, into, signal, at in rows.order_by("occurred_at", "pk").iterator():
        by_lead[into or lead].append(reference.Event(microseconds(at), codes[signal]))
    return by_lead


def _read_attributes(lead: Lead) -> dict[str, object]:
    employer = lead.company
    values: dict[str, object] = {"lead.email": lead.email, "lead.title": lead.title}
    if employer is not None:
        values |= {
            "company.employees": employer.employees_low,
            "company.industry": employer.industry,
            "company.country": employer.country,
        }
    return values


def _check_rows_that_exist_once() -> Iterator[str]:
    once: dict[str, tuple[QuerySet, tuple[str, ...]]] = {
        "open handoffs": (Handoff.objects.filter(state__in=OPEN_STATES), ("lead", "motion")),
        "open MQLs": (Qualification.objects.filter(closed_at__isnull=True), ("lead", "motion")),
        "handoffs of an MQL": (Handoff.objects.all(), ("qualification",)),
        "standing dispositions": (Disposition.objects.filter(corrected_by__isnull=True), ("handoff",)),
        "active versions": (Version.objects.active(), ("definition",)),
        "running clocks": (Clock.objects.filter(cancelled_at__isnull=True), ("handoff", "kind")),
        "runs of a period": (PeriodicRun.objects.all(), ("job", "period")),
    }
    for name, (rows, columns) in once.items():
        doubled = rows.order_by().values_list(*columns).annotate(count=Count("pk")).filter(count__gt=1)
        yield from (f"{name}: {row[-1]} with {row[:-1]}." for row in doubled)


def _check_handoffs() -> Iterator[str]:
    """Yield the MQLs without handoff, and the handoffs whose state and decisions or clocks disagree."""
    no_handoff = Qualification.objects.filter(closed_at__isnull=True, handoff__isnull=True)
    yield from (f"{mql} was never handed off." for mql in no_handoff)
    standing = Count("dispositions", filter=Q(dispositions__corrected_by__isnull=True))
    for pk, state, decisions in Handoff.objects.values_list("pk", "state").annotate(n=standing):
        if decisions != _DECISIONS_IN.get(HandoffState(state), decisions):
            yield f"Handoff {pk} is {state} with {decisions} decisions."
    routings = Count("clocks", filter=Q(clocks__kind=ClockKind.ROUTE))
    for pk, count in Handoff.objects.values_list("pk").annotate(n=routings).exclude(n=1):
        yield f"Handoff {pk} has {count} clocks of its routing."
