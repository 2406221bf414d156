"""Medians, yields and attempts of the reports beside SQL that knows nothing of the product (rules 12.1, 12.5, 12.28, 12.30)."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from config.accounts.vocabulary import Role
from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from sla.handoffs import attempts, dispositions, sales_stages
from sla.models import Handoff, ReasonCode
from sla.vocabulary import AttemptOutcome, Channel
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    HandoffFactory,
    QualificationFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
)
from tests.sla.reports.report_reading import cards_of, read_api, run_sql, tables_of

pytestmark = pytest.mark.django_db

LATER = NOW + 20 * DAY
PERCENTILES = """
    SELECT {group}, percentile_cont(0.5) WITHIN GROUP (ORDER BY c.used_seconds) / 60.0,
        percentile_cont(0.9) WITHIN GROUP (ORDER BY c.used_seconds) / 60.0, count(c.used_seconds)
    FROM sla_clock c JOIN sla_handoff h ON h.id = c.handoff_id WHERE c.kind = %(kind)s GROUP BY 1
"""
STEP_TIMES = """
    SELECT 'sal', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM h.decided_at - q.at)) / 60.0, count(*)
    FROM scoring_qualification q JOIN sla_handoff h ON h.qualification_id = q.id JOIN sla_disposition d ON d.handoff_id = h.id
    WHERE d.kind = 'accept'
    UNION ALL
    SELECT 'sql', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM s.at - q.at)) / 60.0, count(*)
    FROM scoring_qualification q JOIN sla_handoff h ON h.qualification_id = q.id JOIN sla_salesqualification s ON s.handoff_id = h.id
    UNION ALL
    SELECT 'opportunity', percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM o.at - q.at)) / 60.0, count(*)
    FROM scoring_qualification q JOIN (SELECT lead_id, min(at) AS at FROM leads_outcome GROUP BY 1) o ON o.lead_id = q.lead_id
"""
YIELDS = """
    SELECT r.id, count(*), count(h.meeting_at), count(*) FILTER (WHERE h.meeting_at IS NOT NULL AND EXISTS (
        SELECT FROM leads_outcome o WHERE o.lead_id = h.lead_id AND o.at >= h.created_at AND NOT EXISTS (
            SELECT FROM scoring_qualification n WHERE n.lead_id = h.lead_id AND n.at > q.at AND n.at <= o.at)))
    FROM sla_handoff h JOIN sla_rep r ON r.id = h.rep_id JOIN scoring_qualification q ON q.id = h.qualification_id GROUP BY 1
