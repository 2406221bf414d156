"""The modules of the product as syntax trees, for the tests that read the code."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[2]
PACKAGES: Final = ("config", "leads", "definitions", "scoring", "sla")


@cache
def product_modules() -> dict[str, ast.Module]:
    """Return the syntax trees of the product, by path; migrations are left out."""
    paths = [path for package in PACKAGES for path in sorted((ROOT / package).rglob("*.py"))]
    names = {path: path.relative_to(ROOT).as_posix() for path in paths if "migrations" not in path.parts}
    return {name: ast.parse(path.read_text(encoding="utf-8")) for path, name in names.items()}
