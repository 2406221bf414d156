"""The terms of the trade as people read them, from docs/glossary.md, their one source (rules 21.6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

from django.conf import settings
from django.utils.text import slugify

PATH: Final = Path("docs/glossary.md")
#: A row of the table has a term, its meaning, the module that owns it, and the word on pages.
_COLUMNS: Final = 4
#: References to rules and modules are for people who read the code.
_RULES: Final = re.compile(r" \((?:see )?rules [^)]*\)|; rules [\d., to]+(?=\))")


@dataclass(frozen=True, slots=True)
class Term:
    """A term, its meaning, the word that pages use for it where that differs, and its anchor on the page."""

    name: str
    meaning: str
    on_pages: str
    anchor: str


def find_terms(text: str) -> list[Term]:
    """Return the terms that contain the text in their name, their word on pages or their meaning; all for "".

    The term of exactly this name stands first, then those with a word that begins with the text, then the others.
    """
    text = " ".join(text.split()).casefold()
    terms = [term for term in read_terms() if text in f"{term.name}\n{term.on_pages}\n{term.meaning}".casefold()]
    pattern = re.compile(rf"\b{re.escape(text)}")
    return sorted(terms, key=lambda term: (term.name.casefold() != text, not pattern.search(term.name.casefold())))


@cache
def read_terms() -> tuple[Term, ...]:
    """Return all terms in the order of the file."""
    lines = (settings.BASE_DIR / PATH).read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split(" |")] for line in lines if line.startswith("| ")]
    # The first two lines of the table are its header and the line below it.
    return tuple(_read_term(*row) for row in rows[2:] if len(row) == _COLUMNS)


def _read_term(name: str, meaning: str, _module: str, on_pages: str) -> Term:
    meaning = _RULES.sub("", meaning).replace("`", "")
    return Term(name, meaning, on_pages, slugify(name))
