"""The search for typed words in leads and companies, the same for every list of leads."""

from __future__ import annotations

from typing import Final

from django.db.models import Q

WORDS_AT_MOST: Final = 6
_LEAD_COLUMNS: Final = ("first_name", "last_name", "email", "external_id", "company__name")
_COMPANY_COLUMNS: Final = ("name", "domain", "external_id")


def match_leads(text: str, *, by: str = "") -> Q:
    """Return a condition: each word occurs in the name of the person or company, in the address or in an id.

    `by` is the path to the lead from the rows that are searched, as "lead__".
    """
    return _match_all_words(text, [by + column for column in _LEAD_COLUMNS])


def match_companies(text: str) -> Q:
    """Return a condition: each word occurs in the name, the domain or the id of the company."""
    return _match_all_words(text, _COMPANY_COLUMNS)


def _match_all_words(text: str, columns: list[str] | tuple[str, ...]) -> Q:
    condition = Q()
    for word in text.split()[:WORDS_AT_MOST]:
        in_any_column = Q()
        for column in columns:
            in_any_column |= Q(**{f"{column}__icontains": word})
        condition &= in_any_column
    return condition
