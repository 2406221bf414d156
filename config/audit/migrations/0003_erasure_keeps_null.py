"""An erasure leaves an empty JSON column empty: a meeting that is not closed has no report that could be blanked."""

from importlib import import_module

from django.db import migrations

ERASE = import_module("config.audit.migrations.0001_initial").ERASE.replace(
    "CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"
)
BLANK = "%1$I = CASE jsonb_typeof(%1$I) WHEN ''array'' THEN ''[]''::jsonb ELSE ''{}'' END"
BLANK_OR_NULL = (
    "%1$I = CASE WHEN %1$I IS NULL THEN NULL WHEN jsonb_typeof(%1$I) = ''array'' THEN ''[]''::jsonb ELSE ''{}'' END"
)


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_roles_of_people")]

    operations = [migrations.RunSQL(ERASE.replace(BLANK, BLANK_OR_NULL), ERASE)]
