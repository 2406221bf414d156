from __future__ import annotations

import pytest
from django.apps import apps
from django.db import connection, models
from django.db.utils import ProgrammingError

LEDGERS = [model for model in apps.get_models() if model._meta.managed and not model._meta.proxy]


@pytest.mark.usefixtures("application_role")
@pytest.mark.parametrize("model", LEDGERS, ids=lambda model: model._meta.label)
def test_the_application_reads_every_table_and_can_empty_none(model: type[models.Model]) -> None:
    table = connection.ops.quote_name(model._meta.db_table)
    with connection.cursor() as cursor:
        list(model._default_manager.all()[:1])

        with pytest.raises(ProgrammingError, match="permission denied"):
            cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.usefixtures("application_role")
def test_the_application_cannot_disable_triggers() -> None:
    with connection.cursor() as cursor, pytest.raises(ProgrammingError, match="must be owner"):
        cursor.execute("ALTER TABLE leads_event DISABLE TRIGGER ALL")
