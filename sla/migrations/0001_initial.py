from __future__ import annotations

import datetime
import django.contrib.postgres.fields
import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.conf import settings
from django.db import migrations, models
from config.accounts import shipped_groups
from sla import shipped_reasons


def ship(apps, _schema_editor):
    """Store the reason codes that every installation begins with, and let marketing ops set up teams (rules 1.4, 7.5)."""
    shipped_reasons.ship(reasons=apps.get_model("sla", "ReasonCode").objects)
    shipped_groups.grant_marketing_ops("sla", shipped_reasons.OPS_MAY, apps=apps)


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("definitions", "0001_initial"),
        ("leads", "0001_initial"),
        ("scoring", "0001_initial"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="CalendarVersion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("digest", models.CharField(max_length=64)),
                ("content", models.JSONField()),
                ("created_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="WorkCalendar",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                ("zone", models.CharField(default="UTC", max_length=64)),
                ("country", models.CharField(blank=True, help_text="For public holidays; empty: none.", max_length=2)),
                ("subdivision", models.CharField(blank=True, max_length=16)),
            ],
        ),
        migrations.CreateModel(
            name="AlertSettings",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "email_kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("mql.routed", "New MQL"),
                                ("mql.reassigned", "Reassigned"),
                                ("mql.unrouted", "Nobody to route to"),
                                ("sla.warning", "Due soon"),
                                ("sla.breached", "Breached"),
                                ("lead.recycled", "Recycled"),
                                ("lead.reengaged", "Re-engaged"),
                                ("review.opened", "Review opened"),
                                ("signature.waiting", "Waits for your signature"),
                                ("decision.given_back", "Decision not recorded"),
                            ],
                            max_length=20,
                        ),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "slack_kinds",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("mql.routed", "New MQL"),
                                ("mql.reassigned", "Reassigned"),
                                ("mql.unrouted", "Nobody to route to"),
                                ("sla.warning", "Due soon"),
                                ("sla.breached", "Breached"),
                                ("lead.recycled", "Recycled"),
                                ("lead.reengaged", "Re-engaged"),
                                ("review.opened", "Review opened"),
                                ("signature.waiting", "Waits for your signature"),
                                ("decision.given_back", "Decision not recorded"),
                            ],
                            max_length=20,
                        ),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "slack_sealed",
                    models.TextField(blank=True, help_text="An incoming webhook of Slack, sealed."),
                ),
                ("is_quiet_off_hours", models.BooleanField(default=True)),
                (
                    "in_browser",
                    models.BooleanField(default=False, help_text="Tier 1 as a notification of the browser."),
                ),
                ("with_sound", models.BooleanField(default=False)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="alert_settings",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "alert settings",
            },
        ),
        migrations.CreateModel(
            name="Commitment",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("number", models.PositiveSmallIntegerField(unique=True)),
                (
                    "state",
                    models.CharField(
                        choices=[("draft", "Draft"), ("active", "Active"), ("retired", "Retired")],
                        default="draft",
                        max_length=8,
                    ),
                ),
                ("route_minutes", models.PositiveSmallIntegerField(default=5)),
                (
                    "contact_minutes",
                    models.PositiveSmallIntegerField(default=30, help_text="Business minutes to the first contact."),
                ),
                ("contact_minutes_tier_1", models.PositiveSmallIntegerField(default=5)),
                (
                    "disposition_hours",
                    models.PositiveSmallIntegerField(default=24, help_text="Hours to accept or reject."),
                ),
                ("attempts_before_unresponsive", models.PositiveSmallIntegerField(default=6)),
                ("recycle_days", models.PositiveSmallIntegerField(default=90)),
                (
                    "tier_3_nurture_days",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=14,
                        help_text="Days of automated nurture before tier 3 goes to sales; 0: straight to sales.",
                    ),
                ),
                (
                    "unworked_at_most",
                    models.PositiveSmallIntegerField(
                        db_default=0,
                        default=5,
                        help_text="Accepted leads without a contact, beyond which a rep gets no more; 0: no limit.",
                    ),
                ),
                (
                    "mqls_a_month",
                    models.PositiveIntegerField(default=60, help_text="Marketing's volume, from sales capacity."),
                ),
                ("reason", models.TextField(blank=True, help_text="Why these, and not those before.")),
                ("created_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("activated_at", models.DateTimeField(blank=True, null=True)),
                ("retired_at", models.DateTimeField(blank=True, null=True)),
                (
                    "signed_by_marketing",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "signed_by_sales",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Handoff",
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
                ("tier", models.PositiveSmallIntegerField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("unrouted", "Unrouted"),
                            ("assigned", "To decide"),
                            ("accepted", "Accepted"),
                            ("rejected", "Rejected"),
                            ("qualified", "SQL"),
                            ("opportunity", "Opportunity"),
                            ("won", "Won"),
                            ("lost", "Lost"),
                        ],
                        default="unrouted",
                        max_length=12,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("routed_at", models.DateTimeField(null=True)),
                ("first_contact_at", models.DateTimeField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
                ("meeting_at", models.DateTimeField(null=True)),
                ("closed_at", models.DateTimeField(null=True)),
                ("hot_upgraded_at", models.DateTimeField(null=True)),
                ("due_at", models.DateTimeField(null=True)),
                (
                    "commitment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sla.commitment"
                    ),
                ),
                (
                    "lead",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="handoffs", to="leads.lead"
                    ),
                ),
                (
                    "qualification",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="handoff", to="scoring.qualification"
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="handoffs", to="definitions.version"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Attempt",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField()),
                (
                    "channel",
                    models.CharField(
                        choices=[
                            ("call", "Call"),
                            ("email", "E-mail"),
                            ("linkedin", "LinkedIn"),
                            ("sms", "Text message"),
                            ("meeting", "Meeting"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("no_answer", "No answer"),
                            ("left_message", "Left a message"),
                            ("sent", "Sent"),
                            ("connected", "Connected"),
                            ("bounced", "Bounced / wrong number"),
                        ],
                        max_length=16,
                    ),
                ),
                ("note", models.CharField(blank=True, max_length=1000)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "handoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="attempts", to="sla.handoff"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Note",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("text", models.CharField(blank=True, max_length=1000)),
                ("meeting_at", models.DateTimeField(help_text="The meeting that was booked with this row.", null=True)),
                (
                    "by",
                    models.ForeignKey(
                        help_text="Empty: Accord itself.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "handoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="notes", to="sla.handoff"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("mql.routed", "New MQL"),
                            ("mql.reassigned", "Reassigned"),
                            ("mql.unrouted", "Nobody to route to"),
                            ("sla.warning", "Due soon"),
                            ("sla.breached", "Breached"),
                            ("lead.recycled", "Recycled"),
                            ("lead.reengaged", "Re-engaged"),
                            ("review.opened", "Review opened"),
                            ("signature.waiting", "Waits for your signature"),
                            ("decision.given_back", "Decision not recorded"),
                        ],
                        max_length=20,
                    ),
                ),
                ("once", models.CharField(help_text="What makes it the same notice.", max_length=120, unique=True)),
                ("text", models.CharField(max_length=300)),
                (
                    "path",
                    models.CharField(
                        blank=True,
                        db_default="",
                        default="",
                        help_text="The page in Accord it is about, if that is no handoff.",
                        max_length=100,
                    ),
                ),
                ("created_at", models.DateTimeField()),
                ("read_at", models.DateTimeField(null=True)),
                (
                    "handoff",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="notices", to="sla.handoff"
                    ),
                ),
                (
                    "to",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="notices",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("channel", models.CharField(choices=[("email", "E-mail"), ("slack", "Slack")], max_length=8)),
                ("send_at", models.DateTimeField()),
                ("sent_at", models.DateTimeField(null=True)),
                ("failures", models.PositiveSmallIntegerField(default=0)),
                ("error", models.TextField(blank=True)),
                (
                    "dropped_at",
                    models.DateTimeField(
                        help_text="When Accord saw, just before sending, that the matter was over.", null=True
                    ),
                ),
                ("dropped_why", models.CharField(blank=True, db_default="", default="", max_length=200)),
                (
                    "notice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="deliveries", to="sla.notice"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.CreateModel(
            name="ReasonCode",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.SlugField(max_length=64, unique=True)),
                ("label", models.CharField(max_length=120)),
                (
                    "family",
                    models.CharField(
                        choices=[
                            ("fit", "Fit"),
                            ("engagement", "Engagement"),
                            ("timing", "Timing"),
                            ("bant", "BANT"),
                            ("data", "Data quality"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "route",
                    models.CharField(
                        choices=[
                            ("recycle", "Nurture, back on a date"),
                            ("back_to_marketing", "Back to marketing (MAL)"),
                            ("disqualify", "Disqualified"),
                        ],
                        max_length=20,
                    ),
                ),
                ("hint", models.CharField(blank=True, help_text="What it says about the definition.", max_length=200)),
                ("position", models.PositiveSmallIntegerField(default=0)),
                ("needs_note", models.BooleanField(default=False)),
                (
                    "needs_attempts",
                    models.BooleanField(default=False, help_text="Only after the promised number of attempts."),
                ),
                ("is_offered", models.BooleanField(default=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("family", "timing"), _negated=True), ("route", "recycle"), _connector="OR"
                        ),
                        name="timing_recycles",
                        violation_error_message="Leads rejected for their timing come back: a reason of the family “Timing” sends them to nurture.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="PendingDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(choices=[("accept", "Accepted"), ("reject", "Rejected")], max_length=8)),
                ("note", models.CharField(blank=True, max_length=1000)),
                ("missing", models.CharField(blank=True, max_length=500)),
                ("reengage_on", models.DateField(null=True)),
                ("at", models.DateTimeField()),
                ("final_at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "handoff",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="pending_decision", to="sla.handoff"
                    ),
                ),
                (
                    "reason",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sla.reasoncode"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Disposition",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(choices=[("accept", "Accepted"), ("reject", "Rejected")], max_length=8)),
                ("note", models.CharField(blank=True, max_length=1000)),
                (
                    "missing",
                    models.CharField(blank=True, help_text="What was missing, in the rep's words.", max_length=500),
                ),
                ("reengage_on", models.DateField(help_text="Timing family: the day it comes back.", null=True)),
                ("contacted_before", models.BooleanField(help_text="Was the lead contacted before the decision?")),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "corrects",
                    models.OneToOneField(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="corrected_by",
                        to="sla.disposition",
                    ),
                ),
                (
                    "handoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="dispositions", to="sla.handoff"
                    ),
                ),
                (
                    "reason",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sla.reasoncode"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Rep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("is_active", models.BooleanField(default=True)),
                ("is_away", models.BooleanField(default=False)),
                ("capacity", models.PositiveSmallIntegerField(default=30, help_text="Open handoffs at most.")),
                ("weight", models.PositiveSmallIntegerField(default=1)),
                ("last_assigned_at", models.DateTimeField(blank=True, editable=False, null=True)),
                (
                    "user",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT, related_name="rep", to=settings.AUTH_USER_MODEL
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="handoff",
            name="rep",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="handoffs", to="sla.rep"
            ),
        ),
        migrations.CreateModel(
            name="Clock",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("route", "Routing"),
                            ("first_contact", "First contact"),
                            ("disposition", "Accept or reject"),
                        ],
                        max_length=16,
                    ),
                ),
                ("target_seconds", models.PositiveIntegerField()),
                ("started_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
                ("warn_at", models.DateTimeField()),
                ("warned_at", models.DateTimeField(null=True)),
                ("breached_at", models.DateTimeField(help_text="When the breach was seen.", null=True)),
                ("met_at", models.DateTimeField(null=True)),
                (
                    "used_seconds",
                    models.PositiveIntegerField(help_text="Business seconds from start to met.", null=True),
                ),
                ("is_late", models.BooleanField(help_text="Used more than the target.", null=True)),
                ("cancelled_at", models.DateTimeField(null=True)),
                (
                    "calendar_version",
                    models.ForeignKey(
                        help_text="Empty: wall-clock time.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sla.calendarversion",
                    ),
                ),
                (
                    "commitment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sla.commitment"
                    ),
                ),
                (
                    "handoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="clocks", to="sla.handoff"
                    ),
                ),
                (
                    "rep",
                    models.ForeignKey(
                        help_text="Whose promise; empty: marketing's.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sla.rep",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Absence",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("starts_at", models.DateTimeField()),
                ("ends_at", models.DateTimeField()),
                ("label", models.CharField(blank=True, max_length=120)),
                (
                    "rep",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="absences", to="sla.rep"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RoutingDecision",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("explanation", models.CharField(max_length=300)),
                ("trace", models.JSONField(default=list)),
                (
                    "by",
                    models.ForeignKey(
                        help_text="Empty: Accord itself.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "handoff",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="routing_decisions", to="sla.handoff"
                    ),
                ),
                (
                    "rep",
                    models.ForeignKey(
                        null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sla.rep"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SalesQualification",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("problem", models.CharField(max_length=500)),
                ("budget", models.CharField(max_length=500)),
                ("authority", models.CharField(max_length=500)),
                ("timeline", models.CharField(max_length=500)),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "handoff",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sales_qualification",
                        to="sla.handoff",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="SavedFilter",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60)),
                ("query", models.CharField(max_length=500)),
                (
                    "user",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="saved_filters",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Team",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                (
                    "reassigns_on_breach",
                    models.BooleanField(
                        default=False, help_text="A first contact that is overdue goes to the next rep in turn."
                    ),
                ),
                (
                    "unworked_at_most",
                    models.PositiveSmallIntegerField(
                        blank=True,
                        help_text="Accepted leads without a contact, beyond which a rep gets no more. Empty: no limit.",
                        null=True,
                    ),
                ),
                (
                    "managers",
                    models.ManyToManyField(blank=True, related_name="managed_teams", to=settings.AUTH_USER_MODEL),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="teams", to="sla.workcalendar"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RoutingRule",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveSmallIntegerField(unique=True)),
                ("name", models.CharField(max_length=120)),
                (
                    "countries",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                (
                    "regions",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=64), blank=True, default=list, size=None
                    ),
                ),
                (
                    "industries",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=120), blank=True, default=list, size=None
                    ),
                ),
                (
                    "sources",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=120), blank=True, default=list, size=None
                    ),
                ),
                (
                    "tiers",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveSmallIntegerField(), blank=True, default=list, size=None
                    ),
                ),
                (
                    "domains",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(max_length=253),
                        blank=True,
                        default=list,
                        help_text="Named accounts.",
                        size=None,
                    ),
                ),
                ("employees_at_least", models.PositiveIntegerField(blank=True, null=True)),
                ("employees_at_most", models.PositiveIntegerField(blank=True, null=True)),
                (
                    "motion",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("mql", "MQL (marketing qualified)"),
                            ("pql", "PQL (product qualified)"),
                            ("aql", "AQL (account qualified)"),
                        ],
                        max_length=3,
                    ),
                ),
                ("is_active", models.BooleanField(default=True)),
                (
                    "team",
                    models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="rules", to="sla.team"),
                ),
            ],
        ),
        migrations.AddField(
            model_name="rep",
            name="team",
            field=models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="reps", to="sla.team"),
        ),
        migrations.AddField(
            model_name="handoff",
            name="team",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="handoffs", to="sla.team"
            ),
        ),
        migrations.CreateModel(
            name="SpecialDay",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("date", models.DateField()),
                ("opens", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("closes", models.PositiveSmallIntegerField(blank=True, null=True)),
                ("label", models.CharField(max_length=120)),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="special_days", to="sla.workcalendar"
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="rep",
            name="calendar",
            field=models.ForeignKey(
                blank=True,
                help_text="Empty: the team's.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                to="sla.workcalendar",
            ),
        ),
        migrations.AddField(
            model_name="calendarversion",
            name="calendar",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT, related_name="versions", to="sla.workcalendar"
            ),
        ),
        migrations.CreateModel(
            name="CalendarChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField()),
                ("said", models.TextField(help_text="What is different, in words.")),
                ("why", models.CharField(blank=True, max_length=300)),
                (
                    "by",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL
                    ),
                ),
                (
                    "version",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="sla.calendarversion"
                    ),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="changes", to="sla.workcalendar"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="WorkHours",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("weekday", models.PositiveSmallIntegerField(help_text="0 Monday to 6 Sunday.")),
                ("opens", models.PositiveSmallIntegerField(help_text="Minutes after midnight.")),
                (
                    "closes",
                    models.PositiveSmallIntegerField(
                        help_text="Minutes after midnight; at or before opening: runs into the next day."
                    ),
                ),
                (
                    "calendar",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hours", to="sla.workcalendar"
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "work hours",
            },
        ),
        migrations.AddConstraint(
            model_name="commitment",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "active")), fields=("state",), name="one_active_commitment"
            ),
        ),
        migrations.AddConstraint(
            model_name="commitment",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "draft"),
                    models.Q(
                        ("signed_by_marketing__isnull", False),
                        ("signed_by_sales__isnull", False),
                        models.Q(("signed_by_marketing", models.F("signed_by_sales")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="active_commitment_is_signed",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="commitment_is_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NOT (OLD.\"state\" = 'draft'))",
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="6d5f189dc6f50babc72dcfbdd4566fded64bafe6",
                    operation="DELETE",
                    pgid="pgtrigger_commitment_is_kept_e5312",
                    table="sla_commitment",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="commitment",
            trigger=pgtrigger.compiler.Trigger(
                name="commitment_is_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN ((OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."number" IS DISTINCT FROM (NEW."number") OR OLD."route_minutes" IS DISTINCT FROM (NEW."route_minutes") OR OLD."contact_minutes" IS DISTINCT FROM (NEW."contact_minutes") OR OLD."contact_minutes_tier_1" IS DISTINCT FROM (NEW."contact_minutes_tier_1") OR OLD."disposition_hours" IS DISTINCT FROM (NEW."disposition_hours") OR OLD."attempts_before_unresponsive" IS DISTINCT FROM (NEW."attempts_before_unresponsive") OR OLD."recycle_days" IS DISTINCT FROM (NEW."recycle_days") OR OLD."tier_3_nurture_days" IS DISTINCT FROM (NEW."tier_3_nurture_days") OR OLD."unworked_at_most" IS DISTINCT FROM (NEW."unworked_at_most") OR OLD."mqls_a_month" IS DISTINCT FROM (NEW."mqls_a_month") OR OLD."signed_by_marketing_id" IS DISTINCT FROM (NEW."signed_by_marketing_id") OR OLD."signed_by_sales_id" IS DISTINCT FROM (NEW."signed_by_sales_id") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at") OR OLD."activated_at" IS DISTINCT FROM (NEW."activated_at")) AND NOT (OLD."state" = \'draft\'))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="87ce4b11fa0a824c2e2c82e40e5818b77a087b34",
                    operation="UPDATE",
                    pgid="pgtrigger_commitment_is_immutable_f7adc",
                    table="sla_commitment",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="attempt",
            trigger=pgtrigger.compiler.Trigger(
                name="attempts_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="96e83e011436f4f8ac936445bdc9ecaa7522cad5",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_attempts_stay_b7f75",
                    table="sla_attempt",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="note",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("text", ""), _negated=True), ("meeting_at__isnull", False), _connector="OR"
                ),
                name="note_says_something",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="note",
            trigger=pgtrigger.compiler.Trigger(
                name="notes_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="f5a0f631ba4c78490aaf9b9d85adbe3e2601704f",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_notes_stay_ec118",
                    table="sla_note",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="notice",
            index=models.Index(fields=["to", "-created_at"], name="notice_of_person"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("dropped_at", None), ("sent_at", None)),
                fields=["send_at", "id"],
                name="delivery_to_send",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(fields=("notice", "channel"), name="delivery_once_a_channel"),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("dropped_at", None), ("dropped_why", "")),
                    models.Q(
                        ("dropped_at__isnull", False), ("sent_at", None), models.Q(("dropped_why", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="delivery_sent_or_dropped",
            ),
        ),
        migrations.AddIndex(
            model_name="pendingdecision",
            index=models.Index(fields=["final_at", "id"], name="pending_decision_due"),
        ),
        migrations.AddIndex(
            model_name="disposition",
            index=models.Index(fields=["at", "kind"], name="disposition_by_time"),
        ),
        migrations.AddConstraint(
            model_name="disposition",
            constraint=models.UniqueConstraint(
                condition=models.Q(("corrects__isnull", True)), fields=("handoff",), name="one_disposition"
            ),
        ),
        migrations.AddConstraint(
            model_name="disposition",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "accept"), ("reason__isnull", True)),
                    models.Q(("kind", "reject"), ("reason__isnull", False)),
                    _connector="OR",
                ),
                name="rejection_has_reason",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="disposition",
            trigger=pgtrigger.compiler.Trigger(
                name="dispositions_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="c38160fb3732d5c53383787eb02fe601aa0631ab",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_dispositions_stay_e7f2c",
                    table="sla_disposition",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(
                condition=models.Q(("breached_at", None), ("cancelled_at", None), ("met_at", None)),
                fields=["due_at", "id"],
                name="clock_to_breach",
            ),
        ),
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(
                condition=models.Q(("cancelled_at", None), ("met_at", None)),
                fields=["warn_at", "id"],
                name="clock_running",
            ),
        ),
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(fields=["kind", "started_at"], name="clock_by_start"),
        ),
        migrations.AddConstraint(
            model_name="clock",
            constraint=models.UniqueConstraint(
                condition=models.Q(("cancelled_at__isnull", True)),
                fields=("handoff", "kind"),
                name="one_clock_a_promise",
            ),
        ),
        migrations.AddConstraint(
            model_name="clock",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("met_at__isnull", True), ("used_seconds__isnull", True)),
                    models.Q(("is_late__isnull", False), ("met_at__isnull", False), ("used_seconds__isnull", False)),
                    _connector="OR",
                ),
                name="clock_met_whole",
            ),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=models.CheckConstraint(
                condition=models.Q(("starts_at__lt", models.F("ends_at"))), name="absence_in_order"
            ),
        ),
        migrations.AddConstraint(
            model_name="absence",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ends_at__lt", datetime.datetime(2200, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)),
                    ("starts_at__gte", datetime.datetime(2000, 1, 1, 0, 0, tzinfo=datetime.timezone.utc)),
                ),
                name="absence_in_our_time",
                violation_error_message="Give dates between 2000 and 2199.",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="routingdecision",
            trigger=pgtrigger.compiler.Trigger(
                name="routing_decisions_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="05cac34cf4554d74a24884b5027f1221bc4f6247",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_routing_decisions_stay_ecd5f",
                    table="sla_routingdecision",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="salesqualification",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("problem", ""), _negated=True),
                    models.Q(("budget", ""), _negated=True),
                    models.Q(("authority", ""), _negated=True),
                    models.Q(("timeline", ""), _negated=True),
                ),
                name="sql_has_four_answers",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="salesqualification",
            trigger=pgtrigger.compiler.Trigger(
                name="sales_qualifications_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="2e334095aef75e3461fc01e64562b93689f8daf8",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_sales_qualifications_stay_0ad5d",
                    table="sla_salesqualification",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="savedfilter",
            constraint=models.UniqueConstraint(fields=("user", "name"), name="filter_name_once"),
        ),
        migrations.AddIndex(
            model_name="handoff",
            index=models.Index(
                condition=models.Q(("state__in", ("assigned", "accepted", "qualified", "opportunity"))),
                fields=["rep", "tier", "due_at", "id"],
                name="handoff_queue",
            ),
        ),
        migrations.AddIndex(
            model_name="handoff",
            index=models.Index(
                condition=models.Q(("state", "unrouted")), fields=["created_at", "id"], name="handoff_unrouted"
            ),
        ),
        migrations.AddIndex(
            model_name="handoff",
            index=models.Index(fields=["created_at", "id"], name="handoff_by_age"),
        ),
        migrations.AddConstraint(
            model_name="handoff",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("unrouted", "assigned", "accepted", "qualified", "opportunity"))),
                fields=("lead", "motion"),
                name="one_open_handoff",
            ),
        ),
        migrations.AddConstraint(
            model_name="handoff",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("rep__isnull", True), ("state", "unrouted")),
                    models.Q(("rep__isnull", False), ("team__isnull", False)),
                    _connector="OR",
                ),
                name="routed_to_somebody",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="handoff",
            trigger=pgtrigger.compiler.Trigger(
                name="handoffs_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot delete rows from % table', TG_TABLE_NAME;",
                    hash="66e91ac393571d94639c680517c5f74087d08d8a",
                    operation="DELETE",
                    pgid="pgtrigger_handoffs_stay_095b9",
                    table="sla_handoff",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="handoff",
            trigger=pgtrigger.compiler.Trigger(
                name="handoff_origin_stays",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (OLD."qualification_id" IS DISTINCT FROM (NEW."qualification_id") OR OLD."lead_id" IS DISTINCT FROM (NEW."lead_id") OR OLD."motion" IS DISTINCT FROM (NEW."motion") OR OLD."version_id" IS DISTINCT FROM (NEW."version_id") OR OLD."commitment_id" IS DISTINCT FROM (NEW."commitment_id") OR OLD."tier" IS DISTINCT FROM (NEW."tier") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at"))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="859d8056be6a33b4a56960ff42188cef93739f17",
                    operation="UPDATE",
                    pgid="pgtrigger_handoff_origin_stays_ec1eb",
                    table="sla_handoff",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="specialday",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("closes__isnull", True), ("opens__isnull", True)),
                    models.Q(("closes__isnull", False), ("opens__isnull", False)),
                    _connector="OR",
                ),
                name="special_day_closed_or_hours",
            ),
        ),
        migrations.AddConstraint(
            model_name="rep",
            constraint=models.CheckConstraint(condition=models.Q(("weight__gte", 1)), name="rep_weight_counts"),
        ),
        migrations.AddConstraint(
            model_name="calendarversion",
            constraint=models.UniqueConstraint(fields=("calendar", "digest"), name="calendar_version_once"),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="calendarversion",
            trigger=pgtrigger.compiler.Trigger(
                name="calendar_versions_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="00e80c864f1ddd642b24ae161894a3d831175896",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_calendar_versions_stay_108a0",
                    table="sla_calendarversion",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="calendarchange",
            constraint=models.CheckConstraint(
                condition=models.Q(("said", ""), _negated=True), name="calendar_change_says_what"
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="calendarchange",
            trigger=pgtrigger.compiler.Trigger(
                name="calendar_changes_stay",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update or delete rows from % table', TG_TABLE_NAME;",
                    hash="0c2c5bcdf72b0885d1497fd287dacf61da143968",
                    operation="UPDATE OR DELETE",
                    pgid="pgtrigger_calendar_changes_stay_81a07",
                    table="sla_calendarchange",
                    when="BEFORE",
                ),
            ),
        ),
        migrations.AddConstraint(
            model_name="workhours",
            constraint=models.CheckConstraint(condition=models.Q(("weekday__lte", 6)), name="hours_on_a_weekday"),
        ),
        migrations.AddConstraint(
            model_name="workhours",
            constraint=models.CheckConstraint(
                condition=models.Q(("closes__lte", 1440), ("opens__lt", 1440)), name="hours_within_a_day"
            ),
        ),
        # Last, so that no table is altered while rows wait for their deferred checks.
        migrations.RunPython(ship, migrations.RunPython.noop),
    ]
