from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test.utils import CaptureQueriesContext

from definitions import version_documents
from definitions.document.parser import DocumentRefused
from definitions.models import Definition, Version
from tests.definitions.documents import REFERENCE, criterion, minimal, reference

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


def imported(document: object) -> Version:
    version = version_documents.import_document(document=document, by=None, now=NOW)
    return Version.objects.get(pk=version.pk)


def test_the_reference_definition_comes_out_as_it_went_in() -> None:
    version = imported(reference())

    assert version_documents.export_document(version) == reference()
    assert version.number == "v1.0"
    assert version.is_draft


def test_an_exported_version_imports_to_the_same_rows() -> None:
    document = version_documents.export_document(
        imported(minimal(gate=[criterion("lead.email_domain", "in_list", "free_email")]))
    )

    again = version_documents.export_document(imported(document | {"name": "Another"}))

    assert json.dumps(again | {"name": document["name"]}) == json.dumps(document)


def test_a_number_that_is_taken_gives_the_next_one() -> None:
    numbers = [imported(minimal(version=number)).number for number in ("1.0", "1.0", "2.3", "1.0", "2.3")]

    assert numbers == ["v1.0", "v1.1", "v2.3", "v1.2", "v2.4"]
    assert Definition.objects.get().is_primary


def test_definitions_of_like_names_get_slugs_of_their_own() -> None:
    for name in ("Hand raise", "Hand  raise!", "手を挙げる"):
        imported(minimal(name=name))

    assert set(Definition.objects.values_list("slug", flat=True)) == {"hand-raise", "hand-raise-2", "definition"}


def test_a_definition_keeps_its_motion() -> None:
    imported(minimal())

    with pytest.raises(DocumentRefused, match="motion: the definition “Hand raise” is for mql, not pql"):
        imported(minimal(motion="pql"))


def test_nothing_is_stored_of_a_document_that_is_refused() -> None:
    with pytest.raises(DocumentRefused):
        imported(minimal(gate=[criterion("company.employees", "at_least", "many")]))

    assert not Definition.objects.exists()


def test_exporting_takes_as_many_queries_for_many_rows_as_for_few(
    django_assert_max_num_queries: type[CaptureQueriesContext],
) -> None:
    path = {"name": "P", "clauses": [{"axis": "fit", "at_least": 1}] * 20, "rationale": "So."}
    many = [criterion("lead.email_domain", "in_list", "free_email")] * 40
    version = imported(minimal(gate=many, fit=many, paths=[path] * 30))

    with django_assert_max_num_queries(5):
        version_documents.export_document(version)


def test_the_command_makes_a_draft_and_says_what_it_means() -> None:
    out = StringIO()

    call_command("import_definition", str(REFERENCE), stdout=out)

    assert "Reference definition R v1.0, a draft" in out.getvalue()
    assert "An MQL works at a company with 50 to 5,000 employees" in out.getvalue()


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"format": "x"}', b"[[", b'{"a": NaN}'])
def test_the_command_says_what_is_wrong_with_a_file(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "definition.json"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=r"definition\.json"):
        call_command("import_definition", str(file))
