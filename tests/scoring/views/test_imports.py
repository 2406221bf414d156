"""The pages of file imports."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.accounts.vocabulary import Role
from leads.imports import import_runs
from leads.models import ImportFile, ImportFilePart, ImportMap, ImportRun, Lead
from leads.vocabulary import ImportState
from tests.factories import DAY, NOW, UserFactory
from tests.leads.imports import stored_imports

pytestmark = pytest.mark.django_db

HUBSPOT = (
    "Record ID,First Name,Last Name,Email,Job Title,Country/Region,Shoe Size\n"
    "7,Ada,Lovelace,ada@acme.example,CTO,DE,38\n"
    "8,Grace,Hopper,grace@acme.example,VP Engineering,US,40\n"
    ",Nix,Nobody,nobody,Intern,FR,41\n"
)


@pytest.fixture
def ops(client: Client) -> Client:
    client.force_login(UserFactory(roles=[Role.MARKETING_OPS], time_zone="UTC"))
    return client


def upload(client: Client, text: str | bytes = HUBSPOT, *, name: str = "contacts.csv", **values: str) -> Any:
    content = text if isinstance(text, bytes) else text.encode()
    body = {"file": SimpleUploadedFile(name, content), "kind": "leads", "source": "hubspot"} | values
    return client.post("/imports/new/", body)


def choose(client: Client, file: ImportFile, **changes: str) -> Any:
    """Post the form of the columns as the page fills it in, with some changes."""
    form = client.get(f"/imports/files/{file.pk}/").context["form"]
    values = {field.html_name: field.value() or "" for field in form} | changes
    return client.post(f"/imports/files/{file.pk}/", values)


def test_a_file_goes_from_upload_to_its_result(ops: Client) -> None:
    response = upload(ops)
    file = ImportFile.objects.get()
    assert response.url == f"/imports/files/{file.pk}/"
    page = ops.get(response.url).content.decode()
    assert "Lovelace" in page
    assert 'value="email" selected' in page

    response = choose(ops, file, target_6="own", name_6="shoe_size", type_6="number")
    assert response.url == f"/imports/files/{file.pk}/preview/"
    preview = ops.get(response.url)
    assert "1 of these 3 rows would be refused" in preview.content.decode()
    assert not Lead.objects.exists()

    response = ops.post(f"/imports/files/{file.pk}/start/")
    run = ImportRun.objects.get()
    assert response.url == f"/imports/{run.pk}/"
    assert "Waiting for its turn" in ops.get(response.url).content.decode()
    stored_imports.work()

    page = ops.get(response.url).content.decode()
    assert 'data-label="Field">email<' in page
    ada = Lead.objects.get(email="ada@acme.example")
    assert (ada.title, ada.custom, Lead.objects.count()) == ("CTO", {"shoe_size": 38}, 2)
    run.refresh_from_db()
    assert (run.state, run.created, run.rejected) == (ImportState.DONE, 2, 1)


def test_the_refused_rows_can_be_downloaded(ops: Client) -> None:
    run = stored_imports.start("Email,First Name\nnobody,=1+1\n\xff@acme.example,x\n".encode("latin-1"))
    stored_imports.work()

    response = ops.get(f"/imports/{run.pk}/rejected")

    lines = b"".join(response).splitlines()
    assert response["Content-Disposition"] == f'attachment; filename="refused-rows-{run.pk}.csv"'
    assert lines[1].endswith(b"nobody,'=1+1")
    assert b"\xff@acme.example" in lines[2]


def test_an_upload_beyond_the_limit_is_refused_with_the_limit(ops: Client, settings: Any) -> None:
    settings.IMPORT_MAX_MB = 1

    response = upload(ops, b"email\n" + b"x" * (1 << 20))

    assert response.status_code == 422
    assert "larger than 1 MB" in response.content.decode()
    assert not ImportFile.objects.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "The file is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "The file is a picture, not a table"),
        (b"\x00\x01", "NUL"),
        (b"," * 10_000 + b"\n", "10,001 columns"),
    ],
)
def test_a_file_that_is_no_table_says_so_where_its_columns_would_stand(
    ops: Client, content: bytes, message: str
) -> None:
    response = upload(ops, content)

    page = ops.get(response.url)
    assert page.status_code == 422
    assert message in page.content.decode()
    assert "Traceback" not in page.content.decode()


def test_two_columns_of_one_meaning_are_named_at_the_column(ops: Client) -> None:
    file = stored_imports.store(HUBSPOT)

    response = choose(ops, file, target_6="first_name")

    assert response.status_code == 422
    assert response.context["form"].errors["target_6"] == [
        "“First Name” and “Shoe Size” both mean first_name; leave one of them out."
    ]


def test_a_file_needs_a_column_that_says_who_it_is_about(ops: Client) -> None:
    file = stored_imports.store(HUBSPOT)

    response = choose(ops, file, target_0="", target_3="")

    assert response.status_code == 422
    assert "No column says whom a row is about" in response.content.decode()


def test_a_header_that_stands_twice_can_be_left_out_but_not_read(ops: Client) -> None:
    file = stored_imports.store("email,note,note\na@acme.example,1,2\n")

    assert choose(ops, file, target_1="own", name_1="note").status_code == 422
    assert choose(ops, file).status_code == 302


def test_a_header_in_another_encoding_is_shown_and_refused_at_its_column(ops: Client) -> None:
    file = stored_imports.store(b"email,Gesch\xe4ft\na@b.example,x\n")

    refused = choose(ops, file, target_1="own", name_1="x")
    accepted = choose(ops, file)

    assert "say how the file is written" in refused.content.decode()
    assert ops.get(accepted.url).status_code == 200


def test_several_columns_may_hold_addresses(ops: Client) -> None:
    file = stored_imports.store("Email,Other\n,ada@b.example\nbob@b.example,x@b.example\n")

    choose(ops, file, target_1="email")
    ops.post(f"/imports/files/{file.pk}/start/")
    stored_imports.work()

    assert sorted(Lead.objects.values_list("email", flat=True)) == ["ada@b.example", "bob@b.example"]
    assert ImportFile.objects.get().map["columns"] == {"email": ["Email", "Other"]}


def test_a_mapping_is_kept_and_offered_for_the_next_file(ops: Client) -> None:
    choose(ops, stored_imports.store(HUBSPOT), name="HubSpot contacts", target_4="")
    other = stored_imports.store(HUBSPOT + "\n")
    kept_map = ImportMap.objects.get()

    page = ops.get(f"/imports/files/{other.pk}/").content.decode()
    form = ops.get(f"/imports/files/{other.pk}/?map={kept_map.pk}").context["form"]

    assert f'href="?map={kept_map.pk}"' in page
    assert form["target_4"].value() == ""
    assert form["target_3"].value() == "email"


def test_of_two_addresses_the_one_of_work_counts_as_the_page_says(ops: Client) -> None:
    file = stored_imports.store("Home Email,Work Email,First Name\nhome@a.example,work@a.example,Ada\n", map={})

    assert choose(ops, file, target_0="email").status_code == 302

    file.refresh_from_db()
    assert file.map["columns"]["email"] == ["Work Email", "Home Email"]
    row = ops.get(f"/imports/files/{file.pk}/preview/").context["rows"][0].row
    assert [(cell.text, cell.is_used) for cell in row.cells[:2]] == [
        ("home@a.example", False),
        ("work@a.example", True),
    ]


def test_a_kept_mapping_keeps_the_order_of_its_columns(ops: Client) -> None:
    column_map = {"columns": {"email": ["Home Email", "Work Email"]}}
    file = stored_imports.store("Work Email,Home Email\nwork@a.example,home@a.example\n", map=column_map)

    assert choose(ops, file).status_code == 302

    file.refresh_from_db()
    assert file.map["columns"]["email"] == ["Home Email", "Work Email"]


def test_the_currency_of_amounts_is_chosen_and_kept(ops: Client) -> None:
    file = stored_imports.store("id,Domain,Annual Revenue\n7,acme.example,1200000\n", kind="companies", map={})

    assert choose(ops, file, currency="Krone").status_code == 422
    assert choose(ops, file, currency="dkk", locale="da").status_code == 302

    file.refresh_from_db()
    assert (file.map["currency"], file.map["locale"]) == ("DKK", "da")
    choose(ops, file)
    file.refresh_from_db()
    assert file.map["currency"] == "DKK"


def test_how_the_file_is_written_can_be_said(ops: Client) -> None:
    file = stored_imports.store("E-Mail;Beruf\na@b.example;Gesch\u00e4ft\n".encode("latin-1"))

    ops.post(f"/imports/files/{file.pk}/reading/", {"kind": "leads", "encoding": "windows-1252", "delimiter": ";"})

    assert "Gesch\u00e4ft" in ops.get(f"/imports/files/{file.pk}/").content.decode()


def test_the_same_file_again_leads_to_the_earlier_import(ops: Client) -> None:
    for _ in range(2):
        file = stored_imports.store(HUBSPOT)
        choose(ops, file)
        response = ops.post(f"/imports/files/{file.pk}/start/", follow=True)
        stored_imports.work()

    run = ImportRun.objects.get()
    assert "imported already" in response.content.decode()
    assert "Import it again" in response.content.decode()
    assert run.file == ImportFile.objects.get()
    assert (run.created, run.updated) == (2, 0)


def test_a_file_is_imported_again_on_request(ops: Client) -> None:
    run = stored_imports.start()
    stored_imports.work()

    ops.post(f"/imports/{run.pk}/again/")
    stored_imports.work()

    run.refresh_from_db()
    again = ImportRun.objects.exclude(pk=run.pk).get()
    assert (run.created, run.unchanged, run.rejected, run.refused_rows.count()) == (2, 0, 1, 1)
    assert (again.created, again.unchanged, again.rejected, again.refused_rows.count()) == (0, 2, 1, 1)
    assert "Other imports of this file" in ops.get(f"/imports/{run.pk}/").content.decode()


def test_imports_are_listed_by_their_start(ops: Client) -> None:
    early = stored_imports.start(name="early.csv")
    stored_imports.work()
    stored_imports.start("email\nlate@acme.example\n", name="late.csv", now=NOW + DAY)
    ImportRun.objects.filter(pk=early.pk).update(started_at=NOW + 2 * DAY)

    page = ops.get("/imports/").content.decode()

    assert page.index("early.csv") < page.index("late.csv")
    assert "late.csv" in ops.get(f"/imports/?after={early.pk}").content.decode()
    assert "early.csv</a>" not in ops.get(f"/imports/?after={early.pk}").content.decode()


def test_what_was_assumed_of_a_file_stands_in_its_preview_and_on_its_import(ops: Client) -> None:
    text = "email,created_at\na@acme.example,2026-01-05 10:00\n"
    file = stored_imports.store(text)
    sentence = "created_at without a zone is read as UTC."

    assert sentence in ops.get(f"/imports/files/{file.pk}/preview/").content.decode()
    run = stored_imports.start(text)
    stored_imports.work()
    assert sentence in ops.get(f"/imports/{run.pk}/").content.decode()


def test_an_import_is_cancelled_once(ops: Client) -> None:
    run = stored_imports.start()

    ops.post(f"/imports/{run.pk}/cancel/")
    response = ops.post(f"/imports/{run.pk}/cancel/", follow=True)
    stored_imports.work()

    run.refresh_from_db()
    assert "nothing to cancel" in response.content.decode()
    assert (run.state, Lead.objects.count()) == (ImportState.CANCELLED, 0)


def test_progress_follows_by_itself(ops: Client) -> None:
    run = stored_imports.start()
    htmx = {"HX-Request": "true"}

    waiting = ops.get(f"/imports/{run.pk}/", headers=htmx)
    stored_imports.work()
    finished = ops.get(f"/imports/{run.pk}/", headers=htmx)

    assert "Waiting for its turn" in waiting.content.decode()
    assert finished["HX-Refresh"] == "true"


def test_an_upload_can_be_thrown_away_but_not_while_it_is_imported(ops: Client) -> None:
    draft, run = stored_imports.store("email\n"), stored_imports.start()

    ops.post(f"/imports/files/{draft.pk}/delete/")
    response = ops.post(f"/imports/files/{run.file_id}/delete/", follow=True)

    assert list(ImportFile.objects.values_list("pk", flat=True)) == [run.file_id]
    assert ImportFilePart.objects.count() == 1
    assert "being imported" in response.content.decode()


def test_hostile_names_and_headers_are_shown_as_text(ops: Client) -> None:
    attack = "<script>alert(1)</script>"
    response = upload(ops, f"email,{attack},{{{{7*7}}}}\na@b.example,{attack},=cmd()\n", name=f"{attack}.csv")
    file = ImportFile.objects.get()

    pages = [ops.get(response.url), choose(ops, file, target_1="own", name_1="x"), ops.get("/imports/")]
    preview = ops.get(f"/imports/files/{file.pk}/preview/")

    for page in [*pages, preview]:
        assert attack not in page.content.decode()
    assert preview.status_code == 200


def test_the_list_shows_pages_of_imports_and_says_what_to_do_first(ops: Client) -> None:
    assert "Nothing imported yet" in ops.get("/imports/").content.decode()
    run = stored_imports.start()
    ImportRun.objects.bulk_create(
        ImportRun(kind="leads", file_name=f"file {n}", digest=str(n), started_at=NOW, finished_at=NOW)
        for n in range(30)
    )

    first = ops.get("/imports/").content.decode()
    last = ops.get(f"/imports/?after={run.pk + 6}").content.decode()

    assert "Next page" in first
    assert "leads.csv" in last


def test_the_list_needs_few_queries(ops: Client, django_assert_max_num_queries: Any) -> None:
    ImportRun.objects.bulk_create(
        ImportRun(kind="leads", file_name=f"file {n}", digest=str(n), started_at=NOW, finished_at=NOW)
        for n in range(25)
    )

    with django_assert_max_num_queries(9):
        ops.get("/imports/")


def test_other_roles_see_no_import(client: Client) -> None:
    run = stored_imports.start()
    client.force_login(UserFactory(roles=[Role.MARKETING_LEADER, Role.SALES_LEADER, Role.VIEWER, Role.SALES_MANAGER]))

    for path in (
        "",
        "new/",
        f"{run.pk}/",
        f"{run.pk}/rejected",
        f"files/{run.file_id}/",
        f"files/{run.file_id}/preview/",
    ):
        assert client.get(f"/imports/{path}").status_code == 403
    for path in (
        f"{run.pk}/cancel/",
        f"{run.pk}/again/",
        f"files/{run.file_id}/start/",
        f"files/{run.file_id}/delete/",
    ):
        assert client.post(f"/imports/{path}").status_code == 403
    assert import_runs.ImportRun.objects.get().state == ImportState.QUEUED


def test_an_upload_needs_the_token_of_the_form() -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(UserFactory(roles=[Role.MARKETING_OPS]))

    assert upload(strict).status_code == 403
    assert not ImportFile.objects.exists()
