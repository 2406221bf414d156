"""The commands `audit_anchor` and `verify_audit`."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from config.audit import stored_entries
from config.audit.models import SealedEntry
from tests.config.audit.tampering import recompute_chain, tamper_with_chain
from tests.factories import HandoffFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def snapshot_of_the_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the command read in the test's transaction, which has its isolation level already."""
    monkeypatch.setattr(stored_entries, "one_snapshot", nullcontext)


@pytest.fixture
def anchor_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    HandoffFactory(accepted=True)
    call_command("audit_anchor")
    file = tmp_path / "anchors"
    file.write_text(capsys.readouterr().out)
    return file


def test_an_anchor_is_one_line_of_json(anchor_file: Path) -> None:
    last = SealedEntry.objects.order_by("-position")[0]

    (line,) = anchor_file.read_text().splitlines()

    assert json.loads(line) == {"position": last.position, "hash": last.hash, "at": json.loads(line)["at"]}


def test_an_audit_without_any_entry_is_whole(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("verify_audit")

    assert capsys.readouterr().out == f"The audit is whole: 0 entries; the last at position 0 with hash {'0' * 64}.\n"


def test_several_anchors_hold(anchor_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    HandoffFactory()

    call_command("verify_audit", "--anchor", anchor_file, "--anchor", anchor_file)

    assert capsys.readouterr().out.endswith(" 2 anchors hold.\n")


def test_a_fault_is_a_sentence_and_the_exit_code_1(anchor_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tamper_with_chain("UPDATE audit_sealedentry SET role = 'somebody' WHERE position = 1")
    recompute_chain()

    with pytest.raises(CommandError, match="1 fault in ") as refusal:
        call_command("verify_audit", "--anchor", anchor_file)

    assert refusal.value.returncode == 1
    assert "it was computed anew from this position or an earlier one on." in capsys.readouterr().out


@pytest.mark.parametrize(
    "text",
    [
        "",
        "not json",
        "[]",
        "{}",
        '{"position": true, "hash": "00"}',
        '{"position": 1, "hash": "00"}',
        '{"position": -1}',
    ],
)
def test_a_file_without_an_anchor_is_refused(text: str, tmp_path: Path) -> None:
    file = tmp_path / "anchors"
    file.write_text(text)

    with pytest.raises(CommandError, match="anchor") as refusal:
        call_command("verify_audit", "--anchor", file)

    assert refusal.value.returncode == 2


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("verify_audit", "--anchor", tmp_path / "nowhere")
