from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0003_sweeps")]

    operations = [
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("work", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("until", models.DateTimeField()),
            ],
        ),
    ]