"""


@pytest.fixture
def leader():
    """Handoffs of two reps, contacted after different times, some with a meeting, an SQL, or a deal."""
    CommitmentFactory(active=True, attempts_before_unresponsive=2, attempts_working_days=2)
    team = TeamFactory(working=True, reps=0)
    for name in ("ana", "ben"):
        RepFactory(team=team, user__name=name)
    for number, minutes in enumerate((3, 12, 20, 45, 95, 150, 200)):
        handoff = HandoffFactory(tier=1 + number % 2)
        contact(handoff, minutes * MINUTE)
        dispositions.accept(handoff=handoff, by=handoff.rep.user, now=handoff.routed_at + (minutes + 10) * MINUTE)
        by, now = handoff.rep.user, handoff.routed_at + (minutes + 30) * MINUTE
        if number % 2 or number > 4:
            sales_stages.book_meeting(handoff=fresh(handoff), at=NOW + 2 * DAY, by=by, now=now)
        if number % 2:
            answers = dict.fromkeys(("problem", "budget", "authority", "timeline"), "Yes.")
            sales_stages.qualify(handoff=fresh(handoff), by=by, now=now, **answers)
            add_opportunity(handoff, NOW + number * DAY)
    return UserFactory(roles=[Role.SALES_LEADER])


def fresh(handoff: Handoff) -> Handoff:
    return Handoff.objects.get(pk=handoff.pk)


def contact(handoff: Handoff, after: dt.timedelta, channel: Channel = Channel.CALL) -> None:
    at = handoff.routed_at + after
    outcome = AttemptOutcome.NO_ANSWER
    attempts.log_attempt(handoff=handoff, channel=channel, outcome=outcome, at=at, by=handoff.rep.user, now=at)


def add_opportunity(handoff: Handoff, at: dt.datetime) -> None:
    kind = OutcomeKind.OPPORTUNITY
    Outcome.objects.create(lead=handoff.lead, kind=kind, at=at, recorded_at=at, source="crm", motion=Motion.MQL)


def near(value: Any) -> Any:
    # The reports round to a tenth of a minute.
    return pytest.approx(float(value), abs=0.06)


@pytest.mark.parametrize("kind", ["first_contact", "disposition"])
def test_medians_and_percentiles_of_promises(leader, kind):
    table = tables_of(read_api(leader, "sla", at=LATER))["tier"]

    rows = {row["key"]: row["cells"] for row in table["rows"]}
    expected = {str(tier): rest for tier, *rest in run_sql(PERCENTILES.format(group="h.tier"), kind=kind)}
    assert set(rows) == set(expected)
    for tier, (median, p90, count) in expected.items():
        cells = rows[tier]
        assert (cells[f"{kind}_median"]["value"], cells[f"{kind}_p90"]["value"]) == (near(median), near(p90))
        assert cells[f"{kind}_median"]["of"] == count


def test_medians_of_steps_and_of_speed(leader):
    reader = UserFactory(roles=[Role.MARKETING_LEADER])
    cells = {
        row["key"]: row["cells"]["time"] for row in tables_of(read_api(reader, "funnel", at=LATER))["cohort"]["rows"]
    }
    speed = cards_of(read_api(reader, "speed-to-lead", at=LATER))["speed_to_lead"]

    for step, median, count in run_sql(STEP_TIMES):
        assert (cells[step]["value"], cells[step]["of"]) == (near(median), count)
    ((median,),) = run_sql(
        "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM first_contact_at - created_at)) / 60 FROM sla_handoff"
    )
    assert speed["value"] == near(median)


def test_yields_end_with_the_next_cycle(leader):
    met = Handoff.objects.get(meeting_at__isnull=False, lead__outcomes=None)
    met.lead.qualifications.update(closed_at=NOW + 3 * DAY)
    QualificationFactory(lead=met.lead, cycle=2, at=NOW + 10 * DAY)
    add_opportunity(met, NOW + 12 * DAY)

    table = tables_of(read_api(met.team.managers.first(), "sla", at=LATER))["yield"]

    rows = {
        row["key"]: (
            row["cells"]["given"]["value"],
            row["cells"]["meeting"]["count"],
            row["cells"]["opportunity"]["count"],
        )
        for row in table["rows"]
    }
    assert rows == {str(rep): tuple(rest) for rep, *rest in run_sql(YIELDS)}


def test_tried_as_promised(leader):
    for spread in ((HOUR, DAY), (HOUR, 2 * HOUR), (HOUR,)):
        handoff = HandoffFactory()
        for after in spread:
            contact(fresh(handoff), after)
        dispositions.reject(handoff=handoff, reason=ReasonCodeFactory(), by=handoff.rep.user, now=NOW + 2 * DAY)
    ReasonCode.objects.update(needs_attempts=True)

    card = cards_of(read_api(leader, "sla", at=LATER))["tried_as_promised"]

    expected = run_sql("""
        SELECT count(*) FILTER (WHERE t.attempts >= c.attempts_before_unresponsive AND t.days >= c.attempts_working_days), count(*)
        FROM sla_handoff h JOIN sla_disposition d ON d.handoff_id = h.id JOIN sla_commitment c ON c.id = h.commitment_id
        CROSS JOIN LATERAL (SELECT count(*) AS attempts, count(DISTINCT a.at::date) AS days FROM sla_attempt a
            WHERE a.handoff_id = h.id AND a.at <= h.decided_at) t
        WHERE d.kind = 'reject'
    """)
    assert [(card["count"], card["of"])] == expected == [(1, 3)]
