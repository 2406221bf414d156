from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("scoring", "0007_shortfall_marks")]

    operations = [
        AddIndexConcurrently(
            model_name="score",
            index=models.Index(
                condition=models.Q(("shortfall_due", True)), fields=["definition", "lead"], name="score_shortfall_due"
            ),
        ),
    ]
