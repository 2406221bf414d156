from __future__ import annotations

import json
import string
import subprocess
import sys
from contextlib import suppress
from copy import deepcopy
from io import StringIO
from pathlib import Path
from typing import Any, Final

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import DatabaseError, transaction

from config import canonical_json
from config.accounts.vocabulary import Role
from definitions.models import Version
from leads.models import Lead, ListEntry, NamedList
from scoring.models import Qualification, ReceiptKey
from scoring.receipts import issuing, receipt_keys, signatures, verification
from tests.factories import LeadFactory, UserFactory
from tests.scoring import facts
from tests.scoring.lead_histories import (
    DAY,
    HOUR,
    START,
    activate_version,
    add_event,
    approve_version,
    document,
    make_company,
    make_lead,
    rescore_all_due,
)
from tests.sla.api_client import ApiClient

pytestmark = pytest.mark.django_db

AT, NOW = START + 3 * DAY, START + 5 * DAY
SUBJECTS = ["Spelling", "Signature", "Facts", "Rules", "Fingerprint", "Verdict"]


@pytest.fixture
def version() -> Version:
    asks_lists = document()
    asks_lists["disqualifiers"].append(
        {"field": "lead.email_domain", "op": "in_list", "value": "free_email", "rationale": "Nobody's company."}
    )
    return activate_version(approve_version(asks_lists, START), START)


@pytest.fixture
def lead(version: Version) -> Lead:
    lead = make_lead(1, make_company())
    add_event(lead, "pricing_view", START + DAY)
    add_event(lead, "demo_request", AT - HOUR)
    return lead


def issue(lead: Lead, version: Version, **options: Any) -> issuing.Receipt:
    return issuing.issue(lead=lead, version=version, **{"at": AT, "now": NOW, "with_facts": True} | options)


def results(file: bytes) -> dict[str, bool | None]:
    return {check.subject: check.holds for check in verification.verify(file, receipt_keys.list_public_keys())}


def test_a_receipt_with_facts_is_recomputed(lead: Lead, version: Version) -> None:
    receipt = issue(lead, version)
    statement = receipt.content["statement"]

    assert results(receipt.file) == dict.fromkeys(SUBJECTS, True)
    assert (statement["verdict"]["meets"], statement["verdict"]["tier"], statement["verdict"]["hot"]) == (True, 1, True)
    assert statement["why"] == statement["explanation"]["why"]
    assert receipt.content["facts"]["attributes"]["company.employees"] == 200
    assert [signal for _at, signal, _asset in receipt.content["facts"]["events"]] == ["pricing_view", "demo_request"]


def test_a_receipt_without_facts_is_checked_by_signature_alone(lead: Lead, version: Version) -> None:
    whole, short = issue(lead, version), issue(lead, version, with_facts=False)

    assert short.content == {name: whole.content[name] for name in ("statement", "signature")}
    assert results(short.file) == dict.fromkeys(SUBJECTS[:2], True) | dict.fromkeys(SUBJECTS[2:])


def test_facts_can_be_taken_off_a_receipt(lead: Lead, version: Version) -> None:
    whole = issue(lead, version)
    rest = issuing.Receipt({name: part for name, part in whole.content.items() if name != "facts"})

    assert results(rest.file) == dict.fromkeys(SUBJECTS, True) | {"Facts": None, "Verdict": None}


def test_no_byte_of_a_receipt_can_be_changed(lead: Lead, version: Version) -> None:
    file = issue(lead, version).file

    for place in range(0, len(file), 211):
        changed = bytearray(file)
        changed[place] ^= 1
        with suppress(verification.NotAReceipt):
            assert False in results(bytes(changed)).values(), (place, file[place - 20 : place + 20])


#: Another spelling of the same signature.
SPARE_BITS: Final = "the spare bits of its last character"


def set_spare_bits(signature: str) -> str:
    """Return another text of the same 64 bytes in base64."""
    alphabet = f"{string.ascii_uppercase}{string.ascii_lowercase}{string.digits}+/"
    stem, last = signature.removesuffix("==")[:-1], signature.removesuffix("==")[-1]
    return f"{stem}{alphabet[alphabet.index(last) + 1]}=="


