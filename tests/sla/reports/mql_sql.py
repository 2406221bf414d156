"""What MQLs came to, in SQL that imports nothing of the product, and outcomes for tests of reports."""

from __future__ import annotations

from leads.models import Outcome
from leads.vocabulary import Motion, OutcomeKind
from tests.factories import DAY, NOW

#: What each MQL came to, written on the tables alone.
MQLS = """
    WITH outcome AS (
        SELECT o.*, coalesce(l.merged_into_id, l.id) AS person FROM leads_outcome o JOIN leads_lead l ON l.id = o.lead_id
        WHERE NOT EXISTS (SELECT FROM leads_outcome n WHERE n.corrects_id = o.id)
    ), mql AS (
        SELECT q.*, l.source, coalesce(l.merged_into_id, l.id) AS person, h.id AS handoff, h.created_at, h.first_contact_at,
            (SELECT min(n.at) FROM scoring_qualification n JOIN leads_lead nl ON nl.id = n.lead_id
                WHERE coalesce(nl.merged_into_id, nl.id) = coalesce(l.merged_into_id, l.id) AND n.motion = q.motion
                AND (n.at, n.id) > (q.at, q.id)) AS next
        FROM scoring_qualification q JOIN leads_lead l ON l.id = q.lead_id LEFT JOIN sla_handoff h ON h.qualification_id = q.id
    ), reached AS (
        SELECT m.*,
            EXISTS (SELECT FROM sla_disposition d WHERE d.handoff_id = m.handoff AND d.kind = 'accept'
                AND NOT EXISTS (SELECT FROM sla_disposition n WHERE n.corrects_id = d.id)) AS accepted,
            EXISTS (SELECT FROM sla_salesqualification s WHERE s.handoff_id = m.handoff) AS answered,
            EXISTS (SELECT FROM outcome o WHERE o.person = m.person AND o.motion = m.motion AND o.kind IN ('opportunity', 'won')
                AND o.at >= m.at AND (m.next IS NULL OR o.at < m.next)) AS opened,
            EXISTS (SELECT FROM outcome o WHERE o.person = m.person AND o.motion = m.motion AND o.kind = 'won'
                AND o.at >= m.at AND (m.next IS NULL OR o.at < m.next)) AS won
        FROM mql m WHERE m.motion = 'mql' AND m.at >= '2025-12-22'
    )
    SELECT {group}, count(*), count(*) FILTER (WHERE accepted OR answered OR opened), count(*) FILTER (WHERE answered OR opened),
        count(*) FILTER (WHERE opened), count(*) FILTER (WHERE won)
    FROM reached GROUP BY 1
"""


def add_outcome(lead, kind=OutcomeKind.OPPORTUNITY, at=NOW + 5 * DAY, motion=Motion.MQL) -> Outcome:
    return Outcome.objects.create(lead=lead, kind=kind, at=at, recorded_at=at, source="crm", motion=motion)
