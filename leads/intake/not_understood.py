"""Values that could not be read, counted by attribute and text, and the leads that they concern (rules 13.33)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from django.db.models import Q

from leads import bulk_rows
from leads.identity import merges
from leads.models import AttributeChange, Lead
from leads.normalization import attributes, job_titles, stated_values
from leads.vocabulary import Seniority

#: The name under which titles without a known rank are listed.
TITLES: Final = "lead.title"
NAMES: Final = (
    *(f"lead.{name}" for name in sorted(attributes.READ_FROM_TEXT & attributes.LEAD.keys())),
    *(f"company.{name}" for name in sorted(attributes.READ_FROM_TEXT & {*attributes.COMPANY, "employees"})),
    TITLES,
)
_TITLES_READ: Final = 20_000
_RANKS: Final = list(Seniority.choices)
_TRUTHS: Final = [("yes", "Yes"), ("no", "No")]
_OPTIONS: Final[Mapping[str, list[tuple[str, Any]]]] = MappingProxyType(
    {"seniority": _RANKS, "title": _RANKS, "do_not_contact": _TRUTHS, "is_customer": _TRUTHS, "is_competitor": _TRUTHS}
)
_HINTS: Final = MappingProxyType(
    {
        "country": "Romania or RO",
        "employees": "120, 51-200 or 1000+",
        "annual_revenue": "1200000",
        "time_zone": "Europe/Berlin",
        "technologies": "Salesforce; HubSpot",
    }
)


@dataclass(frozen=True, slots=True)
class NotUnderstood:
    """A text that could not be read: how many leads or companies have it, how many leads it concerns, and from whom.

    `examples` are the names of the first companies, where it was stated of companies.
    """

    attribute: str
    text: str
    count: int
    leads: int
    last_seen: dt.datetime
    sources: list[str]
    examples: Sequence[str] = ()

    @property
    def is_of_companies(self) -> bool:
        return self.attribute.startswith("company.")

    @property
    def token(self) -> str:
        """The value of the filter of leads."""
        return f"{self.attribute}:{self.text}"

    @property
    def name(self) -> str:
        """The attribute without its subject, as corrections name it."""
        return self.attribute.partition(".")[2]

    @property
    def options(self) -> list[tuple[str, Any]]:
        """The meanings to choose from; none where the meaning is written."""
        return _OPTIONS.get(self.name, [])

    @property
    def hint(self) -> str:
        return _HINTS.get(self.name, "")


#: The names of the first three companies, as an expression.
_EXAMPLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "lead": "ARRAY[]::text[]",
        "company": "(SELECT array_agg(coalesce(nullif(company.name, ''), company.domain, company.external_id, '#' || company.id)"
        " ORDER BY company.id) FROM leads_company company"
        " WHERE company.id = ANY((array_agg(subject.id ORDER BY subject.id))[:3]))",
    }
)


class ValueText(NamedTuple):
    """A text that could not be read, and its attribute."""

    attribute: str
    text: str


class AttributeCount(NamedTuple):
    """The leads, or companies, with a value of an attribute that could not be read, and how many different texts there are."""

    attribute: str
    subjects: int
    texts: int


#: The leads that one lead or company stands for, as an expression.
_LEADS_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "company": "coalesce(sum((SELECT count(*) FROM leads_lead lead WHERE lead.company_id = subject.id)), 0)",
        "lead": "count(DISTINCT subject.id)",
    }
)


def list_values(attribute: str = "") -> list[NotUnderstood]:
    """Return the values not understood, by attribute and text; with an attribute, its own alone."""
    return read_values(list_texts(attribute))


def list_texts(attribute: str = "") -> list[ValueText]:
    """Return the texts not understood by attribute and text; with an attribute, its own alone.

    Titles without a known rank are listed on request only, the most frequent first: they are read from all leads.
    """
    if attribute == TITLES:
        return _list_titles()
    texts = [text for subject in _LEADS_OF for text in _list_marked(subject)]
    return sorted(text for text in texts if attribute in ("", text.attribute))


def read_values(texts: Sequence[ValueText]) -> list[NotUnderstood]:
    """Return the values of these texts with their counts, in the order of the texts.

    A page asks for its own alone: sources and dates stand in the attribute history.
    """
    values = _read_titles([text.text for text in texts if text.attribute == TITLES])
    marked = [text for text in texts if text.attribute != TITLES]
    for subject in _LEADS_OF:
        values += _read_marked(subject, [text for text in marked if text.attribute.startswith(f"{subject}.")])
    by_text = {(value.attribute, value.text): value for value in values}
    return [by_text[text] for text in texts if text in by_text]


def count_by_attribute() -> list[AttributeCount]:
    """Return how many leads or companies have a value that could not be read, by attribute, the most first."""
    counts = [count for subject in _LEADS_OF for count in _count_marked(subject)]
    return sorted(counts, key=lambda count: (-count.subjects, count.attribute))


def match_leads(token: str) -> Q:
    """Return the condition for leads that a value concerns, named as `company.country:Ruritania`."""
    attribute, _, text = token.partition(":")
    subject, _, name = attribute.partition(".")
    if attribute not in NAMES or "\x00" in text:
        return Q(pk__in=[])
    if attribute == TITLES:
        return Q(title=text, seniority="")
    path = "company__" if subject == "company" else ""
    # The first condition is that of the partial index.
    return ~Q(**{f"{path}not_understood": {}}) & Q(**{f"{path}not_understood__{name}": text})


def texts_at(lead: Lead, at: dt.datetime) -> dict[str, str]:
    """Return the texts that could not be read and are in force at an instant, by attribute: of a person and its company."""
    standing_id, *aliases = merges.list_person_ids(lead)
    values = _values_at(AttributeChange.objects.filter(lead__in=[standing_id, *aliases]), at)
    own = _values_at(AttributeChange.objects.filter(lead=standing_id), at) if aliases else values
    company = own.get("company") or values.get("company") or lead.company_id
    of_company = _values_at(AttributeChange.objects.filter(company=company), at) if company else {}
    return {
        f"{subject}.{name}": text
        for subject, stated in (("lead", values), ("company", of_company))
        for name, text in stated_values.list_marked(stated, stated_values.NOT_UNDERSTOOD).items()
    }


def _values_at(changes: Any, at: dt.datetime) -> dict[str, Any]:
    rows = changes.filter(valid_from__lte=at).order_by("valid_from", "pk").values_list("values", flat=True)
    return stated_values.fold_statements(rows)


def _list_marked(subject: str) -> list[ValueText]:
    rows = bulk_rows.fetch_rows(
        f"""
        SELECT DISTINCT mark.key, mark.value
        FROM leads_{subject} subject CROSS JOIN jsonb_each_text(subject.not_understood) mark
        WHERE subject.not_understood <> '{{}}'
        """,  # noqa: S608  # the subject is one of two constants
        [],
    )
    return [ValueText(f"{subject}.{name}", text) for name, text in rows]


def _count_marked(subject: str) -> list[AttributeCount]:
    rows = bulk_rows.fetch_rows(
        f"""
        SELECT mark.key, count(*), count(DISTINCT mark.value)
        FROM leads_{subject} subject CROSS JOIN jsonb_each_text(subject.not_understood) mark
        WHERE subject.not_understood <> '{{}}'
        GROUP BY mark.key
        """,  # noqa: S608  # the subject is one of two constants
        [],
    )
    return [AttributeCount(f"{subject}.{name}", subjects, texts) for name, subjects, texts in rows]


def _read_marked(subject: str, texts: Sequence[ValueText]) -> list[NotUnderstood]:
    if not texts:
        return []
    # A statement from before texts were kept has the text itself for a value.
    query = f"""
        WITH marked AS (
            SELECT subject.id, mark.key, mark.value
            FROM leads_{subject} subject CROSS JOIN jsonb_each_text(subject.not_understood) mark
            JOIN unnest(%s::text[], %s::text[]) AS page(key, value) USING (key, value)
            WHERE subject.not_understood <> '{{}}'
        ), counted AS (
            SELECT subject.key, subject.value, count(*) AS subjects, {_LEADS_OF[subject]} AS leads,
                {_EXAMPLES[subject]} AS examples
            FROM marked subject GROUP BY subject.key, subject.value
        ), stated AS (
            SELECT marked.key, marked.value, max(change.recorded_at) AS last_seen, array_agg(DISTINCT change.source) AS sources
            FROM marked JOIN leads_attributechange change ON change.{subject}_id = marked.id
                AND (change.values ->> ('not_understood.' || marked.key) = marked.value OR change.values ->> marked.key = marked.value)
            GROUP BY marked.key, marked.value
        )
        SELECT key, value, subjects, leads, last_seen, sources, examples FROM counted JOIN stated USING (key, value)
    """  # noqa: S608  # the subject is one of two constants
    names = [text.attribute.partition(".")[2] for text in texts]
    rows = bulk_rows.fetch_rows(query, [names, [text.text for text in texts]])
    return [
        NotUnderstood(f"{subject}.{row[0]}", row[1], row[2], int(row[3]), row[4], row[5], row[6] or ()) for row in rows
    ]


def _list_titles() -> list[ValueText]:
    """Return the titles without a known rank among the most frequent ones, the most frequent first."""
    query = """
        SELECT title FROM leads_lead WHERE title <> '' AND seniority = ''
        GROUP BY title ORDER BY count(*) DESC, title LIMIT %s
    """
    rows = bulk_rows.fetch_rows(query, [_TITLES_READ])
    return [ValueText(TITLES, title) for (title,) in rows if job_titles.seniority_of(title) is None]


def _read_titles(titles: Sequence[str]) -> list[NotUnderstood]:
    if not titles:
        return []
    query = """
        SELECT title, count(*), max(recorded_at), array_agg(DISTINCT source) FROM leads_lead
        WHERE title = ANY(%s::text[]) AND seniority = '' GROUP BY title
    """
    return [
        NotUnderstood(TITLES, title, count, count, last_seen, sorted(filter(None, sources)))
        for title, count, last_seen, sources in bulk_rows.fetch_rows(query, [list(titles)])
    ]
