"""A version from the proposal on: the database refuses every change of it, by model, query or SQL (rules 9.2, 17.3)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import DatabaseError, IntegrityError, connection, models, transaction

from definitions import version_documents
from definitions.models import Clause, Criterion, Path, SignalRule, SignOff, Version, VersionChange
from definitions.vocabulary import Decision, Side
from leads.models import Signal
from tests.definitions.documents import load_reference
from tests.definitions.version_lifecycles import (
    NOW,
    create_active,
    create_approved,
    create_draft,
    create_proposed,
    sign,
)

pytestmark = pytest.mark.django_db

PARTS = (Criterion, SignalRule, Path, Clause)
TABLES = tuple(part._meta.db_table for part in PARTS)
CONTENT = {key: value for key, value in load_reference().items() if key not in ("format", "name")}


def assert_refused(deed: Callable[[], object], match: str = "pgtrigger") -> None:
    """Check that the database refuses the action."""
    with pytest.raises(DatabaseError, match=match), transaction.atomic():
        deed()


def execute_sql(sql: str) -> Callable[[], object]:
    """Return an action that executes the SQL."""

    def run() -> None:
        with connection.cursor() as cursor:
            cursor.execute(sql)

    return run


@pytest.fixture(params=[create_proposed, create_approved, create_active])
def version(request: pytest.FixtureRequest) -> Version:
    return request.param(**CONTENT)


def test_a_draft_can_be_edited_in_every_part() -> None:
    version = create_draft(**CONTENT)

    for part in PARTS:
        row = part.objects.first()
        row.save()
        part.objects.filter(pk=row.pk).update(position=7)
    version.delete()

    assert not any(part.objects.exists() for part in PARTS)


@pytest.mark.parametrize("part", PARTS)
def test_rows_of_a_proposed_version_cannot_be_saved_updated_or_deleted(
    part: type[models.Model], version: Version
) -> None:
    before = version_documents.export_document(version)
    row = part.objects.order_by("-pk").first()
    row.position += 1

    assert_refused(row.save, "only a draft can be edited")
    assert_refused(lambda: part.objects.update(position=9), "only a draft can be edited")
    assert_refused(lambda: part.objects.bulk_update([row], ["position"]), "only a draft can be edited")
    assert_refused(row.delete, "only a draft can be edited")

    assert version_documents.export_document(Version.objects.get(pk=version.pk)) == before


@pytest.mark.parametrize("table", TABLES)
def test_plain_sql_cannot_change_rows_of_a_proposed_version(table: str, version: Version) -> None:
    # The table names are constants of this module.
    assert_refused(execute_sql(f"UPDATE {table} SET position = position + 1"), "only a draft can be edited")  # noqa: S608 (constant names and integers)
    assert_refused(execute_sql(f"DELETE FROM {table}"))  # noqa: S608 (constant names and integers)


def test_rows_cannot_be_added_to_a_proposed_version(version: Version) -> None:
    path = version.paths.first()
    rows = [
        Criterion(version=version, part="gate", field="lead.title", op="known", flag=True, rationale="So."),
        SignalRule(version=version, signal=Signal.objects.get(code="case_study"), points=5, rationale="So."),
        Path(version=version, name="Another", rationale="So."),
        Clause(path=path, axis="fit", at_least=0),
    ]

    for row in rows:
        assert_refused(row.save, "only a draft can be edited")
        assert_refused(lambda row=row: type(row).objects.bulk_create([row]), "only a draft can be edited")


def test_rows_cannot_move_between_versions(version: Version) -> None:
    other = create_draft(name="Other", gate=CONTENT["gate"])

    assert_refused(lambda: other.criteria.update(version=version), "only a draft can be edited")
    assert_refused(lambda: version.criteria.update(version=other), "only a draft can be edited")
    assert_refused(lambda: other.paths.update(version=version), "only a draft can be edited")
    assert_refused(lambda: Clause.objects.filter(path__version=other).update(path=version.paths.first()))


@pytest.mark.parametrize("column", ["reason", "owner", "own_statement", "decay_percent", "created_at", "major"])
def test_columns_of_a_proposed_version_cannot_be_changed(column: str, version: Version) -> None:
    values = {"decay_percent": 1, "major": 9, "created_at": NOW.replace(year=2020)}

    assert_refused(lambda: Version.objects.filter(pk=version.pk).update(**{column: values.get(column, "Other")}))


def test_a_proposed_version_cannot_be_deleted(version: Version) -> None:
    assert_refused(execute_sql(f"DELETE FROM definitions_version WHERE id = {version.pk}"))  # noqa: S608 (constant names and integers)


@pytest.mark.parametrize("state", ["draft", "proposed", "retired"])
def test_a_version_cannot_take_an_unlisted_step(state: str) -> None:
    version = create_approved()

    assert_refused(lambda: Version.objects.filter(pk=version.pk).update(state=state))


def test_approval_needs_both_signatures() -> None:
    version = create_proposed()

    assert_refused(lambda: Version.objects.filter(pk=version.pk).update(state="approved"), "both leaders have signed")
    assert_refused(lambda: Version.objects.filter(pk=version.pk).update(state="active"))


def test_only_a_leader_refuses_a_version() -> None:
    version = create_proposed()
    sign(version, Side.SDR, Decision.REFUSED)
    sign(version, Side.OPS, Decision.REFUSED)

    assert_refused(
        lambda: Version.objects.filter(pk=version.pk).update(state="refused"), "refused by the marketing leader"
    )


def test_an_approved_version_is_not_refused_any_more() -> None:
    version = create_approved()

    assert_refused(lambda: Version.objects.filter(pk=version.pk).update(state="refused"))


def test_a_version_begins_as_a_draft() -> None:
    definition = create_draft().definition

    assert_refused(
        lambda: Version.objects.create(
            definition=definition, minor=5, state="active", owner="Me", reason="So.", created_at=NOW
        )
    )


def test_a_definition_has_at_most_one_active_version() -> None:
    create_active()
    second = create_approved()

    with pytest.raises(IntegrityError, match="one_active_version"), transaction.atomic():
        Version.objects.filter(pk=second.pk).update(state="active")


def test_a_version_that_another_one_overtook_is_not_activated() -> None:
    second = create_approved()
    create_active()

    assert_refused(
        lambda: Version.objects.filter(pk=second.pk).update(state="active"), "another version came into force"
    )


def test_signatures_and_steps_cannot_be_changed_or_deleted() -> None:
    create_active()

    for ledger in (SignOff, VersionChange):
        assert_refused(lambda ledger=ledger: ledger.objects.update(at=NOW))
        assert_refused(lambda ledger=ledger: ledger.objects.all().delete())
