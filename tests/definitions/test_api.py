from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from definitions import version_documents, versions
from definitions.models import Version
from tests.definitions.documents import criterion, load_reference, minimal_document
from tests.definitions.version_lifecycles import (
    build_grounds,
    create_active,
    create_approved,
    create_backtest,
    create_draft,
    create_proposed,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

READ, WRITE = "definitions:read", "definitions:write"


class Machine(Client):
    """A client with an API key; it acts as the key's owner."""

    def __init__(self, *scopes: str, owner: User | None = None) -> None:
        owner = owner or UserFactory(roles=[Role.MARKETING_OPS])
        _, secret = ApiKey.objects.create_key(name="crm", owner=owner, source="crm", scopes=list(scopes))
        super().__init__(headers={"authorization": f"Api-Key {secret}"})

    def send(self, path: str, body: object = None) -> Any:
        text = body if isinstance(body, str) else json.dumps(body)
        content = {} if body is None else {"data": text, "content_type": "application/json"}
        return self.post(f"/api/v1/definitions{path}", **content)

    def fetch(self, path: str) -> Any:
        return self.get(f"/api/v1/definitions{path}")


@pytest.fixture
def machine() -> Machine:
    return Machine(READ, WRITE)


def test_a_document_becomes_a_draft_and_is_returned_unchanged(machine: Machine) -> None:
    answer = machine.send("", load_reference())

    assert answer.status_code == 201
    data = answer.json()
    assert (data["number"], data["state"], data["definition"]) == ("v1.0", "draft", "reference-definition-r")
    assert data["document"] == load_reference()
    assert machine.fetch(f"/{data['id']}").json() == data


def test_a_refused_document_is_answered_with_every_complaint(machine: Machine) -> None:
    answer = machine.send("", minimal_document(colour="red", motion="sql"))

    assert answer.status_code == 400
    assert [error["detail"] for error in answer.json()["errors"]] == [
        "colour: there is no such key.",
        "motion: there is no motion “sql” (did you mean “pql”?).",
    ]
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    "body", ["{", "[]", "null", '"x"', "[" * 50, '{"format": "\\ud800"}', "NaN", '{"name": 1e400}']
)
def test_any_faulty_body_is_answered_with_a_client_error(machine: Machine, body: str) -> None:
    assert machine.send("", body).status_code == 400


def test_a_version_takes_all_its_steps_by_the_api() -> None:
    ops = Machine(READ, WRITE)
    leaders = {
        side: Machine(WRITE, owner=UserFactory(roles=[role]))
        for side, role in (("marketing", Role.MARKETING_LEADER), ("sales", Role.SALES_LEADER))
    }
    pk = ops.send("", minimal_document()).json()["id"]

    version = Version.objects.get(pk=pk)
    create_backtest(version)

    assert ops.send(f"/{pk}/propose", build_grounds(version)).json()["state"] == "proposed"
    for side, leader in leaders.items():
        signed = leader.send(f"/{pk}/sign", {"side": side, "decision": "approved", "comment": "Yes."})
        assert signed.status_code == 200
    assert signed.json()["version"]["state"] == "approved"
    assert ops.send(f"/{pk}/activate", {"hand_over_entrants": False}).json()["state"] == "active"

    current = ops.fetch("/current").json()
    assert current["id"] == pk
    assert current["statement"].startswith("An MQL is anyone who has one of")
    assert [signature["side"] for signature in current["sign_offs"]] == ["marketing", "sales"]
    assert [change["to_state"] for change in current["changes"]] == ["proposed", "approved", "active"]


def test_the_published_page_is_exported_as_markdown(machine: Machine, settings: Any) -> None:
    settings.COMPANY_NAME = "Northlane *Inc*"
    version = create_active(
        gate=[criterion("company.employees", "at_least", 50)],
        statement="Who | <asks>\n# now.",
        summary="Whoever *asks*.",
        timing={"engaged_within_days": 30, "rationale": "Interest | fades."},
    )

    answer = machine.fetch(f"/{version.pk}.md")

    assert answer["Content-Type"] == "text/markdown; charset=utf-8"
    text = answer.content.decode()
    assert text.startswith("# Northlane \\*Inc\\*: Hand raise v1.0\n")
    assert "\nWhoever \\*asks\\*.\n" in text
    assert "| Interest \\| fades. |" in text
    assert "Who \\| \\<asks\\> \\# now." in text
    assert "| Company size is at least 50 |" in text
    assert "| v1.0 | Active | from 5 November 2026 |" in text
    assert "Marketing: " in text
    assert "Last review: none yet." in text
    assert machine.fetch("/999999.md").status_code == 404


def test_a_refusal_is_answered_with_the_new_draft() -> None:
    leader = Machine(WRITE, owner=UserFactory(roles=[Role.SALES_LEADER]))

    answer = leader.send(
        f"/{create_proposed().pk}/sign", {"side": "sales", "decision": "refused", "comment": "Too loose."}
    )

    assert answer.json()["version"]["state"] == "refused"
    assert answer.json()["successor"]["number"] == "v1.1"


def test_a_copy_is_a_draft_with_its_reason(machine: Machine) -> None:
    answer = machine.send(f"/{create_active().pk}/copy", {"reason": "Tighter."})

    assert answer.status_code == 201
    assert (answer.json()["number"], answer.json()["reason"]) == ("v1.1", "Tighter.")


def test_a_step_out_of_turn_is_a_conflict(machine: Machine) -> None:
    answer = machine.send(f"/{create_proposed().pk}/activate", {"hand_over_entrants": True})

    assert answer.status_code == 409
    assert "waits for the signatures of both leaders" in answer.json()["errors"][0]["detail"]


