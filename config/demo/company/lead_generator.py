"""The facts of the example company's year, drawn from a seed: firms, people, what they did. Pure: no database."""

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
from config.demo.company.visits import VisitorType, WebActivity, draw_chance

#: The reserved lead of the ready-made demo request: engaged, known, and not an MQL yet.
CURL_EMAIL: Final = "clara.lindqvist@nordfjord-foods.example"

_BUYERS_SIZE: Final = range(150, 4501)
_DAY: Final = dt.timedelta(days=1)
_Item = TypeVar("_Item")


@dataclass(frozen=True, slots=True)
class CompanySize:
    """How much of a company: months of history, leads, firms, and how many months ago its bad month was."""

    months: int
    leads: int
    firms: int
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
    domain: str
    name: str
    values: Mapping[str, Any]
    known_at: dt.datetime
    later: tuple[tuple[dt.datetime, Mapping[str, Any]], ...] = ()

    @property
    def country(self) -> str:
        return str(self.values["country"])


@dataclass(frozen=True, slots=True)
class GeneratedLead:
    email: str
    domain: str
    values: Mapping[str, Any]
    deeds: tuple[WebActivity, ...]
    later: tuple[tuple[dt.datetime, Mapping[str, Any]], ...] = ()
    #: What the reps do with a lead of the closing scene; empty: what they usually do.
    cue: str = ""

    @property
    def known_at(self) -> dt.datetime:
        return self.deeds[0].at


@dataclass(frozen=True, slots=True)
class GeneratedYear:
    calendar: YearDates
    firms: tuple[GeneratedCompany, ...]
    people: tuple[GeneratedLead, ...]


