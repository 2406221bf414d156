"""Stages by motion: the leads that qualified under another motion than MQL get theirs, by their handoffs."""

from django.db import migrations, models

from sla import shipped_reasons

#: The leads with a qualification under another motion. All others are right already (leads.0012_motion_stages).
_LEADS = "SELECT lead_id FROM scoring_qualification WHERE motion <> 'mql'"

#: A change of stage belongs to the motion of the qualification at whose instants it was stored, else to the only motion
#: in which its lead had qualified by then, else to MQL.
_CHANGES = f"""
    UPDATE leads_stagechange AS change SET motion = origin.motion FROM (
        SELECT change.id, coalesce(
            (SELECT step.motion FROM (
                SELECT motion, lead_id, unnest(ARRAY[recorded_at, closed_at, reenter_at]) AS at FROM scoring_qualification
                UNION ALL
                SELECT motion, lead_id, unnest(ARRAY[decided_at, closed_at]) FROM sla_handoff
                UNION ALL
                SELECT motion, lead_id, word.at FROM sla_handoff JOIN sla_disposition AS word ON word.handoff_id = sla_handoff.id
                UNION ALL
                SELECT motion, lead_id, word.at FROM sla_handoff
                JOIN sla_salesqualification AS word ON word.handoff_id = sla_handoff.id
                UNION ALL
                SELECT sla_handoff.motion, sla_handoff.lead_id, outcome.at FROM sla_handoff JOIN leads_outcome AS outcome
                ON outcome.source = 'accord' AND outcome.external_id = 'handoff-' || sla_handoff.id
            ) AS step WHERE step.lead_id = change.lead_id AND step.at = change.at ORDER BY step.motion <> 'mql' LIMIT 1),
            (SELECT min(motion) FROM scoring_qualification AS before
                WHERE before.lead_id = change.lead_id AND before.recorded_at <= change.at
                HAVING count(DISTINCT motion) = 1),
            'mql'
        ) AS motion
        FROM leads_stagechange AS change WHERE change.lead_id IN ({_LEADS})
    ) AS origin WHERE origin.id = change.id AND origin.motion <> 'mql'
"""  # noqa: S608  # constants

#: An outcome belongs to the motion of the handoff whose step recorded it, else to the only motion that was handed off.
_OUTCOMES = f"""
    UPDATE leads_outcome AS outcome SET motion = origin.motion FROM (
        SELECT outcome.id, coalesce(
            (SELECT motion FROM sla_handoff WHERE outcome.source = 'accord' AND outcome.external_id = 'handoff-' || sla_handoff.id),
            (SELECT min(motion) FROM sla_handoff
                WHERE sla_handoff.lead_id = outcome.lead_id HAVING count(DISTINCT motion) = 1)
        ) AS motion
        FROM leads_outcome AS outcome WHERE outcome.lead_id IN ({_LEADS})
    ) AS origin WHERE origin.id = outcome.id AND origin.motion <> 'mql'
"""  # noqa: S608  # constants

_STAGES = f"""
    DELETE FROM leads_leadstage WHERE lead_id IN ({_LEADS});
    INSERT INTO leads_leadstage (lead_id, motion, stage, since)
    SELECT DISTINCT ON (lead_id, motion) lead_id, motion, to_stage, at
    FROM leads_stagechange WHERE lead_id IN ({_LEADS}) ORDER BY lead_id, motion, id DESC;
"""  # noqa: S608  # constants

#: Two motions shared one stage, so that some moves were never made: the last handoff of a motion says where its lead
#: stands. The changes begin where it stands, and the trigger on them derives the stage.
_MISSING = f"""
    INSERT INTO leads_stagechange (lead_id, motion, from_stage, to_stage, at, why)
    SELECT lead_id, motion, stage, due, at, 'Carried over when stages were kept by motion.' FROM (
        SELECT DISTINCT ON (mql.lead_id, mql.motion) mql.lead_id, mql.motion,
            coalesce(standing.stage, 'lead') AS stage,
            coalesce(handoff.closed_at, handoff.decided_at, mql.recorded_at) AS at,
            CASE
                WHEN handoff.state IN ('opportunity', 'won', 'lost') THEN handoff.state
                WHEN handoff.state = 'accepted' THEN 'sal'
                WHEN handoff.state = 'qualified' THEN 'sql'
                WHEN handoff.state = 'rejected' OR mql.closed_at IS NOT NULL THEN CASE
                    WHEN standing.stage NOT IN ('lead', 'mql', 'sal') THEN standing.stage
                    WHEN reason.route = 'disqualify' THEN 'disqualified'
                    WHEN reason.route = 'recycle' THEN 'nurture'
                    ELSE 'mal'
                END
                ELSE 'mql'
            END AS due
        FROM scoring_qualification AS mql
        LEFT JOIN leads_leadstage AS standing ON standing.lead_id = mql.lead_id AND standing.motion = mql.motion
        LEFT JOIN sla_handoff AS handoff ON handoff.qualification_id = mql.id
        LEFT JOIN sla_disposition AS word ON word.handoff_id = handoff.id
            AND NOT EXISTS (SELECT FROM sla_disposition AS later WHERE later.corrects_id = word.id)
        LEFT JOIN sla_reasoncode AS reason ON reason.id = word.reason_id
        WHERE mql.lead_id IN ({_LEADS})
        ORDER BY mql.lead_id, mql.motion, mql.cycle DESC
    ) AS latest WHERE stage <> due AND stage NOT IN ('opportunity', 'won', 'lost')
"""  # noqa: S608  # constants

