from django.db import migrations

from leads import shipped_signals


def ship_product_signals(apps, _schema_editor):
    """Create the signals of product usage that are missing; what a customer changed stays."""
    shipped_signals.ship(signals=apps.get_model("leads", "Signal").objects)


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0013_late_facts"),
    ]

    operations = [
        migrations.RunPython(ship_product_signals, migrations.RunPython.noop),
    ]
