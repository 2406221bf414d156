from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from definitions import version_documents
from leads import shipped_signals
from leads.identity import merges
from leads.intake import events, lead_upserts
from leads.models import Company, Lead, Signal, ValueReading
from scoring.active_versions import rules_of
from scoring.columns import fact_reader
from scoring.columns.bulk_reader import bulk_reader
from scoring.engine.facts import Facts
from scoring.engine.judge import first_qualifying, judge
from scoring.engine.rules import Rules
from scoring.instants import microseconds
from tests.factories import UserFactory
from tests.scoring import facts as reference_facts

NOW = dt.datetime(2026, 3, 2, 9, 0, tzinfo=dt.UTC)
HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)
SIGNALS = ("webinar_attended", "pricing_view", "demo_request", "trial_signup", "product_page", "email_click")
ATTRIBUTES: Mapping[str, tuple[Any, ...]] = {
    "title": ("Head of Operations", "Intern", "CEO"),
    "country": ("DE", "US", "FR"),
    "source": ("webinar", "ads"),
    "budget": ("50k",),
}


@dataclass
class LeadStory:
    """What became known of one person, in the order in which it came: statements and events, each with its instant."""

    facts: list[tuple[str, dt.datetime, Any]] = field(default_factory=list)

    @classmethod
    def random(cls, chance: random.Random) -> LeadStory:
        story = cls()
        for _ in range(chance.randint(4, 14)):
            at = NOW - chance.randint(0, 60 * 24) * HOUR
            if chance.random() < 0.4:
                name = chance.choice(list(ATTRIBUTES))
                story.facts.append(("statement", at, {name: chance.choice(ATTRIBUTES[name])}))
            else:
                story.facts.append(("event", at, chance.choice(SIGNALS)))
        # What came first is the oldest, so that one lead is known from then on whatever the order of the rest.
        story.facts.sort(key=lambda fact: fact[1])
        rest = story.facts[1:]
        chance.shuffle(rest)
        story.facts[1:] = rest
        return story

    def tell(self, facts: Iterable[tuple[str, dt.datetime, Any]], email: str) -> Lead:
        """Send these facts about the person under one address, and return its lead."""
        for number, (kind, at, content) in enumerate(facts):
            if kind == "event":
                item = {"email": email, "signal": content, "occurred_at": at.isoformat(), "id": f"{email}-{number}"}
                events.record(items=[item], source="test", now=NOW)
            else:
                send(email, valid_from=at.isoformat(), **content)
        return Lead.objects.get(email=email)


def send(email: str, **values: Any) -> Lead:
    results = lead_upserts.read_and_upsert(
        items=[{"email": email, **values}],
        read=lead_upserts.read_lead,
        upsert=lead_upserts.upsert_leads,
        source="test",
        now=NOW,
    )
    assert results[0].refusal is None, results[0].refusal
    return Lead.objects.get(email=email)


@pytest.fixture
def rules(transactional_db: None) -> Rules:
    shipped_signals.ship(signals=Signal.objects)
    Company.objects.create(
        name="Fit", domain="fit.example", industry="Software", country="DE", employees_low=200, employees_high=200,
        recorded_at=NOW,
    )  # fmt: skip
    document: dict[str, Any] = deepcopy(reference_facts.document())
    document["fit"] = [
        {"field": "lead.country", "op": "in", "value": ["DE"], "points": 20, "rationale": "Near."},
        {"field": "lead.source", "op": "in", "value": ["ads"], "points": 7, "rationale": "Paid."},
        {"field": "lead.seniority", "op": "at_least", "value": "vp", "points": 3, "rationale": "Decides."},
    ]
    document["disqualifiers"].append(
        {"field": "lead.do_not_contact", "op": "is", "value": True, "rationale": "May not be contacted."}
    )
    return rules_of(version_documents.import_document(document=document, by=None, now=NOW))


