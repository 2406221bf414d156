"""Instants as arguments of commands: what is none is a sentence, never a traceback."""

from __future__ import annotations

import pytest
from django.core.management import execute_from_command_line

COMMANDS = [
    ("evaluate", "--at", ["mql", "1", "--lead", "1"]),
    ("backtest", "--from", ["mql", "1", "--to", "2026-02-01"]),
    ("backtest", "--to", ["mql", "1", "--from", "2026-01-01"]),
    ("seed_demo", "--now", []),
]


@pytest.mark.parametrize(("command", "option", "arguments"), COMMANDS)
@pytest.mark.parametrize("text", ["2026-01-31T09:00:00", "yesterday", "2026-02-31T09:00:00Z"])
def test_an_instant_without_a_zone_is_refused_with_a_sentence(
    command: str, option: str, arguments: list[str], text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        execute_from_command_line(["manage.py", command, *arguments, option, text])

    message = capsys.readouterr().err
    assert ended.value.code == 2
    assert f"argument {option}: {text!r}" in message
    assert "Traceback" not in message
