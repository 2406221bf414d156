import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sla", "0008_commitment_guards"),
    ]

    operations = [
        migrations.AddField(
            model_name="playdisposition",
            name="sub_reason",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.PROTECT, related_name="+", to="sla.subreason"
            ),
        ),
        migrations.AddConstraint(
            model_name="playdisposition",
            constraint=models.CheckConstraint(
                condition=models.Q(("sub_reason__isnull", True), ("reason__isnull", False), _connector="OR"),
                name="play_sub_reason_has_reason",
            ),
        ),
    ]
