from __future__ import annotations

import datetime as dt

from django.db import migrations, models
from django.db.models import Q

#: Absences that no calendar can show stopped the routing of their team. Those that lie outside altogether keep nobody
#: from anything, and clipped they would end before they begin.
CLIP = """
DELETE FROM sla_absence WHERE ends_at <= '2000-01-01 00:00+00' OR starts_at >= '2199-12-31 00:00+00';
UPDATE sla_absence
SET starts_at = greatest(starts_at, '2000-01-01 00:00+00'), ends_at = least(ends_at, '2199-12-31 00:00+00')
WHERE starts_at < '2000-01-01 00:00+00' OR ends_at >= '2200-01-01 00:00+00'
"""


class Migration(migrations.Migration):
    dependencies = [("sla", "0014_tier_3_and_heat")]

    operations = [
        migrations.RemoveIndex(model_name="handoff", name="handoff_queue"),
        migrations.AddIndex(
            model_name="handoff",
            index=models.Index(
                condition=Q(state__in=("assigned", "accepted", "qualified", "opportunity")),
                fields=["rep", "tier", "due_at", "id"],
                name="handoff_queue",
            ),
        ),
        migrations.RunSQL(CLIP, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="absence",
            constraint=models.CheckConstraint(
                condition=Q(
                    starts_at__gte=dt.datetime(2000, 1, 1, tzinfo=dt.UTC),
                    ends_at__lt=dt.datetime(2200, 1, 1, tzinfo=dt.UTC),
                ),
                name="absence_in_our_time",
                violation_error_message="Give dates between 2000 and 2199.",
            ),
        ),
    ]
