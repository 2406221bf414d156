"""Processes and ports: check, wait for and end a process, find a free port."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

_PROC = Path("/proc")
_SECONDS_TO_LET_GO = 3.0


def is_running(pid: int, marker: str) -> bool:
    """Return whether `pid` is alive and its command line contains `marker`: ids are reused, zombies have one, too."""
    state, command = _inspect(pid)
    return state not in {"", "Z", "X"} and marker in command


def _inspect(pid: int) -> tuple[str, str]:
    return _inspect_in_proc(pid) if (_PROC / "self").exists() else _inspect_with_ps(pid)


def _inspect_in_proc(pid: int) -> tuple[str, str]:
    try:
        stat = (_PROC / str(pid) / "stat").read_text(errors="replace")
        command = (_PROC / str(pid) / "cmdline").read_bytes()
    except OSError:
        return "", ""
    # The name in parentheses may itself hold spaces and parentheses.
    return stat.rpartition(")")[2].split()[0], command.replace(b"\0", b" ").decode(errors="replace")


def _inspect_with_ps(pid: int) -> tuple[str, str]:
    ps = ["ps", "-p", str(pid), "-o", "stat=", "-o", "command="]
    answer = subprocess.run(ps, capture_output=True, text=True, check=False).stdout.strip()
    state, _, command = answer.partition(" ")
    return state[:1], command


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Poll `condition` until it is true. Return False if it is not within `seconds`."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def end(pid: int, marker: str, escalation: tuple[tuple[signal.Signals, float], ...]) -> bool:
    """Send the signals in turn, waiting the seconds of each, until the process has ended. Return whether it has."""
    for number, seconds in escalation:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return True
        if wait_until(lambda: not is_running(pid, marker), seconds):
            return True
    return False


def port_is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do; without it a port in TIME_WAIT would count as taken.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose_port(last_port: int) -> int:
    """Return the port of last time if it is free, so that processes that outlive the server find it again.

    A killed server and its children hold the port for a moment. 0: there was no last time.
    """
    if last_port and wait_until(lambda: port_is_free(last_port), _SECONDS_TO_LET_GO):
        return last_port
    return free_port()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
