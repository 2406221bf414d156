from __future__ import annotations

import datetime as dt
import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.test.utils import CaptureQueriesContext

from definitions import motions, version_documents
from definitions.document.parser import DocumentRefused
from definitions.models import Definition, Version
from tests.definitions.documents import REFERENCE, criterion, load_reference, minimal_document

pytestmark = pytest.mark.django_db

NOW = dt.datetime(2026, 11, 2, 9, tzinfo=dt.UTC)


def import_document(document: object) -> Version:
    version = version_documents.import_document(document=document, by=None, now=NOW)
    return Version.objects.get(pk=version.pk)


def test_the_reference_definition_exports_as_it_was_imported() -> None:
    version = import_document(load_reference())

    assert version_documents.export_document(version) == load_reference()
    assert version.number == "v1.0"
    assert version.is_draft


def test_an_exported_version_imports_to_the_same_rows() -> None:
    document = version_documents.export_document(
        import_document(minimal_document(gate=[criterion("lead.email_domain", "in_list", "free_email")]))
    )

    again = version_documents.export_document(import_document(document | {"name": "Another"}))

    assert json.dumps(again | {"name": document["name"]}) == json.dumps(document)


def test_a_used_number_is_replaced_by_the_next_one() -> None:
    numbers = [
        import_document(minimal_document(version=number)).number for number in ("1.0", "1.0", "2.3", "1.0", "2.3")
    ]

    assert numbers == ["v1.0", "v1.1", "v2.3", "v1.2", "v2.4"]
    assert motions.read_primary_motion() == Definition.objects.get().motion


def test_similar_names_get_different_slugs() -> None:
    for name in ("Hand raise", "Hand  raise!", "手を挙げる"):
        import_document(minimal_document(name=name))

    assert set(Definition.objects.values_list("slug", flat=True)) == {"hand-raise", "hand-raise-2", "definition"}


def test_a_definition_keeps_its_motion() -> None:
    import_document(minimal_document())

    with pytest.raises(DocumentRefused, match="motion: the definition “Hand raise” is for mql, not pql"):
        import_document(minimal_document(motion="pql"))


def test_a_refused_document_stores_nothing() -> None:
    with pytest.raises(DocumentRefused):
        import_document(minimal_document(gate=[criterion("company.employees", "at_least", "many")]))

    assert not Definition.objects.exists()


def test_the_queries_of_an_export_do_not_grow_with_the_rows(
    django_assert_max_num_queries: type[CaptureQueriesContext],
) -> None:
    path = {"name": "P", "clauses": [{"axis": "fit", "at_least": 1}] * 20, "rationale": "So."}
    many = [criterion("lead.email_domain", "in_list", "free_email")] * 40
    version = import_document(minimal_document(gate=many, fit=many, paths=[path] * 30))

    with django_assert_max_num_queries(5):
        version_documents.export_document(version)


def test_the_command_creates_a_draft_and_prints_its_statement() -> None:
    out = StringIO()

    call_command("import_definition", str(REFERENCE), stdout=out)

    assert "Reference definition R v1.0, a draft" in out.getvalue()
    assert "An MQL works at a company with 50 to 5,000 employees" in out.getvalue()


@pytest.mark.parametrize("content", [b"{", b"\xff", b'{"format": "x"}', b"[[", b'{"a": NaN}'])
def test_the_command_names_a_faulty_file(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "definition.json"
    file.write_bytes(content)

    with pytest.raises(CommandError, match=r"definition\.json"):
        call_command("import_definition", str(file))
