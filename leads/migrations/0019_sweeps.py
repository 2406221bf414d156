from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leads", "0018_mals")]

    operations = [
        migrations.CreateModel(
            name="MassRescore",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("cause", models.CharField(help_text="The row that asked for it: version:12.", max_length=64)),
                ("why", models.CharField(max_length=300)),
                ("requested_at", models.DateTimeField()),
                ("last_id", models.BigIntegerField(null=True)),
                ("after", models.BigIntegerField(default=0)),
                ("total", models.PositiveIntegerField(default=0)),
                ("judged", models.PositiveIntegerField(default=0)),
                ("advanced_at", models.DateTimeField()),
                ("finished_at", models.DateTimeField(null=True)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("finished_at__isnull", True)),
                        fields=["id"],
                        name="mass_rescore_unfinished",
                    ),
                    models.Index(fields=["cause"], name="mass_rescore_by_cause"),
                ],
            },
        ),
    ]
