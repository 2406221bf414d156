"""Motions are never summed: no answer about MQLs changes when PQLs are made, whatever the route (rules 2.7).

The table is compared with the URL resolver and the API's schema: a route without a rule fails.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from config.accounts.vocabulary import Role
from definitions import reviews
from definitions.models import Definition, Review, Version
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.vocabulary import Motion, Stage
from scoring.models import BlindRule, BlindRuleKind
from sla.handoffs import attempts, creation, dispositions
from sla.models import AccountPlay, Handoff, ReasonCode, RoutingRule
from sla.vocabulary import AttemptOutcome, Channel, Route
from tests.account_plays import start_play
from tests.config.routes import OURS, ROUTES
from tests.definitions.suppressions.suppressed import suppress
from tests.factories import (
    MINUTE,
    NOW,
    CommitmentFactory,
    DefinitionFactory,
    HandoffFactory,
    LeadFactory,
    QualificationFactory,
    ReasonCodeFactory,
    RoutingRuleFactory,
    TeamFactory,
    UserFactory,
    VersionFactory,
)
from tests.leads.imports import stored_imports
from tests.scoring import backtest_results
from tests.scoring.blind_checks.stored_rounds import store_round
from tests.scoring.mals.stored_validations import store_validation
from tests.sla.marketing_costs.stored_costs import store_cost

pytestmark = pytest.mark.django_db

#: Takes `?motion=`; its answer about MQLs does not change, and that about PQLs is another.
APART: Final = """
api:definition-current api:definitions api:handoffs api:leads api:metrics-catalogue api:report api:report-sla
api:reviews commitment_new commitments definition definitions
lead_export lead_list meeting nurture nurture_export nurture_first nurture_first_export overview pipeline_deals queue reasons_export reviews
reviews_export report report_export sla_export
sla_report sla_rows unrouted unrouted_export
"""
#: About one person, company, version, handoff, play or review, about MALs or plays, or about none of them: its answer does
#: not change at all.
SAME: Final = """
alerts api:backtest-record api:companies api:definition api:definition-backtests api:definition-checklist api:definition-diff
api:definition-compare api:definition-lint api:definition-markdown api:definition-presets api:docs api:duplicates
api:handoff api:import
api:import-rejected api:lead api:lead-events api:lead-explanation api:lead-verdict api:play api:plays api:schema api:suppressions
api:values
availability backtest
backtest_csv bell blind_check blind_check_export blind_check_result blind_checks blind_rule_leads blind_rules calendar_new
calendars commitment commitment_edit company comparison comparison_csv cost_correct cost_new cost_upload costs costs_export
definition_version duplicate_compare duplicates gate_unknown gate_unknown_export glossary hand_raises hand_raises_export handoff
handoff_correct handoff_reject home import_list import_mapping import_new import_preview import_rejected import_run lead
lead_contact lead_reinstate mals mals_export mals_left mals_left_export notices onboarding play play_export play_reject plays presets
readers readers_export
api:review receipt report_rows report_subscriptions report_unsubscribe satisfaction satisfaction_answer overhaul
recency_validation recency_validations recency_validations_export
refused_addresses replay review review_calendar review_feed review_new
routing_try rule_edit rule_new rules set_aside suppression suppression_new suppressions suppressions_export value_list
version_backtests version_diff version_step what_if
"""
#: Counts the work of reps and the clocks of a calendar, or what comes in: hours and senders are for all motions.
PEOPLE: Final = "calendar reps routing today"
#: About the installation, not about leads.
MACHINE: Final = "api:receipt-keys livez metrics readyz"

RULES: Final = {
    name: rule
    for rule, names in (("apart", APART), ("same", SAME), ("people", PEOPLE), ("machine", MACHINE))
    for name in names.split()
}
#: Differ with each answer: forgery tokens, ids of requests.
PASSING: Final = re.compile(rb'((csrfmiddlewaretoken|request_key)" value="[^"]+"|X-CSRFToken": "[^"]+")')


@dataclass(frozen=True, slots=True)
class World:
    """An MQL with sales, a play, a MAL, and rows of each other kind that an address can name."""

    handoff: Handoff
    play: AccountPlay
    pks: dict[str, int]
    file: int

    def path(self, name: str) -> str:
        """Return the address of a route with the ids of this world."""
        kind = re.split("[-_]", name.removeprefix("api:"), maxsplit=1)[0]
        version = self.handoff.version
        values = {
            "pk": self.pks.get(kind, 1),
            "step": "sign",
            "name": "sla",
            "slug": version.definition.slug,
            "number": version.number,
            "table": "weeks",
            "token": "forged",
            "other": version.pk,
            "against": version.number,
            "file": self.file,
            "task": self.play.tasks.earliest("pk").pk,
            "contact": self.play.contacts.earliest("pk").pk,
        }
        return reverse(name, kwargs={parameter: values[parameter] for parameter in ROUTES[name]})


@pytest.fixture
def world() -> Iterator[World]:
    with time_machine.travel(NOW + 3 * MINUTE, tick=False):
        handoff = HandoffFactory()
        version = handoff.version
        blind = BlindRule.objects.create(
            version=version, kind=BlindRuleKind.STOPPED, field="lead.country", count=1, at=NOW
        )
        store_round(version, handoff.lead, pk=blind.pk)
        import_run = stored_imports.start()
        backtest = backtest_results.finished_backtest(version)
        CommitmentFactory(active=True, motion=Motion.AQL)
        play = start_play()
        validation = store_validation(version, LeadFactory(stage=Stage.MAL), at=NOW)
        pks = {
            **dict.fromkeys(("handoff", "receipt"), handoff.pk),
            "lead": handoff.lead_id,
            "import": import_run.pk,
            "blind": blind.pk,
            "rule": RoutingRule.objects.latest("pk").pk,
            **dict.fromkeys(("version", "definition", "comparison", "replay"), version.pk),
            **dict.fromkeys(("backtest", "what"), backtest.pk),
            "review": open_review(version.definition).pk,
            "commitment": handoff.commitment_id,
            "calendar": handoff.team.calendar_id,
            "cost": store_cost(UserFactory(roles=[Role.MARKETING_OPS])).pk,
            "play": play.pk,
            "company": play.company_id,
            "suppression": suppress("source", "fair", at=NOW).pk,
            "recency": validation.pk,
        }
        yield World(handoff, play, pks, import_run.file_id)


def open_review(definition: Definition) -> Review:
    return reviews.open_review(
        definition=definition,
        trigger=ReviewTrigger.MANUAL,
        kind=ReviewKind.LIGHT,
        title="A look",
        evidence={},
        proposal="",
        now=NOW,
    )


@pytest.fixture
def boss(world: World) -> Client:
    """Return a caller who may see everything and is sent no notice."""
    person = UserFactory(is_superuser=True, is_staff=True)
    client = Client()
    client.force_login(person)
    return client


@pytest.fixture
def pql_version(world: World) -> Version:
    """Return the active version of a PQL definition with commitments and routes of its own."""
    CommitmentFactory(active=True, motion=Motion.PQL)
    ReasonCodeFactory(code="later", route=Route.RECYCLE)
    RoutingRuleFactory(motion=Motion.PQL, tiers=[1], team=TeamFactory(), position=1)
    return VersionFactory(active=True, definition=DefinitionFactory(motion=Motion.PQL))


def make_pqls(version: Version) -> None:
    """Make PQLs in every situation: to decide, accepted and contacted, recycled, nurtured first, and unrouted."""
    for tier in (2, 2, 2, 3, 1):
        QualificationFactory(version=version, motion=Motion.PQL, tier=tier, at=NOW + MINUTE)
    creation.hand_off_waiting(now=NOW + MINUTE)
    _, accepted, recycled = Handoff.objects.filter(motion=Motion.PQL, rep__isnull=False).order_by("pk")
    now = NOW + 2 * MINUTE
    dispositions.accept(handoff=accepted, by=accepted.rep.user, now=now)
    attempts.log_attempt(
        handoff=accepted, by=accepted.rep.user, now=now, at=now, channel=Channel.CALL, outcome=AttemptOutcome.CONNECTED
    )
    reason = ReasonCode.objects.get(code="later")
    dispositions.reject(
        handoff=recycled, reason=reason, by=recycled.rep.user, now=now, reengage_on=now.date() + dt.timedelta(days=30)
    )
    open_review(version.definition)


def fetch(client: Client, path: str, motion: str) -> bytes:
    """Return the answer without what differs each time."""
    response = client.get(path, {"motion": motion} if motion else {})
    body = response.getvalue() if response.streaming else response.content
    return PASSING.sub(b"", body)


def readable_routes(client: Client, world: World) -> Iterator[str]:
    """Yield the routes that can be read."""
    for name in OURS:
        response = client.get(world.path(name))
        getattr(response, "getvalue", bytes)()
        if response.status_code != 405:
            yield name


def test_every_readable_route_has_a_rule(boss: Client, world: World) -> None:
    readable = sorted(readable_routes(boss, world))

    assert sorted(RULES) == readable


def test_every_list_and_report_of_the_schema_has_a_rule_and_takes_the_motion() -> None:
    paths = SchemaGenerator().get_schema(request=None, public=True)["paths"]
    takes_motion = {
        path
        for path, operations in paths.items()
        if any(parameter["name"] == "motion" for parameter in operations.get("get", {}).get("parameters", ()))
    }

    expected = {
        "definitions", "definitions/current", "handoffs", "leads", "metrics-catalogue", "reports/sla", "reports/{name}", "reviews",
    }  # fmt: skip
    assert {path.removeprefix("/api/v1/") for path in takes_motion} == expected


def test_no_answer_about_mqls_changes_when_pqls_are_made(boss: Client, world: World, pql_version: Version) -> None:
    asked = {name: "mql" if rule == "apart" else "" for name, rule in RULES.items() if rule in {"apart", "same"}}
    before = {name: fetch(boss, world.path(name), motion) for name, motion in asked.items()}

    make_pqls(pql_version)

    after = {name: fetch(boss, world.path(name), motion) for name, motion in asked.items()}
    changed = [name for name in asked if before[name] != after[name]]
    pql = {name: fetch(boss, world.path(name), "pql") for name, rule in RULES.items() if rule == "apart"}
    assert changed == []
    assert [name for name in pql if pql[name] == after[name]] == []


def test_an_unknown_motion_is_refused_everywhere(boss: Client, world: World) -> None:
    names = [name for name, rule in RULES.items() if rule == "apart"] + ["api:leads", "lead_export", "lead_list"]

    assert {name: boss.get(world.path(name), {"motion": "xql"}).status_code for name in names} == dict.fromkeys(
        names, 400
    )
    assert "must be one of mql, pql, aql" in boss.get(world.path("overview"), {"motion": "xql"}).content.decode()
