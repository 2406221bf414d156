from __future__ import annotations

import json
import os
import shutil
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.demo import __main__ as command
from config.demo import supervisor as supervision
from config.demo.supervisor import Program, Supervisor
from config.embedded import processes

# Ends when it is asked to, and has a child of its own that would outlive it.
STEADY = ["/bin/sh", "-c", "sleep 600 & echo $! > child; trap 'exit 0' TERM; while :; do sleep 0.05; done"]
FAILING = ["/bin/sh", "-c", "echo no luck; exit 3"]


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def supervisor(tmp_path: Path, said: list[str]) -> Iterator[Supervisor]:
    supervisor = Supervisor(
        [], cwd=tmp_path, environment=dict(os.environ), roster=tmp_path / "demo.json", say=said.append
    )
    yield supervisor
    supervisor.stop()


def program(folder: Path, command: list[str]) -> Program:
    return Program("worker", command, folder / "worker.log")


def child(folder: Path) -> int:
    file = folder / "child"
    assert processes.wait_until(lambda: file.exists() and file.read_text().strip().isdigit(), 10)
    return int(file.read_text())


def is_running(pid: int) -> bool:
    return processes.runs(pid, "sleep 600")


def test_stopping_ends_a_program_with_its_children(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.programs.append(program(tmp_path, STEADY))
    supervisor.start()
    grandchild = child(tmp_path)

    supervisor.stop()

    assert supervisor.programs[0].has_ended()
    assert processes.wait_until(lambda: not is_running(grandchild), 5)
    assert not supervisor.roster.exists()


def test_a_killed_program_is_started_again_without_its_old_children(supervisor: Supervisor, tmp_path: Path) -> None:
    worker = program(tmp_path, STEADY)
    supervisor.programs.append(worker)
    supervisor.start()
    grandchild = child(tmp_path)
    assert worker.process is not None
    victim = worker.process.pid
    os.kill(victim, signal.SIGKILL)

    def is_back() -> bool:
        supervisor.restart_ended()
        return not worker.has_ended()

    assert processes.wait_until(worker.has_ended, 5)
    assert processes.wait_until(is_back, 10)
    assert worker.process.pid != victim
    assert not is_running(grandchild)


def test_a_program_that_keeps_failing_is_tried_ever_later(
    supervisor: Supervisor, tmp_path: Path, said: list[str]
) -> None:
    worker = program(tmp_path, FAILING)
    supervisor.programs.append(worker)
    supervisor.start()

    def has_failed_twice() -> bool:
        supervisor.restart_ended()
        return len(said) == 2

    assert processes.wait_until(has_failed_twice, 20)
    assert "again in 1 s" in said[0]
    assert "again in 2 s" in said[1]
    assert worker.read_log_tail() == "no luck\nno luck"


def test_the_programs_of_a_killed_supervisor_are_ended_by_the_next(supervisor: Supervisor, tmp_path: Path) -> None:
    supervisor.programs.append(program(tmp_path, STEADY))
    supervisor.start()
    grandchild = child(tmp_path)

    supervision.end_leftovers(supervisor.roster)

    assert processes.wait_until(supervisor.programs[0].has_ended, 5)
    assert processes.wait_until(lambda: not is_running(grandchild), 5)


def test_a_stranger_with_a_reused_id_is_left_alone(tmp_path: Path) -> None:
    roster = tmp_path / "demo.json"
    roster.write_text(json.dumps({"supervisor": os.getpid(), "programs": {os.getpid(): "-m celery"}}))

    supervision.end_leftovers(roster)

    assert supervision.supervisor_of(roster) is None
    assert not roster.exists()


def test_a_taken_port_is_named_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ROSTER", tmp_path / "demo.json")
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setenv("PORT", str(port))

        with pytest.raises(command.DemoError, match=rf"Port {port} is taken .* make demo PORT={port + 1}"):
            command.demo()


def test_a_port_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "web")

    with pytest.raises(command.DemoError, match="PORT=web is not a port"):
        command.demo()


def test_a_full_disk_is_named_before_anything_starts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "ROSTER", tmp_path / "demo.json")
    monkeypatch.setenv("PORT", str(processes.free_port()))
    monkeypatch.setattr(command, "DISK_NEEDED", shutil.disk_usage("/").total * 2)

    with pytest.raises(command.DemoError, match="The disk is full"):
        command.demo()
