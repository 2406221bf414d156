from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("sla", "0017_stale_alerts")]

    operations = [
        migrations.AddIndex(
            model_name="clock",
            index=models.Index(
                fields=["warn_at", "id"], name="clock_running", condition=Q(met_at=None, cancelled_at=None)
            ),
        ),
        migrations.RemoveIndex(model_name="clock", name="clock_to_warn"),
    ]
