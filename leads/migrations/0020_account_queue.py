import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("leads", "0019_sweeps")]

    operations = [
        migrations.RenameModel(old_name="AccountLook", new_name="AccountQueueEntry"),
        migrations.AlterField(
            model_name="accountqueueentry",
            name="company",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE, related_name="account_queue_entry", to="leads.company"
            ),
        ),
    ]
