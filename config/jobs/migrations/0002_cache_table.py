from __future__ import annotations

from django.db import migrations

#: The columns of django.core.cache.backends.db. Unlogged: the rows may be lost when the server crashes.
CREATE = """
CREATE UNLOGGED TABLE accord_cache (
    cache_key varchar(255) PRIMARY KEY,
    value text NOT NULL,
    expires timestamp with time zone NOT NULL
);
CREATE INDEX accord_cache_expires ON accord_cache (expires);
"""


class Migration(migrations.Migration):
    dependencies = [("jobs", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, "DROP TABLE accord_cache")]
