from django.db import migrations, models

# Events are append-only, and the column is derived: the triggers rest while the rows are marked that imports stored.
_MARK_IMPORTED = """
    ALTER TABLE leads_event DISABLE TRIGGER USER;
    UPDATE leads_event SET is_imported = true FROM leads_importrun run
    WHERE run.kind = 'events' AND run.source = leads_event.source
      AND leads_event.recorded_at BETWEEN run.started_at AND coalesce(run.finished_at, run.worked_at, run.started_at);
    ALTER TABLE leads_event ENABLE TRIGGER USER;
"""


class Migration(migrations.Migration):
    dependencies = [("leads", "0012_motion_stages")]

    operations = [
        migrations.AddField(
            model_name="event",
            name="is_imported",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="From a file of history: it counts, but nobody is called about it late.",
            ),
        ),
        migrations.RunSQL(_MARK_IMPORTED, migrations.RunSQL.noop),
    ]
