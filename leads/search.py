"""The search for typed words in leads and companies, the same for every list of leads.

Parts of a word are found in the columns; an earlier address, another domain or the id of a further system by the whole
word, which an index answers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from django.db.models import Q

from leads.models import CompanyKey, Lead, LeadKey
from leads.normalization import salesforce_ids
from leads.vocabulary import KeyKind

WORDS_AT_MOST: Final = 6
_LEAD_COLUMNS: Final = ("first_name", "last_name", "email", "external_id", "company__name")
_COMPANY_COLUMNS: Final = ("name", "domain", "external_id")


def match_leads(text: str, *, by: str = "") -> Q:
    """Return a condition: each word occurs in the name of the person or company, in an address or in an id.

    `by` is the path to the lead from the rows that are searched, as "lead__". A person is found by what is known of any
    of its leads, by whichever of them the row belongs to.
    """
    condition = Q()
    for word in text.split()[:WORDS_AT_MOST]:
        condition &= _match_own(word, by=by) | _match_person(word, by)
    return condition


def _match_person(word: str, by: str) -> Q:
    """Return a condition: another lead of the same person matches."""
    aliases = Lead.objects.filter(merged_into__isnull=False)
    of_aliases = aliases.filter(_match_own(word)).values("merged_into")
    standing = Lead.objects.filter(_match_own(word), pk__in=aliases.values("merged_into")).values("pk")
    alias_of = f"{by}merged_into__in"
    return Q(**{f"{by}pk__in": of_aliases}) | Q(**{alias_of: of_aliases}) | Q(**{alias_of: standing})


def _match_own(word: str, *, by: str = "") -> Q:
    return _match_all_words(word, [by + column for column in _LEAD_COLUMNS], lambda key: _owns_lead_key(key, by))


def match_companies(text: str) -> Q:
    """Return a condition: each word occurs in the name, a domain or an id of the company."""
    return _match_all_words(text, _COMPANY_COLUMNS, _owns_company_key)


def _match_all_words(text: str, columns: Sequence[str], match_key: Callable[[str], Q]) -> Q:
    condition = Q()
    for word in text.split()[:WORDS_AT_MOST]:
        in_any_column = match_key(word)
        for column in columns:
            in_any_column |= Q(**{f"{column}__icontains": word})
        condition &= in_any_column
    return condition


def _owns_lead_key(word: str, by: str) -> Q:
    keys = LeadKey.objects.filter(_is_key(word, KeyKind.EMAIL)).values("lead_id")
    return Q(**{f"{by}pk__in" if by else "pk__in": keys})


def _owns_company_key(word: str) -> Q:
    return Q(pk__in=CompanyKey.objects.filter(_is_key(word, KeyKind.DOMAIN)).values("company_id"))


def _is_key(word: str, kind: KeyKind) -> Q:
    return Q(kind=kind, value=word.lower()) | Q(kind=KeyKind.ID, value=salesforce_ids.shorten_id(word))