def judge_everywhere(rules: Rules, facts: Facts, lead: Lead) -> list[object]:
    """Return the verdicts on a lead at many instants, and the first one at which it qualifies."""
    (place,) = np.flatnonzero(facts.lead_ids == lead.pk)
    at = np.array([microseconds(NOW - hours * HOUR) for hours in range(0, 61 * 24, 13)], dtype=np.int64)
    verdicts = judge(rules, facts, np.full(at.size, place), at)
    leads, first_at, _ = first_qualifying(rules, facts, until=microseconds(NOW))
    columns = (verdicts.fit, verdicts.engagement, verdicts.bant, verdicts.gate, verdicts.disqualified, verdicts.meets)
    return [*(column.tolist() for column in columns), first_at[leads == place].tolist()]


def read_all_ways(rules: Rules, lead: Lead, folder: Path) -> list[list[object]]:
    """Return the figures of a lead read alone, among all leads, from the cache, and from memory."""
    (everybody,) = fact_reader.read_all(rules, cached=False)
    (from_files,) = fact_reader.read_all(rules, folder=folder)
    (from_memory,) = fact_reader.read_all(rules, folder=folder, in_memory=True)
    alone = fact_reader.read_for_leads([lead.pk], rules)
    assert all(part.validated() for part in (everybody, from_files, from_memory, alone))
    return [judge_everywhere(rules, part, lead) for part in (alone, everybody, from_files, from_memory)]


