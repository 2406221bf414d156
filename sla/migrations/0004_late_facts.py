from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sla", "0003_motion_stages")]

    operations = [
        migrations.AddField(model_name="handoff", name="raised_to", field=models.PositiveSmallIntegerField(null=True)),
    ]
