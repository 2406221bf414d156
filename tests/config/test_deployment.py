"""The files of deploy/: units of systemd that start what README.md names, and alarms on metrics that exist (rules 16.7)."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from configparser import ConfigParser
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from django.test import Client

ROOT: Final = Path(__file__).parents[2]
UNITS: Final = sorted((ROOT / "deploy/systemd").glob("*.service"))
BIN: Final = "/opt/accord/.venv/bin/"
HARDENING: Final = (
    "NoNewPrivileges", "ProtectSystem", "ProtectHome", "PrivateTmp", "PrivateDevices", "ProtectKernelTunables",
    "ProtectControlGroups", "RestrictSUIDSGID", "RestrictAddressFamilies", "CapabilityBoundingSet", "LimitNOFILE", "UMask",
)  # fmt: skip


def read_unit(path: Path) -> Mapping[str, str]:
    """Return the section of the service; keys that stand several times have their last value."""
    parser = ConfigParser(interpolation=None, strict=False)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # keys keep their capitals
    parser.read(path)
    return {**parser["Unit"], **parser["Service"], **parser["Install"]}


def test_the_units_start_the_programs_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    documented = re.findall(r"^\.venv/bin/((?:gunicorn|celery) .*?)(?: +#.*)?$", readme, re.MULTILINE)

    started = [read_unit(path)["ExecStart"] for path in UNITS]

    assert len(UNITS) == 3
    assert sorted(started) == sorted(BIN + command for command in documented)


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_a_unit_restarts_for_ever_and_may_do_little_else(path: Path) -> None:
    unit = read_unit(path)

    assert (unit["Restart"], unit["RestartSec"], unit["StartLimitIntervalSec"]) == ("always", "2", "0")
    assert unit["EnvironmentFile"] == "/etc/accord/accord.env"
    assert [name for name in HARDENING if name not in unit] == []


@pytest.mark.parametrize("path", UNITS, ids=lambda path: path.stem)
def test_systemd_understands_a_unit(path: Path, tmp_path: Path) -> None:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd is not installed here")
    unit = tmp_path / path.name
    unit.write_text(path.read_text().replace(BIN, f"{ROOT}/.venv/bin/"))

    check = subprocess.run([program, "verify", "--man=no", unit], capture_output=True, text=True, check=False)

    # Also keys that it does not know are only named.
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_the_example_of_the_environment_names_documented_variables() -> None:
    table = set(re.findall(r"`([A-Z_]+)`", (ROOT / "README.md").read_text()))
    lines = (ROOT / "deploy/systemd/accord.env.example").read_text().splitlines()

    assert {line.partition("=")[0] for line in lines if not line.startswith("#")} <= table


def test_the_alarms_ask_for_metrics_that_exist(db: None) -> None:
    rules: list[dict[str, Any]] = yaml.safe_load((ROOT / "deploy/prometheus/accord-alerts.yml").read_text())["groups"][
        0
    ]["rules"]
    names = {name for rule in rules for name in re.findall(r"\b(?:accord|django)_\w+", rule["expr"])}

    page = Client().get("/metrics").content.decode()
    known = {line.split()[2] for line in page.splitlines() if line.startswith("# TYPE")}

    assert names >= {"accord_oldest_work_seconds", "accord_last_tick_seconds", "accord_database_answers"}
    assert names - known == set()
    assert all({"summary", "description"} <= rule["annotations"].keys() for rule in rules)
