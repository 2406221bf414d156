import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sla", "0004_late_facts"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="commitment",
            name="commitment_is_immutable",
        ),
        migrations.RemoveConstraint(
            model_name="commitment",
            name="one_active_commitment",
        ),
        migrations.AddField(
            model_name="commitment",
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
        ),
        migrations.AlterField(
            model_name="commitment",
            name="mqls_a_month",
            field=models.PositiveIntegerField(
                default=60, help_text="Marketing's volume in this motion, from sales capacity."
            ),
        ),
        migrations.AlterField(
            model_name="commitment",
            name="number",
            field=models.PositiveSmallIntegerField(),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="commitment_is_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN ((OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."motion" IS DISTINCT FROM (NEW."motion") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."route_minutes" IS DISTINCT FROM (NEW."route_minutes") OR OLD."contact_minutes" IS DISTINCT FROM (NEW."contact_minutes") OR OLD."contact_minutes_tier_1" IS DISTINCT FROM (NEW."contact_minutes_tier_1") OR OLD."disposition_hours" IS DISTINCT FROM (NEW."disposition_hours") OR OLD."attempts_before_unresponsive" IS DISTINCT FROM (NEW."attempts_before_unresponsive") OR OLD."recycle_days" IS DISTINCT FROM (NEW."recycle_days") OR OLD."tier_3_nurture_days" IS DISTINCT FROM (NEW."tier_3_nurture_days") OR OLD."unworked_at_most" IS DISTINCT FROM (NEW."unworked_at_most") OR OLD."mqls_a_month" IS DISTINCT FROM (NEW."mqls_a_month") OR OLD."signed_by_marketing_id" IS DISTINCT FROM (NEW."signed_by_marketing_id") OR OLD."signed_by_sales_id" IS DISTINCT FROM (NEW."signed_by_sales_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."activated_at" IS DISTINCT FROM (NEW."activated_at")) AND NOT (OLD."state" = \'draft\'))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="c7f1b7a2a929ab42fabf7efed7eadbdf1c69fd9c",
                    operation="UPDATE",
                    pgid="pgtrigger_commitment_is_immutable_f7adc",
                    table="sla_commitment",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="commitment",
            constraint=models.UniqueConstraint(fields=("motion", "number"), name="commitment_number_once"),
        ),
        migrations.AddConstraint(
            model_name="commitment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")), fields=("motion",), name="one_active_commitment"
            ),
        ),
    ]
