from __future__ import annotations

import datetime
import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
import django.db.models.functions.comparison
import django.db.models.functions.text
import pgtrigger.compiler
import pgtrigger.migrations
import uuid
from django.conf import settings
from django.db import migrations, models
from config.accounts import shipped_groups
from leads import shipped_rights, shipped_signals


def ship(apps, _schema_editor):
    """Store the signals that every installation begins with, and the rights of marketing ops (rules 22.1 to 22.3).

    The lists come after all migrations (leads.reference_data_loading): they are refreshed with every `migrate`.
    """
    shipped_signals.ship(signals=apps.get_model("leads", "Signal").objects)
    shipped_groups.grant_marketing_ops("leads", shipped_rights.OPS_MAY, apps=apps)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Event",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("occurred_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("source", models.CharField(max_length=64)),
                ("external_id", models.CharField(max_length=200, null=True)),
                (
                    "digest",
                    models.BinaryField(
                        help_text="Of the body as sent: one key with two bodies is a conflict.", max_length=16
                    ),
                ),
                ("asset", models.CharField(blank=True, max_length=200)),
                ("properties", models.JSONField(default=dict)),
                (
                    "transaction",
                    models.BigIntegerField(
                        db_default=django.db.models.functions.comparison.Cast(
                            django.db.models.functions.comparison.Cast(
                                models.Func(function="pg_current_xact_id"), models.TextField()
                            ),
                            models.BigIntegerField(),
                        ),
                        editable=False,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="ImportRun",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=16)),
                ("file_name", models.CharField(max_length=255)),
                ("digest", models.CharField(max_length=64)),
                ("started_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
                ("lines_done", models.PositiveIntegerField(default=0)),
                ("created", models.PositiveIntegerField(default=0)),
                ("updated", models.PositiveIntegerField(default=0)),
                ("unchanged", models.PositiveIntegerField(default=0)),
                ("rejected", models.PositiveIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Lead",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("external_id", models.CharField(blank=True, max_length=128, null=True, unique=True)),
                ("country", models.CharField(blank=True, max_length=64)),
                ("region", models.CharField(blank=True, max_length=64)),
                ("custom", models.JSONField(blank=True, default=dict)),
                (
                    "known_at",
                    models.DateTimeField(default=datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)),
                ),
                ("has_history", models.BooleanField(default=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "transaction",
                    models.BigIntegerField(
                        db_default=django.db.models.functions.comparison.Cast(
                            django.db.models.functions.comparison.Cast(
                                models.Func(function="pg_current_xact_id"), models.TextField()
                            ),
                            models.BigIntegerField(),
                        ),
                        editable=False,
                    ),
                ),
                ("email", models.EmailField(blank=True, max_length=254, null=True)),
                ("first_name", models.CharField(blank=True, max_length=100)),
                ("last_name", models.CharField(blank=True, max_length=100)),
                ("phone", models.CharField(blank=True, max_length=40)),
                ("title", models.CharField(blank=True, max_length=200)),
                (
                    "seniority",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("intern", "Intern"),
                            ("individual contributor", "Individual contributor"),
                            ("manager", "Manager"),
                            ("senior manager", "Senior manager"),
                            ("director", "Director"),
                            ("vp", "VP"),
                            ("c-level", "C-level"),
                        ],
                        help_text="Empty: derived from the title.",
                        max_length=32,
                    ),
                ),
                ("source", models.CharField(blank=True, db_index=True, max_length=120)),
                ("do_not_contact", models.BooleanField(default=False)),
                ("budget", models.CharField(blank=True, max_length=200)),
                ("timeline", models.CharField(blank=True, max_length=200)),
                ("use_case", models.CharField(blank=True, max_length=500)),
                ("time_zone", models.CharField(blank=True, max_length=64)),
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
                        default="lead",
                        max_length=16,
                    ),
                ),
                ("stage_at", models.DateTimeField()),
                ("next_look_at", models.DateTimeField(blank=True, null=True)),
                ("look_failures", models.PositiveSmallIntegerField(default=0)),
                ("look_error", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="ListEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("value", models.CharField(max_length=253)),
            ],
            options={
                "verbose_name_plural": "list entries",
            },
        ),
        migrations.CreateModel(
            name="NamedList",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.SlugField(max_length=64, unique=True)),
                ("label", models.CharField(max_length=120)),
                ("revision", models.UUIDField(default=uuid.uuid4, editable=False)),
            ],
        ),
        migrations.CreateModel(
            name="Outcome",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[("opportunity", "Opportunity"), ("won", "Won"), ("lost", "Lost")], max_length=16
                    ),
                ),
                ("at", models.DateTimeField()),
                ("amount", models.DecimalField(decimal_places=2, max_digits=18, null=True)),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("recorded_at", models.DateTimeField()),
                ("source", models.CharField(max_length=64)),
                ("external_id", models.CharField(max_length=200, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Signal",
            fields=[
                ("id", models.SmallAutoField(primary_key=True, serialize=False)),
                ("code", models.SlugField(max_length=64, unique=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "intent",
                    models.CharField(
                        choices=[("low", "Low"), ("medium", "Medium"), ("high", "High")], default="low", max_length=8
                    ),
                ),
                (
                    "is_explicit_request",
                    models.BooleanField(default=False, help_text="The person asks to be contacted (a hand raise)."),
                ),
                (
                    "is_engagement",
                    models.BooleanField(
                        default=True,
                        help_text="Counts as activity of the lead; off for unsubscribes, bounces, machine opens.",
                    ),
                ),
                ("closes_request", models.BooleanField(default=False, help_text="Ends an open explicit request.")),
                ("is_high_value_asset", models.BooleanField(default=False)),
                ("description", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="StageChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "from_stage",
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
                (
                    "to_stage",
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
                ("at", models.DateTimeField()),
                ("why", models.CharField(max_length=300)),
            ],
        ),
        migrations.CreateModel(
            name="Company",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("external_id", models.CharField(blank=True, max_length=128, null=True, unique=True)),
                ("country", models.CharField(blank=True, max_length=64)),
                ("region", models.CharField(blank=True, max_length=64)),
                ("custom", models.JSONField(blank=True, default=dict)),
                (
                    "known_at",
                    models.DateTimeField(default=datetime.datetime(1970, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)),
                ),
                ("has_history", models.BooleanField(default=False)),
                ("recorded_at", models.DateTimeField()),
                (
                    "transaction",
                    models.BigIntegerField(
                        db_default=django.db.models.functions.comparison.Cast(
                            django.db.models.functions.comparison.Cast(
                                models.Func(function="pg_current_xact_id"), models.TextField()
                            ),
                            models.BigIntegerField(),
                        ),
                        editable=False,
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=200)),
                ("domain", models.CharField(blank=True, max_length=253, null=True)),
                ("industry", models.CharField(blank=True, max_length=120)),
                ("employees_low", models.IntegerField(blank=True, null=True)),
                (
                    "employees_high",
                    models.IntegerField(
                        blank=True, help_text="Equal to low when the exact count is known; empty: open band.", null=True
                    ),
                ),
                (
                    "annual_revenue",
                    models.DecimalField(
                        blank=True, decimal_places=2, help_text="In the company's currency.", max_digits=18, null=True
                    ),
                ),
                ("business_model", models.CharField(blank=True, max_length=64)),
                (
                    "technologies",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                ("is_customer", models.BooleanField(blank=True, null=True)),
                ("is_competitor", models.BooleanField(blank=True, null=True)),
            ],
            options={
                "verbose_name_plural": "companies",
                "constraints": [
                    models.UniqueConstraint(
                        django.db.models.functions.text.Lower("domain"), name="company_domain_once"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("employees_low__isnull", True),
                            ("employees_high__isnull", True),
                            ("employees_low__lte", models.F("employees_high")),
                            _connector="OR",
                        ),
                        name="company_employees_in_order",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AttributeChange",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("values", models.JSONField()),
                ("valid_from", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                ("source", models.CharField(max_length=64)),
                (
                    "transaction",
                    models.BigIntegerField(
                        db_default=django.db.models.functions.comparison.Cast(
                            django.db.models.functions.comparison.Cast(
                                models.Func(function="pg_current_xact_id"), models.TextField()
                            ),
                            models.BigIntegerField(),
                        ),
                        editable=False,
                    ),
                ),
                (
                    "company",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="attribute_changes",
                        to="leads.company",
                    ),
                ),
            ],
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="company",
            trigger=pgtrigger.compiler.Trigger(
                name="is_stamped",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="NEW.transaction = pg_current_xact_id()::text::bigint; RETURN NEW;",
                    hash="69679f0cf844fcd6a2ae49e23ee21c6f91c44925",
                    operation="INSERT",
                    pgid="pgtrigger_is_stamped_886d3",
                    table="leads_company",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="company",
            trigger=pgtrigger.compiler.Trigger(
                name="is_stamped_again",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.id IS DISTINCT FROM NEW.id OR OLD.transaction IS DISTINCT FROM NEW.transaction OR OLD.country IS DISTINCT FROM NEW.country OR OLD.region IS DISTINCT FROM NEW.region OR OLD.custom IS DISTINCT FROM NEW.custom OR OLD.known_at IS DISTINCT FROM NEW.known_at OR OLD.has_history IS DISTINCT FROM NEW.has_history OR OLD.industry IS DISTINCT FROM NEW.industry OR OLD.employees_low IS DISTINCT FROM NEW.employees_low OR OLD.employees_high IS DISTINCT FROM NEW.employees_high OR OLD.annual_revenue IS DISTINCT FROM NEW.annual_revenue OR OLD.business_model IS DISTINCT FROM NEW.business_model OR OLD.technologies IS DISTINCT FROM NEW.technologies OR OLD.is_customer IS DISTINCT FROM NEW.is_customer OR OLD.is_competitor IS DISTINCT FROM NEW.is_competitor)",
                    func="NEW.transaction = pg_current_xact_id()::text::bigint; RETURN NEW;",
                    hash="95f585448f0fbfc0540e8e9edf91e89af7e92b12",
                    operation="UPDATE",
                    pgid="pgtrigger_is_stamped_again_d5a9f",
                    table="leads_company",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="importrun",
            constraint=models.UniqueConstraint(fields=("kind", "digest"), name="import_of_a_file_once"),
        ),
        migrations.AddField(
            model_name="lead",
            name="company",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="leads",
                to="leads.company",
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="lead",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="events", to="leads.lead"
            ),
        ),
        migrations.AddField(
            model_name="attributechange",
            name="lead",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="attribute_changes",
                to="leads.lead",
            ),
        ),
        migrations.AddField(
            model_name="listentry",
            name="list",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="entries", to="leads.namedlist"
            ),
        ),
        migrations.AddField(
            model_name="outcome",
            name="lead",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="outcomes", to="leads.lead"
            ),
        ),
        migrations.AddField(
            model_name="event",
            name="signal",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="leads.signal"
            ),
        ),
        migrations.AddField(
            model_name="stagechange",
            name="by",
            field=models.ForeignKey(
                help_text="Empty: Accord itself.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="stagechange",
            name="lead",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="stage_changes", to="leads.lead"
            ),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(
                condition=models.Q(("next_look_at__isnull", False)), fields=["next_look_at"], name="lead_due"
            ),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(fields=["stage", "-stage_at", "-id"], name="lead_by_stage"),
        ),
        migrations.AddIndex(
            model_name="lead",
            index=models.Index(
                models.Func(
                    django.db.models.functions.text.Lower("email"),
                    models.Value("@"),
                    models.Value(2),
                    function="split_part",
                    output_field=models.TextField(),
                ),
                condition=models.Q(("company__isnull", True)),
                name="lead_without_company",
            ),
        ),
        migrations.AddConstraint(
            model_name="lead",
            constraint=models.UniqueConstraint(django.db.models.functions.text.Lower("email"), name="lead_email_once"),
        ),
        migrations.AddConstraint(
            model_name="lead",
            constraint=models.CheckConstraint(
                condition=models.Q(("email__isnull", False), ("external_id__isnull", False), _connector="OR"),
                name="lead_is_somebody",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="lead",
            trigger=pgtrigger.compiler.Trigger(
                name="is_stamped",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="NEW.transaction = pg_current_xact_id()::text::bigint; RETURN NEW;",
                    hash="cc718f1fae4892331b84db12da53aecee82d2fa4",
                    operation="INSERT",
                    pgid="pgtrigger_is_stamped_25726",
                    table="leads_lead",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="lead",
            trigger=pgtrigger.compiler.Trigger(
                name="is_stamped_again",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (OLD.id IS DISTINCT FROM NEW.id OR OLD.transaction IS DISTINCT FROM NEW.transaction OR OLD.country IS DISTINCT FROM NEW.country OR OLD.region IS DISTINCT FROM NEW.region OR OLD.custom IS DISTINCT FROM NEW.custom OR OLD.known_at IS DISTINCT FROM NEW.known_at OR OLD.has_history IS DISTINCT FROM NEW.has_history OR OLD.email IS DISTINCT FROM NEW.email OR OLD.title IS DISTINCT FROM NEW.title OR OLD.seniority IS DISTINCT FROM NEW.seniority OR OLD.source IS DISTINCT FROM NEW.source OR OLD.do_not_contact IS DISTINCT FROM NEW.do_not_contact OR OLD.budget IS DISTINCT FROM NEW.budget OR OLD.timeline IS DISTINCT FROM NEW.timeline OR OLD.use_case IS DISTINCT FROM NEW.use_case OR OLD.company_id IS DISTINCT FROM NEW.company_id)",
                    func="NEW.transaction = pg_current_xact_id()::text::bigint; RETURN NEW;",
                    hash="5c8382825b895437a2732f8a499fa79569deec19",
                    operation="UPDATE",
                    pgid="pgtrigger_is_stamped_again_97bb5",
                    table="leads_lead",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="attributechange",
            index=models.Index(
                condition=models.Q(("lead__isnull", False)),
                fields=["lead", "valid_from", "id"],
                name="attributes_of_lead",
            ),
        ),
        migrations.AddIndex(
            model_name="attributechange",
            index=models.Index(
                condition=models.Q(("company__isnull", False)),
                fields=["company", "valid_from", "id"],
                name="attributes_of_company",
            ),
        ),
        migrations.AddIndex(
            model_name="attributechange",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["transaction"], name="attributes_by_transaction"
            ),
        ),
        migrations.AddConstraint(
            model_name="attributechange",
            constraint=models.CheckConstraint(
                condition=models.Q(("lead__isnull", False), ("company__isnull", False), _connector="XOR"),
                name="attributes_of_one_subject",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="attributechange",
            trigger=pgtrigger.compiler.Trigger(
                name="attribute_changes_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="cd56e7c998d0c597b4df16316de5559f9a30655a",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_attribute_changes_stay_210d3",
                    table="leads_attributechange",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="listentry",
            constraint=models.UniqueConstraint(
                models.F("list"), django.db.models.functions.text.Lower("value"), name="list_entry_once"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="listentry",
            trigger=pgtrigger.compiler.Trigger(
                name="entries_revise_lists",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="UPDATE leads_namedlist SET revision = gen_random_uuid(); RETURN NULL;",
                    hash="11dbb77b6e94de26ad4b238f716b883a2db8e3f9",
                    level="STATEMENT",
                    operation="INSERT OR UPDATE OR DELETE OR TRUNCATE",
                    pgid="pgtrigger_entries_revise_lists_54d3b",
                    table="leads_listentry",
                    when="AFTER",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="outcome",
            index=models.Index(fields=["kind", "at"], name="outcome_by_kind"),
        ),
        migrations.AddConstraint(
            model_name="outcome",
            constraint=models.UniqueConstraint(fields=("source", "external_id", "kind"), name="outcome_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="outcome",
            trigger=pgtrigger.compiler.Trigger(
                name="outcomes_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="d4381feb97ea201096b0119756002f6bd44864e3",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_outcomes_stay_8b122",
                    table="leads_outcome",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="event",
            index=models.Index(fields=["lead", "occurred_at"], include=("signal",), name="event_of_lead"),
        ),
        migrations.AddIndex(
            model_name="event",
            index=django.contrib.postgres.indexes.BrinIndex(
                autosummarize=True, fields=["transaction"], name="event_by_transaction"
            ),
        ),
        migrations.AddConstraint(
            model_name="event",
            constraint=models.UniqueConstraint(fields=("source", "external_id"), name="event_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="event",
            trigger=pgtrigger.compiler.Trigger(
                name="events_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="cc45c84657e2a5dd714e4075874880cbd89e7501",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_events_stay_10b86",
                    table="leads_event",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="stagechange",
            index=models.Index(fields=["to_stage", "at"], name="stage_change_by_stage"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="stagechange",
            trigger=pgtrigger.compiler.Trigger(
                name="stage_changes_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="9172ccb81b5e04d5de91cac245799437335122c6",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_stage_changes_stay_8c05c",
                    table="leads_stagechange",
                    when="BEFORE",
                ),
            ),
        ),
        # Last, so that no table is altered while rows wait for their deferred checks.
        migrations.RunPython(ship, migrations.RunPython.noop),
    ]
