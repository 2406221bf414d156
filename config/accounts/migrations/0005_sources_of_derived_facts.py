from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_reserved_sources"),
    ]

    operations = [
        # A key that took the name gets another one: what it sends is its own from now on.
        migrations.RunSQL(
            "UPDATE accounts_apikey SET source = left(source, 60) || '-api'"
            " WHERE lower(source) IN ('derived', 'outcome', 'reading')",
            migrations.RunSQL.noop,
        ),
        migrations.RemoveConstraint(model_name="apikey", name="api_key_source_is_not_reserved"),
        migrations.AddConstraint(
            model_name="apikey",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("source__iexact", "accord"), _negated=True),
                    models.Q(("source__iexact", "by-hand"), _negated=True),
                    models.Q(("source__iexact", "derived"), _negated=True),
                    models.Q(("source__iexact", "outcome"), _negated=True),
                    models.Q(("source__iexact", "reading"), _negated=True),
                ),
                name="api_key_source_is_not_reserved",
            ),
        ),
    ]