@pytest.mark.parametrize(
    ("path", "value", "failing"),
    [
        (("facts", "events", 1, 0), 1_700_000_000_000_000, ["Facts", "Verdict"]),
        (("facts", "events"), 7, ["Facts", "Verdict"]),
        (("facts", "attributes", "company.employees"), 2, ["Facts", "Verdict"]),
        (("rules", "signals", "demo_request"), [], ["Rules"]),
        (("rules", "document", "hot"), [], ["Rules", "Fingerprint", "Verdict"]),
        (("rules", "document", "reason"), "More volume", ["Rules"]),
        (("rules", "document"), None, ["Rules", "Fingerprint", "Verdict"]),
        (("statement", "verdict", "tier"), 2, ["Signature", "Verdict"]),
        (("statement", "verdict", "axes", "engagement"), 50.000001, ["Signature", "Verdict"]),
        (("statement", "version", "fingerprint"), "0" * 64, ["Signature", "Fingerprint"]),
        (("statement", "facts_digest"), "0" * 64, ["Signature", "Facts"]),
        (("statement", "issued_at"), "soon", ["Signature"]),
        (("statement", "why"), "Because.", ["Signature"]),
        (("signature",), "AAAA", ["Signature"]),
        (("signature",), "no base64", ["Signature"]),
        (("signature",), SPARE_BITS, ["Signature"]),
    ],
)
def test_a_check_names_what_was_changed(
    lead: Lead, version: Version, path: tuple[Any, ...], value: object, failing: list[str]
) -> None:
    content = deepcopy(dict(issue(lead, version).content))
    if value is SPARE_BITS:
        value = set_spare_bits(content["signature"])
    place: Any = content
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value

    checks = results(issuing.Receipt(content).file)

    assert [subject for subject, holds in checks.items() if holds is False] == failing


@pytest.mark.parametrize(
    "file", [b"", b"{}", b"\xff", b"[1]", b'{"statement": {}, "signature": 1}', b"1e999", b"[" * 99]
)
def test_what_is_no_receipt_is_said_to_be_none(file: bytes) -> None:
    with pytest.raises(verification.NotAReceipt):
        verification.verify(file, [])