def generate(profile: CompanySize, *, seed: int, now: dt.datetime) -> GeneratedYear:
    """The same seed, profile and `now` give the same world."""
    calendar = year_dates(profile, now)
    firms = _firms(profile, random.Random(f"{seed}/firms"), calendar)  # noqa: S311 (a story, not a secret)
    crowd = _Crowd(random.Random(f"{seed}/people"), firms, calendar)  # noqa: S311
    for _ in range(profile.leads):
        crowd.join(crowd.somebody())
    for _ in range(profile.leads // 50):
        crowd.join(crowd.syndicated())
    crowd.closing_scene()
    people = sorted(crowd.people.values(), key=lambda person: (person.known_at, person.email))
    return GeneratedYear(calendar, tuple(firms), tuple(people))


def year_dates(profile: CompanySize, now: dt.datetime) -> YearDates:
    bad = _month(now, profile.bad_month_ago)
    ends = _month(now, profile.bad_month_ago - 1)
    new_version = min(ends + 23 * _DAY + dt.timedelta(hours=9), now - 6 * _DAY)
    return YearDates(_month(now, profile.months) + (now - _month(now, 0)), bad, ends, new_version, now)


def _month(now: dt.datetime, ago: int) -> dt.datetime:
    years, month = divmod(now.year * 12 + now.month - 1 - ago, 12)
    return dt.datetime(years, month + 1, 1, tzinfo=dt.UTC)


# ── Firms ─────────────────────────────────────────────────────────────────────────────────────────────────
def _firms(profile: CompanySize, rng: random.Random, calendar: YearDates) -> list[GeneratedCompany]:
    firms = {firm.domain: firm for firm in _named(calendar)}
    for name, domain in names_and_places.COMPETITORS:
        values = {
            "industry": "Software",
            "country": "US",
            "employees_low": 400,
            "employees_high": 400,
            "is_competitor": True,
        }
        firms[domain] = GeneratedCompany(domain, name, values, calendar.start)
    while len(firms) < profile.firms:
        firm = _firm(rng, calendar)
        firms.setdefault(firm.domain, firm)
    return list(firms.values())


def _named(calendar: YearDates) -> Iterator[GeneratedCompany]:
    """Two that the closing scene cannot do without."""
    usual = {"annual_revenue": 190_000_000, "technologies": ["SAP"], "business_model": "B2B"}
    for domain, name, industry, country, employees in (
        ("nordfjord-foods.example", "Nordfjord Foods", "Food & Beverage", "SE", 850),
        ("altamar-cargo.example", "Altamar Cargo", "Logistics", "BR", 1200),
    ):
        size = {"employees_low": employees, "employees_high": employees}
        yield GeneratedCompany(domain, name, {"industry": industry, "country": country} | size | usual, calendar.start)


def _firm(rng: random.Random, calendar: YearDates) -> GeneratedCompany:
    industry = _weighted(rng, {name: weight for name, (weight, _) in names_and_places.INDUSTRIES.items()})
    country = _weighted(rng, {name: row[4] for name, row in names_and_places.COUNTRIES.items()})
    place, trade = rng.choice(names_and_places.PLACES), rng.choice(names_and_places.INDUSTRIES[industry][1])
    employees = round(min(max(rng.lognormvariate(6.25, 1.15), 6), 60_000))
    low, high = _band(employees) if draw_chance(rng, 0.25) else (employees, employees)
    values = {
        "industry": industry,
        "country": country,
        "region": names_and_places.COUNTRIES[country][2],
        "employees_low": low,
        "employees_high": high,
        "annual_revenue": round(employees * rng.uniform(120_000, 320_000), -5) if draw_chance(rng, 0.85) else None,
        "business_model": rng.choice(names_and_places.BUSINESS_MODELS),
        "technologies": sorted(rng.sample(names_and_places.TECHNOLOGIES, rng.choice((0, 1, 2, 2, 3)))),
        "is_customer": True if draw_chance(rng, 0.04) else None,
    }
    known_at = calendar.start + (calendar.now - calendar.start) * rng.random() * 0.1
    domain = f"{_slug(place)}-{_slug(trade)}.example"
    return GeneratedCompany(domain, f"{place} {trade}", values, known_at, _learned_of_firm(rng, calendar, employees))


def _learned_of_firm(
    rng: random.Random, calendar: YearDates, employees: int
) -> tuple[tuple[dt.datetime, Mapping[str, Any]], ...]:
    """One firm in twelve grows or shrinks, or is measured better, during the year."""
    if not draw_chance(rng, 0.08):
        return ()
    count = max(5, round(employees * rng.uniform(0.7, 1.6)))
    at = calendar.start + (calendar.now - calendar.start) * rng.uniform(0.2, 0.9)
    return ((at, {"employees_low": count, "employees_high": count}),)


def _band(employees: int) -> tuple[int, int | None]:
    bands = ((1, 10), (11, 50), (51, 200), (201, 500), (501, 1000), (1001, 5000))
    return next(((low, high) for low, high in bands if employees <= high), (5001, None))


# ── People ────────────────────────────────────────────────────────────────────────────────────────────────
@dataclass(slots=True)
class _Crowd:
    rng: random.Random
    firms: Sequence[GeneratedCompany]
    calendar: YearDates
    people: dict[str, GeneratedLead] = field(default_factory=dict)
    at_firm: dict[str, GeneratedCompany] = field(init=False)
    buyers: list[GeneratedCompany] = field(init=False)

    def __post_init__(self) -> None:
        self.at_firm = {firm.domain: firm for firm in self.firms}
        self.buyers = [firm for firm in self.firms if _is_likely_buyer(firm)]

    def join(self, person: GeneratedLead) -> None:
        self.people.setdefault(person.email, person)

    def somebody(self) -> GeneratedLead:
        rng = self.rng
        source = _weighted(
            rng,
            {
                name: weight
                for name, (weight, _) in names_and_places.SOURCES.items()
                if name != names_and_places.SYNDICATION
            },
        )
        manner = _weighted(rng, visits.TYPE_WEIGHTS)
        # Who compares vendors, or is sent by a friend, more often comes from a firm that buys such things.
        serious = manner in (VisitorType.EVALUATOR, VisitorType.ASKER)
        firm = rng.choice(self.buyers) if draw_chance(rng, 0.66 if serious else 0.4) else rng.choice(self.firms)
        span = self.calendar.now - self.calendar.start
        first = self.calendar.start + span * (rng.random() ** 0.92)
        return self.person(firm, source, visits.VisitorHistory(manner, first, self.calendar.now, _zone(firm), source))

    def syndicated(self) -> GeneratedLead:
        """Readers of a report that a trade magazine gave away: much engagement, little need."""
        rng, calendar = self.rng, self.calendar
        firm = rng.choice(self.buyers) if draw_chance(rng, 0.9) else rng.choice(self.firms)
        first = calendar.bad_month - 4 * _DAY + 22 * _DAY * rng.random()
        visit = visits.VisitorHistory(
            VisitorType.SYNDICATED, first, calendar.now, _zone(firm), names_and_places.SYNDICATION
        )
        return self.person(firm, names_and_places.SYNDICATION, visit)

    def person(self, firm: GeneratedCompany, source: str, visit: visits.VisitorHistory) -> GeneratedLead:
        rng = self.rng
        first_name, last_name = self._name(firm.country)
        local = f"{_slug(first_name)}.{_slug(last_name)}"
        unwanted = draw_chance(rng, 0.05)
        domain = _weighted(rng, {firm.domain: 93, "": 7}) if not unwanted else rng.choice(("", "", firm.domain))
        email = f"{local}@{domain or self._private_domain(unwanted)}"
        known = visits.draw_activities(rng, visit)
        values = {"first_name": first_name, "last_name": last_name, "country": firm.country, "source": source}
        values |= {
            "title": self._title(unwanted),
            "phone": self._phone(firm.country),
            "time_zone": names_and_places.COUNTRIES[firm.country][1],
        }
        return GeneratedLead(email, domain, values | self._answers(visit), known, self._learned(known, unwanted))

    def closing_scene(self) -> None:
        """The last hours, so that the queue is alive: `visits.SCENE` says who does what, and how long ago."""
        for number, part in enumerate(visits.SCRIPTED_LEADS):
            firm = self._firm_in(part.countries)
            first_name, last_name = self._name(firm.country)
            email = f"{_slug(first_name)}.{_slug(last_name)}.{number}@{firm.domain}"
            self._cast(part, firm, email, first_name, last_name)
        self._cast(visits.DEMO_REQUEST_LEAD, self.at_firm["nordfjord-foods.example"], CURL_EMAIL, "Clara", "Lindqvist")

    def _cast(
        self, part: visits.ScriptedLead, firm: GeneratedCompany, email: str, first_name: str, last_name: str
    ) -> None:
        values = {"first_name": first_name, "last_name": last_name, "country": firm.country, "source": part.source}
        values |= {
            "title": part.title,
            "phone": self._phone(firm.country),
            "time_zone": names_and_places.COUNTRIES[firm.country][1],
        }
        self.people[email] = GeneratedLead(
            email, firm.domain, values, visits.scripted_activities(part, self.calendar.now), cue=part.cue
        )

    def _firm_in(self, countries: Sequence[str]) -> GeneratedCompany:
        known = [firm for firm in self.buyers if firm.country in countries and not firm.later]
        if known:
            return self.rng.choice(known)
        return self.at_firm["nordfjord-foods.example"]

    def _name(self, country: str) -> tuple[str, str]:
        given, family = names_and_places.PEOPLE[self.rng.choice(names_and_places.COUNTRIES[country][0])]
        return self.rng.choice(given), self.rng.choice(family)

    def _private_domain(self, student: bool) -> str:
        return self.rng.choice(
            names_and_places.UNIVERSITIES if student and draw_chance(self.rng, 0.6) else names_and_places.FREE_MAIL
        )

    def _title(self, unwanted: bool) -> str:
        if unwanted:
            return self.rng.choice(names_and_places.UNWANTED_TITLES)
        if draw_chance(self.rng, 0.04):
            return ""
        titles = names_and_places.BUYING_TITLES if draw_chance(self.rng, 0.78) else names_and_places.OTHER_TITLES
        return _weighted(self.rng, dict(titles))

    def _phone(self, country: str) -> str:
        if draw_chance(self.rng, 0.35):
            return ""
        # 555-01xx and its like: numbers that ring nowhere.
        return f"{names_and_places.COUNTRIES[country][3]} 555 01{self.rng.randrange(100):02}"

    def _answers(self, visit: visits.VisitorHistory) -> dict[str, str]:
        if visit.manner not in (VisitorType.EVALUATOR, VisitorType.ASKER) or draw_chance(self.rng, 0.4):
            return {}
        answers = {
            "use_case": names_and_places.USE_CASES,
            "budget": names_and_places.BUDGETS,
            "timeline": names_and_places.TIMELINES,
        }
        return {name: self.rng.choice(choices) for name, choices in answers.items() if draw_chance(self.rng, 0.6)}

    def _learned(
        self, known: tuple[WebActivity, ...], unwanted: bool
    ) -> tuple[tuple[dt.datetime, Mapping[str, Any]], ...]:
        """One person in twenty is promoted or changes the job."""
        if unwanted or not known[1:] or not draw_chance(self.rng, 0.05):
            return ()
        at = known[0].at + (known[-1].at - known[0].at) * self.rng.uniform(0.3, 0.9)
        return ((at, {"title": _weighted(self.rng, dict(names_and_places.BUYING_TITLES))}),)


def _is_likely_buyer(firm: GeneratedCompany) -> bool:
    low = firm.values["employees_low"]
    trade = firm.values["industry"] not in ("Software", "Consulting", "Education")
    return trade and low in _BUYERS_SIZE and not firm.values.get("is_customer")


def _zone(firm: GeneratedCompany) -> ZoneInfo:
    return ZoneInfo(names_and_places.COUNTRIES[firm.country][1])


def _weighted(rng: random.Random, weights: Mapping[_Item, float]) -> _Item:
    return rng.choices(list(weights), list(weights.values()))[0]


#: Letters that have no plain one inside.
_UNDIVIDED: Final = str.maketrans({"\u0131": "i", "ø": "o", "ł": "l"})


def _slug(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text.translate(_UNDIVIDED))
    return re.sub(r"[^a-z0-9]+", "-", plain.encode("ascii", "ignore").decode().lower()).strip("-")
