import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sla", "0018_promise_simulations"),
    ]

    operations = [
        migrations.CreateModel(
            name="HandoffOpening",
            fields=[
                (
                    "handoff",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="opening",
                        serialize=False,
                        to="sla.handoff",
                    ),
                ),
                ("at", models.DateTimeField()),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="handoffopening",
            trigger=pgtrigger.compiler.Trigger(
                name="handoff_openings_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ccdfe2848d1550c16f2f8e9ba1f8438bc6c8c905",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_handoff_openings_stay_5dd03",
                    table="sla_handoffopening",
                    when="BEFORE",
                ),
            ),
        ),
    ]
