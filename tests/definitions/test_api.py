from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from definitions import version_documents, versions
from definitions.models import Version
from tests.definitions.documents import minimal, reference
from tests.definitions.people import person
from tests.definitions.version_lifecycles import active, approved, backtested, draft, grounds_for, proposed

pytestmark = pytest.mark.django_db

READ, WRITE = "definitions:read", "definitions:write"


class Machine(Client):
    """A client with an API key; it acts as the key's owner."""

    def __init__(self, *scopes: str, owner: User | None = None) -> None:
        owner = owner or person(Role.MARKETING_OPS)
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


def test_a_document_becomes_a_draft_and_comes_back_as_it_was_sent(machine: Machine) -> None:
    answer = machine.send("", reference())

    assert answer.status_code == 201
    made = answer.json()
    assert (made["number"], made["state"], made["definition"]) == ("v1.0", "draft", "reference-definition-r")
    assert made["document"] == reference()
    assert machine.fetch(f"/{made['id']}").json() == made


def test_a_refused_document_is_answered_with_every_complaint(machine: Machine) -> None:
    answer = machine.send("", minimal(colour="red", motion="sql"))

    assert answer.status_code == 400
    assert [error["detail"] for error in answer.json()["errors"]] == [
        "colour: there is no such key.",
        "motion: there is no motion “sql” (did you mean “pql”?).",
    ]
    assert not Version.objects.exists()


@pytest.mark.parametrize(
    "body", ["{", "[]", "null", '"x"', "[" * 50, '{"format": "\\ud800"}', "NaN", '{"name": 1e400}']
)
def test_whatever_is_sent_is_answered_with_a_client_error(machine: Machine, body: str) -> None:
    assert machine.send("", body).status_code == 400


def test_the_whole_life_by_the_api() -> None:
    ops = Machine(READ, WRITE)
    leaders = {
        side: Machine(WRITE, owner=person(role))
        for side, role in (("marketing", Role.MARKETING_LEADER), ("sales", Role.SALES_LEADER))
    }
    pk = ops.send("", minimal()).json()["id"]

    version = Version.objects.get(pk=pk)
    backtested(version)

    assert ops.send(f"/{pk}/propose", grounds_for(version)).json()["state"] == "proposed"
    for side, leader in leaders.items():
        signed = leader.send(f"/{pk}/sign", {"side": side, "decision": "approved", "comment": "Yes."})
        assert signed.status_code == 200
    assert signed.json()["version"]["state"] == "approved"
    assert ops.send(f"/{pk}/activate", {"hand_over_entrants": False}).json()["state"] == "active"

    current = ops.fetch("/current").json()
    assert current["id"] == pk
    assert current["statement"].startswith("An MQL is anyone who has one of")
    assert [word["side"] for word in current["sign_offs"]] == ["marketing", "sales"]
    assert [change["to_state"] for change in current["changes"]] == ["proposed", "approved", "active"]


def test_a_refusal_answers_with_the_draft_that_goes_on() -> None:
    leader = Machine(WRITE, owner=person(Role.SALES_LEADER))

    answer = leader.send(f"/{proposed().pk}/sign", {"side": "sales", "decision": "refused", "comment": "Too loose."})

    assert answer.json()["version"]["state"] == "refused"
    assert answer.json()["successor"]["number"] == "v1.1"


def test_a_copy_is_a_draft_with_its_reason(machine: Machine) -> None:
    answer = machine.send(f"/{active().pk}/copy", {"reason": "Tighter."})

    assert answer.status_code == 201
    assert (answer.json()["number"], answer.json()["reason"]) == ("v1.1", "Tighter.")


def test_a_step_out_of_turn_is_a_conflict(machine: Machine) -> None:
    answer = machine.send(f"/{proposed().pk}/activate", {"hand_over_entrants": True})

    assert answer.status_code == 409
    assert "waits for the signatures of both leaders" in answer.json()["errors"][0]["detail"]


def test_a_proposal_is_refused_with_every_objection_at_once(machine: Machine) -> None:
    version = draft()

    answer = machine.send(f"/{version.pk}/propose", {"driver": "first"})

    said = [error["detail"] for error in answer.json()["errors"]]
    assert answer.status_code == 409
    assert any("it was never backtested" in sentence for sentence in said)
    assert any("Or say why you accept it" in sentence for sentence in said)
    assert len(said) == len(set(said)) > 1


