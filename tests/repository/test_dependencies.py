"""The three lock files: what each holds, and that they agree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PRODUCTION, DEMO, DEVELOPMENT = LOCKS = ("requirements.txt", "requirements-demo.txt", "requirements-dev.txt")


def project() -> dict[str, list[str]]:
    """Return the package names that pyproject.toml asks for, by `production` and by extra."""
    data = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    groups = {"production": data["dependencies"], **data["optional-dependencies"]}
    return {group: [re.split(r"[\[~=<>!; ]", line)[0] for line in lines] for group, lines in groups.items()}


def locked(file: str) -> dict[str, str]:
    """Return each locked package with its block: version, markers and hashes."""
    blocks = re.split(r"^(?=\S)", (REPOSITORY / file).read_text(), flags=re.MULTILINE)
    return {block.partition("==")[0]: block for block in blocks if block}


def test_production_asks_for_no_package_of_the_demo_or_the_tests() -> None:
    packages = project()

    assert not set(packages["production"]) & {*packages["demo"], *packages["dev"]}
    assert not locked(PRODUCTION).keys() & {*packages["demo"], *packages["dev"]}


@pytest.mark.parametrize(
    ("file", "groups"),
    [(PRODUCTION, ["production"]), (DEMO, ["production", "demo"]), (DEVELOPMENT, ["production", "demo", "dev"])],
)
def test_each_lock_holds_what_pyproject_asks_for(file: str, groups: list[str]) -> None:
    packages = project()

    assert {name for group in groups for name in packages[group]} <= locked(file).keys()


@pytest.mark.parametrize(("smaller", "larger"), [(PRODUCTION, DEMO), (DEMO, DEVELOPMENT)])
def test_each_lock_holds_the_smaller_one_in_the_same_versions(smaller: str, larger: str) -> None:
    assert locked(smaller).items() <= locked(larger).items()


@pytest.mark.parametrize("file", LOCKS)
def test_locks_hold_versions_and_hashes_and_no_address(file: str) -> None:
    text = (REPOSITORY / file).read_text()

    assert "://" not in text
    assert [name for name, block in locked(file).items() if "--hash=sha256:" not in block] == []
