"""How template files are laid out."""

from __future__ import annotations

from django.conf import settings

LONGEST_LINE = 160


def test_no_template_line_is_longer_than_160_characters() -> None:
    paths = sorted((settings.BASE_DIR / "templates").rglob("*.html"))
    too_long = [
        f"{path.relative_to(settings.BASE_DIR)}:{number}"
        for path in paths
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1)
        if len(line) > LONGEST_LINE
    ]

    assert paths
    assert too_long == []
