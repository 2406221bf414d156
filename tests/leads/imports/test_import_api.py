"""POST /api/v1/imports and what programs read of an import."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from config.accounts.models import ApiKey
from leads.models import Event, ImportFile, ImportRun, Lead
from tests.factories import UserFactory
from tests.leads.imports import stored_imports
from tests.small_files import limit_file_size

pytestmark = pytest.mark.django_db


def machine(*scopes: str) -> Client:
    _, secret = ApiKey.objects.create_key(name="crm", owner=UserFactory(), source="crm", scopes=list(scopes))
    return Client(headers={"authorization": f"Api-Key {secret}"})


def send(client: Client, text: str = stored_imports.LEADS, **values: str) -> Any:
    file = SimpleUploadedFile("leads.csv", text.encode())
    return client.post("/api/v1/imports", {"kind": "leads", "file": file} | values)


def test_a_file_is_imported_in_the_background() -> None:
    client = machine("facts:write")

    response = send(client)
    stored_imports.work()
    state = client.get(response.json()["url"]).json()

    assert (response.status_code, response.json()["state"]) == (202, "queued")
    assert (state["state"], state["source"]) == ("done", "crm")
    assert state["counts"] == {"created": 2, "updated": 0, "unchanged": 0, "rejected": 1}
    assert b"nobody" in b"".join(client.get(state["rejected_url"]))
    assert Lead.objects.count() == 2


def test_the_map_and_the_source_can_be_sent() -> None:
    document = {"columns": {"email": "who", "signal": "what", "occurred_at": "when", "id": "n"}}
    text = "who,what,when,n\na@b.example,blog_read,2026-01-05T10:00:00Z,1\n"

    response = send(machine("facts:write"), text, kind="events", map=json.dumps(document), source="site")
    stored_imports.work()

    assert response.status_code == 202
    assert Event.objects.get().source == "site"


def test_a_file_for_which_the_disk_has_no_room_is_refused_and_nothing_of_it_is_kept() -> None:
    client = machine("facts:write")
    client.raise_request_exception = False
    # Beyond the size up to which uploads are kept in memory.
    text = "email\n" + "ada@acme.example\n" * 200_000

    with limit_file_size(1 << 20):
        refusal = send(client, text)

    assert (refusal.status_code, refusal.headers["Retry-After"]) == (503, "5")
    assert refusal.json()["errors"][0]["detail"].startswith("The disk is full. Nothing was stored")
    assert not ImportFile.objects.exists()


def test_the_same_file_twice_is_one_import_and_kept_once() -> None:
    client = machine("facts:write")

    ids = {send(client).json()["id"] for _ in range(2)}

    assert len(ids) == ImportRun.objects.count() == ImportFile.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "status", "message"),
    [
        ({"kind": "dogs"}, 400, "is not a valid choice"),
        ({"map": "{"}, 400, "map"),
        ({"map": '{"column": {}}'}, 400, "the key 'column'"),
        ({"map": '{"columns": {"email": "Post"}}'}, 400, "is not in the file"),
        ({"source": "x" * 65}, 400, "64"),
        ({"source": "Accord"}, 400, "kept for what Accord"),
    ],
)
def test_what_cannot_be_read_is_refused_as_a_whole(values: dict[str, str], status: int, message: str) -> None:
    response = send(machine("facts:write"), **values)

    assert response.status_code == status
    assert message in response.content.decode()
    assert not ImportFile.objects.exists()


def test_a_request_without_a_file_or_in_json_is_refused() -> None:
    client = machine("facts:write")

    assert client.post("/api/v1/imports", {"kind": "leads"}).status_code == 400
    assert client.post("/api/v1/imports", {"kind": "leads"}, "application/json").status_code == 415


def test_a_file_beyond_the_limit_is_refused(settings: Any) -> None:
    settings.IMPORT_MAX_MB = 1

    response = send(machine("facts:write"), "email\n" + "x" * (1 << 20))

    assert response.status_code == 413


def test_an_import_is_cancelled_once() -> None:
    client = machine("facts:write")
    pk = send(client).json()["id"]

    assert client.post(f"/api/v1/imports/{pk}/cancel").json()["state"] == "cancelled"
    assert client.post(f"/api/v1/imports/{pk}/cancel").status_code == 409


def test_a_key_that_only_reads_sees_no_import() -> None:
    run, client = stored_imports.start(), machine("facts:read")

    for path in ("", f"/{run.pk}", f"/{run.pk}/rejected", f"/{run.pk}/cancel"):
        assert client.get(f"/api/v1/imports{path}").status_code == 403
        assert client.post(f"/api/v1/imports{path}").status_code == 403
