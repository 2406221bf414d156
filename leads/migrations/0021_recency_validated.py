from django.db import migrations

from leads import shipped_signals


def ship_recency_validated(apps, _schema_editor):
    """Create the signal of a recency validation (rules 4.33); what a customer changed stays."""
    shipped_signals.ship(signals=apps.get_model("leads", "Signal").objects)


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0020_account_queue"),
    ]

    operations = [
        migrations.RunPython(ship_recency_validated, migrations.RunPython.noop),
    ]
