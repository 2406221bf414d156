import pgtrigger.compiler
import pgtrigger.migrations
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("definitions", "0005_audit_chain"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="KeptContent",
            fields=[
                ("digest", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("content", models.TextField(help_text="Canonical JSON.")),
                ("kept_at", models.DateTimeField()),
            ],
        ),
        migrations.AddField(
            model_name="backtest",
            name="basis",
            field=models.JSONField(
                help_text="The digests of what it judges with besides the document; empty: as of the day it ran.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="version",
            name="basis",
            field=models.JSONField(
                blank=True,
                editable=False,
                help_text="The digests of what it is judged with besides its rows, from the proposal on (rules 9.18).",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="version",
            name="basis_kept_at",
            field=models.DateTimeField(
                blank=True,
                editable=False,
                help_text="Later than the proposal: kept by the upgrade of that day.",
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="version",
            name="earlier_fingerprint",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                help_text="Of a version from before fingerprints covered only what decides: the one that it had (rules 9.19).",
                max_length=64,
            ),
        ),
        migrations.AddConstraint(
            model_name="keptcontent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "digest",
                        models.Func(
                            models.F("content"),
                            output_field=models.CharField(),
                            template="encode(sha256(convert_to(%(expressions)s, 'UTF8')), 'hex')",
                        ),
                    )
                ),
                name="kept_content_has_its_digest",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="keptcontent",
            trigger=pgtrigger.compiler.Trigger(
                name="kept_contents_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="5cf75276dcf9a754b5fba14973b912cd9d2ce260",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_kept_contents_stay_f20ea",
                    table="definitions_keptcontent",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.CreateModel(
            name="BasisAmendment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("content", models.CharField(max_length=64)),
                ("at", models.DateTimeField()),
                (
                    "amended",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="amendments", to="definitions.version"
                    ),
                ),
                (
                    "by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "draft",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE, related_name="amendment", to="definitions.version"
                    ),
                ),
            ],
        ),
    ]
