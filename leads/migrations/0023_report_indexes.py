import django.db.models.fields.json
from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("leads", "0022_statements_end_once"),
    ]

    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                django.db.models.fields.json.KeyTextTransform("campaign", "properties"),
                condition=models.Q(("properties__has_key", "campaign")),
                name="event_by_campaign",
            ),
        ),
        AddIndexConcurrently(
            model_name="lead",
            index=models.Index(fields=["source", "recorded_at"], name="lead_by_source"),
        ),
    ]