def test_a_receipt_of_another_engine_is_not_recomputed(
    lead: Lead, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = issue(lead, version)
    monkeypatch.setattr(verification, "ENGINE_VERSION", 3)
    monkeypatch.setattr(verification, "RECOMPUTED", frozenset({3}))

    *others, verdict = verification.verify(receipt.file, receipt_keys.list_public_keys())

    assert all(check.holds for check in others)
    assert (verdict.holds, verdict.sentence) == (None, "Not recomputed: issued by engine 2, and this is engine 3.")


def test_a_receipt_of_the_engine_before_is_recomputed(
    lead: Lead, version: Version, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(issuing, "ENGINE_VERSION", 1)
    receipt = issue(lead, version)

    *_, verdict = verification.verify(receipt.file, receipt_keys.list_public_keys())

    assert (verdict.holds, verdict.sentence) == (True, "Recomputed by engine 2: the same, to six decimals.")


def test_a_receipt_signed_by_a_stranger_does_not_hold(lead: Lead, version: Version) -> None:
    code, public, private = signatures.generate()
    content = dict(issue(lead, version).content)
    content["statement"] = content["statement"] | {"key": code}
    content["signature"] = signatures.sign(private, canonical_json.write(content["statement"]).encode())

    assert results(issuing.Receipt(content).file)["Signature"] is False
    assert signatures.is_signed(public, content["signature"], canonical_json.write(content["statement"]).encode())


def test_facts_that_come_late_change_the_digest_and_nothing_else_does(lead: Lead, version: Version) -> None:
    def digest(**options: Any) -> str:
        return str(issue(lead, version, **options).content["statement"]["facts_digest"])

    first = digest()
    add_event(lead, "blog_read", AT + HOUR)
    facts.add_statement(lead, AT + HOUR, NOW, title="Student")
    facts.add_statement(lead, START, NOW, phone="1")
    assert digest(now=NOW + DAY) == first

    add_event(lead, "blog_read", AT - HOUR, recorded_at=NOW)
    assert digest(now=NOW + DAY) != first


def test_only_entries_that_cover_the_lead_stand_in_its_receipt(version: Version) -> None:
    employer = make_company()
    person = LeadFactory(email="ada@mail.gmail.com", company=employer, at=START)
    named_list = NamedList.objects.get(name="free_email")
    ListEntry.objects.get_or_create(list=named_list, value="gmail.com")

    receipt = issue(person, version)
    part = receipt.content["rules"]["lists"]["free_email"]

    assert part["entries"] == ["gmail.com"]
    assert part["size"] > 1
    assert receipt.content["statement"]["verdict"]["disqualified_by"]
    assert results(receipt.file) == dict.fromkeys(SUBJECTS, True)


# Keys


@pytest.mark.usefixtures("application_role")
def test_a_rotated_key_still_checks_what_it_signed(lead: Lead, version: Version) -> None:
    before = issue(lead, version)
    new = receipt_keys.rotate(NOW + DAY)
    after = issue(lead, version, now=NOW + 2 * DAY)

    old, current = receipt_keys.list_public_keys()
    assert (before.content["statement"]["key"], after.content["statement"]["key"]) == (old.code, new.code)
    assert (old.signs_from, old.signs_until, current.signs_until) == (NOW, NOW + DAY + signatures.OVERLAP, None)
    assert results(before.file) == results(after.file) == dict.fromkeys(SUBJECTS, True)
    assert ReceiptKey.objects.get(code=old.code).private_sealed == ""


def test_a_key_does_not_vouch_for_what_is_dated_after_its_time(lead: Lead, version: Version) -> None:
    receipt_keys.signing_key(NOW)
    receipt = issue(lead, version, now=NOW + 2 * DAY)
    receipt_keys.rotate(NOW + DAY)

    assert results(receipt.file)["Signature"] is False


def test_public_keys_stay(lead: Lead, version: Version) -> None:
    issue(lead, version)

    for change in (ReceiptKey.objects.all().delete, lambda: ReceiptKey.objects.update(public_key="x")):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


@pytest.mark.usefixtures("application_role")
def test_a_key_is_resealed_with_the_other_secrets(lead: Lead, version: Version, settings: Any) -> None:
    issue(lead, version)
    settings.SECRET_KEY, settings.SECRET_KEY_FALLBACKS = "new" * 20, [settings.SECRET_KEY]
    call_command("reseal", stdout=StringIO())
    settings.SECRET_KEY_FALLBACKS = []
    assert results(issue(lead, version).file) == dict.fromkeys(SUBJECTS, True)

    settings.SECRET_KEY = "lost" * 20
    with pytest.raises(receipt_keys.NoSigningKey, match="rotate_receipt_key"):
        issue(lead, version)
    call_command("rotate_receipt_key", stdout=StringIO())
    assert issue(lead, version, now=NOW + 1000 * DAY)


# The receipt of an MQL


def test_the_receipt_of_an_mql_says_whether_its_facts_are_still_those_of_its_day(lead: Lead, version: Version) -> None:
    rescore_all_due(AT)
    qualification = Qualification.objects.get()
    assert qualification.at == AT - HOUR

    receipt = issuing.issue_for_qualification(qualification, now=NOW)
    evidence = receipt.content["statement"]["evidence"]
    assert (evidence["same_facts"], evidence["explanation"]["tier"]) == (True, 1)
    assert results(receipt.file) == dict.fromkeys(SUBJECTS, True)

    add_event(lead, "blog_read", START + HOUR, recorded_at=NOW)
    later = issuing.issue_for_qualification(qualification, now=NOW + DAY).content["statement"]
    assert later["evidence"] == evidence | {"same_facts": False}
    assert later["facts_digest"] != evidence["facts_digest"]


# The command


def test_the_command_checks_without_the_database(
    lead: Lead, version: Version, tmp_path: Path, django_assert_num_queries: Any
) -> None:
    file, keys = tmp_path / "receipt.json", tmp_path / "keys.json"
    file.write_bytes(issue(lead, version).file)
    published = signatures.list_as_json(receipt_keys.list_public_keys())
    keys.write_text(json.dumps({"keys": published}))

    def verify() -> str:
        output = StringIO()
        with django_assert_num_queries(0):
            call_command("verify_receipt", str(file), "--keys", str(keys), stdout=output)
        return output.getvalue()

    assert "Recomputed by engine 2: the same, to six decimals." in verify()
    assert verify().endswith("Everything that was checked holds.\n")

    file.write_bytes(file.read_bytes().replace(b'"tier":1', b'"tier":2'))
    with pytest.raises(CommandError, match=r"does not hold: signature, verdict\.") as failure:
        verify()
    assert failure.value.returncode == 1


def test_the_command_needs_no_servers_and_no_secret(lead: Lead, version: Version, tmp_path: Path) -> None:
    file, keys = tmp_path / "receipt.json", tmp_path / "keys.json"
    file.write_bytes(issue(lead, version).file)
    keys.write_text(json.dumps({"keys": signatures.list_as_json(receipt_keys.list_public_keys())}))

    ended = subprocess.run(
        [sys.executable, "manage.py", "verify_receipt", file, f"--keys={keys}"],
        cwd=settings.BASE_DIR,
        env={"COLUMN_CACHE_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (ended.returncode, ended.stderr) == (0, "")
    assert ended.stdout.endswith("Everything that was checked holds.\n")


def test_the_command_reads_the_keys_of_the_installation(lead: Lead, version: Version, tmp_path: Path) -> None:
    file, output = tmp_path / "receipt.json", StringIO()
    file.write_bytes(issue(lead, version, with_facts=False).file)

    call_command("verify_receipt", str(file), stdout=output)

    assert output.getvalue().endswith("Not checked: facts, rules, fingerprint, verdict.\n")


@pytest.mark.parametrize("keys", ["[]", "{}", '{"keys": [{"key": 1}]}', "nonsense"])
def test_the_command_says_what_it_cannot_read(tmp_path: Path, keys: str) -> None:
    file, key_file = tmp_path / "receipt.json", tmp_path / "keys.json"
    file.write_text("{}")
    key_file.write_text(keys)

    with pytest.raises(CommandError) as failure:
        call_command("verify_receipt", str(file), "--keys", str(key_file))
    assert failure.value.returncode == 2


# The API


def test_the_api_gives_the_receipt_that_the_command_checks(lead: Lead, version: Version) -> None:
    reader = ApiClient(UserFactory(roles=[Role.VIEWER]), "facts:read")

    short = reader.get(f"leads/{lead.pk}/verdict", at=AT.isoformat())
    whole = reader.get(f"leads/{lead.pk}/verdict", at=AT.isoformat(), facts="1", version=f"{version.pk}")

    assert set(short.json()) == {"statement", "signature"}
    assert results(whole.content) == dict.fromkeys(SUBJECTS, True)
    keys = signatures.list_from_json(reader.get("receipt-keys").json())
    assert [check.holds for check in verification.verify(whole.content, keys)] == [True] * 6


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"at": "2999-01-01T00:00:00Z"}, "at"),
        ({"at": (START - DAY).isoformat()}, "at"),
        ({"at": "yesterday"}, "at"),
        ({"version": "999999"}, "version"),
        ({"version": "nothing/v9.9"}, "version"),
        ({"version": "9" * 100}, "version"),
        ({"facts": "perhaps"}, "facts"),
    ],
)
def test_the_api_names_what_it_cannot_give(lead: Lead, query: dict[str, str], field: str) -> None:
    answer = ApiClient(UserFactory(roles=[Role.VIEWER]), "facts:read").get(f"leads/{lead.pk}/verdict", **query)

    assert (answer.status_code, [error["attr"] for error in answer.json()["errors"]]) == (400, [field])


def test_the_scope_of_facts_is_needed(lead: Lead) -> None:
    key = ApiClient(UserFactory(roles=[Role.VIEWER]), "definitions:read")

    assert key.get(f"leads/{lead.pk}/verdict").status_code == 403
