from __future__ import annotations

from django.db import migrations

from leads import shipped_signals, named_lists


def ship(apps, _schema_editor):
    shipped_signals.ship(signals=apps.get_model("leads", "Signal").objects)
    shipped_signals.ship_groups(
        groups=apps.get_model("auth", "Group").objects,
        permissions=apps.get_model("auth", "Permission").objects,
        content_types=apps.get_model("contenttypes", "ContentType").objects,
    )
    named_lists.ship(
        named_lists=apps.get_model("leads", "NamedList").objects, entries=apps.get_model("leads", "ListEntry").objects
    )


class Migration(migrations.Migration):
    """The signals, groups and domain lists that every installation begins with."""

    dependencies = [
        ("leads", "0002_lead_without_company"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(ship, migrations.RunPython.noop, elidable=False)]
