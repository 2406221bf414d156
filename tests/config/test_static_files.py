"""Tests of the static files that the pages load."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.contrib.staticfiles import finders
from django.core.management import call_command
from django.template import Context, Template
from django.test import override_settings

from config.ui import formats

IMPORT = re.compile(r'^import\b.*?"\./(?P<name>[^"]+)";$', re.MULTILINE)


@pytest.fixture(scope="module")
def scripts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Collect the static files as production does and return the folder of the scripts."""
    root = tmp_path_factory.mktemp("static")
    storages = {"staticfiles": {"BACKEND": "config.static_files.HashedStaticFiles"}}
    with override_settings(STATIC_ROOT=root, STORAGES=storages):
        call_command("collectstatic", interactive=False, verbosity=0)
    return root / "js"


def test_scripts_import_each_other_by_hashed_names(scripts: Path) -> None:
    hashed = [path for path in scripts.glob("*.js") if path.stem.count(".")]
    imported = {name for path in hashed for name in IMPORT.findall(path.read_text())}

    assert any(name.startswith("lib.") for name in imported)
    assert {name for name in imported if not (scripts / name).exists()} == set()
    assert {name for name in imported if name.count(".") != 2} == set()


def test_htmx_is_served_once() -> None:
    names = [name for finder in finders.get_finders() for name, _ in finder.list(None)]

    assert [name for name in names if "htmx" in name] == ["vendor/htmx-2.0.10.min.js"]


def test_the_page_tells_the_limits_of_a_countdown_to_its_script() -> None:
    written = Template("{% countdown_limits %}").render(Context())

    assert written == (
        f'data-seconds-shown-below="{formats.SECONDS_SHOWN_BELOW}" data-countdown-below="{formats.COUNTDOWN_BELOW}"'
        f' data-days-from="{formats.DAYS_BELOW * 3600}"'
    )
