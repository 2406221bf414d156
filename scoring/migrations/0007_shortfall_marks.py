"""The marks of scores by which `scoring.live.shortfalls` finds its work; it looks at every score there is once more."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("leads", "0018_mals"),
        ("scoring", "0006_mals"),
    ]

    operations = [
        # By the default the rows that exist are marked without being written.
        migrations.AddField(
            model_name="score",
            name="shortfall_due",
            field=models.BooleanField(db_default=True, default=True),
        ),
        migrations.AlterField(
            model_name="score",
            name="shortfall_due",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="What the lead lacks is to be explained anew by this score.",
            ),
        ),
    ]
