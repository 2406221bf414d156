import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("definitions", "0019_pending_backtests"),
    ]

    operations = [
        pgtrigger.migrations.AddTrigger(
            model_name="version",
            trigger=pgtrigger.compiler.Trigger(
                name="version_is_not_overtaken",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition="WHEN (NEW.\"state\" = 'active' AND OLD.\"state\" = 'approved')",
                    func="\n    IF EXISTS (\n        SELECT FROM definitions_versionchange other JOIN definitions_version v ON v.id = other.version_id\n        WHERE v.definition_id = NEW.definition_id AND v.id <> NEW.id AND other.to_state = 'active'\n        AND other.id > (SELECT max(own.id) FROM definitions_versionchange own\n                        WHERE own.version_id = NEW.id AND own.to_state = 'proposed')\n    ) THEN\n        RAISE EXCEPTION 'pgtrigger: another version came into force since this one was proposed';\n    END IF;\n    RETURN NEW;\n",
                    hash="4711186bccfe2ac9e5dd3d7f671facc9ff431278",
                    operation="UPDATE",
                    pgid="pgtrigger_version_is_not_overtaken_58f86",
                    table="definitions_version",
                    when="BEFORE",
                ),
            ),
        ),
    ]
