from __future__ import annotations

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("sla", "0016_work_before_more")]

    operations = [
        migrations.AddField(
            model_name="delivery",
            name="dropped_at",
            field=models.DateTimeField(
                null=True, help_text="When Accord saw, just before sending, that the matter was over."
            ),
        ),
        migrations.AddField(
            model_name="delivery",
            name="dropped_why",
            field=models.CharField(max_length=200, blank=True, default="", db_default=""),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                name="delivery_sent_or_dropped",
                condition=Q(dropped_at=None, dropped_why="")
                | (Q(dropped_at__isnull=False, sent_at=None) & ~Q(dropped_why="")),
            ),
        ),
        migrations.RemoveIndex(model_name="delivery", name="delivery_to_send"),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                fields=["send_at", "id"], name="delivery_to_send", condition=Q(sent_at=None, dropped_at=None)
            ),
        ),
    ]
