from __future__ import annotations

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("definitions", "0001_initial"),
        ("leads", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Qualification",
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
                ("cycle", models.PositiveSmallIntegerField(default=1)),
                ("at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("tier", models.PositiveSmallIntegerField()),
                ("is_hot", models.BooleanField()),
                ("fit", models.FloatField()),
                ("engagement", models.FloatField()),
                ("bant", models.FloatField()),
                ("why", models.CharField(help_text="One line for the queue.", max_length=300)),
                (
                    "evidence",
                    models.JSONField(help_text="The explanation as of `at` (scoring.engine), never recomputed."),
                ),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
                ("closed_at", models.DateTimeField(blank=True, null=True)),
                ("reenter_at", models.DateTimeField(blank=True, null=True)),
                (
                    "definition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="definitions.definition"
                    ),
                ),
                (
                    "lead",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="qualifications", to="leads.lead"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="qualifications",
                        to="definitions.version",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="HotUpgrade",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("why", models.CharField(help_text="What the lead did, in one line.", max_length=300)),
                (
                    "evidence",
                    models.JSONField(
                        help_text="The explanation (scoring.engine) as the trigger was met, never recomputed."
                    ),
                ),
                ("taken_at", models.DateTimeField(blank=True, null=True)),
                (
                    "version",
                    models.ForeignKey(
                        help_text="Whose trigger it met.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="definitions.version",
                    ),
                ),
                (
                    "qualification",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="hot_upgrade",
                        to="scoring.qualification",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Score",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("as_of", models.DateTimeField()),
                ("fit", models.FloatField()),
                ("engagement", models.FloatField()),
                ("bant", models.FloatField()),
                ("gate", models.SmallIntegerField(help_text="1 passes, 0 fails, -1 unknown.")),
                ("is_disqualified", models.BooleanField()),
                ("meets", models.BooleanField()),
                ("tier", models.PositiveSmallIntegerField(help_text="0: does not meet the definition.")),
                ("judged_at", models.DateTimeField()),
                (
                    "definition",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="+", to="definitions.definition"
                    ),
                ),
                (
                    "lead",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="scores", to="leads.lead"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="definitions.version",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="qualification",
            index=models.Index(
                condition=models.Q(("taken_at__isnull", True)), fields=["tier", "id"], name="qualification_waiting"
            ),
        ),
        migrations.AddIndex(
            model_name="qualification",
            index=models.Index(fields=["version", "at"], name="qualification_by_version"),
        ),
        migrations.AddConstraint(
            model_name="qualification",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("lead", "motion"),
                name="one_open_qualification",
            ),
        ),
        migrations.AddConstraint(
            model_name="qualification",
            constraint=models.UniqueConstraint(fields=("lead", "motion", "cycle"), name="qualification_cycle_once"),
        ),
        migrations.AddConstraint(
            model_name="qualification",
            constraint=models.CheckConstraint(condition=models.Q(("tier__in", [1, 2, 3])), name="qualification_tier"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="qualification",
            trigger=pgtrigger.compiler.Trigger(
                name="qualifications_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="f1da7d7270d74ea343c4a84373e324cb5e3b491f",
                    operation="DELETE",
                    pgid="pgtrigger_qualifications_stay_395f0",
                    table="scoring_qualification",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="qualification",
            trigger=pgtrigger.compiler.Trigger(
                name="qualification_is_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."lead_id" IS DISTINCT FROM (NEW."lead_id") OR OLD."definition_id" IS DISTINCT FROM (NEW."definition_id") OR OLD."version_id" IS DISTINCT FROM (NEW."version_id") OR OLD."motion" IS DISTINCT FROM (NEW."motion") OR OLD."cycle" IS DISTINCT FROM (NEW."cycle") OR OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."recorded_at" IS DISTINCT FROM (NEW."recorded_at") OR OLD."tier" IS DISTINCT FROM (NEW."tier") OR OLD."is_hot" IS DISTINCT FROM (NEW."is_hot") OR OLD."fit" IS DISTINCT FROM (NEW."fit") OR OLD."engagement" IS DISTINCT FROM (NEW."engagement") OR OLD."bant" IS DISTINCT FROM (NEW."bant") OR OLD."why" IS DISTINCT FROM (NEW."why") OR OLD."evidence" IS DISTINCT FROM (NEW."evidence"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="8495a1ff890b2d031b30005ad767aa0b04a24b4f",
                    operation="UPDATE",
                    pgid="pgtrigger_qualification_is_frozen_0999b",
                    table="scoring_qualification",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="hotupgrade",
            index=models.Index(
                condition=models.Q(("taken_at__isnull", True)), fields=["id"], name="hot_upgrade_waiting"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="hotupgrade",
            trigger=pgtrigger.compiler.Trigger(
                name="hot_upgrades_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="093936432eda23530e8de4cd764dd5b200694e8e",
                    operation="DELETE",
                    pgid="pgtrigger_hot_upgrades_stay_861bc",
                    table="scoring_hotupgrade",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="hotupgrade",
            trigger=pgtrigger.compiler.Trigger(
                name="hot_upgrade_is_frozen",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."qualification_id" IS DISTINCT FROM (NEW."qualification_id") OR OLD."version_id" IS DISTINCT FROM (NEW."version_id") OR OLD."at" IS DISTINCT FROM (NEW."at") OR OLD."recorded_at" IS DISTINCT FROM (NEW."recorded_at") OR OLD."why" IS DISTINCT FROM (NEW."why") OR OLD."evidence" IS DISTINCT FROM (NEW."evidence"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="ecdc6963e556a735368481100610b79fd35dadca",
                    operation="UPDATE",
                    pgid="pgtrigger_hot_upgrade_is_frozen_6e4e1",
                    table="scoring_hotupgrade",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="score",
            index=models.Index(fields=["definition", "-engagement", "-lead"], name="score_by_engagement"),
        ),
        migrations.AddConstraint(
            model_name="score",
            constraint=models.UniqueConstraint(fields=("lead", "definition"), name="one_score_a_definition"),
        ),
    ]