@pytest.mark.parametrize("seed", range(8))
def test_a_person_split_over_leads_and_merged_has_the_figures_of_one_lead(
    rules: Rules, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    story = LeadStory.random(chance)
    owners = [chance.randint(0, 2 if seed % 3 == 0 else 1) for _ in story.facts]
    owners[:3] = [0, 1, 2 if seed % 3 == 0 else 1]
    one = story.tell(story.facts, "one@fit.example")
    parts = [
        story.tell(
            [fact for fact, owner in zip(story.facts, owners, strict=True) if owner == number], f"p{number}@fit.example"
        )
        for number in sorted(set(owners))
    ]
    before = [read_all_ways(rules, part, tmp_path) for part in parts]

    for part in parts[1:]:
        merges.merge(lead_id=part.pk, into_id=parts[0].pk, by=None, now=NOW)

    expected = judge_everywhere(rules, fact_reader.read_for_leads([one.pk], rules), one)
    for figures in read_all_ways(rules, parts[0], tmp_path):
        assert figures == expected

    for part in parts[1:]:
        merges.unmerge(lead_id=part.pk, by=None, now=NOW)

    assert [read_all_ways(rules, part, tmp_path) for part in parts] == before


def test_an_alias_has_no_facts_of_its_own(rules: Rules, tmp_path: Path) -> None:
    alias, lead = send("a@fit.example", title="CEO"), send("b@fit.example", title="CEO")
    merges.merge(lead_id=alias.pk, into_id=lead.pk, by=None, now=NOW)

    with bulk_reader() as reader:
        for cached in (True, False):
            facts = fact_reader.read_range(reader, 0, rules, cached=cached, folder=tmp_path)
            assert facts.lead_ids.tolist() == [lead.pk]
    assert not len(fact_reader.read_for_leads([alias.pk], rules))


def test_facts_that_come_for_an_alias_are_read_after_the_cache_is_warm(rules: Rules, tmp_path: Path) -> None:
    alias, lead = send("a@fit.example", title="CEO"), send("b@fit.example", title="CEO")
    merges.merge(lead_id=alias.pk, into_id=lead.pk, by=None, now=NOW)
    first = read_all_ways(rules, lead, tmp_path)

    events.record(
        items=[
            {"email": "a@fit.example", "signal": "demo_request", "occurred_at": (NOW - HOUR).isoformat(), "id": "e"}
        ],
        source="test",
        now=NOW,
    )
    second = read_all_ways(rules, lead, tmp_path)
    send("a@fit.example", title="Intern", valid_from=NOW.isoformat())
    third = read_all_ways(rules, lead, tmp_path)

    for reading in (first, second, third):
        assert all(figures == reading[0] for figures in reading)
    assert first[0] != second[0] != third[0]


def test_an_opt_out_of_one_lead_holds_for_the_person_whatever_the_other_said_first(
    rules: Rules, tmp_path: Path
) -> None:
    for number, opted_out in enumerate(("alias", "lead")):
        alias = send(f"a{number}@fit.example", title="CEO", do_not_contact=opted_out == "alias")
        lead = send(f"b{number}@fit.example", title="CEO", do_not_contact=opted_out == "lead")
        merges.merge(lead_id=alias.pk, into_id=lead.pk, by=None, now=NOW)

        column = fact_reader.read_for_leads([lead.pk], rules).columns["lead.do_not_contact"]
        assert [column.values[code] for code in column.codes] == [True]
        assert merges.may_not_be_contacted(lead)
        assert merges.may_not_be_contacted(Lead.objects.get(pk=alias.pk))


#: Statements about one person, each with its address and the correction of its title in force.
_TITLES = {"boss": "vp"}
_SENIORITY_STORIES: tuple[tuple[tuple[int, dict[str, str]], ...], ...] = (
    ((0, {"title": "Boss"}), (1, {"title": "Analyst"})),
    ((0, {"seniority": "director"}), (1, {"title": "Boss"})),
    ((0, {"title": "Boss"}), (1, {"seniority": "director"}), (0, {"title": "Analyst"})),
    ((0, {"title": "Analyst"}), (1, {"title": "Boss"})),
    ((0, {"country": "DE"}), (1, {"title": "Boss"}), (0, {"title": "Intern"}), (1, {"country": "FR"})),
    ((1, {"title": "Boss"}), (1, {"title": "Analyst"}), (0, {"country": "FR"})),
)


def seniorities(rules: Rules, lead: Lead) -> list[tuple[object, object]]:
    """Return (title, seniority) of a person after each statement."""
    facts = fact_reader.read_for_leads([lead.pk], rules)
    title, rank = facts.columns["lead.title"], facts.columns["lead.seniority"]
    return [
        (title.values[one] or None, rank.values[other] or None)
        for one, other in zip(title.codes, rank.codes, strict=True)
    ]


@pytest.mark.parametrize("story", _SENIORITY_STORIES)
def test_a_corrected_title_gives_a_merged_person_the_rank_that_one_lead_would_have(
    rules: Rules, story: tuple[tuple[int, dict[str, str]], ...]
) -> None:
    for title, rank in _TITLES.items():
        ValueReading.objects.create(attribute="title", text=title, folded=title, meaning=rank, by=UserFactory(), at=NOW)
    people = []
    for addresses in (("one@fit.example",) * 2, ("a@fit.example", "b@fit.example")):
        for number, (owner, values) in enumerate(story):
            send(addresses[owner], valid_from=(NOW - (len(story) - number) * DAY).isoformat(), **values)
        people.append([Lead.objects.get(email=address) for address in addresses])
    alias, lead = people[1]
    merges.merge(lead_id=alias.pk, into_id=lead.pk, by=None, now=NOW)

    assert seniorities(rules, lead)[-len(story) :] == seniorities(rules, people[0][0])[-len(story) :]


def test_a_lead_without_company_has_that_of_its_alias(rules: Rules) -> None:
    alias, lead = send("a@fit.example", title="CEO"), send("ada@elsewhere.example", title="CEO")
    alone = judge_everywhere(rules, fact_reader.read_for_leads([lead.pk], rules), lead)

    merges.merge(lead_id=alias.pk, into_id=lead.pk, by=None, now=NOW)

    (row,) = (fact_reader.read_for_leads([lead.pk], rules),)
    assert judge_everywhere(rules, row, lead) != alone
    industry = row.columns["company.industry"]
    assert [industry.values[code] for code in industry.codes] == ["Software"]
