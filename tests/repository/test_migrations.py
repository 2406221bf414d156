"""The linter of migrations: what is not released yet must run beside a working site (docs/upgrading.md, rules 17.22)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final

import pytest
from django.contrib.postgres.operations import (
    AddConstraintNotValid,
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import connection, migrations, models
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.migration import Migration
from django.db.migrations.operations.base import Operation
from django.db.migrations.state import ProjectState
from django.db.models.expressions import Value
from django.db.models.functions import Now

#: The last migration of each app in the last release; older ones are as they are.
RELEASED: Final = {"accounts": 2, "definitions": 2, "jobs": 1, "leads": 11, "scoring": 2, "sla": 2}
#: What may stay, by `app.migration rule`, with the reason.
EXEMPT: Final = {
    "accounts.0004_reserved_sources constraint": "a table of some API keys",
    "accounts.0005_sources_of_derived_facts constraint": "a table of some API keys",
    "definitions.0003_primary_motion column": "a table of some commitments; their signing waits for the upgrade",
    "definitions.0011_heard_sides constraint": "a table of some signatures",
    "definitions.0013_causes_of_reviews constraint": "a table of some reviews",
    "definitions.0014_records_of_reviews constraint": "a table of some reviews",
    "definitions.0019_pending_backtests constraint": "a table of some backtests, of which hardly any is pending",
    "leads.0012_motion_stages column": "the old worker cannot move stages by motion; docs/upgrading.md stops it",
    "leads.0017_counted_wins column": "a table of some imports; new ones wait for the upgrade",
    "leads.0017_counted_wins index": "a table of some imports",
    "leads.0017_counted_wins constraint": "a table of some imports",
    "sla.0003_motion_stages constraint": "a table of some reasons",
    "sla.0003_motion_stages apart": "the column is of a table of some reasons; the data is another's",
    "sla.0005_commitments_by_motion column": "a table of some commitments; their signing waits for the upgrade",
    "sla.0005_commitments_by_motion constraint": "a table of some commitments",
    "sla.0007_reinstatements column": "decisions of people: some thousand a month, indexed within a second",
    "sla.0007_reinstatements constraint": "decisions of people: some thousand a month, read within a second",
    "sla.0007_reinstatements apart": "the data is of a table of some details of reasons",
    "sla.0009_play_details column": "a table that came in this release",
    "sla.0009_play_details constraint": "a table that came in this release",
    "sla.0027_opportunity_targets constraint": "a table of some commitments",
}

CONCURRENT: Final = (AddIndexConcurrently, RemoveIndexConcurrently)
#: Values that PostgreSQL computes anew for each row, so that the whole table is written.
_CONSTANT: Final = (Value, bool, int, float, str, type(None))
_CHECK_AT_ONCE: Final = "reads the whole table under a lock; AddConstraintNotValid, and ValidateConstraint later"
_UNIQUE_AT_ONCE: Final = "builds its index under a lock; a unique index concurrently does the same"


def lint_migration(migration: Migration, before: ProjectState) -> list[str]:
    """Return the faults of a migration as `app.migration rule: Operation(model): reason`; `before` is the state it meets."""
    faults = []
    state, new_models = before.clone(), set[str]()
    for operation in migration.operations:
        name = getattr(operation, "model_name", "").lower()
        if isinstance(operation, migrations.CreateModel):
            new_models.add(operation.name.lower())
        elif name not in new_models:
            faults += [(operation, *fault) for fault in _find_faults(operation, migration, state)]
        operation.state_forwards(migration.app_label, state)
    faults += [(migration.operations[0], *fault) for fault in _find_mixtures(migration, new_models)]
    return [
        f"{migration.app_label}.{migration.name} {rule}: {_name_operation(operation)}: {reason}"
        for operation, rule, reason in faults
    ]


def _find_faults(operation: Operation, migration: Migration, state: ProjectState) -> Iterator[tuple[str, str]]:
    """Yield the rule and the reason of each fault of an operation on a table that exists."""
    match operation:
        case AddIndexConcurrently() | RemoveIndexConcurrently():
            if migration.atomic:
                yield "index", "concurrent operations need `atomic = False`"
        case migrations.AddIndex() | migrations.RemoveIndex():
            yield "index", "locks the table; do it concurrently, in a migration of its own"
        case migrations.AddField(field=field):
            yield from _find_faults_of_new_field(field)
        case migrations.AlterField(field=field):
            model = state.apps.get_model(migration.app_label, operation.model_name)
            yield from _find_faults_of_changed_field(model._meta.get_field(operation.name), field)
        case migrations.AddConstraint() if not isinstance(operation, AddConstraintNotValid):
            is_check = isinstance(operation.constraint, models.CheckConstraint)
            yield "constraint", _CHECK_AT_ONCE if is_check else _UNIQUE_AT_ONCE


def _find_faults_of_new_field(field: models.Field[Any, Any]) -> Iterator[tuple[str, str]]:
    if not (field.null or field.has_db_default() or field.many_to_many):
        yield "column", "NOT NULL without db_default: rows of the old release, which still runs, are refused"
    if field.has_db_default() and not isinstance(field.db_default, _CONSTANT):
        yield "column", "a default that differs by row writes the whole table"
    if _has_index(field):
        yield "column", "builds its index under a lock; db_index=False, and AddIndexConcurrently afterwards"


def _find_faults_of_changed_field(
    before: models.Field[Any, Any], after: models.Field[Any, Any]
) -> Iterator[tuple[str, str]]:
    if _has_index(after) and not _has_index(before):
        yield "column", "builds its index under a lock; use AddIndexConcurrently"
    if before.null and not after.null:
        yield "column", "SET NOT NULL reads the whole table under a lock; a check constraint NOT VALID does it apart"
    is_longer_text = isinstance(before, models.CharField) and isinstance(after, models.CharField | models.TextField)
    is_shorter = is_longer_text and (after.max_length or 10**9) < (before.max_length or 0)
    # Relations have the type of what they refer to, which the field alone does not know.
    types = [field.db_type(connection) for field in (before, after) if not field.is_relation]
    if len(set(types)) > 1 and (is_shorter or not is_longer_text):
        yield "column", "another type writes the whole table under a lock"


def _has_index(field: models.Field[Any, Any]) -> bool:
    return not field.many_to_many and (field.db_index or field.unique)


def _find_mixtures(migration: Migration, new_models: set[str]) -> Iterator[tuple[str, str]]:
    """Yield what stands together in one migration and should be apart."""
    is_concurrent = [isinstance(operation, CONCURRENT) for operation in migration.operations]
    if any(is_concurrent) and not all(is_concurrent):
        yield (
            "alone",
            "concurrent index operations stand alone: their migration is not atomic, so half of it may be done",
        )
    is_data = any(isinstance(operation, migrations.RunPython) for operation in migration.operations)
    indexing = (migrations.AddIndex, migrations.RemoveIndex, migrations.AddConstraint, migrations.AlterField)
    is_indexing = any(
        isinstance(operation, indexing)
        and not isinstance(operation, ValidateConstraint)
        and operation.model_name.lower() not in new_models
        for operation in migration.operations
    )
    if is_data and is_indexing:
        yield "apart", "RunPython and changes of indexes or columns lock the table for as long as both take"


def _name_operation(operation: Operation) -> str:
    return f"{type(operation).__name__}({getattr(operation, 'model_name', getattr(operation, 'name', ''))})"


def unreleased_migrations(loader: MigrationLoader) -> Iterator[tuple[Migration, ProjectState]]:
    """Yield the migrations after the last release with the state that each meets."""
    for (app, name), migration in sorted(loader.disk_migrations.items()):
        if app in RELEASED and int(name[:4]) > RELEASED[app]:
            yield migration, loader.project_state((app, name), at_end=False)


def test_migrations_that_are_not_released_run_beside_a_working_site() -> None:
    loader = MigrationLoader(None, ignore_no_migrations=True)

    faults = [fault for pair in unreleased_migrations(loader) for fault in lint_migration(*pair)]

    assert [fault for fault in faults if fault.partition(":")[0] not in EXEMPT] == []
    assert set(EXEMPT) <= {fault.partition(":")[0] for fault in faults}, "An exemption is not needed any more."


# ── Each rule finds what it is for ────────────────────────────────────────────────────────────────────────


def lint(*operations: Operation, atomic: bool = True) -> list[str]:
    """Return the rules that a migration with these operations on an existing table breaks."""
    table = migrations.CreateModel(
        "Lead",
        [
            ("id", models.BigAutoField(primary_key=True)),
            ("name", models.CharField(max_length=10)),
            ("size", models.IntegerField(null=True)),
        ],
    )
    state = ProjectState()
    table.state_forwards("leads", state)
    migration = Migration("0099_change", "leads")
    migration.operations, migration.atomic = list(operations), atomic
    return [fault.split()[1].rstrip(":") for fault in lint_migration(migration, state)]


def add(field: models.Field[Any, Any]) -> Operation:
    return migrations.AddField("lead", "new", field)


def alter(name: str, field: models.Field[Any, Any]) -> Operation:
    return migrations.AlterField("lead", name, field)


INDEX: Final = models.Index(fields=["name"], name="lead_by_name")
CHECK: Final = models.CheckConstraint(condition=models.Q(size__gt=0), name="lead_has_size")


@pytest.mark.parametrize(
    ("operations", "rules"),
    [
        ([migrations.AddIndex("lead", INDEX)], ["index"]),
        ([migrations.RemoveIndex("lead", "lead_by_name")], ["index"]),
        ([AddIndexConcurrently("lead", INDEX)], ["index"]),
        ([add(models.IntegerField(default=0))], ["column"]),
        ([add(models.IntegerField(default=0, db_default=0))], []),
        ([add(models.IntegerField(null=True))], []),
        ([add(models.DateTimeField(db_default=Now()))], ["column"]),
        ([add(models.IntegerField(null=True, db_index=True))], ["column"]),
        ([add(models.ForeignKey("leads.lead", models.PROTECT, null=True))], ["column"]),
        ([add(models.ForeignKey("leads.lead", models.PROTECT, null=True, db_index=False))], []),
        ([alter("name", models.CharField(max_length=10, db_index=True))], ["column"]),
        ([alter("name", models.CharField(max_length=20))], []),
        ([alter("name", models.CharField(max_length=5))], ["column"]),
        ([alter("name", models.CharField(max_length=10, choices=[("a", "A")]))], []),
        ([alter("size", models.BigIntegerField(null=True))], ["column"]),
        ([alter("size", models.IntegerField())], ["column"]),
        ([migrations.AddConstraint("lead", CHECK)], ["constraint"]),
        ([AddConstraintNotValid("lead", CHECK)], []),
        ([migrations.AddConstraint("lead", models.UniqueConstraint(fields=["name"], name="once"))], ["constraint"]),
        (
            [migrations.RunPython(migrations.RunPython.noop), alter("name", models.CharField(max_length=20))],
            ["apart"],
        ),
        ([migrations.RunPython(migrations.RunPython.noop)], []),
    ],
)
def test_each_rule_finds_what_it_is_for(operations: Sequence[Operation], rules: list[str]) -> None:
    assert lint(*operations) == rules


def test_concurrent_indexes_stand_alone() -> None:
    alone, other = AddIndexConcurrently("lead", INDEX), add(models.IntegerField(null=True))

    assert lint(alone, atomic=False) == []
    assert lint(alone, other, atomic=False) == ["alone"]


def test_a_table_of_the_same_migration_may_have_everything() -> None:
    table = migrations.CreateModel(
        "Play", [("id", models.BigAutoField(primary_key=True)), ("at", models.IntegerField())]
    )
    index = migrations.AddIndex("play", models.Index(fields=["at"], name="play_by_at"))
    key = migrations.AddField("play", "lead", models.ForeignKey("leads.lead", models.PROTECT))

    assert lint(table, index, key) == []
