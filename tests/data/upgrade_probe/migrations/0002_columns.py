from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    """Locks the tables in another order than the site does."""

    dependencies = [("upgrades", "0001_tables")]
    operations = [
        migrations.AddField(model_name=name, name="note", field=models.IntegerField(null=True))
        for name in ("second", "first")
    ]
