"""The generated data of the example's year: companies, leads and their activities, drawn from a seed without a database."""

from __future__ import annotations

import datetime as dt
import random
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar
from zoneinfo import ZoneInfo

from config.demo.company import names_and_places, visits
from config.demo.company.visits import VisitorType, WebActivity, draw_bool

#: The reserved lead of the ready-made demo request: engaged, known, and not an MQL yet.
CURL_EMAIL: Final = "clara.lindqvist@nordfjord-foods.example"

_BUYER_EMPLOYEES: Final = range(150, 4501)
_DAY: Final = dt.timedelta(days=1)
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class CompanySize:
    """The size of the example: months of history, leads, their companies, and how many months ago the bad month was."""

    months: int
    leads: int
    companies: int
    bad_month_ago: int


SIZES: Final = {
    "smoke": CompanySize(2, 90, 60, 1),
    "small": CompanySize(6, 900, 280, 3),
    "full": CompanySize(12, 2000, 600, 5),
}


@dataclass(frozen=True, slots=True)
class YearDates:
    """The turning points of the year, all in UTC."""

    start: dt.datetime
    bad_month: dt.datetime
    bad_month_ends: dt.datetime
    new_version: dt.datetime
    now: dt.datetime


@dataclass(frozen=True, slots=True)
class GeneratedCompany:
    """A company of leads: its attributes when it became known, and those that changed later, with the instant."""

    domain: str
    name: str
    values: Mapping[str, Any]
    known_at: dt.datetime
    later_values: tuple[tuple[dt.datetime, Mapping[str, Any]], ...] = ()

    @property
    def country(self) -> str:
        return str(self.values["country"])


@dataclass(frozen=True, slots=True)
class GeneratedLead:
    """A lead: its attributes when it became known, its activities in order of time, and attributes that changed later."""

    email: str
    domain: str
    values: Mapping[str, Any]
    activities: tuple[WebActivity, ...]
    later_values: tuple[tuple[dt.datetime, Mapping[str, Any]], ...] = ()
    #: Names what reps do with a scripted lead, see `sales_plan`; empty for all others, whose course is drawn.
    cue: str = ""

    @property
    def known_at(self) -> dt.datetime:
        return self.activities[0].at


@dataclass(frozen=True, slots=True)
class GeneratedYear:
    """The generated data, with the dates on which the example turns."""

    dates: YearDates
    companies: tuple[GeneratedCompany, ...]
    leads: tuple[GeneratedLead, ...]


