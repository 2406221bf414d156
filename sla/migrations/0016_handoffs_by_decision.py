from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("sla", "0015_wins_outside_scopes")]

    operations = [
        AddIndexConcurrently(
            model_name="handoff",
            index=models.Index(
                condition=models.Q(("decided_at__isnull", False)),
                fields=["decided_at", "qualification"],
                name="handoff_by_decision",
            ),
        ),
    ]
