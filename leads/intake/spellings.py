"""The spellings of texts that people group by: one value whatever its case and spaces (rules 13.36)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from django.db import connection

from leads.models import Spelling
from leads.normalization.text_folding import fold_text


def settle_spellings(texts: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Return the spelling to store for each (attribute, text): the one that was stored first, or is given first.

    New spellings are added in the order of their keys, so that two transactions cannot deadlock on them; the second one
    waits, and reads the spelling of the first.
    """
    folded = {(name, text): fold_text(text) for name, text in texts}
    shown = find_spellings(folded)
    first: dict[tuple[str, str], str] = {}
    for (name, text), key in folded.items():
        if (name, text) not in shown and key:
            first.setdefault((name, key), " ".join(text.split()))
    if first:
        rows = [Spelling(attribute=name, folded=key, text=text) for (name, key), text in sorted(first.items())]
        Spelling.objects.bulk_create(rows, ignore_conflicts=True)
        shown |= find_spellings({key: text for key, text in folded.items() if key not in shown})
    return shown


def find_spellings(folded: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    """Return the stored spelling of each (attribute, text), given with its folded text."""
    keys = sorted({(name, key) for (name, _), key in folded.items()})
    # Arrays are two parameters; a thousand pairs of parameters would cost more than the search itself.
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT spelling.attribute, spelling.folded, spelling.text FROM leads_spelling spelling"
            " JOIN unnest(%s::text[], %s::text[]) AS key(attribute, folded)"
            " ON spelling.attribute = key.attribute AND spelling.folded = key.folded",
            [[name for name, _ in keys], [key for _, key in keys]],
        )
        stored = {(name, key): text for name, key, text in cursor.fetchall()}
    return {(name, text): stored[name, key] for (name, text), key in folded.items() if (name, key) in stored}


def spell(attribute: str, text: str) -> str:
    """Return the stored spelling of a text, for a search; a text that was never stored stays as it is."""
    if "\x00" in text:
        return text
    return find_spellings({(attribute, text): fold_text(text)}).get((attribute, text), text)
