from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0002_cache_table")]

    operations = [
        migrations.CreateModel(
            name="SetAsideRow",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("sweep", models.CharField(max_length=64)),
                ("row_id", models.BigIntegerField()),
                ("reason", models.CharField(max_length=300)),
                ("is_failure", models.BooleanField(help_text="Whether it failed, or only cannot be done for now.")),
                ("tries", models.PositiveIntegerField(default=1)),
                ("since", models.DateTimeField()),
                ("until", models.DateTimeField()),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("sweep", "row_id"), name="set_aside_once")],
            },
        ),
    ]
