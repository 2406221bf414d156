"""Send the new kinds of notices by e-mail to people who have chosen their alerts, as everybody else gets them."""

from __future__ import annotations

from typing import Any

from django.db import migrations

KINDS = ("meeting.closed", "rejections.digest", "report.weekly", "satisfaction.asked")


def add_kinds(apps: Any, schema_editor: Any) -> None:
    del schema_editor
    settings = apps.get_model("sla", "AlertSettings").objects
    for row in settings.order_by("pk").iterator(chunk_size=500):
        row.email_kinds = sorted({*row.email_kinds, *KINDS})
        row.save(update_fields=["email_kinds"])


def remove_kinds(apps: Any, schema_editor: Any) -> None:
    del schema_editor
    settings = apps.get_model("sla", "AlertSettings").objects
    for row in settings.order_by("pk").iterator(chunk_size=500):
        row.email_kinds = [kind for kind in row.email_kinds if kind not in KINDS]
        row.save(update_fields=["email_kinds"])


class Migration(migrations.Migration):
    dependencies = [("sla", "0024_satisfaction")]

    operations = [migrations.RunPython(add_kinds, remove_kinds)]
