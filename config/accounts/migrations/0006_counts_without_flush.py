# All requests of a key write one row; in an ordinary table each would wait for the disk that the one before it waits for.
# A crash of PostgreSQL empties the table: then the minute begins anew.
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0005_sources_of_derived_facts"),
    ]

    operations = [
        migrations.RunSQL(
            "ALTER TABLE accounts_requestcount SET UNLOGGED",
            "ALTER TABLE accounts_requestcount SET LOGGED",
        ),
    ]
