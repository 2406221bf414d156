from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    operations = [
        migrations.CreateModel(
            name=name,
            fields=[("id", models.BigAutoField(primary_key=True)), ("count", models.IntegerField(db_default=0))],
        )
        for name in ("First", "Second")
    ]
