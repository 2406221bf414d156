from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("definitions", "0018_healthy_conversions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at__isnull", True), ("requested_by__isnull", False)),
                fields=("version",),
                name="one_pending_backtest_of_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="backtest",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at__isnull", True), ("requested_by__isnull", True)),
                fields=("version",),
                name="one_pending_backtest_of_accord",
            ),
        ),
        migrations.RemoveConstraint(model_name="backtest", name="one_pending_backtest_a_version"),
    ]
