"""The rates of the catalogue beside SQL that knows nothing of the product (rules 12.15)."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection

from leads.identity import merges
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from scoring.backtests.intervals_and_tests import Sample
from sla.figure_catalogue import readings
from sla.figure_catalogue.catalogue import (
    ACCEPTANCE,
    CATALOGUE,
    MQL_TO_OPPORTUNITY,
    MQL_TO_SQL,
    REJECTION,
    SAL_TO_SQL,
)
from sla.handoffs import dispositions, sales_stages
from sla.vocabulary import DispositionKind
from tests.factories import DAY, HOUR, MINUTE, NOW, HandoffFactory, LeadFactory, QualificationFactory

pytestmark = pytest.mark.django_db

START, END = dt.datetime(2026, 3, 1, tzinfo=dt.UTC), dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
LATER = NOW + 100 * DAY

#: What each rate counts, written on the tables alone: a row of (all, counted).
DECIDED = """
    SELECT count(*), count(*) FILTER (WHERE d.kind = '{kind}')
    FROM sla_disposition d JOIN sla_handoff h ON h.id = d.handoff_id JOIN definitions_version v ON v.id = h.version_id
    WHERE h.decided_at >= %(start)s AND h.decided_at < %(end)s AND v.definition_id = %(definition)s
        AND NOT EXISTS (SELECT FROM sla_disposition later WHERE later.corrects_id = d.id)
"""
OPENED = """
    EXISTS (
        SELECT FROM leads_outcome o JOIN leads_lead ol ON ol.id = o.lead_id JOIN leads_lead ql ON ql.id = q.lead_id
        WHERE coalesce(ol.merged_into_id, ol.id) = coalesce(ql.merged_into_id, ql.id) AND o.motion = q.motion
            AND o.kind IN ('opportunity', 'won') AND o.at >= q.at AND o.at <= %(now)s
            AND NOT EXISTS (SELECT FROM leads_outcome later WHERE later.corrects_id = o.id)
            AND NOT EXISTS (
                SELECT FROM scoring_qualification n JOIN leads_lead nl ON nl.id = n.lead_id
                WHERE coalesce(nl.merged_into_id, nl.id) = coalesce(ql.merged_into_id, ql.id)
                    AND n.motion = q.motion AND (n.at, n.id) > (q.at, q.id) AND n.at <= o.at
            )
    )
"""
ANSWERED = """
    EXISTS (
        SELECT FROM sla_salesqualification s JOIN sla_handoff h ON h.id = s.handoff_id
        WHERE h.qualification_id = q.id AND s.at <= %(now)s
    )
"""
QUALIFIED = """
    SELECT count(*), count(*) FILTER (WHERE {counted}) FROM scoring_qualification q
    WHERE q.definition_id = %(definition)s AND q.at >= %(start)s AND q.at < %(end)s
"""
ACCEPTED = """
    SELECT count(*), count(*) FILTER (WHERE {counted}) FROM scoring_qualification q
    JOIN sla_handoff h ON h.qualification_id = q.id JOIN sla_disposition d ON d.handoff_id = h.id
    WHERE q.definition_id = %(definition)s AND h.decided_at >= %(start)s AND h.decided_at < %(end)s
        AND d.kind = 'accept' AND NOT EXISTS (SELECT FROM sla_disposition later WHERE later.corrects_id = d.id)
