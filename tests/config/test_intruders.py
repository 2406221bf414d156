"""The answer of every address to every kind of caller.

The table is compared with the URL resolver: no route is missing.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from traceback import format_exc
from typing import Final
from urllib.parse import urlencode

import pytest
import time_machine
from django.contrib import admin
from django.db import IntegrityError, transaction
from django.http import HttpResponseBase
from django.test import Client
from django.test.client import MULTIPART_CONTENT
from django.urls import reverse

from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import Role
from config.logs import remove_rows
from definitions.models import Backtest, Review, Suppression
from definitions.vocabulary import ReviewKind, ReviewTrigger
from leads.models import ImportRun
from leads.shipped_rights import OPS_MAY
from leads.vocabulary import Stage
from scoring.models import AccountQualification, BlindRule, BlindRuleKind, RecencyValidation
from sla.models import AccountPlay, Handoff, MarketingCost, PlayContact, PlayTask, RoutingRule
from sla.vocabulary import BuyingRole, PlayState
from tests.config.routes import OURS, ROUTES
from tests.definitions.suppressions.suppressed import suppress
from tests.factories import (
    MINUTE,
    NOW,
    CompanyFactory,
    HandoffFactory,
    LeadFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
)
from tests.leads.imports import stored_imports
from tests.scoring import backtest_results
from tests.scoring.blind_checks.stored_rounds import store_round
from tests.scoring.mals.stored_validations import store_validation
from tests.sla.marketing_costs.stored_costs import store_cost

pytestmark = pytest.mark.django_db

CALLERS: Final = (
    "nobody", "no role", "sdr", "other sdr", "manager", "other manager", "ops", "marketing leader", "sales leader", "viewer", "key",
)  # fmt: skip
TABLE: Final = """
absence_delete           302 405 405 405 405 405 405 405 405 405 302
absence_new              302 405 405 405 405 405 405 405 405 405 302
alerts                   302 200 200 200 200 200 200 200 200 200 302
alerts_test              302 405 405 405 405 405 405 405 405 405 302
api:backtest-cancel      401 404 404 404 405 405 405 405 405 405 403
api:backtest-record      401 404 404 404 200 200 200 200 200 200 403
api:companies            401 404 404 404 200 200 200 200 200 200 403
api:definition           401 403 200 200 200 200 200 200 200 200 403
api:definition-activate  401 403 405 405 405 405 405 405 405 405 403
api:definition-backtest  401 404 404 404 405 405 405 405 405 405 403
api:definition-backtests 401 404 404 404 200 200 200 200 200 200 403
api:definition-checklist 401 403 200 200 200 200 200 200 200 200 403
api:definition-compare   401 404 404 404 400 400 400 400 400 400 403
api:definition-copy      401 403 405 405 405 405 405 405 405 405 403
api:definition-current   401 403 200 200 200 200 200 200 200 200 403
api:definition-diff      401 403 400 400 400 400 400 400 400 400 403
api:definition-evaluate  401 404 404 404 405 405 405 405 405 405 403
api:definition-lint      401 403 200 200 200 200 200 200 200 200 403
api:definition-markdown  401 403 200 200 200 200 200 200 200 200 403
api:definition-presets   401 403 200 200 200 200 200 200 200 200 403
api:definition-propose   401 403 405 405 405 405 405 405 405 405 403
api:definition-revert    401 403 405 405 405 405 405 405 405 405 403
api:definition-sign      401 403 405 405 405 405 405 405 405 405 403
api:definition-what-if   401 404 404 404 405 405 405 405 405 405 403
api:definitions          401 403 200 200 200 200 200 200 200 200 403
api:docs                 200 200 200 200 200 200 200 200 200 200 200
api:duplicates           401 404 404 404 200 200 200 200 200 200 403
api:events               401 404 404 404 405 405 405 405 405 405 403
api:handoff              401 403 200 404 200 404 200 200 200 200 403
api:handoff-accept       401 403 405 405 405 405 405 405 405 405 403
api:handoff-attempts     401 403 405 405 405 405 405 405 405 405 403
api:handoff-lost         401 403 405 405 405 405 405 405 405 405 403
api:handoff-meeting      401 403 405 405 405 405 405 405 405 405 403
api:handoff-opportunity  401 403 405 405 405 405 405 405 405 405 403
api:handoff-qualify      401 403 405 405 405 405 405 405 405 405 403
api:handoff-reject       401 403 405 405 405 405 405 405 405 405 403
api:handoff-won          401 403 405 405 405 405 405 405 405 405 403
api:handoffs             401 403 200 200 200 200 200 200 200 200 403
api:import               401 404 404 404 403 403 200 403 403 403 403
api:import-cancel        401 404 404 404 403 403 405 403 403 403 403
api:import-rejected      401 404 404 404 403 403 200 403 403 403 403
api:imports              401 404 404 404 403 403 405 403 403 403 403
api:lead                 401 404 404 404 200 200 200 200 200 200 403
api:lead-events          401 404 404 404 200 200 200 200 200 200 403
api:lead-explanation     401 404 404 404 200 200 200 200 200 200 403
api:lead-merge           401 404 404 404 405 405 405 405 405 405 403
api:lead-reinstate       401 404 404 404 405 405 405 405 405 405 403
api:lead-unmerge         401 404 404 404 405 405 405 405 405 405 403
api:lead-verdict         401 404 404 404 200 200 200 200 200 200 403
api:leads                401 404 404 404 200 200 200 200 200 200 403
api:outcomes             401 404 404 404 405 405 405 405 405 405 403
api:play                 401 403 200 404 200 404 200 200 200 200 403
api:play-accept          401 403 405 405 405 405 405 405 405 405 403
api:play-attempts        401 403 405 405 405 405 405 405 405 405 403
api:play-contact-role    401 403 405 405 405 405 405 405 405 405 403
api:play-lost            401 403 405 405 405 405 405 405 405 405 403
api:play-meeting         401 403 405 405 405 405 405 405 405 405 403
api:play-opportunity     401 403 405 405 405 405 405 405 405 405 403
api:play-reject          401 403 405 405 405 405 405 405 405 405 403
api:play-task-done       401 403 405 405 405 405 405 405 405 405 403
api:play-won             401 403 405 405 405 405 405 405 405 405 403
api:plays                401 403 200 200 200 200 200 200 200 200 403
api:receipt-keys         200 200 200 200 200 200 200 200 200 200 200
api:metrics-catalogue    401 403 200 200 200 200 200 200 200 200 403
api:report               401 403 200 200 200 200 200 200 200 200 403
api:report-sla           401 403 200 200 200 200 200 200 200 200 403
api:review               401 403 404 404 200 200 200 200 200 200 403
api:review-acknowledge   401 403 405 405 405 405 405 405 405 405 403
api:review-block         401 403 405 405 405 405 405 405 405 405 403
api:review-decide        401 403 405 405 405 405 405 405 405 405 403
api:review-escalate      401 403 405 405 405 405 405 405 405 405 403
api:review-unblock       401 403 405 405 405 405 405 405 405 405 403
api:reviews              401 403 403 403 200 200 200 200 200 200 403
api:schema               200 200 200 200 200 200 200 200 200 200 200
api:suppression-end      401 404 404 404 405 405 405 405 405 405 403
api:suppressions         401 404 404 404 200 200 200 200 200 200 403
api:values               401 404 404 404 400 400 400 400 400 400 403
availability             302 403 200 200 200 200 403 403 403 403 302
backtest                 302 404 404 404 200 200 200 200 200 200 302
backtest_cancel          302 404 404 404 405 405 405 405 405 405 302
backtest_csv             302 404 404 404 200 200 200 200 200 200 302
bell                     302 200 200 200 200 200 200 200 200 200 302
blind_check              302 403 200 200 200 200 200 200 200 200 302
blind_check_answer       302 403 405 405 405 405 405 405 405 405 302
blind_check_export       302 403 200 200 200 200 200 200 200 200 302
blind_check_new          302 403 403 403 403 403 405 405 405 403 302
blind_check_result       302 403 200 200 200 200 200 200 200 200 302
blind_checks             302 403 200 200 200 200 200 200 200 200 302
blind_rule_close         302 404 404 404 403 403 405 403 403 403 302
blind_rule_leads         302 404 404 404 200 200 200 200 200 200 302
blind_rules              302 404 404 404 200 200 200 200 200 200 302
calendar                 302 403 200 200 200 200 200 200 200 200 302
calendar_new             302 403 403 403 200 200 403 403 403 403 302
calendars                302 403 200 200 200 200 200 200 200 200 302
commitment               302 403 200 200 200 200 200 200 200 200 302
commitment_delete        302 403 403 403 405 405 405 405 405 403 302
commitment_edit          302 403 403 403 302 302 302 302 302 403 302
commitment_new           302 403 403 403 200 200 200 200 200 403 302
commitment_sign          302 403 405 405 405 405 405 405 405 405 302
commitments              302 403 200 200 200 200 200 200 200 200 302
company                  302 404 200 404 200 200 200 200 200 200 302
comparison               302 404 404 404 200 200 200 200 200 200 302
comparison_csv           302 404 404 404 200 200 200 200 200 200 302
cost_correct             302 404 404 404 403 403 200 403 403 403 302
cost_new                 302 404 404 404 403 403 200 403 403 403 302
cost_upload              302 404 404 404 403 403 200 403 403 403 302
costs                    302 404 404 404 200 200 200 200 200 200 302
costs_export             302 404 404 404 200 200 200 200 200 200 302
definition               302 403 200 200 200 200 200 200 200 200 302
definition_version       302 403 200 200 200 200 200 200 200 200 302
definitions              302 403 200 200 200 200 200 200 200 200 302
duplicate_compare        302 404 404 404 403 403 404 403 403 403 302
duplicates               302 404 404 404 403 403 200 403 403 403 302
filter_forget            302 403 405 405 405 405 403 403 403 403 302
filter_save              302 403 405 405 405 405 403 403 403 403 302
gate_unknown             302 404 404 404 200 200 200 200 200 200 302
gate_unknown_export      302 404 404 404 200 200 200 200 200 200 302
glossary                 302 200 200 200 200 200 200 200 200 200 302
hand_raises              302 404 404 404 200 200 200 200 200 200 302
hand_raises_export       302 404 404 404 200 200 200 200 200 200 302
handoff                  302 404 200 404 200 404 200 200 200 200 302
handoff_accept           302 405 405 405 405 405 405 405 405 405 302
handoff_assign           302 405 405 405 405 405 405 405 405 405 302
handoff_attempt          302 405 405 405 405 405 405 405 405 405 302
handoff_correct          302 404 302 404 302 404 302 302 302 302 302
handoff_lose             302 405 405 405 405 405 405 405 405 405 302
handoff_meeting          302 405 405 405 405 405 405 405 405 405 302
handoff_note             302 405 405 405 405 405 405 405 405 405 302
handoff_opportunity      302 405 405 405 405 405 405 405 405 405 302
handoff_qualify          302 405 405 405 405 405 405 405 405 405 302
handoff_reject           302 404 200 404 200 404 200 200 200 200 302
handoff_undo             302 405 405 405 405 405 405 405 405 405 302
handoff_win              302 405 405 405 405 405 405 405 405 405 302
home                     302 200 302 302 302 302 302 302 302 302 302
import_again             302 404 404 404 403 403 405 403 403 403 302
import_cancel            302 404 404 404 403 403 405 403 403 403 302
import_discard           302 404 404 404 403 403 405 403 403 403 302
import_list              302 404 404 404 403 403 200 403 403 403 302
import_mapping           302 404 404 404 403 403 200 403 403 403 302
import_new               302 404 404 404 403 403 200 403 403 403 302
import_preview           302 404 404 404 403 403 200 403 403 403 302
import_reading           302 404 404 404 403 403 405 403 403 403 302
import_rejected          302 404 404 404 403 403 200 403 403 403 302
import_run               302 404 404 404 403 403 200 403 403 403 302
import_start             302 404 404 404 403 403 405 403 403 403 302
lead                     302 404 404 404 200 200 200 200 200 200 302
lead_contact             302 404 404 404 403 403 200 403 403 403 302
lead_export              302 404 404 404 200 200 200 200 200 200 302
lead_keep_apart          302 404 404 404 403 403 405 403 403 403 302
lead_list                302 404 404 404 200 200 200 200 200 200 302
lead_merge               302 404 404 404 403 403 405 403 403 403 302
lead_part                302 404 404 404 403 403 405 403 403 403 302
lead_reinstate           302 404 404 404 403 403 200 200 200 403 302
lead_take_back           302 404 404 404 403 403 405 403 403 403 302
livez                    200 200 200 200 200 200 200 200 200 200 200
mals                     302 404 404 404 200 200 200 200 200 200 302
mals_export              302 404 404 404 200 200 200 200 200 200 302
mals_leave               302 404 404 404 403 403 405 403 403 403 302
mals_left                302 404 404 404 200 200 200 200 200 200 302
mals_left_export         302 404 404 404 200 200 200 200 200 200 302
mals_return              302 404 404 404 403 403 405 403 403 403 302
meeting                  302 403 403 403 200 200 200 200 200 200 302
meeting_close            302 404 404 404 403 403 405 405 405 403 302
meeting_decide           302 404 404 404 405 405 405 405 405 403 302
meeting_note             302 404 404 404 405 405 405 405 405 403 302
meeting_settle           302 403 403 403 405 405 405 405 405 405 302
metrics                  200 200 200 200 200 200 200 200 200 200 200
notices                  302 200 200 200 200 200 200 200 200 200 302
notices_read             302 405 405 405 405 405 405 405 405 405 302
notices_retry            302 405 405 405 405 405 405 405 405 405 302
nurture                  302 403 200 200 200 200 200 200 200 200 302
nurture_back             302 404 404 404 403 403 405 405 403 403 302
nurture_export           302 403 200 200 200 200 200 200 200 200 302
nurture_first            302 404 404 404 200 200 200 200 200 200 302
nurture_first_export     302 404 404 404 200 200 200 200 200 200 302
nurture_first_hand_over  302 404 404 404 403 403 405 405 403 403 302
nurture_postpone         302 404 404 404 403 403 405 405 403 403 302
onboarding               302 403 200 200 200 200 200 200 200 200 302
onboarding_read          302 403 405 405 405 405 405 405 405 405 302
overhaul                 302 403 403 403 200 200 200 200 200 200 302
overhaul_end             302 404 404 404 403 403 405 405 405 403 302
overhaul_interview       302 404 404 404 405 405 405 405 405 403 302
overhaul_start           302 404 404 404 403 403 405 405 405 403 302
overhaul_tick            302 404 404 404 405 405 405 405 405 403 302
overview                 302 403 403 403 200 200 200 200 200 200 302
pipeline_deals           302 404 404 404 200 200 200 200 200 200 302
play                     302 404 200 404 200 404 200 200 200 200 302
play_accept              302 405 405 405 405 405 405 405 405 405 302
play_assign              302 405 405 405 405 405 405 405 405 405 302
play_attempt             302 405 405 405 405 405 405 405 405 405 302
play_export              302 403 200 200 200 200 200 200 200 200 302
play_lose                302 405 405 405 405 405 405 405 405 405 302
play_meeting             302 405 405 405 405 405 405 405 405 405 302
play_note                302 405 405 405 405 405 405 405 405 405 302
play_opportunity         302 405 405 405 405 405 405 405 405 405 302
play_reject              302 404 200 404 200 404 200 200 200 200 302
play_role                302 405 405 405 405 405 405 405 405 405 302
play_task                302 405 405 405 405 405 405 405 405 405 302
play_win                 302 405 405 405 405 405 405 405 405 405 302
plays                    302 403 200 200 200 200 200 200 200 200 302
presets                  302 403 200 200 200 200 200 200 200 200 302
primary_motion           302 403 403 403 403 403 405 405 405 403 302
queue                    302 403 200 200 200 200 403 403 403 403 302
queue_decide             302 403 405 405 405 405 403 403 403 403 302
quick_figures            302 403 403 403 403 403 405 405 405 403 302
readers                  302 403 403 403 200 200 200 200 200 200 302
readers_export           302 403 403 403 200 200 200 200 200 200 302
reading_remove           302 404 404 404 403 403 405 403 403 403 302
readyz                   200 200 200 200 200 200 200 200 200 200 200
reasons_export           302 403 403 403 200 200 200 200 200 200 302
report                   302 403 200 200 200 200 200 200 200 200 302
report_export            302 403 200 200 200 200 200 200 200 200 302
report_rows              302 403 400 400 400 400 400 400 400 400 302
report_subscribe         302 405 405 405 405 405 405 405 405 405 302
report_subscription_end  302 405 405 405 405 405 405 405 405 405 302
report_subscriptions     302 200 200 200 200 200 200 200 200 200 302
report_unsubscribe       404 404 404 404 404 404 404 404 404 404 404
receipt                  302 404 200 404 200 404 200 200 200 200 302
recency_validation       302 404 404 404 200 200 200 200 200 200 302
recency_validation_assign 302 404 404 404 403 403 405 405 403 403 302
recency_validation_close 302 404 404 404 403 403 405 405 403 403 302
recency_validations      302 404 404 404 200 200 200 200 200 200 302
recency_validations_export 302 404 404 404 200 200 200 200 200 200 302
refused_address_take     302 404 404 404 403 403 405 403 403 403 302
refused_addresses        302 404 404 404 403 403 200 403 403 403 302
rep_adjust               302 405 405 405 405 405 405 405 405 405 302
rep_away                 302 405 405 405 405 405 405 405 405 405 302
rep_hand_over            302 405 405 405 405 405 405 405 405 405 302
replay                   302 404 404 404 200 200 200 200 200 200 302
reps                     302 403 403 403 200 200 200 200 200 200 302
review                   302 403 403 403 200 200 200 200 200 200 302
review_calendar          302 200 200 200 200 200 200 200 200 200 302
review_feed              404 404 404 404 404 404 404 404 404 404 404
review_new               302 403 403 403 403 403 200 200 200 403 302
review_step              302 405 405 405 405 405 405 405 405 405 302
reviews                  302 403 403 403 200 200 200 200 200 200 302
reviews_export           302 403 403 403 200 200 200 200 200 200 302
routing                  302 403 403 403 200 200 200 200 200 200 302
routing_try              302 404 404 404 200 200 200 200 200 200 302
rule_delete              302 403 403 403 405 405 403 403 403 403 302
rule_edit                302 403 403 403 200 200 403 403 403 403 302
rule_move                302 403 403 403 405 405 403 403 403 403 302
rule_new                 302 403 403 403 200 200 403 403 403 403 302
rule_switch              302 403 403 403 405 405 403 403 403 403 302
rules                    302 403 200 200 200 200 200 200 200 200 302
satisfaction             302 200 200 200 200 200 200 200 200 200 302
satisfaction_answer      404 404 404 404 404 404 404 404 404 404 404
set_aside                302 404 404 404 403 403 200 403 403 403 302
set_aside_retry          302 404 404 404 403 403 405 403 403 403 302
sla_export               302 403 200 200 200 200 200 200 200 200 302
sla_report               302 403 200 200 200 200 200 200 200 200 302
sla_rows                 302 403 200 200 200 200 200 200 200 200 302
suppression              302 404 404 404 200 200 200 200 200 200 302
suppression_new          302 404 404 404 403 403 200 200 200 403 302
suppressions             302 404 404 404 200 200 200 200 200 200 302
suppressions_export      302 404 404 404 200 200 200 200 200 200 302
team_settle              302 405 405 405 405 405 405 405 405 405 302
today                    302 404 404 404 200 200 200 403 403 403 302
unrouted                 302 404 404 404 200 200 403 403 403 403 302
unrouted_export          302 404 404 404 200 200 403 403 403 403 302
value_list               302 404 404 404 403 403 200 403 403 403 302
version_amendment        302 403 403 403 403 403 405 403 403 403 302
version_backtests        302 404 404 404 200 200 200 200 200 200 302
version_diff             302 403 200 200 200 200 200 200 200 200 302
version_step             302 404 200 200 404 404 200 200 200 404 302
what_if                  302 404 404 404 200 200 200 200 200 200 302
"""
ANSWERS: Final = {name: tuple(map(int, codes)) for name, *codes in map(str.split, TABLE.strip().splitlines())}
ACTIONS: Final = sorted(name for name in OURS if ":handoff-" in name or name.startswith("handoff_"))


@dataclass(frozen=True, slots=True)
class World:
    """A handoff that belongs to an SDR, and callers of every kind."""

    handoff: Handoff
    review: Review
    backtest: Backtest
    import_run: ImportRun
    play: AccountPlay
    callers: dict[str, Client]

    def path(self, name: str) -> str:
        """Return the address of a route with the ids of this world."""
        values = {
            "pk": self._pk(name),
            "step": "sign",
            "name": "sla",
            "slug": self.handoff.version.definition.slug,
            "number": self.handoff.version.number,
            "table": "weeks",
            "token": "forged",
            "other": self.handoff.version_id,
            "against": self.handoff.version.number,
            "file": self.import_run.file_id,
            "task": self.play.tasks.get().pk,
            "contact": self.play.contacts.get().pk,
        }
        return reverse(name, kwargs={parameter: values[parameter] for parameter in ROUTES[name]})

    def _pk(self, name: str) -> int:
        kind = name.removeprefix("api:").partition("-")[0].partition("_")[0]
        pks = {
            "handoff": self.handoff.pk,
            "receipt": self.handoff.pk,
            "lead": self.handoff.lead_id,
            "import": self.import_run.pk,
            "blind": BlindRule.objects.latest("pk").pk,
            "rule": RoutingRule.objects.latest("pk").pk,
            "version": self.handoff.version_id,
            "definition": self.handoff.version_id,
            "backtest": self.backtest.pk,
            "what": self.backtest.pk,
            "comparison": self.handoff.version_id,
            "replay": self.handoff.version_id,
            "commitment": self.handoff.commitment_id,
            "calendar": self.handoff.team.calendar_id,
            "cost": MarketingCost.objects.latest("pk").pk,
            "play": self.play.pk,
            "company": self.play.company_id,
            "suppression": Suppression.objects.latest("pk").pk,
            "recency": RecencyValidation.objects.latest("pk").pk,
        }
        return pks.get(kind, self.review.pk)


@pytest.fixture
def world() -> Iterator[World]:
    with time_machine.travel(NOW + 2 * MINUTE, tick=False):
        handoff = HandoffFactory()
        people: dict[str, User] = {
            "no role": UserFactory(),
            "sdr": handoff.rep.user,
            "other sdr": RepFactory(team=TeamFactory(working=True, reps=0)).user,
            "manager": handoff.team.managers.first(),
            "other manager": UserFactory(roles=[Role.SALES_MANAGER]),
            "ops": UserFactory(roles=[Role.MARKETING_OPS], is_staff=True),
            "marketing leader": UserFactory(roles=[Role.MARKETING_LEADER]),
            "sales leader": UserFactory(roles=[Role.SALES_LEADER]),
            "viewer": UserFactory(roles=[Role.VIEWER]),
        }
        blind_rule = BlindRule.objects.create(
            version=handoff.version, kind=BlindRuleKind.STOPPED, field="lead.country", count=1, at=NOW
        )
        store_round(handoff.version, handoff.lead, pk=blind_rule.pk)
        suppress("source", "fair", at=NOW)
        store_cost(people["ops"])
        store_validation(handoff.version, LeadFactory(stage=Stage.MAL), at=NOW)
        callers = {"nobody": Client()} | {name: signed_in(person) for name, person in people.items()}
        yield World(
            handoff,
            review(handoff),
            backtest_results.finished_backtest(handoff.version),
            stored_imports.start(),
            play_of(handoff),
            callers | {"key": machine(people["viewer"])},
        )


def signed_in(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def machine(owner: User, *scopes: str) -> Client:
    _, secret = ApiKey.objects.create_key(name="intruder", owner=owner, source="intruder", scopes=list(scopes))
    return Client(headers={"authorization": f"Api-Key {secret}"})


def play_of(handoff: Handoff) -> AccountPlay:
    """Return a play of the rep who has the handoff."""
    company = CompanyFactory()
    qualification = AccountQualification.objects.create(
        company=company,
        definition=handoff.version.definition,
        version=handoff.version,
        at=NOW,
        recorded_at=NOW,
        tier=2,
        contacts=3,
        why="3 contacts engaged.",
        evidence={},
    )
    play = AccountPlay.objects.create(
        qualification=qualification,
        company=company,
        version=handoff.version,
        commitment=handoff.commitment,
        tier=2,
        state=PlayState.ASSIGNED,
        team=handoff.team,
        rep=handoff.rep,
        created_at=NOW,
        routed_at=NOW,
    )
    PlayContact.objects.create(play=play, lead=LeadFactory(company=company), activity={"count": 0, "signals": []})
    PlayTask.objects.create(play=play, role=BuyingRole.USER, text="Find the user", created_at=NOW)
    return play


def review(handoff: Handoff) -> Review:
    return Review.objects.create(
        definition=handoff.version.definition,
        version=handoff.version,
        trigger=ReviewTrigger.MANUAL,
        kind=ReviewKind.LIGHT,
        title="A look",
        opened_at=NOW,
    )


def status_of(response: HttpResponseBase) -> int:
    """Return the status of a response. Streams are read to their end, so that an error in them is raised here."""
    getattr(response, "getvalue", bytes)()
    return response.status_code


def test_every_route_stands_in_the_table() -> None:
    assert sorted(ANSWERS) == OURS


def test_every_caller_gets_the_status_of_the_table_and_no_personal_page_is_cached(world: World) -> None:
    got: dict[str, tuple[int, ...]] = {}
    cacheable: set[str] = set()
    for name, path in ((name, world.path(name)) for name in OURS):
        responses = {who: client.get(path) for who, client in world.callers.items()}
        got[name] = tuple(map(status_of, responses.values()))
        if "no-store" not in responses["sdr"]["Cache-Control"]:
            cacheable.add(name)

    assert tuple(world.callers) == CALLERS
    assert got == ANSWERS
    assert cacheable == set()


def test_callers_with_read_access_change_nothing(world: World) -> None:
    bystanders = {name: client for name, client in world.callers.items() if name not in {"sdr", "manager"}}

    got = {
        (name, who): client.post(path, {}, "application/json" if ":" in name else MULTIPART_CONTENT).status_code
        for name, path in [(name, world.path(name)) for name in ACTIONS]
        for who, client in bystanders.items()
    }

    assert {key: status for key, status in got.items() if status not in {302, 401, 403, 404, 422}} == {}
    assert {who for (_, who), status in got.items() if status == 302} == {"nobody", "key"}
    assert {status for (_, who), status in got.items() if who in {"other sdr", "other manager"}} == {404}
    assert Handoff.objects.get(pk=world.handoff.pk).state == world.handoff.state


def test_a_form_from_another_site_is_refused(world: World) -> None:
    careless = Client(enforce_csrf_checks=True)
    careless.force_login(world.handoff.rep.user)

    assert {careless.post(world.path(name), {}, "application/json").status_code for name in ACTIONS} == {403}


# ── The library's pages ───────────────────────────────────────────────────────────────────────────────────


def test_only_administrators_create_accounts_and_change_addresses(world: World) -> None:
    typed = {"email": "ops@accord.test", "password1": "north-by-northlane", "password2": "north-by-northlane"}

    assert world.callers["sdr"].get("/accounts/email/").status_code == 404
    assert (
        world.callers["sdr"].post("/accounts/email/", {"action_add": "", "email": "ops@accord.test"}).status_code == 404
    )
    Client().post("/accounts/signup/", typed)
    assert not User.objects.filter(email="ops@accord.test").exists()


def test_an_account_is_locked_after_five_wrong_passwords() -> None:
    person = UserFactory(roles=[Role.SDR], name="sam")
    person.set_password("north-by-northlane")
    person.save()
    client = Client()

    answers = [
        client.post(reverse("account_login"), {"login": person.email, "password": password})
        for password in (*["wrong"] * 5, "north-by-northlane")
    ]

    assert [answer.status_code for answer in answers] == [200] * 6
    assert "Too many failed attempts to sign in" in answers[-1].content.decode()


@pytest.mark.parametrize("to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"])
def test_sign_in_redirects_to_no_other_site(to: str) -> None:
    person = UserFactory(roles=[Role.SDR])
    person.set_password("north-by-northlane")
    person.save()

    answer = Client().post(
        reverse("account_login"), {"login": person.email, "password": "north-by-northlane", "next": to}
    )

    assert (answer.status_code, answer["Location"]) == (302, reverse("home"))


# ── The admin ─────────────────────────────────────────────────────────────────────────────────────────────


def admin_lists() -> dict[str, str]:
    return {
        model._meta.model_name: reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
        for model in admin.site._registry
        if model._meta.model_name
    }


def test_the_admin_has_no_sign_in_of_its_own(world: World) -> None:
    sign_in = Client().post(reverse("admin:login"), {"username": "x", "password": "y"})

    assert (sign_in.status_code, sign_in["Location"].partition("?")[0]) == (302, reverse("account_login"))
    assert world.callers["viewer"].get(reverse("admin:login")).status_code == 403


def test_staff_alone_can_open_the_admin_within_their_rights(world: World) -> None:
    entered = {
        who: {name for name, path in admin_lists().items() if client.get(path).status_code == 200}
        for who, client in world.callers.items()
    }

    assert entered.pop("ops") == {*OPS_MAY, "definition", "version", "team", "rep", "reasoncode"}
    assert set().union(*entered.values()) == set()


def test_a_nul_in_a_filter_of_the_admin_is_refused(world: World) -> None:
    answer = world.callers["ops"].get(reverse("admin:leads_company_changelist") + "?country=%00")

    assert answer.status_code == 400


# ── Keys ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_key_reads_no_lead_by_way_of_a_definition(world: World) -> None:
    owner = UserFactory(roles=[Role.MARKETING_OPS])
    body = {"leads": [world.handoff.lead_id]}
    path = world.path("api:definition-evaluate")

    statuses = [
        machine(owner, *scopes).post(path, body, "application/json").status_code
        for scopes in (["definitions:read"], ["facts:read"], ["definitions:read", "facts:read"])
    ]

    assert statuses == [403, 403, 200]


@pytest.mark.parametrize("position", ["abc", "9" * 40, "2026-02-30", "\x00", ""])
@pytest.mark.parametrize("name", ["leads", "companies", "lead-events", "handoffs", "definitions"])
def test_a_forged_cursor_causes_no_error(world: World, name: str, position: str) -> None:
    cursor = b64encode(urlencode({"p": position}).encode()).decode()

    assert world.callers["viewer"].get(world.path(f"api:{name}"), {"cursor": cursor}).status_code in {200, 404}


def test_the_log_contains_the_path_but_not_the_query(world: World, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        world.callers["viewer"].get(reverse("lead_list"), {"q": "clara.lindqvist"})

    assert "GET /leads/" in caplog.text
    assert "clara.lindqvist" not in caplog.text


def test_a_failing_row_stays_out_of_the_log(world: World) -> None:
    try:
        with transaction.atomic():
            LeadFactory(mql=True, email=world.handoff.lead.email)
    except IntegrityError:
        complaint = format_exc()

    logged = remove_rows(None, "error", {"event": "request_failed", "exception": complaint})["exception"]

    assert world.handoff.lead.email in complaint
    assert world.handoff.lead.email not in logged
    assert "duplicate key value" in logged


def test_the_api_answers_404_in_json() -> None:
    for answer in (Client().get("/api/v1/leads/abc"), Client().post("/api/v1/nothing", {}, "application/json")):
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (404, "not_found")
