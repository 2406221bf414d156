"""The supervisor of the demo's programs: starts them, restarts those that ended, and ends them all together.

The product relies on one: a worker whose broker connection cannot be repaired exits, and nothing is scored until something
starts it again (docs/decisions/supervisor.md).
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from config.embedded import processes

GRACE_SECONDS = 20.0
_LONGEST_DELAY = 30.0
# A program that ran this long is healthy; its earlier failures do not count any more.
_HEALTHY_SECONDS = 60.0


@dataclass(slots=True)
class Program:
    """A supervised program: its command, its log file and its running process."""

    name: str
    command: Sequence[str]
    log: Path
    process: subprocess.Popen[bytes] | None = None
    failures: int = 0
    # Start of the process, and planned restart; seconds of the monotonic clock.
    started_at: float = 0.0
    due_at: float | None = None

    @property
    def marker(self) -> str:
        """Return the arguments by which the process is recognized in the process list."""
        return " ".join(self.command[1:])

    def start(self, *, cwd: Path, environment: Mapping[str, str]) -> None:
        """Start the process; its output goes to the log file."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                self.command,
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # A process group of its own: Ctrl-C reaches only the supervisor, which ends the group with all children.
                start_new_session=True,
            )
        self.started_at, self.due_at = time.monotonic(), None

    def has_ended(self) -> bool:
        """Return whether the process is not running."""
        return self.process is None or self.process.poll() is not None

    def read_log_tail(self, lines: int = 5) -> str:
        """Return the last lines of the log; empty if there is none."""
        with contextlib.suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""


@dataclass(slots=True)
class Supervisor:
    """The programs that run together."""

    programs: list[Program]
    cwd: Path
    environment: Mapping[str, str]
    # The file that names the running processes, for the next supervisor in case this one is killed.
    roster: Path
    say: Callable[[str], None] = field(repr=False)

    def start(self) -> None:
        """Start all programs."""
        for program in self.programs:
            program.start(cwd=self.cwd, environment=self.environment)
        self._write_roster()

    def restart_ended(self) -> None:
        """Restart programs that ended, after a delay that grows with each failure. Call it about every second."""
        now = time.monotonic()
        for program in self.programs:
            if not program.has_ended():
                continue
            if program.due_at is None:
                self._plan_restart(program, now)
            elif program.due_at <= now:
                program.start(cwd=self.cwd, environment=self.environment)
                self._write_roster()

    def stop(self) -> None:
        """Ask each program to end, wait, then kill the remaining processes of its group."""
        for program in self.programs:
            if program.process is not None and not program.has_ended():
                program.process.terminate()
        with contextlib.suppress(KeyboardInterrupt):
            processes.wait_until(lambda: all(program.has_ended() for program in self.programs), GRACE_SECONDS)
        for program in self.programs:
            if program.process is not None:
                _end_group(program.process.pid)
                program.process.wait()
        self.roster.unlink(missing_ok=True)

    def _plan_restart(self, program: Program, now: float) -> None:
        if program.process is not None:
            # Children of a killed parent keep running and hold its port or its tasks.
            _end_group(program.process.pid)
        program.failures = 0 if now - program.started_at > _HEALTHY_SECONDS else program.failures + 1
        delay = min(2.0 ** max(0, program.failures - 1), _LONGEST_DELAY)
        program.due_at = now + delay
        self.say(f"{program.name} has ended; it starts again in {delay:.0f} s. Its log: {program.log}")

    def _write_roster(self) -> None:
        running = {str(p.process.pid): p.marker for p in self.programs if p.process is not None}
        self.roster.write_text(json.dumps({"supervisor": os.getpid(), "programs": running}))


def supervisor_of(roster: Path) -> int | None:
    """Return the process id of the supervisor that wrote `roster`, if it is alive."""
    pid, _ = _read_roster(roster)
    return pid if processes.runs(pid, "config.demo") else None


def end_leftovers(roster: Path) -> None:
    """Kill the programs of a supervisor that was killed itself."""
    _, programs = _read_roster(roster)
    for pid, marker in programs.items():
        if processes.runs(int(pid), marker):
            _end_group(int(pid))
    roster.unlink(missing_ok=True)


def _read_roster(roster: Path) -> tuple[int, dict[str, str]]:
    try:
        content = json.loads(roster.read_text())
    except (FileNotFoundError, ValueError):
        return 0, {}
    return content["supervisor"], content["programs"]


def _end_group(leader: int) -> None:
    # A group outlives its leader, and its id is not reused as long as it exists.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
