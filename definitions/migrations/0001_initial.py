from __future__ import annotations

import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("leads", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Clause",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "axis",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("fit", "fit"),
                            ("engagement", "engagement"),
                            ("bant", "BANT"),
                            ("fit+engagement", "fit + engagement"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "signals",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.SlugField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                ("at_least", models.DecimalField(decimal_places=3, max_digits=8)),
                (
                    "within_days",
                    models.DecimalField(
                        blank=True, decimal_places=4, help_text="Empty: ever.", max_digits=9, null=True
                    ),
                ),
                (
                    "within_hours_of_each_other",
                    models.DecimalField(blank=True, decimal_places=4, max_digits=9, null=True),
                ),
                ("distinct_assets", models.BooleanField(default=False)),
            ],
        ),
        migrations.CreateModel(
            name="CommitmentSnapshot",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sentences", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
                ("signed_by", models.CharField(max_length=400)),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Criterion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "part",
                    models.CharField(
                        choices=[
                            ("gate", "Gate (all must pass)"),
                            ("fit", "Fit points"),
                            ("bant", "BANT points"),
                            ("disqualifiers", "Disqualifier (any excludes)"),
                        ],
                        max_length=13,
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
                (
                    "field",
                    models.CharField(
                        help_text="One of company.employees, company.industry, company.country, company.annual_revenue, company.business_model, company.technologies, company.is_customer, company.is_competitor, lead.title, lead.seniority, lead.email_domain, lead.country, lead.region, lead.source, lead.do_not_contact, lead.budget, lead.timeline, lead.use_case, lead.custom.NAME or company.custom.NAME.",
                        max_length=120,
                    ),
                ),
                (
                    "op",
                    models.CharField(
                        choices=[
                            ("between", "is between"),
                            ("at_least", "is at least"),
                            ("at_most", "is at most"),
                            ("in", "is one of"),
                            ("not_in", "is none of"),
                            ("contains_any", "contains any of"),
                            ("has_word_any", "has any of the words"),
                            ("has_any", "includes any of"),
                            ("is", "is (yes/no)"),
                            ("known", "is known (yes/no)"),
                            ("in_list", "is in the list"),
                        ],
                        max_length=16,
                    ),
                ),
                ("low", models.DecimalField(blank=True, decimal_places=4, max_digits=18, null=True)),
                ("high", models.DecimalField(blank=True, decimal_places=4, max_digits=18, null=True)),
                (
                    "texts",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(blank=True, max_length=253), blank=True, default=list, size=None
                    ),
                ),
                ("flag", models.BooleanField(blank=True, null=True)),
                ("points", models.DecimalField(decimal_places=3, default=0, max_digits=8)),
                ("rationale", models.TextField()),
            ],
            options={
                "verbose_name_plural": "criteria",
            },
        ),
        migrations.CreateModel(
            name="Definition",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                ("slug", models.SlugField(max_length=120, unique=True)),
                (
                    "motion",
                    models.CharField(
                        choices=[
                            ("mql", "MQL (marketing qualified)"),
                            ("pql", "PQL (product qualified)"),
                            ("aql", "AQL (account qualified)"),
                        ],
                        default="mql",
                        max_length=3,
                    ),
                ),
                (
                    "is_primary",
                    models.BooleanField(default=False, help_text="The motion most of the pipeline comes from."),
                ),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Path",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("paths", "Path"), ("hot", "Hot trigger (tier 1)")], default="paths", max_length=5
                    ),
                ),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("name", models.CharField(max_length=120)),
                ("rationale", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "driver",
                    models.CharField(
                        choices=[
                            ("first", "It is the first version"),
                            ("backtest", "A backtest"),
                            ("sal_rate", "The SAL rate"),
                            ("rejection_pattern", "A pattern in the rejections"),
                            ("icp_change", "The ideal customer changed"),
                            ("new_market", "A new market or product line"),
                            ("leadership", "New leadership, reconciled"),
                            ("correction", "A correction that loosens nothing"),
                            ("volume", "A volume target"),
                        ],
                        max_length=20,
                    ),
                ),
                ("evidence", models.TextField(blank=True, help_text="What shows it: figures, links.")),
                (
                    "findings",
                    models.JSONField(help_text="The linter's, each warning with the reason why it was accepted."),
                ),
                ("checklist", models.JSONField(help_text="The seven points, as they were computed.")),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Review",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "trigger",
                    models.CharField(
                        choices=[
                            ("quarter", "A quarter since the last review"),
                            ("rejection_spike", "Rejection rate above 35 %"),
                            ("rejection_sustained_2m", "Rejection rate above 35 % two months running"),
                            ("sal_below_target_2m", "SAL rate below target two months running"),
                            ("volume_spike", "MQL volume above its trend"),
                            ("rejection_low", "Rejection rate below 10 %"),
                            ("stale", "Not reviewed for too long"),
                            ("manual", "Opened by hand"),
                        ],
                        max_length=24,
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("light", "Light check"),
                            ("full", "Full review"),
                            ("spot", "Spot review"),
                            ("joint", "Joint session"),
                            ("reconciliation", "Reconciliation"),
                        ],
                        max_length=16,
                    ),
                ),
                ("title", models.CharField(max_length=200)),
                ("proposal", models.TextField(blank=True)),
                ("evidence", models.JSONField(default=dict)),
                ("opened_at", models.DateTimeField()),
                ("decided_at", models.DateTimeField(blank=True, null=True)),
                ("decision", models.TextField(blank=True)),
                ("reasoning", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="ReviewEvidence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("period", models.CharField(max_length=32)),
                ("evidence", models.JSONField()),
                ("at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="SignalRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("points", models.DecimalField(decimal_places=3, max_digits=8)),
                ("cap", models.DecimalField(blank=True, decimal_places=3, max_digits=8, null=True)),
                ("rationale", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="SignOff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "side",
                    models.CharField(
                        choices=[
                            ("marketing", "Marketing"),
                            ("sales", "Sales"),
                            ("ops", "Marketing ops"),
                            ("sdr", "SDR"),
                        ],
                        max_length=9,
                    ),
                ),
                (
                    "decision",
                    models.CharField(choices=[("approved", "Approved"), ("refused", "Refused")], max_length=8),
                ),
                ("at", models.DateTimeField()),
                ("comment", models.TextField()),
            ],
        ),
        migrations.CreateModel(
            name="Version",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("major", models.PositiveSmallIntegerField(default=1)),
                ("minor", models.PositiveSmallIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("proposed", "Proposed"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("retired", "Retired"),
                            ("refused", "Refused"),
                        ],
                        default="draft",
                        max_length=8,
                    ),
                ),
                (
                    "owner",
                    models.CharField(help_text="Who sees to it that the system matches the document.", max_length=200),
                ),
                ("reason", models.TextField(help_text="Why this version: what evidence it answers.")),
                ("sal_rate_target", models.DecimalField(decimal_places=3, default="0.700", max_digits=4)),
                (
                    "own_statement",
                    models.TextField(
                        blank=True, help_text="Your own words; the generated statement is kept beside them."
                    ),
                ),
                (
                    "decay_mode",
                    models.CharField(
                        choices=[("compound", "compound"), ("linear", "linear"), ("none", "none")],
                        default="compound",
                        max_length=8,
                    ),
                ),
                ("decay_percent", models.DecimalField(decimal_places=3, default=10, max_digits=6)),
                ("decay_per_days", models.DecimalField(decimal_places=2, default=30, max_digits=6)),
                ("inactivity_after_days", models.DecimalField(blank=True, decimal_places=2, max_digits=7, null=True)),
                ("inactivity_points", models.DecimalField(blank=True, decimal_places=3, max_digits=8, null=True)),
                ("inactivity_per_days", models.DecimalField(decimal_places=2, default=30, max_digits=6)),
                (
                    "fit_ceiling",
                    models.DecimalField(blank=True, decimal_places=3, default=100, max_digits=8, null=True),
                ),
                (
                    "engagement_ceiling",
                    models.DecimalField(blank=True, decimal_places=3, default=100, max_digits=8, null=True),
                ),
                (
                    "bant_ceiling",
                    models.DecimalField(blank=True, decimal_places=3, default=100, max_digits=8, null=True),
                ),
                ("engaged_within_days", models.DecimalField(blank=True, decimal_places=2, max_digits=7, null=True)),
                ("or_request_within_days", models.DecimalField(blank=True, decimal_places=2, max_digits=7, null=True)),
                (
                    "tier_3_axis",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("fit", "fit"),
                            ("engagement", "engagement"),
                            ("bant", "BANT"),
                            ("fit+engagement", "fit + engagement"),
                        ],
                        max_length=16,
                    ),
                ),
                ("tier_3_less_than", models.DecimalField(blank=True, decimal_places=3, max_digits=8, null=True)),
                ("created_at", models.DateTimeField()),
                ("proposed_at", models.DateTimeField(blank=True, null=True)),
                ("approved_at", models.DateTimeField(blank=True, null=True)),
                ("activated_at", models.DateTimeField(blank=True, null=True)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "hands_over_entrants",
                    models.BooleanField(
                        blank=True,
                        help_text="Whether leads that meet it by the change alone went to sales at activation.",
                        null=True,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="VersionChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "from_state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("proposed", "Proposed"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("retired", "Retired"),
                            ("refused", "Refused"),
                        ],
                        max_length=8,
                    ),
                ),
                (
                    "to_state",
                    models.CharField(
                        choices=[
                            ("draft", "Draft"),
                            ("proposed", "Proposed"),
                            ("approved", "Approved"),
                            ("active", "Active"),
                            ("retired", "Retired"),
                            ("refused", "Refused"),
                        ],
                        max_length=8,
                    ),
                ),
                ("at", models.DateTimeField()),
                ("why", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="Backtest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("document", models.JSONField()),
                ("digest", models.CharField(max_length=64)),
                ("start", models.DateTimeField()),
                ("end", models.DateTimeField(help_text="Not in the period any more.")),
                ("requested_at", models.DateTimeField()),
                (
                    "claimed_until",
                    models.DateTimeField(
                        blank=True, help_text="A worker is at it; later, it is anybody's again.", null=True
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                ("done", models.PositiveIntegerField(default=0)),
                ("total", models.PositiveIntegerField(default=0)),
                ("cancelled_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                ("error", models.TextField(blank=True)),
                ("result", models.JSONField(blank=True, null=True)),
                (
                    "cancelled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "requested_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="commitmentsnapshot",
            trigger=pgtrigger.compiler.Trigger(
                name="commitment_snapshots_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="a877215e71ccfe52ca5291c08d96b159b61e9627",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_commitment_snapshots_stay_ceb9c",
                    table="definitions_commitmentsnapshot",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddField(
            model_name="criterion",
            name="list",
            field=models.ForeignKey(
                blank=True, null=True, on_delete=django.db.models.deletion.PROTECT, to="leads.namedlist"
            ),
        ),
        migrations.AddField(
            model_name="clause",
            name="path",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="clauses", to="definitions.path"
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="backtest",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to="definitions.backtest"
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="decided_by",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="definition",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="reviews", to="definitions.definition"
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="opened_by",
            field=models.ForeignKey(
                help_text="Empty: Accord itself.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="review",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="proposals",
                to="definitions.review",
            ),
        ),
        migrations.AddField(
            model_name="reviewevidence",
            name="review",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="further_evidence", to="definitions.review"
            ),
        ),
        migrations.AddField(
            model_name="signalrule",
            name="signal",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to="leads.signal"),
        ),
        migrations.AddField(
            model_name="signoff",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="version",
            name="based_on",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="definitions.version",
            ),
        ),
        migrations.AddField(
            model_name="version",
            name="created_by",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="version",
            name="definition",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="definitions.definition"
            ),
        ),
        migrations.AddField(
            model_name="signoff",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="sign_offs", to="definitions.version"
            ),
        ),
        migrations.AddField(
            model_name="signalrule",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="signal_rules", to="definitions.version"
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="led_to",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="definitions.version",
            ),
        ),
        migrations.AddField(
            model_name="review",
            name="version",
            field=models.ForeignKey(
                help_text="In force at opening.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="definitions.version",
            ),
        ),
        migrations.AddField(
            model_name="proposal",
            name="version",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.PROTECT, related_name="proposal", to="definitions.version"
            ),
        ),
        migrations.AddField(
            model_name="path",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="paths", to="definitions.version"
            ),
        ),
        migrations.AddField(
            model_name="criterion",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="criteria", to="definitions.version"
            ),
        ),
        migrations.AddField(
            model_name="backtest",
            name="against",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="definitions.version"
            ),
        ),
        migrations.AddField(
            model_name="backtest",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="backtests", to="definitions.version"
            ),
        ),
        migrations.AddField(
            model_name="versionchange",
            name="by",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
            ),
        ),
        migrations.AddField(
            model_name="versionchange",
            name="version",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="definitions.version"
            ),
        ),
        migrations.AddConstraint(
            model_name="clause",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("axis", ""), models.Q(("signals", []), _negated=True)),
                    models.Q(
                        models.Q(("axis", ""), _negated=True),
                        ("distinct_assets", False),
                        ("signals", []),
                        ("within_days", None),
                        ("within_hours_of_each_other", None),
                    ),
                    _connector="OR",
                ),
                name="clause_is_axis_or_count",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="clause",
            trigger=pgtrigger.compiler.Trigger(
                name="clause_of_a_draft",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE state text;",
                    func="\n            IF TG_OP IN ('UPDATE', 'DELETE') THEN\n                SELECT v.state INTO state FROM definitions_version v WHERE v.id = (SELECT p.version_id FROM definitions_path p WHERE p.id = OLD.path_id) FOR SHARE;\n                IF state <> 'draft' THEN\n                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;\n                END IF;\n            END IF;\n            IF TG_OP IN ('INSERT', 'UPDATE') THEN\n                SELECT v.state INTO state FROM definitions_version v WHERE v.id = (SELECT p.version_id FROM definitions_path p WHERE p.id = NEW.path_id) FOR SHARE;\n                IF state <> 'draft' THEN\n                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;\n                END IF;\n                RETURN NEW;\n            END IF;\n            RETURN OLD;\n        ",
                    hash="7d07ed9c52f365810ee3c61f3a2c2e593c252b85",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_clause_of_a_draft_177a2",
                    table="definitions_clause",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="reviewevidence",
            constraint=models.UniqueConstraint(fields=("review", "period"), name="evidence_once_a_period"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="reviewevidence",
            trigger=pgtrigger.compiler.Trigger(
                name="review_evidence_rows_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9b468e5c5033f0c9739432a55bb337582c8d4de0",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_review_evidence_rows_stay_3aef6",
                    table="definitions_reviewevidence",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(fields=("definition", "major", "minor"), name="version_number_once"),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")), fields=("definition",), name="one_active_version"
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("tier_3_axis", ""), ("tier_3_less_than", None)),
                    models.Q(models.Q(("tier_3_axis", ""), _negated=True), ("tier_3_less_than__isnull", False)),
                    _connector="OR",
                ),
                name="tier_3_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("inactivity_after_days__isnull", True), ("inactivity_points__isnull", True)),
                    models.Q(("inactivity_after_days__isnull", False), ("inactivity_points__isnull", False)),
                    _connector="OR",
                ),
                name="inactivity_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(("decay_percent__gte", 0), ("decay_percent__lte", 100)),
                name="decay_percent_in_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(("sal_rate_target__gte", 0), ("sal_rate_target__lte", 1)),
                name="sal_rate_target_is_a_rate",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="version",
            trigger=pgtrigger.compiler.Trigger(
                name="version_is_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT (OLD.\"state\" = 'draft'))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="fbf3973587b3d01be1822f7ca6c832ce99b3e50a",
                    operation="DELETE",
                    pgid="pgtrigger_version_is_kept_9622b",
                    table="definitions_version",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="version",
            trigger=pgtrigger.compiler.Trigger(
                name="version_is_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN ((OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."definition_id" IS DISTINCT FROM (NEW."definition_id") OR OLD."major" IS DISTINCT FROM (NEW."major") OR OLD."minor" IS DISTINCT FROM (NEW."minor") OR OLD."based_on_id" IS DISTINCT FROM (NEW."based_on_id") OR OLD."owner" IS DISTINCT FROM (NEW."owner") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."sal_rate_target" IS DISTINCT FROM (NEW."sal_rate_target") OR OLD."own_statement" IS DISTINCT FROM (NEW."own_statement") OR OLD."decay_mode" IS DISTINCT FROM (NEW."decay_mode") OR OLD."decay_percent" IS DISTINCT FROM (NEW."decay_percent") OR OLD."decay_per_days" IS DISTINCT FROM (NEW."decay_per_days") OR OLD."inactivity_after_days" IS DISTINCT FROM (NEW."inactivity_after_days") OR OLD."inactivity_points" IS DISTINCT FROM (NEW."inactivity_points") OR OLD."inactivity_per_days" IS DISTINCT FROM (NEW."inactivity_per_days") OR OLD."fit_ceiling" IS DISTINCT FROM (NEW."fit_ceiling") OR OLD."engagement_ceiling" IS DISTINCT FROM (NEW."engagement_ceiling") OR OLD."bant_ceiling" IS DISTINCT FROM (NEW."bant_ceiling") OR OLD."engaged_within_days" IS DISTINCT FROM (NEW."engaged_within_days") OR OLD."or_request_within_days" IS DISTINCT FROM (NEW."or_request_within_days") OR OLD."tier_3_axis" IS DISTINCT FROM (NEW."tier_3_axis") OR OLD."tier_3_less_than" IS DISTINCT FROM (NEW."tier_3_less_than") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at")) AND NOT (OLD."state" = \'draft\'))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="69f7ef96c0c54e338042b3f69c144623fb421665",
                    operation="UPDATE",
                    pgid="pgtrigger_version_is_immutable_bd6f3",
                    table="definitions_version",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="version",
            trigger=pgtrigger.compiler.Trigger(
                name="version_begins_as_draft",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT (NEW.\"state\" = 'draft'))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot insert rows from % table', TG_TABLE_NAME;",
                    hash="4ae2daadca239d16b4109c75d1dd3520f64b0081",
                    operation="INSERT",
                    pgid="pgtrigger_version_begins_as_draft_c2f4d",
                    table="definitions_version",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="version",
            trigger=pgtrigger.compiler.Trigger(
                name="version_approved_by_both",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"state\" = 'approved' AND OLD.\"state\" = 'proposed')",
                    func="\n    IF (SELECT count(*) FROM definitions_signoff s\n        WHERE s.version_id = NEW.id AND s.decision = 'approved' AND s.side IN ('marketing', 'sales')) < 2 THEN\n        RAISE EXCEPTION 'pgtrigger: a version is approved when both leaders have signed it';\n    END IF;\n    RETURN NEW;\n",
                    hash="78290082fda267afcf75b6271084784e968a7bb6",
                    operation="UPDATE",
                    pgid="pgtrigger_version_approved_by_both_d60dd",
                    table="definitions_version",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="version",
            trigger=pgtrigger.compiler.Trigger(
                name="version_moves",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{draft:proposed,proposed:approved,proposed:refused,approved:active,approved:refused,active:retired}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="48d2cec8ff7e3cb22c4c06f709483603ff535a0f",
                    operation="UPDATE",
                    pgid="pgtrigger_version_moves_d7a30",
                    table="definitions_version",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="signoff",
            constraint=models.UniqueConstraint(fields=("version", "side"), name="one_word_a_side"),
        ),
        migrations.AddConstraint(
            model_name="signoff",
            constraint=models.UniqueConstraint(fields=("version", "by"), name="one_word_a_person"),
        ),
        migrations.AddConstraint(
            model_name="signoff",
            constraint=models.CheckConstraint(
                condition=models.Q(("comment", ""), _negated=True), name="sign_off_has_comment"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signoff",
            trigger=pgtrigger.compiler.Trigger(
                name="sign_offs_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="ab23b9b0f2c8b42015c3b2287b1acaf7b33a85cc",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_sign_offs_stay_92352",
                    table="definitions_signoff",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="signalrule",
            constraint=models.UniqueConstraint(fields=("version", "signal"), name="signal_once_in_a_version"),
        ),
        migrations.AddConstraint(
            model_name="signalrule",
            constraint=models.CheckConstraint(
                condition=models.Q(("rationale", ""), _negated=True), name="signal_rule_has_rationale"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="signalrule",
            trigger=pgtrigger.compiler.Trigger(
                name="signal_rule_of_a_draft",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE state text;",
                    func="\n            IF TG_OP IN ('UPDATE', 'DELETE') THEN\n                SELECT v.state INTO state FROM definitions_version v WHERE v.id = OLD.version_id FOR SHARE;\n                IF state <> 'draft' THEN\n                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;\n                END IF;\n            END IF;\n            IF TG_OP IN ('INSERT', 'UPDATE') THEN\n                SELECT v.state INTO state FROM definitions_version v WHERE v.id = NEW.version_id FOR SHARE;\n                IF state <> 'draft' THEN\n                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;\n                END IF;\n                RETURN NEW;\n            END IF;\n            RETURN OLD;\n        ",
                    hash="75e391cdde28f9d711d310f66c3c38d293deac2e",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_signal_rule_of_a_draft_64b31",
                    table="definitions_signalrule",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.UniqueConstraint(
                condition=models.Q(("decided_at__isnull", True), models.Q(("trigger", "manual"), _negated=True)),
                fields=("definition", "trigger"),
                name="one_open_review_a_cause",
            ),
        ),
        migrations.AddConstraint(
            model_name="review",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("decided_at__isnull", True), ("decided_by__isnull", True), ("decision", "")),
                    models.Q(
                        ("decided_at__isnull", False),
                        ("decided_by__isnull", False),
                        models.Q(("decision", ""), _negated=True),
                        models.Q(("reasoning", ""), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="review_decided_whole",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="review",
            trigger=pgtrigger.compiler.Trigger(
                name="reviews_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="9918f8603a9882cfcd9387bb5afba2591bb8b2f9",
                    operation="DELETE",
                    pgid="pgtrigger_reviews_stay_3ad0b",
                    table="definitions_review",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="review",
            trigger=pgtrigger.compiler.Trigger(
                name="review_evidence_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."definition_id" IS DISTINCT FROM (NEW."definition_id") OR OLD."version_id" IS DISTINCT FROM (NEW."version_id") OR OLD."trigger" IS DISTINCT FROM (NEW."trigger") OR OLD."kind" IS DISTINCT FROM (NEW."kind") OR OLD."title" IS DISTINCT FROM (NEW."title") OR OLD."proposal" IS DISTINCT FROM (NEW."proposal") OR OLD."evidence" IS DISTINCT FROM (NEW."evidence") OR OLD."opened_at" IS DISTINCT FROM (NEW."opened_at") OR OLD."opened_by_id" IS DISTINCT FROM (NEW."opened_by_id"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="bb8bb2f53525fc0aadc650df379f0f784c2ff706",
                    operation="UPDATE",
                    pgid="pgtrigger_review_evidence_stays_299aa",
                    table="definitions_review",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="review",
            trigger=pgtrigger.compiler.Trigger(
                name="review_decision_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."decided_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="d3315387924d0939eea9620d83ac751bc2ac86bd",
                    operation="UPDATE",
                    pgid="pgtrigger_review_decision_stays_66af8",
                    table="definitions_review",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="proposal",
            constraint=models.CheckConstraint(
                condition=models.Q(("driver", "volume"), _negated=True), name="proposal_not_for_volume"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="proposal",
            trigger=pgtrigger.compiler.Trigger(
                name="proposals_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f5b95e7304caffda6e31ce04d1b73d174848f917",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_proposals_stay_45a3d",
                    table="definitions_proposal",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="path",
            constraint=models.CheckConstraint(
                condition=models.Q(("rationale", ""), _negated=True), name="path_has_rationale"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="path",
            trigger=pgtrigger.compiler.Trigger(
                name="path_of_a_draft",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE state text;",
                    func="\n            IF TG_OP IN ('UPDATE', 'DELETE') THEN\n                SELECT v.state INTO state FROM definitions_version v WHERE v.id = OLD.version_id FOR SHARE;\n                IF state <> 'draft' THEN\n                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;\n                END IF;\n            END IF;\n            IF TG_OP IN ('INSERT', 'UPDATE') THEN\n                SELECT v.state INTO state FROM definitions_version v WHERE v.id = NEW.version_id FOR SHARE;\n                IF state <> 'draft' THEN\n                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;\n                END IF;\n                RETURN NEW;\n            END IF;\n            RETURN OLD;\n        ",
                    hash="b83623ba03d927fad10a78e8a3014190adbfc8ab",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_path_of_a_draft_c314d",
                    table="definitions_path",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="criterion",
            constraint=models.CheckConstraint(
                condition=models.Q(("rationale", ""), _negated=True), name="criterion_has_rationale"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="criterion",
            trigger=pgtrigger.compiler.Trigger(
                name="criterion_of_a_draft",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE state text;",
                    func="\n            IF TG_OP IN ('UPDATE', 'DELETE') THEN\n                SELECT v.state INTO state FROM definitions_version v WHERE v.id = OLD.version_id FOR SHARE;\n                IF state <> 'draft' THEN\n                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;\n                END IF;\n            END IF;\n            IF TG_OP IN ('INSERT', 'UPDATE') THEN\n                SELECT v.state INTO state FROM definitions_version v WHERE v.id = NEW.version_id FOR SHARE;\n                IF state <> 'draft' THEN\n                    RAISE EXCEPTION 'pgtrigger: only a draft can be edited; this version is %', state;\n                END IF;\n                RETURN NEW;\n            END IF;\n            RETURN OLD;\n        ",
                    hash="da22bc785a56f81a9771052b5f9b79baf66fe7a2",
                    operation="INSERT OR UPDATE OR DELETE",
                    pgid="pgtrigger_criterion_of_a_draft_ee20b",
                    table="definitions_criterion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="backtest",
            index=models.Index(
                condition=models.Q(("finished_at__isnull", True)), fields=["id"], name="backtest_pending"
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at__isnull", True)),
                fields=("version",),
                name="one_pending_backtest_a_version",
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.CheckConstraint(
                condition=models.Q(("start__lt", models.F("end"))), name="backtest_period"
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("error", ""), ("finished_at__isnull", True), ("result__isnull", True)),
                    models.Q(
                        ("finished_at__isnull", False),
                        models.Q(
                            models.Q(("error", ""), ("result__isnull", False)),
                            models.Q(("result__isnull", True), models.Q(("error", ""), _negated=True)),
                            models.Q(("cancelled_at__isnull", False), ("result__isnull", True)),
                            _connector="OR",
                        ),
                    ),
                    _connector="OR",
                ),
                name="backtest_finished_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("cancelled_at__isnull", True), ("cancelled_by__isnull", True)),
                    ("cancelled_at__isnull", False),
                    _connector="OR",
                ),
                name="backtest_cancelled_whole",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="backtest",
            trigger=pgtrigger.compiler.Trigger(
                name="backtest_result_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."finished_at" IS NOT NULL)',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="af9c2acbfd4407c9e87b0d3f917a5a6e943f6297",
                    operation="UPDATE",
                    pgid="pgtrigger_backtest_result_stays_af407",
                    table="definitions_backtest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="backtest",
            trigger=pgtrigger.compiler.Trigger(
                name="backtest_of_a_signed_version_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="\n                    IF EXISTS (SELECT FROM definitions_version v WHERE v.id = OLD.version_id AND v.state <> 'draft') THEN\n                        RAISE EXCEPTION 'pgtrigger: the backtests of a version are kept with it';\n                    END IF;\n                    RETURN OLD;\n                ",
                    hash="f69a9c1df591c5d3e8bb52af9aecbbc5f9c84171",
                    operation="DELETE",
                    pgid="pgtrigger_backtest_of_a_signed_version_stays_3d55e",
                    table="definitions_backtest",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="versionchange",
            trigger=pgtrigger.compiler.Trigger(
                name="version_changes_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="a676354ba5a7ff5aaaaf02e9fd30985f24045794",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_version_changes_stay_730b5",
                    table="definitions_versionchange",
                    when="BEFORE",
                ),
            ),
        ),
    ]
