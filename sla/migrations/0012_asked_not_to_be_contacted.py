from __future__ import annotations

from django.db import migrations

CODE = "do_not_contact"
ROW = {
    "label": "Asked not to be contacted",
    "family": "data",
    "route": "disqualify",
    "hint": "Keep the do-not-contact marks in step with the CRM and the mailing tool.",
}


def ship(apps, schema_editor):
    reasons = apps.get_model("sla", "ReasonCode").objects.using(schema_editor.connection.alias)
    last = reasons.order_by("-position").values_list("position", flat=True).first() or 0
    reasons.get_or_create(code=CODE, defaults=ROW | {"position": last + 1})
    # Leads rejected for their timing are never discarded (rules 7.5); the next migration makes the database say so.
    reasons.filter(family="timing").exclude(route="recycle").update(route="recycle")


class Migration(migrations.Migration):
    dependencies = [("sla", "0011_what_waits_for_a_leader")]
    # Backwards the rows stay: dispositions point at them.
    operations = [migrations.RunPython(ship, migrations.RunPython.noop)]
