from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import migrations, models

KINDS = [
    ("mql.routed", "New MQL"),
    ("mql.reassigned", "Reassigned"),
    ("mql.unrouted", "Nobody to route to"),
    ("sla.warning", "Due soon"),
    ("sla.breached", "Breached"),
    ("lead.recycled", "Recycled"),
    ("lead.reengaged", "Back from nurture"),
    ("review.opened", "Review opened"),
    ("signature.waiting", "Waits for your signature"),
    ("decision.given_back", "Decision not recorded"),
]
SIGNATURE = "signature.waiting"


def by_mail(apps, _schema_editor):
    """Who chose before there was this kind hears of it as of everything: by e-mail."""
    for row in apps.get_model("sla", "AlertSettings").objects.order_by("pk"):
        row.email_kinds = sorted({*row.email_kinds, SIGNATURE})
        row.save(update_fields=["email_kinds"])


def without(apps, _schema_editor):
    apps.get_model("sla", "Notice").objects.filter(kind=SIGNATURE).delete()
    for row in apps.get_model("sla", "AlertSettings").objects.order_by("pk"):
        row.email_kinds = [kind for kind in row.email_kinds if kind != SIGNATURE]
        row.slack_kinds = [kind for kind in row.slack_kinds if kind != SIGNATURE]
        row.save(update_fields=["email_kinds", "slack_kinds"])


def _kinds():
    return ArrayField(base_field=models.CharField(choices=KINDS, max_length=20), blank=True, default=list, size=None)


class Migration(migrations.Migration):
    dependencies = [
        ("sla", "0010_sealed_webhooks"),
    ]

    operations = [
        migrations.AlterField(model_name="alertsettings", name="email_kinds", field=_kinds()),
        migrations.AlterField(model_name="alertsettings", name="slack_kinds", field=_kinds()),
        migrations.AlterField(model_name="notice", name="kind", field=models.CharField(choices=KINDS, max_length=20)),
        migrations.RunPython(by_mail, without),
        # Processes of the release before go on writing notices while this one is rolled out.
        migrations.AddField(
            model_name="notice",
            name="path",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                help_text="The page in Accord it is about, if that is no handoff.",
                max_length=100,
            ),
        ),
    ]
