import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models

#: Every stage is carried over as one of the motion MQL. sla.0003_motion_stages corrects the leads that qualified under
#: another motion, as it knows their handoffs.
_STAGES = (
    "INSERT INTO leads_leadstage (lead_id, motion, stage, since)"
    " SELECT id, 'mql', stage, stage_at FROM leads_lead WHERE stage <> 'lead'"
    " OR EXISTS (SELECT FROM leads_stagechange WHERE lead_id = leads_lead.id)"
)


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0011_refused_addresses"),
    ]

    operations = [
        migrations.CreateModel(
            name="LeadStage",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "motion",
                    models.CharField(
                        choices=[
                            ("mql", "MQL (marketing qualified)"),
                            ("pql", "PQL (product qualified)"),
                            ("aql", "AQL (account qualified)"),
                        ],
                        max_length=3,
                    ),
                ),
                (
                    "stage",
                    models.CharField(
                        choices=[
                            ("lead", "Lead"),
                            ("mal", "MAL"),
                            ("mql", "MQL"),
                            ("sal", "SAL"),
                            ("sql", "SQL"),
                            ("opportunity", "Opportunity"),
                            ("won", "Won"),
                            ("lost", "Lost"),
                            ("nurture", "Nurture"),
                            ("disqualified", "Disqualified"),
                        ],
                        max_length=16,
                    ),
                ),
                ("since", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="lead",
            name="stage_motion",
            field=models.CharField(
                choices=[
                    ("mql", "MQL (marketing qualified)"),
                    ("pql", "PQL (product qualified)"),
                    ("aql", "AQL (account qualified)"),
                ],
                db_default="mql",
                default="mql",
                editable=False,
                help_text="The motion that the summary stage comes from.",
                max_length=3,
            ),
        ),
        migrations.AddField(
            model_name="outcome",
            name="motion",
            field=models.CharField(
                choices=[
                    ("mql", "MQL (marketing qualified)"),
                    ("pql", "PQL (product qualified)"),
                    ("aql", "AQL (account qualified)"),
                ],
                db_default="mql",
                default="mql",
                help_text="The motion that the deal concerns (rules 2.16).",
                max_length=3,
            ),
        ),
        migrations.AddField(
            model_name="stagechange",
            name="motion",
            field=models.CharField(
                choices=[
                    ("mql", "MQL (marketing qualified)"),
                    ("pql", "PQL (product qualified)"),
                    ("aql", "AQL (account qualified)"),
                ],
                default="mql",
                max_length=3,
            ),
            preserve_default=False,
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stagechange",
            trigger=pgtrigger.compiler.Trigger(
                name="stage_is_derived",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="UPDATE leads_leadstage SET stage = NEW.to_stage, since = NEW.at WHERE lead_id = NEW.lead_id AND motion = NEW.motion AND stage = NEW.from_stage; IF FOUND THEN RETURN NULL; END IF; IF NEW.from_stage = 'lead' THEN INSERT INTO leads_leadstage (lead_id, motion, stage, since) VALUES (NEW.lead_id, NEW.motion, NEW.to_stage, NEW.at) ON CONFLICT (lead_id, motion) DO NOTHING; IF FOUND THEN RETURN NULL; END IF; END IF; RAISE EXCEPTION 'Lead % does not stand in the stage % of the motion %.', NEW.lead_id, NEW.from_stage, NEW.motion USING ERRCODE = 'check_violation';",
                    hash="f02cc97185444cb097f25f50597ed5bda9db09cb",
                    operation="INSERT",
                    pgid="pgtrigger_stage_is_derived_4e81d",
                    table="leads_stagechange",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddField(
            model_name="leadstage",
            name="lead",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="motion_stages",
                to="leads.lead",
            ),
        ),
        migrations.RunSQL(_STAGES, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="leadstage",
            index=models.Index(fields=["stage", "motion", "lead"], name="lead_stage_by_stage"),
        ),
        migrations.AddConstraint(
            model_name="leadstage",
            constraint=models.UniqueConstraint(fields=("lead", "motion"), name="one_stage_a_motion"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="leadstage",
            trigger=pgtrigger.compiler.Trigger(
                name="stages_are_derived",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="IF pg_trigger_depth() < 2 THEN RAISE EXCEPTION 'Stages follow from the changes of stage; store a change.'; END IF; IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;",
                    hash="dc97940f96407403756b50e6445f5d74b3658f7d",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_stages_are_derived_a28d7",
                    table="leads_leadstage",
                    when="BEFORE",
                ),
            ),
        ),
    ]
