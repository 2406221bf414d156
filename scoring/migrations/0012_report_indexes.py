from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("definitions", "0020_overtaken_versions"),
        ("leads", "0023_report_indexes"),
        ("scoring", "0011_recency_validations"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="qualification",
            index=models.Index(fields=["motion", "at"], name="qualification_by_motion"),
        ),
    ]
