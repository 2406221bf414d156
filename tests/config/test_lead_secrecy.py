"""Leads that are not behind one of their handoffs do not exist for SDRs: not on pages, not in the API (rules 1.11).

The routes come from the URL resolver, and the methods of the API from its schema. A new route needs a line in RULES.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import pytest
import time_machine
from django.http import HttpResponseBase
from django.test import Client
from django.urls import reverse
from drf_spectacular.generators import SchemaGenerator

from config.accounts.vocabulary import Role
from leads.models import Lead
from leads.vocabulary import Stage
from sla.models import Handoff, RoutingRule
from tests.config.routes import OURS, ROUTES
from tests.factories import (
    MINUTE,
    NOW,
    CompanyFactory,
    EventFactory,
    HandoffFactory,
    LeadFactory,
    TeamFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

#: hidden: takes or lists leads, and answers an SDR by 404 whatever the method. own: shows the leads behind the person's
#: handoffs alone. none: shows no lead.
RULES: Final = {
    "hidden": """
        api:backtest-cancel api:backtest-record api:companies api:definition-backtest api:definition-backtests
        api:definition-compare api:definition-evaluate api:definition-what-if api:duplicates api:events api:import
        api:import-cancel api:import-rejected api:imports api:lead api:lead-events api:lead-explanation api:lead-merge
        api:lead-reinstate api:lead-unmerge api:lead-verdict api:leads api:outcomes api:suppression-end
        api:suppressions api:values
        backtest backtest_cancel backtest_csv blind_rule_close blind_rule_leads blind_rules comparison comparison_csv
        duplicate_compare duplicates gate_unknown gate_unknown_export hand_raises hand_raises_export
        import_again import_cancel import_discard
        import_list import_mapping import_new import_preview import_reading import_rejected import_run import_start
        lead lead_contact lead_export lead_keep_apart lead_list lead_merge lead_part lead_take_back mals mals_export
        mals_leave mals_left mals_left_export mals_return nurture_back nurture_first nurture_first_export
        nurture_first_hand_over nurture_postpone pipeline_deals reading_remove recency_validation recency_validation_assign
        recency_validation_close recency_validations recency_validations_export refused_address_take refused_addresses replay
        suppression suppression_new suppressions suppressions_export
        meeting_close meeting_decide meeting_note overhaul_end overhaul_interview overhaul_start overhaul_tick
        lead_reinstate routing_try set_aside set_aside_retry today unrouted unrouted_export value_list version_backtests what_if
    """,
    "own": """
        api:handoff api:handoff-accept api:handoff-attempts api:handoff-lost api:handoff-meeting api:handoff-opportunity
        api:handoff-qualify api:handoff-reject api:handoff-won api:handoffs bell handoff handoff_accept handoff_assign
        handoff_attempt handoff_correct handoff_lose handoff_meeting handoff_note handoff_opportunity handoff_qualify
        handoff_reject handoff_undo handoff_win home notices notices_read notices_retry nurture nurture_export queue
        api:play api:play-accept api:play-attempts api:play-contact-role api:play-lost api:play-meeting api:play-opportunity
        api:play-reject api:play-task-done api:play-won api:plays company play play_accept play_assign play_attempt
        play_export play_lose play_meeting play_note play_opportunity play_reject play_role play_task play_win plays
        queue_decide receipt report report_export report_rows sla_export sla_report sla_rows
        api:report api:report-sla
    """,
    "none": """
        absence_delete absence_new alerts alerts_test api:definition api:definition-activate api:definition-checklist
        api:definition-copy api:definition-current api:definition-diff api:definition-lint api:definition-markdown
        api:definition-presets
        api:definition-propose api:definition-revert api:definition-sign api:definitions api:docs api:receipt-keys
        api:metrics-catalogue
        api:schema availability calendar calendar_new calendars commitment commitment_delete commitment_edit
        commitment_new commitment_sign commitments cost_correct cost_new cost_upload costs costs_export
        definition definition_version definitions filter_forget filter_save
        api:review api:review-acknowledge api:review-block api:review-decide api:review-escalate api:review-unblock api:reviews
        blind_check blind_check_answer blind_check_export blind_check_new blind_check_result blind_checks
        overhaul satisfaction satisfaction_answer
        meeting meeting_settle report_subscribe report_subscription_end report_subscriptions report_unsubscribe
        glossary livez metrics onboarding onboarding_read overview presets primary_motion quick_figures readers readers_export
        readyz reasons_export
        rep_adjust rep_away rep_hand_over reps review review_calendar review_feed review_new review_step reviews
        reviews_export routing
        rule_delete rule_edit rule_move rule_new rule_switch rules team_settle version_amendment version_diff
        version_step
    """,
}
RULE_OF: Final = {name: rule for rule, names in RULES.items() for name in names.split()}
HIDDEN: Final = sorted(name for name, rule in RULE_OF.items() if rule == "hidden")
#: What the address of a list says to look for the hidden leads, in parts of words that a page may repeat.
SEARCHES: Final = {"own": ("", "q=intess", "stage=mal", "when=paused", "email=intess"), "none": ("",)}
METHODS: Final = ("get", "head", "post", "put", "patch", "delete", "options")
SECRETS: Final = ("Quintessa", "hidden.example", "Hidden Works")


@dataclass(frozen=True, slots=True)
class Sight:
    """An SDR with a handoff of their own, and leads that are nobody's business but marketing's."""

    sdr: Client
    handoff: Handoff
    hidden: tuple[Lead, ...]
    keys: tuple[int, ...]

    def paths(self, name: str) -> Iterator[str]:
        """Yield the addresses of a route, with the id of each hidden row for its number."""
        fixed = {
            "step": "sign",
            "name": "sla",
            "slug": self.handoff.version.definition.slug,
            "number": self.handoff.version.number,
            "table": "weeks",
            "token": "forged",
            "against": self.handoff.version.number,
        }
        for key in self.keys if set(ROUTES[name]) - set(fixed) else self.keys[:1]:
            yield reverse(name, kwargs={parameter: fixed.get(parameter, key) for parameter in ROUTES[name]})


@pytest.fixture
def sight() -> Iterator[Sight]:
    with time_machine.travel(NOW + 2 * MINUTE, tick=False):
        # A handoff of another team, of a lead that the SDR must not see either: its rule matched while it was the only one.
        foreign = HandoffFactory(lead__email="quintessa.mql@hidden.example", lead__first_name="Quintessa")
        RoutingRule.objects.update(is_active=False)
        TeamFactory(working=True)
        handoff = HandoffFactory()
        company = CompanyFactory(name="Hidden Works", domain="hidden.example", country="DE")
        hidden = tuple(
            LeadFactory(
                email=f"quintessa{'' if stage == Stage.MAL else stage}@hidden.example",
                first_name="Quintessa",
                stage=stage,
                company=company,
            )
            for stage in (Stage.MAL, Stage.LEAD, Stage.NURTURE, Stage.PAUSED, Stage.DISQUALIFIED, Stage.WON)
        )
        for person in hidden:
            EventFactory(lead=person, signal__code="pricing_view")
        sdr = Client()
        sdr.force_login(handoff.rep.user)
        yield Sight(sdr, handoff, hidden, (hidden[0].pk, company.pk, foreign.pk))


def _content_of(response: HttpResponseBase) -> str:
    """Return what a response says; a stream is read to its end."""
    return bytes(getattr(response, "getvalue", bytes)()).decode(errors="replace")


def test_every_route_has_a_rule() -> None:
    assert sorted(RULE_OF) == OURS


def test_every_operation_of_the_api_belongs_to_a_route_with_a_rule() -> None:
    schema = SchemaGenerator().get_schema(request=None, public=True)
    of_leads = {path for path in schema["paths"] if "lead" in path or "compan" in path or "duplicate" in path}
    routes = {reverse(name, kwargs=dict.fromkeys(ROUTES[name], 0)) for name in HIDDEN if name.startswith("api:")}

    assert {path.replace("{id}", "0") for path in of_leads} <= routes


def test_routes_that_take_or_list_leads_do_not_exist_for_an_sdr(sight: Sight) -> None:
    # The role is asked before any row is looked up, so that one id for each route will do.
    answers = {
        (name, method): getattr(sight.sdr, method)(next(sight.paths(name))).status_code
        for name in HIDDEN
        for method in METHODS
    }

    assert {key: status for key, status in answers.items() if status != 404} == {}


def test_no_page_and_no_answer_shows_an_sdr_a_hidden_lead(sight: Sight) -> None:
    open_routes = [name for name in OURS if RULE_OF[name] != "hidden"]
    by_id = {path for name in open_routes if ROUTES[name] for path in sight.paths(name)}
    lists = {
        f"{reverse(name)}?{search}" for name in open_routes if not ROUTES[name] for search in SEARCHES[RULE_OF[name]]
    }

    shown = {
        path for path in sorted(by_id | lists) if any(secret in _content_of(sight.sdr.get(path)) for secret in SECRETS)
    }

    assert shown == set()


@pytest.mark.parametrize("role", [Role.MARKETING_OPS, Role.VIEWER, Role.SALES_MANAGER])
def test_the_same_routes_exist_for_those_who_read_leads(sight: Sight, role: Role) -> None:
    reader = Client()
    reader.force_login(UserFactory(roles=[role]))

    lists = [_content_of(reader.get(reverse(name), {"stage": "mal"})) for name in ("mals", "lead_list", "api:leads")]
    assert all("Quintessa" in text for text in lists)
    assert reader.get(reverse("lead", args=[sight.hidden[0].pk])).status_code == 200


def test_an_sdr_who_is_an_executive_as_well_reads_leads(sight: Sight) -> None:
    client = Client()
    client.force_login(UserFactory(roles=[Role.SDR, Role.VIEWER]))

    assert client.get(reverse("lead", args=[sight.hidden[0].pk])).status_code == 200
