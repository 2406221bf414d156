import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models
from django.utils import timezone


def carry_primary_motion(apps, _schema_editor):
    """Store the motion of the definition that was marked as primary, or MQL without one."""
    marked = apps.get_model("definitions", "Definition").objects.filter(is_primary=True).order_by("pk").first()
    apps.get_model("definitions", "PrimaryMotion").objects.create(
        motion=marked.motion if marked else "mql", by=None, at=timezone.now()
    )


class Migration(migrations.Migration):
    dependencies = [
        ("definitions", "0002_money"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="PrimaryMotion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
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
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        help_text="Empty: the installation itself.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("motion__in", ["mql", "pql", "aql"])), name="primary_motion_is_known"
                    )
                ],
            },
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="primarymotion",
            trigger=pgtrigger.compiler.Trigger(
                name="primary_motions_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d41fb53793cd6e198a55c55c88f800d55ca8377b",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_primary_motions_stay_9d904",
                    table="definitions_primarymotion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.RunPython(carry_primary_motion, migrations.RunPython.noop),
        migrations.RemoveField(
            model_name="definition",
            name="is_primary",
        ),
        migrations.AddField(
            model_name="commitmentsnapshot",
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
    ]
