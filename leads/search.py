"""What typed words find: one rule for every list of leads, and of what hangs on a lead."""

from __future__ import annotations

from typing import Final

from django.db.models import Q

WORDS_AT_MOST: Final = 6
_OF_A_LEAD: Final = ("first_name", "last_name", "email", "external_id", "company__name")
_OF_A_COMPANY: Final = ("name", "domain", "external_id")


def leads(words: str, *, by: str = "") -> Q:
    """Each word in the person's or the company's name, in an address or an id. `by`: the way to the lead ("lead__")."""
    return _each(words, [by + column for column in _OF_A_LEAD])


def companies(words: str) -> Q:
    return _each(words, _OF_A_COMPANY)


def _each(words: str, columns: list[str] | tuple[str, ...]) -> Q:
    found = Q()
    for word in words.split()[:WORDS_AT_MOST]:
        anywhere = Q()
        for column in columns:
            anywhere |= Q(**{f"{column}__icontains": word})
        found &= anywhere
    return found
