from __future__ import annotations

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sla", "0012_asked_not_to_be_contacted"),
    ]

    operations = [
        migrations.AddConstraint(
            model_name="reasoncode",
            constraint=models.CheckConstraint(
                condition=models.Q(("family", "timing"), _negated=True) | models.Q(("route", "recycle")),
                name="timing_recycles",
                violation_error_message="Leads rejected for their timing come back: a reason of the family “Timing” sends them to nurture.",
            ),
        ),
        migrations.AlterField(
            model_name="note",
            name="by",
            field=models.ForeignKey(
                help_text="Empty: Accord itself.",
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
    ]