def test_a_proposal_is_refused_with_every_objection_at_once(machine: Machine) -> None:
    version = create_draft()

    answer = machine.send(f"/{version.pk}/propose", {"driver": "first"})

    objections = [error["detail"] for error in answer.json()["errors"]]
    assert answer.status_code == 409
    assert any("it was never backtested" in sentence for sentence in objections)
    assert any("Or say why you accept it" in sentence for sentence in objections)
    assert len(objections) == len(set(objections)) > 1


def test_lint_findings_have_the_keys_for_acceptance(machine: Machine) -> None:
    version = create_draft()

    findings = machine.fetch(f"/{version.pk}/lint").json()

    warnings = {finding["key"] for finding in findings if finding["severity"] == "warning"}
    assert warnings == set(build_grounds(version)["acknowledged"])


def test_a_version_is_returned_with_its_frozen_proposal(machine: Machine) -> None:
    version = create_proposed()

    data = machine.fetch(f"/{version.pk}").json()

    assert data["proposal"]["driver"] == "first"
    assert data["proposal"]["backtest"] in data["backtests"]
    assert len(data["proposal"]["checklist"]) == 7
    assert data["digest"] == version_documents.fingerprint(version)
    assert machine.fetch(f"/{version.pk}/checklist").json() == data["proposal"]["checklist"]


def test_two_versions_are_compared_row_by_row(machine: Machine) -> None:
    before, after = create_active(sal_rate_target=0.7), create_draft(sal_rate_target=0.6)

    data = machine.fetch(f"/{after.pk}/diff?against={before.pk}").json()

    assert [data["before"]["number"], data["after"]["number"]] == ["v1.0", "v1.1"]
    assert len(data["changes"]) == 1
    assert machine.fetch(f"/{after.pk}/diff?against=x").status_code == 400
    assert machine.fetch(f"/{after.pk}/diff?against=999").status_code == 404


def test_a_retired_version_is_reverted_to_as_a_draft(machine: Machine) -> None:
    first = create_active()
    create_active()

    answer = machine.send(f"/{first.pk}/revert", {})

    assert answer.status_code == 201
    assert (answer.json()["number"], answer.json()["based_on"]) == ("v1.2", first.pk)
    assert "Back to v1.0" in answer.json()["reason"]
    assert machine.send(f"/{answer.json()['id']}/revert", {}).status_code == 409


def test_a_draft_begins_with_a_preset_or_with_nothing(machine: Machine) -> None:
    codes = [preset["code"] for preset in machine.fetch("/presets").json()]

    begun = machine.send("/presets", {"preset": codes[0], "name": "Ours"})
    further = machine.send("/presets", {"into": "ours"})

    assert (begun.status_code, begun.json()["number"]) == (201, "v1.0")
    assert (further.status_code, further.json()["number"]) == (201, "v1.1")
    assert machine.send("/presets", {"preset": "nothing", "name": "Theirs"}).status_code == 400
    assert machine.send("/presets", {"name": "Ours"}).status_code == 400
    assert machine.send("/presets", {}).status_code == 400


def test_a_key_has_only_the_rights_of_its_owner(machine: Machine) -> None:
    signature = {"side": "sales", "decision": "approved", "comment": "Yes."}

    assert machine.send(f"/{create_proposed().pk}/sign", signature).status_code == 403
    assert Machine(WRITE, owner=UserFactory(roles=[Role.VIEWER])).send("", minimal_document()).status_code == 403
    assert not Version.objects.filter(state="draft").exists()


@pytest.mark.parametrize(
    "signature", [{}, {"side": "press"}, {"side": "sales", "decision": "approved", "comment": " "}]
)
def test_an_incomplete_signature_is_refused_by_its_field(signature: dict[str, str]) -> None:
    leader = Machine(WRITE, owner=UserFactory(roles=[Role.SALES_LEADER]))

    assert leader.send(f"/{create_proposed().pk}/sign", signature).status_code == 400


@pytest.mark.parametrize("scopes", [(), ("facts:read",), (WRITE,)])
def test_reading_needs_its_scope(scopes: tuple[str, ...]) -> None:
    assert Machine(*scopes).fetch("").status_code == 403
    assert Machine(*scopes).fetch(f"/{create_draft().pk}").status_code == 403


def test_writing_needs_its_scope() -> None:
    reader, pk = Machine(READ), create_approved().pk

    assert reader.send("", minimal_document()).status_code == 403
    for step in ("propose", "sign", "activate", "copy"):
        assert reader.send(f"/{pk}/{step}", {}).status_code == 403


def test_requests_without_a_key_are_refused() -> None:
    assert Client().get("/api/v1/definitions").status_code in (401, 403)


def test_unknown_versions_are_not_found(machine: Machine) -> None:
    assert machine.fetch("/999").status_code == 404
    assert machine.fetch("/current").status_code == 404
    assert machine.send("/999/propose").status_code == 404


def test_the_list_is_filtered_by_definition_and_state(machine: Machine) -> None:
    create_active()
    create_draft(name="Other")

    def numbers(query: str) -> list[str]:
        return [row["definition"] for row in machine.fetch(query).json()["results"]]

    assert numbers("") == ["other", "hand-raise"] or numbers("") == ["hand-raise", "other"]
    assert numbers("?state=active") == ["hand-raise"]
    assert numbers("?definition=other") == ["other"]
    assert machine.fetch("?state=nonsense").status_code == 400


def test_a_version_read_by_the_api_imports_again(machine: Machine) -> None:
    version = versions.copy_version(
        version=create_active(), by=UserFactory(roles=[Role.MARKETING_OPS]), now=create_active().created_at
    )

    document = machine.fetch(f"/{version.pk}").json()["document"]

    assert machine.send("", document | {"name": "Elsewhere"}).json()["document"] == document | {"name": "Elsewhere"}
    assert version_documents.export_document(version) == document