def generate(size: CompanySize, *, seed: int, now: dt.datetime) -> GeneratedYear:
    """Draw the data of the year that ends at `now`; the same size, seed and `now` give the same data."""
    dates = plan_dates(size, now)
    companies = _generate_companies(size, random.Random(f"{seed}/firms"), dates)  # noqa: S311 (an example, not a secret)
    crowd = _Leads(random.Random(f"{seed}/people"), companies, dates)  # noqa: S311 (as above)
    for _ in range(size.leads):
        crowd.add(crowd.build_visitor())
    for _ in range(size.leads // 50):
        crowd.add(crowd.build_syndicated_reader())
    crowd.add_scripted_leads()
    leads = sorted(crowd.leads.values(), key=lambda lead: (lead.known_at, lead.email))
    return GeneratedYear(dates, tuple(companies), tuple(leads))


def plan_dates(size: CompanySize, now: dt.datetime) -> YearDates:
    """Return the turning points of the year that ends at `now`."""
    bad = _month(now, size.bad_month_ago)
    ends = _month(now, size.bad_month_ago - 1)
    new_version = min(ends + 23 * _DAY + dt.timedelta(hours=9), now - 6 * _DAY)
    return YearDates(_month(now, size.months) + (now - _month(now, 0)), bad, ends, new_version, now)


def _month(now: dt.datetime, ago: int) -> dt.datetime:
    years, month = divmod(now.year * 12 + now.month - 1 - ago, 12)
    return dt.datetime(years, month + 1, 1, tzinfo=dt.UTC)


# ── Companies ─────────────────────────────────────────────────────────────────────────────────────────────
def _generate_companies(size: CompanySize, rng: random.Random, dates: YearDates) -> list[GeneratedCompany]:
    companies = {company.domain: company for company in _scripted_companies(dates)}
    for name, domain in names_and_places.COMPETITORS:
        values = {
            "industry": "Software",
            "country": "US",
            "employees_low": 400,
            "employees_high": 400,
            "is_competitor": True,
        }
        companies[domain] = GeneratedCompany(domain, name, values, dates.start)
    while len(companies) < size.companies:
        company = _generate_company(rng, dates)
        companies.setdefault(company.domain, company)
    return list(companies.values())


def _scripted_companies(dates: YearDates) -> Iterator[GeneratedCompany]:
    """Yield the two companies that scripted leads need."""
    usual = {"annual_revenue": 190_000_000, "technologies": ["SAP"], "business_model": "B2B"}
    for domain, name, industry, country, employees in (
        ("nordfjord-foods.example", "Nordfjord Foods", "Food & Beverage", "SE", 850),
        ("altamar-cargo.example", "Altamar Cargo", "Logistics", "BR", 1200),
    ):
        size = {"employees_low": employees, "employees_high": employees}
        yield GeneratedCompany(domain, name, {"industry": industry, "country": country} | size | usual, dates.start)


def _generate_company(rng: random.Random, dates: YearDates) -> GeneratedCompany:
    industry = _weighted(rng, {name: weight for name, (weight, _) in names_and_places.INDUSTRIES.items()})
    country = _weighted(rng, {name: row[4] for name, row in names_and_places.COUNTRIES.items()})
    place, trade = rng.choice(names_and_places.PLACES), rng.choice(names_and_places.INDUSTRIES[industry][1])
    employees = round(min(max(rng.lognormvariate(6.25, 1.15), 6), 60_000))
    low, high = _band(employees) if draw_bool(rng, 0.25) else (employees, employees)
    values = {
        "industry": industry,
        "country": country,
        "region": names_and_places.COUNTRIES[country][2],
        "employees_low": low,
        "employees_high": high,
        "annual_revenue": round(employees * rng.uniform(120_000, 320_000), -5) if draw_bool(rng, 0.85) else None,
        "business_model": rng.choice(names_and_places.BUSINESS_MODELS),
        "technologies": sorted(rng.sample(names_and_places.TECHNOLOGIES, rng.choice((0, 1, 2, 2, 3)))),
        "is_customer": True if draw_bool(rng, 0.04) else None,
    }
    known_at = dates.start + (dates.now - dates.start) * rng.random() * 0.1
    domain = f"{_slug(place)}-{_slug(trade)}.example"
    return GeneratedCompany(domain, f"{place} {trade}", values, known_at, _later_size(rng, dates, employees))


def _later_size(
    rng: random.Random, dates: YearDates, employees: int
) -> tuple[tuple[dt.datetime, Mapping[str, Any]], ...]:
    """Return a second measurement of one company in twelve, which grew or shrank during the year."""
    if not draw_bool(rng, 0.08):
        return ()
    count = max(5, round(employees * rng.uniform(0.7, 1.6)))
    at = dates.start + (dates.now - dates.start) * rng.uniform(0.2, 0.9)
    return ((at, {"employees_low": count, "employees_high": count}),)


def _band(employees: int) -> tuple[int, int | None]:
    bands = ((1, 10), (11, 50), (51, 200), (201, 500), (501, 1000), (1001, 5000))
    return next(((low, high) for low, high in bands if employees <= high), (5001, None))


# ── Leads ─────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class _Leads:
    """The leads drawn so far, by e-mail address, and the companies that they work for."""

    rng: random.Random
    companies: Sequence[GeneratedCompany]
    dates: YearDates
    leads: dict[str, GeneratedLead] = field(default_factory=dict)
    by_domain: dict[str, GeneratedCompany] = field(init=False)
    buyers: list[GeneratedCompany] = field(init=False)

    def __post_init__(self) -> None:
        self.by_domain = {company.domain: company for company in self.companies}
        self.buyers = [company for company in self.companies if _is_likely_buyer(company)]

    def add(self, lead: GeneratedLead) -> None:
        """Add a lead, unless one with the same address is there."""
        self.leads.setdefault(lead.email, lead)

    def build_visitor(self) -> GeneratedLead:
        """Draw a lead who finds the company by one of the usual sources."""
        rng = self.rng
        source = _weighted(
            rng,
            {
                name: weight
                for name, (weight, _) in names_and_places.SOURCES.items()
                if name != names_and_places.SYNDICATION
            },
        )
        visitor_type = _weighted(rng, visits.TYPE_WEIGHTS)
        # People who compare vendors or ask to talk more often work for a company that buys such software.
        is_serious = visitor_type in (VisitorType.EVALUATOR, VisitorType.ASKER)
        company = rng.choice(self.buyers) if draw_bool(rng, 0.66 if is_serious else 0.4) else rng.choice(self.companies)
        span = self.dates.now - self.dates.start
        first = self.dates.start + span * (rng.random() ** 0.92)
        return self._build_lead(
            company, source, visits.VisitorHistory(visitor_type, first, self.dates.now, _zone(company), source)
        )

    def build_syndicated_reader(self) -> GeneratedLead:
        """Draw a reader of a report that a trade magazine gave away: much engagement, little need."""
        rng, dates = self.rng, self.dates
        company = rng.choice(self.buyers) if draw_bool(rng, 0.9) else rng.choice(self.companies)
        first = dates.bad_month - 4 * _DAY + 22 * _DAY * rng.random()
        history = visits.VisitorHistory(
            VisitorType.SYNDICATED, first, dates.now, _zone(company), names_and_places.SYNDICATION
        )
        return self._build_lead(company, names_and_places.SYNDICATION, history)

    def _build_lead(self, company: GeneratedCompany, source: str, history: visits.VisitorHistory) -> GeneratedLead:
        rng = self.rng
        first_name, last_name = self._name(company.country)
        local = f"{_slug(first_name)}.{_slug(last_name)}"
        is_unwanted = draw_bool(rng, 0.05)
        domain = (
            _weighted(rng, {company.domain: 93, "": 7}) if not is_unwanted else rng.choice(("", "", company.domain))
        )
        email = f"{local}@{domain or self._private_domain(is_unwanted)}"
        activities = visits.draw_activities(rng, history)
        values = {"first_name": first_name, "last_name": last_name, "country": company.country, "source": source}
        values |= {
            "title": self._title(is_unwanted),
            "phone": self._phone(company.country),
            "time_zone": names_and_places.COUNTRIES[company.country][1],
        }
        return GeneratedLead(
            email, domain, values | self._answers(history), activities, self._later_title(activities, is_unwanted)
        )

    def add_scripted_leads(self) -> None:
        """Add the leads of the last hours, so that the queue moves: `visits.SCRIPTED_LEADS` lists their activities."""
        for number, script in enumerate(visits.SCRIPTED_LEADS):
            company = self._company_in(script.countries)
            first_name, last_name = self._name(company.country)
            email = f"{_slug(first_name)}.{_slug(last_name)}.{number}@{company.domain}"
            self._add_scripted_lead(script, company, email, first_name, last_name)
        self._add_scripted_lead(
            visits.DEMO_REQUEST_LEAD, self.by_domain["nordfjord-foods.example"], CURL_EMAIL, "Clara", "Lindqvist"
        )

    def _add_scripted_lead(
        self, script: visits.ScriptedLead, company: GeneratedCompany, email: str, first_name: str, last_name: str
    ) -> None:
        values = {"first_name": first_name, "last_name": last_name, "country": company.country, "source": script.source}
        values |= {
            "title": script.title,
            "phone": self._phone(company.country),
            "time_zone": names_and_places.COUNTRIES[company.country][1],
        }
        self.leads[email] = GeneratedLead(
            email, company.domain, values, visits.scripted_activities(script, self.dates.now), cue=script.cue
        )

    def _company_in(self, countries: Sequence[str]) -> GeneratedCompany:
        buyers = [buyer for buyer in self.buyers if buyer.country in countries and not buyer.later_values]
        if buyers:
            return self.rng.choice(buyers)
        return self.by_domain["nordfjord-foods.example"]

    def _name(self, country: str) -> tuple[str, str]:
        first_names, last_names = names_and_places.PEOPLE[self.rng.choice(names_and_places.COUNTRIES[country][0])]
        return self.rng.choice(first_names), self.rng.choice(last_names)

    def _private_domain(self, student: bool) -> str:
        return self.rng.choice(
            names_and_places.UNIVERSITIES if student and draw_bool(self.rng, 0.6) else names_and_places.FREE_MAIL
        )

    def _title(self, is_unwanted: bool) -> str:
        if is_unwanted:
            return self.rng.choice(names_and_places.UNWANTED_TITLES)
        if draw_bool(self.rng, 0.04):
            return ""
        titles = names_and_places.BUYING_TITLES if draw_bool(self.rng, 0.78) else names_and_places.OTHER_TITLES
        return _weighted(self.rng, dict(titles))

    def _phone(self, country: str) -> str:
        if draw_bool(self.rng, 0.35):
            return ""
        # Numbers like 555-01xx are reserved for fiction. There are a hundred of them in each area, and few people who share
        # a number, or all would be possible duplicates.
        area = 200 + len(self.leads) % 800
        return f"{names_and_places.COUNTRIES[country][3]} {area} 555 01{self.rng.randrange(100):02}"

    def _answers(self, history: visits.VisitorHistory) -> dict[str, str]:
        if history.visitor_type not in (VisitorType.EVALUATOR, VisitorType.ASKER) or draw_bool(self.rng, 0.4):
            return {}
        answers = {
            "use_case": names_and_places.USE_CASES,
            "budget": names_and_places.BUDGETS,
            "timeline": names_and_places.TIMELINES,
        }
        return {name: self.rng.choice(choices) for name, choices in answers.items() if draw_bool(self.rng, 0.6)}

    def _later_title(
        self, activities: tuple[WebActivity, ...], is_unwanted: bool
    ) -> tuple[tuple[dt.datetime, Mapping[str, Any]], ...]:
        """Return the later title of one lead in twenty, who is promoted or changes the job."""
        if is_unwanted or not activities[1:] or not draw_bool(self.rng, 0.05):
            return ()
        at = activities[0].at + (activities[-1].at - activities[0].at) * self.rng.uniform(0.3, 0.9)
        return ((at, {"title": _weighted(self.rng, dict(names_and_places.BUYING_TITLES))}),)


def _is_likely_buyer(company: GeneratedCompany) -> bool:
    low = company.values["employees_low"]
    trade = company.values["industry"] not in ("Software", "Consulting", "Education")
    return trade and low in _BUYER_EMPLOYEES and not company.values.get("is_customer")


def _zone(company: GeneratedCompany) -> ZoneInfo:
    return ZoneInfo(names_and_places.COUNTRIES[company.country][1])


def _weighted(rng: random.Random, weights: Mapping[_Item, float]) -> _Item:
    return rng.choices(list(weights), list(weights.values()))[0]


#: Letters that NFKD does not decompose into a plain one.
_UNDIVIDED: Final = str.maketrans({"\u0131": "i", "ø": "o", "ł": "l"})


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_UNDIVIDED))
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower()).strip("-")