def test_linting_tells_the_keys_under_which_warnings_are_accepted(machine: Machine) -> None:
    version = draft()

    found = machine.fetch(f"/{version.pk}/lint").json()

    warnings = {each["key"] for each in found if each["severity"] == "warning"}
    assert warnings == set(grounds_for(version)["acknowledged"])


def test_what_was_put_before_the_leaders_stands_with_the_version(machine: Machine) -> None:
    version = proposed()

    told = machine.fetch(f"/{version.pk}").json()

    assert told["proposal"]["driver"] == "first"
    assert told["proposal"]["backtest"] in told["backtests"]
    assert len(told["proposal"]["checklist"]) == 7
    assert told["digest"] == version_documents.digest(told["document"])
    assert machine.fetch(f"/{version.pk}/checklist").json() == told["proposal"]["checklist"]


def test_two_versions_are_compared_row_by_row(machine: Machine) -> None:
    before, after = active(sal_rate_target=0.7), draft(sal_rate_target=0.6)

    told = machine.fetch(f"/{after.pk}/diff?against={before.pk}").json()

    assert [told["before"]["number"], told["after"]["number"]] == ["v1.0", "v1.1"]
    assert len(told["changes"]) == 1
    assert machine.fetch(f"/{after.pk}/diff?against=x").status_code == 400
    assert machine.fetch(f"/{after.pk}/diff?against=999").status_code == 404


def test_a_version_that_was_in_force_comes_back_as_a_draft(machine: Machine) -> None:
    first = active()
    active()

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


def test_the_key_may_no_more_than_its_owner(machine: Machine) -> None:
    word = {"side": "sales", "decision": "approved", "comment": "Yes."}

    assert machine.send(f"/{proposed().pk}/sign", word).status_code == 403
    assert Machine(WRITE, owner=person(Role.VIEWER)).send("", minimal()).status_code == 403
    assert not Version.objects.filter(state="draft").exists()


@pytest.mark.parametrize("word", [{}, {"side": "press"}, {"side": "sales", "decision": "approved", "comment": " "}])
def test_a_signature_that_is_not_whole_is_refused_by_its_field(word: dict[str, str]) -> None:
    leader = Machine(WRITE, owner=person(Role.SALES_LEADER))

    assert leader.send(f"/{proposed().pk}/sign", word).status_code == 400


@pytest.mark.parametrize("scopes", [(), ("facts:read",), (WRITE,)])
def test_reading_needs_its_scope(scopes: tuple[str, ...]) -> None:
    assert Machine(*scopes).fetch("").status_code == 403
    assert Machine(*scopes).fetch(f"/{draft().pk}").status_code == 403


def test_writing_needs_its_scope() -> None:
    reader, pk = Machine(READ), approved().pk

    assert reader.send("", minimal()).status_code == 403
    for step in ("propose", "sign", "activate", "copy"):
        assert reader.send(f"/{pk}/{step}", {}).status_code == 403


def test_without_a_key_nothing_is_told() -> None:
    assert Client().get("/api/v1/definitions").status_code in (401, 403)


def test_what_there_is_not_is_not_found(machine: Machine) -> None:
    assert machine.fetch("/999").status_code == 404
    assert machine.fetch("/current").status_code == 404
    assert machine.send("/999/propose").status_code == 404


def test_the_list_is_filtered_by_definition_and_state(machine: Machine) -> None:
    active()
    draft(name="Other")

    def numbers(query: str) -> list[str]:
        return [row["definition"] for row in machine.fetch(query).json()["results"]]

    assert numbers("") == ["other", "hand-raise"] or numbers("") == ["hand-raise", "other"]
    assert numbers("?state=active") == ["hand-raise"]
    assert numbers("?definition=other") == ["other"]
    assert machine.fetch("?state=nonsense").status_code == 400


def test_a_version_read_by_the_api_imports_again(machine: Machine) -> None:
    version = versions.copy(version=active(), by=person(Role.MARKETING_OPS), now=active().created_at)

    document = machine.fetch(f"/{version.pk}").json()["document"]

    assert machine.send("", document | {"name": "Elsewhere"}).json()["document"] == document | {"name": "Elsewhere"}
    assert version_documents.export(version) == document
