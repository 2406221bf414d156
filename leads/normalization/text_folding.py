"""The folding of texts that are compared: two spellings of one text fold to the same."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from typing import Final

#: Folding may make a text longer, and an index entry must not be.
_LONGEST: Final = 400


@lru_cache(maxsize=65_536)
def fold_text(text: str) -> str:
    """Return a text without case, outer spaces, runs of spaces, and characters that only look different (NFKC).

    Of a longer text the first 400 characters count.
    """
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())[:_LONGEST]