"""
QUERIES = {
    REJECTION: DECIDED.format(kind="reject"),
    ACCEPTANCE: DECIDED.format(kind="accept"),
    SAL_TO_SQL: ACCEPTED.format(counted=f"{ANSWERED} OR {OPENED}"),
    MQL_TO_SQL: QUALIFIED.format(counted=f"{ANSWERED} OR {OPENED}"),
    MQL_TO_OPPORTUNITY: QUALIFIED.format(counted=OPENED),
}


def count_by_sql(query: str, definition: object) -> Sample:
    with connection.cursor() as cursor:
        cursor.execute(query, {"start": START, "end": END, "now": LATER, "definition": definition.pk})
        total, hits = cursor.fetchone()
    return Sample(hits, total)


def add_outcome(lead, kind=OutcomeKind.OPPORTUNITY, at=NOW + 5 * DAY, motion=Motion.MQL) -> Outcome:
    return Outcome.objects.create(lead=lead, kind=kind, at=at, recorded_at=at, source="crm", motion=motion)


def qualify(handoff) -> None:
    answers = dict.fromkeys(("problem", "budget", "authority", "timeline"), "Yes.")
    sales_stages.qualify(handoff=handoff, by=handoff.rep.user, now=NOW + HOUR, **answers)


def read_all(definition) -> dict[str, Sample]:
    return {
        figure.key: readings.read_rate(figure, definition=definition, start=START, end=END, now=LATER)
        for figure in CATALOGUE.values()
    }


@pytest.fixture
def definition():
    """Ten MQLs with everything that could be counted twice, missed or counted in another period."""
    accepted = [HandoffFactory(accepted=True, now=NOW) for _ in range(4)]
    rejected = [HandoffFactory(rejected=True, now=NOW) for _ in range(3)]
    undecided = HandoffFactory(now=NOW)
    HandoffFactory(accepted=True, now=NOW - 14 * DAY)
    # Corrected into an acceptance.
    handoff = rejected[0]
    dispositions.correct(handoff=handoff, kind=DispositionKind.ACCEPT, by=handoff.rep.user, now=NOW + 2 * MINUTE)
    qualify(accepted[0])
    # An opportunity without the four answers, and another outcome of the same lead.
    add_outcome(accepted[1].lead)
    add_outcome(accepted[1].lead, kind=OutcomeKind.WON, at=NOW + 9 * DAY)
    # One of another motion, and one from before it qualified.
    add_outcome(accepted[2].lead, motion=Motion.PQL)
    add_outcome(undecided.lead, at=NOW - DAY)
    # The deal of the second cycle is not one of the first.
    lead = rejected[1].lead
    type(rejected[1].qualification).objects.filter(pk=rejected[1].qualification_id).update(closed_at=NOW + HOUR)
    QualificationFactory(lead=lead, cycle=2, at=NOW + 30 * DAY)
    add_outcome(lead, at=NOW + 31 * DAY)
    # A merged person's deal counts for the lead that qualified.
    alias = LeadFactory(email="also@example.org")
    merges.merge(lead_id=alias.pk, into_id=accepted[3].lead_id, by=None, now=NOW + DAY)
    add_outcome(alias, at=NOW + 2 * DAY)
    return accepted[0].version.definition


def test_each_rate_is_what_plain_sql_counts(definition):
    for figure in CATALOGUE.values():
        sample = readings.read_rate(figure, definition=definition, start=START, end=END, now=LATER)

        assert sample == count_by_sql(QUERIES[figure], definition), figure.key

    assert read_all(definition) == {
        "rejection": Sample(2, 7),
        "acceptance": Sample(5, 7),
        "sal_to_sql": Sample(3, 5),
        "mql_to_sql": Sample(3, 8),
        "mql_to_opportunity": Sample(2, 8),
    }


def test_a_win_of_a_merged_person_counts_once_for_the_cycle_in_which_it_falls(definition):
    """Three leads of one person are MQLs of their own; the deal of the last one's cycle is none of the others'."""
    standing, *aliases = (QualificationFactory(at=NOW + hours * HOUR) for hours in (0, 2, 2))
    for alias in aliases:
        merges.merge(lead_id=alias.lead_id, into_id=standing.lead_id, by=None, now=NOW + DAY)
    before = read_all(definition)
    add_outcome(aliases[0].lead, kind=OutcomeKind.WON)

    assert {key: sample.hits - before[key].hits for key, sample in read_all(definition).items()} == {
        "rejection": 0, "acceptance": 0, "sal_to_sql": 0, "mql_to_sql": 1, "mql_to_opportunity": 1,
    }  # fmt: skip
    for figure in CATALOGUE.values():
        assert read_all(definition)[figure.key] == count_by_sql(QUERIES[figure], definition), figure.key


def test_a_conversion_within_a_time_leaves_out_later_ones(definition):
    within = {
        days: readings.read_rate(
            MQL_TO_OPPORTUNITY, definition=definition, start=START, end=END, now=LATER, within=days * DAY
        ).hits
        for days in (1, 2, 5)
    }

    assert within == {1: 0, 2: 1, 5: 2}


def test_sources_and_score_bands_are_parts_of_a_rate():
    for source, fit in (("Webinar", 30), ("Webinar", 10), ("Referral", 10)):
        lead = LeadFactory(mql=True, source=source)
        qualification = QualificationFactory(lead=lead, fit=fit, engagement=50)
    definition = qualification.definition

    by_band = readings.read_by_band(MQL_TO_SQL, definition=definition, start=START, end=END, now=LATER)
    assert by_band == {60: Sample(0, 2), 80: Sample(0, 1)}
    by_source = readings.read_by_source(MQL_TO_SQL, definition=definition, start=START, end=END, now=LATER)
    assert by_source == {"Webinar": Sample(0, 2), "Referral": Sample(0, 1)}
