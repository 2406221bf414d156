import pgtrigger.compiler
import pgtrigger.migrations
from django.contrib.postgres.operations import AddConstraintNotValid, ValidateConstraint
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("definitions", "0007_keep_todays_basis")]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="version",
            name="version_is_immutable",
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="version",
            trigger=pgtrigger.compiler.Trigger(
                name="version_is_immutable",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN ((OLD."id" IS DISTINCT FROM (NEW."id") OR OLD."definition_id" IS DISTINCT FROM (NEW."definition_id") OR OLD."major" IS DISTINCT FROM (NEW."major") OR OLD."minor" IS DISTINCT FROM (NEW."minor") OR OLD."based_on_id" IS DISTINCT FROM (NEW."based_on_id") OR OLD."owner" IS DISTINCT FROM (NEW."owner") OR OLD."reason" IS DISTINCT FROM (NEW."reason") OR OLD."sal_rate_target" IS DISTINCT FROM (NEW."sal_rate_target") OR OLD."own_statement" IS DISTINCT FROM (NEW."own_statement") OR OLD."decay_mode" IS DISTINCT FROM (NEW."decay_mode") OR OLD."decay_percent" IS DISTINCT FROM (NEW."decay_percent") OR OLD."decay_per_days" IS DISTINCT FROM (NEW."decay_per_days") OR OLD."inactivity_after_days" IS DISTINCT FROM (NEW."inactivity_after_days") OR OLD."inactivity_points" IS DISTINCT FROM (NEW."inactivity_points") OR OLD."inactivity_per_days" IS DISTINCT FROM (NEW."inactivity_per_days") OR OLD."fit_ceiling" IS DISTINCT FROM (NEW."fit_ceiling") OR OLD."engagement_ceiling" IS DISTINCT FROM (NEW."engagement_ceiling") OR OLD."bant_ceiling" IS DISTINCT FROM (NEW."bant_ceiling") OR OLD."engaged_within_days" IS DISTINCT FROM (NEW."engaged_within_days") OR OLD."or_request_within_days" IS DISTINCT FROM (NEW."or_request_within_days") OR OLD."tier_3_axis" IS DISTINCT FROM (NEW."tier_3_axis") OR OLD."tier_3_less_than" IS DISTINCT FROM (NEW."tier_3_less_than") OR OLD."account" IS DISTINCT FROM (NEW."account") OR OLD."basis" IS DISTINCT FROM (NEW."basis") OR OLD."basis_kept_at" IS DISTINCT FROM (NEW."basis_kept_at") OR OLD."earlier_fingerprint" IS DISTINCT FROM (NEW."earlier_fingerprint") OR OLD."created_by_id" IS DISTINCT FROM (NEW."created_by_id") OR OLD."created_at" IS DISTINCT FROM (NEW."created_at")) AND NOT (OLD."state" = \'draft\'))',
                    func="RAISE EXCEPTION 'pgtrigger: Cannot update rows from % table', TG_TABLE_NAME;",
                    hash="1a4f29893d88cbd1784ac99ddbd0a1679dc447e0",
                    operation="UPDATE",
                    pgid="pgtrigger_version_is_immutable_bd6f3",
                    table="definitions_version",
                    when="BEFORE",
                ),
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="version",
            trigger=pgtrigger.compiler.Trigger(
                name="version_basis_is_kept",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    condition='WHEN (NEW."basis" IS NOT NULL)',
                    func="\n    IF EXISTS (\n        SELECT FROM jsonb_path_query(NEW.basis, 'strict $.**') AS part(value)\n        WHERE jsonb_typeof(part.value) = 'string'\n        AND NOT EXISTS (SELECT FROM definitions_keptcontent kept WHERE kept.digest = part.value #>> '{}')\n    ) THEN\n        RAISE EXCEPTION 'pgtrigger: a basis refers to contents that are not kept';\n    END IF;\n    RETURN NEW;\n",
                    hash="2bbb69aabf455298028524f460c91e1d80d2b2ff",
                    operation="INSERT OR UPDATE",
                    pgid="pgtrigger_version_basis_is_kept_acaa6",
                    table="definitions_version",
                    when="BEFORE",
                ),
            ),
        ),
        AddConstraintNotValid(
            model_name="version",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state", "draft"),
                    models.Q(("basis__has_keys", ["lists", "signals"]), ("basis_kept_at__isnull", False)),
                    _connector="OR",
                ),
                name="version_keeps_its_basis",
            ),
        ),
        ValidateConstraint(model_name="version", name="version_keeps_its_basis"),
    ]
