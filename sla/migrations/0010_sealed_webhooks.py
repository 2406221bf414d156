from __future__ import annotations

from django.db import migrations, models

from sla.notifications import encryption


def seal(apps, _schema_editor):
    for row in _with_webhook(apps):
        row.slack_url = encryption.seal(row.slack_url)
        row.save(update_fields=["slack_url"])


def unseal(apps, _schema_editor):
    """One whose key is lost has to be typed again."""
    for row in _with_webhook(apps):
        try:
            row.slack_url = encryption.unseal(row.slack_url)
        except encryption.KeyLost:
            row.slack_url = ""
        row.save(update_fields=["slack_url"])


def _with_webhook(apps):
    return apps.get_model("sla", "AlertSettings").objects.exclude(slack_url="").order_by("pk")


class Migration(migrations.Migration):
    dependencies = [
        ("sla", "0009_a_decision_given_back"),
    ]

    operations = [
        # The column keeps its name: processes of the release before go on reading it while this one is rolled out.
        migrations.AlterField(
            model_name="alertsettings",
            name="slack_url",
            field=models.TextField(
                blank=True, db_column="slack_url", help_text="An incoming webhook of Slack, sealed."
            ),
        ),
        migrations.RunPython(seal, unseal),
        migrations.RenameField(model_name="alertsettings", old_name="slack_url", new_name="slack_sealed"),
    ]
