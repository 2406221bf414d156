from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("upgrades", "0002_columns")]
    operations = [AddIndexConcurrently(model_name="first", index=models.Index(fields=["count"], name="probe_by_count"))]
