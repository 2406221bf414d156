"""What is proposed stays as it is, whatever way to the database one takes (rules 9.2, 17.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from definitions import version_documents
from definitions.models import Clause, Criterion, Path, SignalRule, SignOff, Version, VersionChange
from leads.models import Signal
from tests.definitions.documents import reference
from tests.definitions.version_lifecycles import NOW, active, approved, draft, proposed

pytestmark = pytest.mark.django_db

PARTS = (Criterion, SignalRule, Path, Clause)
TABLES = tuple(part._meta.db_table for part in PARTS)
CONTENT = {key: value for key, value in reference().items() if key not in ("format", "name")}


def refused(deed: Callable[[], object], match: str = "pgtrigger") -> None:
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        deed()


def raw(sql: str) -> Callable[[], object]:
    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    return run


@pytest.fixture(params=[proposed, approved, active])
def version(request: pytest.FixtureRequest) -> Version:
    return request.param(**CONTENT)


def test_a_draft_can_be_edited_in_every_part() -> None:
    version = draft(**CONTENT)

    for part in PARTS:
        row = part.objects.first()
        row.save()
        part.objects.filter(pk=row.pk).update(position=7)
    version.delete()

    assert not any(part.objects.exists() for part in PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_no_row_of_a_proposed_version_is_saved_updated_or_deleted(part: type[models.Model], version: Version) -> None:
    before = version_documents.export(version)
    row = part.objects.order_by("-pk").first()
    row.position += 1

    refused(row.save, "only a draft can be edited")
    refused(lambda: part.objects.update(position=9), "only a draft can be edited")
    refused(lambda: part.objects.bulk_update([row], ["position"]), "only a draft can be edited")
    refused(row.delete, "only a draft can be edited")

    assert version_documents.export(Version.objects.get(pk=version.pk)) == before


@pytest.mark.parametrize("table", TABLES)
def test_no_row_of_a_proposed_version_is_changed_by_plain_sql(table: str, version: Version) -> None:
    # The names are ours.
    refused(raw(f"UPDATE {table} SET position = position + 1"), "only a draft can be edited")  # noqa: S608  # the table is a constant of the test
    refused(raw(f"DELETE FROM {table}"))  # noqa: S608  # the table is a constant of the test


def test_no_row_is_added_to_a_proposed_version(version: Version) -> None:
    path = version.paths.first()
    rows = [
        Criterion(version=version, part="gate", field="lead.title", op="known", flag=True, rationale="So."),
        SignalRule(version=version, signal=Signal.objects.get(code="case_study"), points=5, rationale="So."),
        Path(version=version, name="Another", rationale="So."),
        Clause(path=path, axis="fit", at_least=0),
    ]

    for row in rows:
        refused(row.save, "only a draft can be edited")
        refused(lambda row=row: type(row).objects.bulk_create([row]), "only a draft can be edited")


def test_no_row_moves_between_versions(version: Version) -> None:
    other = draft(name="Other", gate=CONTENT["gate"])

    refused(lambda: other.criteria.update(version=version), "only a draft can be edited")
    refused(lambda: version.criteria.update(version=other), "only a draft can be edited")
    refused(lambda: other.paths.update(version=version), "only a draft can be edited")
    refused(lambda: Clause.objects.filter(path__version=other).update(path=version.paths.first()))


@pytest.mark.parametrize("column", ["reason", "owner", "own_statement", "decay_percent", "created_at", "major"])
def test_no_column_of_a_proposed_version_is_changed(column: str, version: Version) -> None:
    values = {"decay_percent": 1, "major": 9, "created_at": NOW.replace(year=2020)}

    refused(lambda: Version.objects.filter(pk=version.pk).update(**{column: values.get(column, "Other")}))


def test_a_proposed_version_is_not_deleted(version: Version) -> None:
    refused(raw(f"DELETE FROM definitions_version WHERE id = {version.pk}"))  # noqa: S608  # the table is a constant of the test


@pytest.mark.parametrize("state", ["draft", "proposed", "retired"])
def test_no_version_takes_a_step_that_is_not_in_the_table(state: str) -> None:
    version = approved()

    refused(lambda: Version.objects.filter(pk=version.pk).update(state=state))


def test_nothing_is_approved_without_both_signatures() -> None:
    version = proposed()

    refused(lambda: Version.objects.filter(pk=version.pk).update(state="approved"), "both leaders have signed")
    refused(lambda: Version.objects.filter(pk=version.pk).update(state="active"))


def test_no_version_begins_as_anything_but_a_draft() -> None:
    definition = draft().definition

    refused(
        lambda: Version.objects.create(
            definition=definition, minor=5, state="active", owner="Me", reason="So.", created_at=NOW
        )
    )


def test_a_definition_has_one_active_version() -> None:
    active()
    second = approved()

    with pytest.raises(IntegrityError, match="one_active_version"), transaction.atomic():
        Version.objects.filter(pk=second.pk).update(state="active")


def test_signatures_and_steps_are_neither_changed_nor_deleted() -> None:
    active()

    for ledger in (SignOff, VersionChange):
        refused(lambda ledger=ledger: ledger.objects.update(at=NOW))
        refused(lambda ledger=ledger: ledger.objects.all().delete())