#: Who was rejected for a reason that concerns the person is closed in every motion.
_CLOSED = """
    INSERT INTO leads_stagechange (lead_id, motion, from_stage, to_stage, at, why)
    SELECT lead.id, motion.name, coalesce(standing.stage, 'lead'), 'disqualified', lead.stage_at,
        left('Rejected by sales: ' || rejected.label || '.', 300)
    FROM leads_lead AS lead
    JOIN (
        SELECT DISTINCT ON (handoff.lead_id) handoff.lead_id, reason.label FROM sla_handoff AS handoff
        JOIN sla_disposition AS word ON word.handoff_id = handoff.id
        JOIN sla_reasoncode AS reason ON reason.id = word.reason_id AND reason.concerns_person
        WHERE NOT EXISTS (SELECT FROM sla_disposition AS later WHERE later.corrects_id = word.id)
        ORDER BY handoff.lead_id, word.id DESC
    ) AS rejected ON rejected.lead_id = lead.id
    CROSS JOIN (VALUES ('mql'), ('pql'), ('aql')) AS motion (name)
    LEFT JOIN leads_leadstage AS standing ON standing.lead_id = lead.id AND standing.motion = motion.name
    WHERE lead.stage = 'disqualified'
    AND coalesce(standing.stage, 'lead') NOT IN ('disqualified', 'opportunity', 'won')
"""

_SUMMARIES = f"""
    UPDATE leads_lead AS lead SET stage = summary.stage, stage_motion = summary.motion, stage_at = CASE
        WHEN (lead.stage, lead.stage_motion) = (summary.stage, summary.motion) THEN lead.stage_at ELSE summary.since END
    FROM (
        SELECT DISTINCT ON (lead_id) lead_id, stage, motion, since FROM leads_leadstage WHERE lead_id IN ({_LEADS})
        ORDER BY lead_id,
            array_position(
                ARRAY['won', 'opportunity', 'sql', 'sal', 'mql', 'nurture', 'mal', 'lost', 'disqualified', 'lead'],
                stage::text
            ),
            array_position(ARRAY['mql', 'pql', 'aql'], motion::text)
    ) AS summary WHERE summary.lead_id = lead.id
"""  # noqa: S608  # constants


def carry_stages_over(apps, schema_editor):
    """Give the stages and outcomes of the past their motions.

    1. Mark the reasons that concern the person.
    2. Give changes of stage and outcomes the motion of the handoff that they came from; both tables refuse changes
       otherwise.
    3. Derive the stages anew, and add the moves that two motions with one stage never made.
    4. Close every motion of people who were rejected for a reason of 1.
    5. Derive the summary stages.
    """
    reasons = apps.get_model("sla", "ReasonCode").objects.filter(code__in=shipped_reasons.OF_PERSON, route="disqualify")
    # 1.
    reasons.update(concerns_person=True)
    with schema_editor.connection.cursor() as cursor:
        tables = ("leads_stagechange", "leads_outcome", "leads_leadstage")
        # 2. and 3. Pending checks of foreign keys would bar the change of the tables.
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")
        for statement in (_CHANGES, _OUTCOMES, _STAGES):
            cursor.execute(statement)
        for table in tables:
            cursor.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
        # to 5.
        for statement in (_MISSING, _CLOSED, _SUMMARIES):
            cursor.execute(statement)
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


class Migration(migrations.Migration):
    dependencies = [
        ("sla", "0002_blind_rules"),
        ("scoring", "0002_blind_rules"),
        ("leads", "0012_motion_stages"),
    ]

    operations = [
        migrations.AddField(
            model_name="reasoncode",
            name="concerns_person",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="It concerns the person as such and closes every motion, not only the one that was rejected.",
            ),
        ),
        migrations.AddConstraint(
            model_name="reasoncode",
            constraint=models.CheckConstraint(
                condition=models.Q(("concerns_person", False), ("route", "disqualify"), _connector="OR"),
                name="person_is_disqualified",
                violation_error_message="A reason that concerns the person as such disqualifies.",
            ),
        ),
        migrations.RunPython(carry_stages_over, migrations.RunPython.noop),
    ]
