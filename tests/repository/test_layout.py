"""Tests lie where the code lies: `tests/<app>/<package>/test_<module>.py`, and share nothing out of test modules."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
APPS: Final = ("config", "leads", "definitions", "scoring", "sla")
IMPORT_OF_A_TEST_MODULE: Final = re.compile(
    r"^from tests\.(\w+\.)*(test_\w+ import|\w+ import \(?.*\btest_)", re.MULTILINE
)


def test_each_folder_of_tests_mirrors_a_package() -> None:
    folders = [path.parent for app in APPS for path in (ROOT / "tests" / app).rglob("__init__.py")]
    strangers = [str(path) for path in folders if not (ROOT / path.relative_to(ROOT / "tests")).is_dir()]

    assert strangers == []


def test_tests_share_helpers_only_outside_of_test_modules() -> None:
    files = sorted((ROOT / "tests").rglob("*.py"))
    importing = [str(path) for path in files if IMPORT_OF_A_TEST_MODULE.search(path.read_text(encoding="utf-8"))]

    assert importing == []
