"""Races of many contenders over HTTP: of those that exclude each other one wins, and the others learn of it (rules 17.2)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from django.db import DatabaseError
from django.utils import timezone

from config import periodic
from config.accounts.vocabulary import Role
from definitions import version_documents
from definitions.models import Criterion, SignOff, Version, VersionChange
from definitions.vocabulary import VersionState
from leads.models import LeadMerge
from sla.models import Disposition, Handoff, PendingDecision, RoutingDecision
from sla.vocabulary import HandoffState
from tests.definitions.version_lifecycles import build_grounds, create_backtest
from tests.drills.audit import require_nothing_lost_or_doubled, wait_until_caught_up
from tests.drills.callers import Answer, Caller
from tests.drills.counts import COUNTS
from tests.drills.drilled_company import DrilledCompany, ask_for_demo, propose_version
from tests.drills.event_load import deliver
from tests.drills.figures import Report, describe_seconds
from tests.drills.running_site import WORKER, RunningSite
from tests.factories import UserFactory
from tests.scoring import facts
from tests.threads import at_once

pytestmark = pytest.mark.xdist_group("drills")


def _race(callers: Sequence[Caller], act: Callable[[int, Caller], Answer]) -> list[Answer]:
    """Let these callers act at once, each over a line that is open already, and return their answers."""

    def run(number: int) -> Answer:
        return act(number, callers[number])

    for caller in callers:
        caller.open()
    answers = at_once(len(callers), run)
    assert not [answer for answer in answers if isinstance(answer, Exception)], answers
    return answers


def _count_statuses(answers: Sequence[Answer]) -> dict[int, int]:
    return dict(Counter(answer.status for answer in answers))


def _describe_race(answers: Sequence[Answer]) -> dict[str, Any]:
    statuses = ", ".join(f"{status}: {count}" for status, count in sorted(_count_statuses(answers).items()))
    return {"contenders": len(answers), "statuses": statuses, "answers": describe_seconds([a.seconds for a in answers])}


def test_one_of_many_decisions_on_a_handoff_stands(company: DrilledCompany, report: Report) -> None:
    (handoff,) = company.add_handoffs("decide", 1)
    key_holder = company.call_by_key_of(company.manager)
    callers = [Caller(company.site.port, key_holder.headers) for _ in range(COUNTS.contenders)]

    def decide(number: int, caller: Caller) -> Answer:
        if number % 2:
            return caller.post_json(f"/api/v1/handoffs/{handoff.pk}/accept", {})
        return caller.post_json(f"/api/v1/handoffs/{handoff.pk}/reject", {"reason": "not_interested"})

    answers = _race(callers, decide)

    assert _count_statuses(answers) == {200: 1, 409: COUNTS.contenders - 1}
    decision = Disposition.objects.get(handoff=handoff)
    handoff.refresh_from_db()
    assert handoff.state == (HandoffState.ACCEPTED if decision.kind == "accept" else HandoffState.REJECTED)
    wait_until_caught_up()
    require_nothing_lost_or_doubled()
    report(**_describe_race(answers))


def test_one_of_many_undos_takes_a_decision_back(company: DrilledCompany, report: Report) -> None:
    (handoff,) = company.add_handoffs("undo", 1)
    session = company.call_as(company.manager)
    callers = [Caller(company.site.port, session.headers) for _ in range(COUNTS.contenders)]

    accepted = session.post_form(f"/handoffs/{handoff.pk}/accept/")
    answers = _race(callers, lambda _, caller: caller.post_form(f"/handoffs/{handoff.pk}/undo/"))

    assert accepted.status == 302
    assert _count_statuses(answers) == {302: 1, 409: COUNTS.contenders - 1}
    assert not PendingDecision.objects.filter(handoff=handoff).exists()
    wait_until_caught_up()
    assert not Disposition.objects.filter(handoff=handoff).exists()
    require_nothing_lost_or_doubled()
    report(**_describe_race(answers))


def test_each_side_signs_once(company: DrilledCompany, report: Report) -> None:
    proposed = _propose_stricter(company, 60)
    roles = (Role.MARKETING_LEADER, Role.SALES_LEADER)
    leaders = [UserFactory(roles=[roles[number % 2]]) for number in range(COUNTS.contenders)]

    answers = _race([company.call_by_key_of(leader) for leader in leaders], _sign(proposed))

    assert _count_statuses(answers) == {200: 2, 409: COUNTS.contenders - 2}
    assert sorted(proposed.sign_offs.values_list("side", flat=True)) == ["marketing", "sales"]
    proposed.refresh_from_db()
    assert proposed.state == VersionState.APPROVED
    wait_until_caught_up()
    require_nothing_lost_or_doubled()
    report(**_describe_race(answers))


def test_of_two_versions_activated_at_once_one_comes_into_force_and_the_other_is_overtaken(
    company: DrilledCompany, report: Report
) -> None:
    approved = [company.approve(company.import_version(_stricter_document(number))) for number in (61, 62)]
    callers = [company.call_by_key_of(UserFactory(roles=[Role.MARKETING_OPS])) for _ in range(COUNTS.contenders)]

    def activate(number: int, caller: Caller) -> Answer:
        path = f"/api/v1/definitions/{approved[number % 2].pk}/activate"
        return caller.post_json(path, {"hand_over_entrants": True})

    answers = _race(callers, activate)
    waiting = wait_until_caught_up()

    assert _count_statuses(answers) == {200: 1, 409: COUNTS.contenders - 1}
    states = Version.objects.filter(pk__in=[version.pk for version in approved]).values_list("state", flat=True)
    assert sorted(states) == [VersionState.ACTIVE, VersionState.APPROVED]
    assert VersionChange.objects.filter(version__in=approved, to_state=VersionState.ACTIVE).count() == 1
    require_nothing_lost_or_doubled()
    report(**_describe_race(answers), caught_up_after_s=waiting)


def test_many_routers_give_each_lead_to_one_rep(site: RunningSite, company: DrilledCompany, report: Report) -> None:
    leads = company.add_leads("route", COUNTS.waiting_leads)
    site.kill(WORKER)
    record = deliver(company, [ask_for_demo(lead) for lead in leads], clients=4)

    results = at_once(COUNTS.routers, lambda _: periodic.tick(now=timezone.now()))
    site.start(WORKER)
    waiting = wait_until_caught_up()

    # A step that fails is missing; a tick that is behind leaves the steps of many leads to the next one.
    steps = {"decided", "rescored", "accounts", "reinstated", "handed_off", "routed"}
    assert all(result.keys() >= steps for result in results), results
    handoffs = Handoff.objects.filter(lead__in=leads)
    assert handoffs.count() == len(leads)
    assert RoutingDecision.objects.filter(handoff__in=handoffs, rep__isnull=False).count() == len(leads)
    require_nothing_lost_or_doubled(record)
    report(routers=COUNTS.routers, leads=len(leads), caught_up_after_s=waiting)


def test_two_leads_merged_both_ways_at_once_are_merged_once(company: DrilledCompany, report: Report) -> None:
    first, second = company.add_leads("merge", 2)
    record = deliver(company, [ask_for_demo(lead) for lead in (first, second)], clients=2)
    wait_until_caught_up()
    callers = [company.call_as_sender() for _ in range(COUNTS.contenders)]

    def merge(number: int, caller: Caller) -> Answer:
        alias, into = (first, second) if number % 2 else (second, first)
        return caller.post_json(f"/api/v1/leads/{alias.pk}/merge", {"into": into.pk, "why": "The same person."})

    answers = _race(callers, merge)
    waiting = wait_until_caught_up()

    assert _count_statuses(answers) == {201: 1, 400: COUNTS.contenders - 1}
    assert LeadMerge.objects.filter(alias__in=[first, second], ended_at__isnull=True).count() == 1
    require_nothing_lost_or_doubled(record)
    report(**_describe_race(answers), caught_up_after_s=waiting)


def test_edits_during_the_signatures_change_nothing(company: DrilledCompany, report: Report) -> None:
    proposed = _propose_stricter(company, 63)
    digest = version_documents.fingerprint(proposed)
    roles = (Role.MARKETING_LEADER, Role.SALES_LEADER)
    signers = [
        company.call_by_key_of(UserFactory(roles=[roles[number % 2]])) for number in range(COUNTS.contenders // 2)
    ]
    sign = _sign(proposed)

    def act(number: int) -> object:
        if number % 2:
            return Criterion.objects.filter(version=proposed).update(low=1)
        return sign(number // 2, signers[number // 2])

    results = at_once(COUNTS.contenders // 2 * 2, act)

    answers = [result for result in results if isinstance(result, Answer)]
    assert _count_statuses(answers) == {200: 2, 409: len(signers) - 2}
    assert all(isinstance(result, DatabaseError) for result in results[1::2])
    stored = Version.objects.get(pk=proposed.pk)
    assert stored.state == VersionState.APPROVED
    assert stored.proposal.backtest.digest == digest
    assert version_documents.fingerprint(stored) == digest
    wait_until_caught_up()
    require_nothing_lost_or_doubled()
    report(**_describe_race(answers), edits=len(results) - len(answers))


def test_edits_during_the_proposals_are_proposed_or_refused(company: DrilledCompany, report: Report) -> None:
    draft = company.import_version(_stricter_document(64))
    create_backtest(draft, at=timezone.now())
    grounds = build_grounds(draft, now=timezone.now())
    proposers = [company.call_by_key_of(UserFactory(roles=[Role.MARKETING_OPS])) for _ in range(COUNTS.contenders // 2)]
    body = {"driver": grounds["driver"], "evidence": grounds["evidence"], "acknowledged": grounds["acknowledged"]}

    def act(number: int) -> object:
        if number % 2:
            return Criterion.objects.filter(version=draft, field="company.employees").update(low=number)
        return proposers[number // 2].post_json(f"/api/v1/definitions/{draft.pk}/propose", body)

    results = at_once(COUNTS.contenders // 2 * 2, act)

    answers = [result for result in results if isinstance(result, Answer)]
    stored = Version.objects.get(pk=draft.pk)
    digest = version_documents.fingerprint(stored)
    proposals = _count_statuses(answers).get(200, 0)
    # Either somebody proposed what was tested, and then nobody could edit it, or an edit came first and made the backtest old.
    assert set(_count_statuses(answers)) <= {200, 409}
    assert (proposals, stored.state) in {(1, VersionState.PROPOSED), (0, VersionState.DRAFT)}
    if proposals:
        assert stored.proposal.backtest.digest == digest
        assert all(isinstance(result, DatabaseError) for result in results[1::2])
    assert not SignOff.objects.filter(version=stored).exists()
    report(**_describe_race(answers), proposals=proposals)


def _stricter_document(engagement: int) -> dict[str, Any]:
    """Return the reference definition with another threshold of engagement."""
    document: dict[str, Any] = facts.document()
    document["paths"][0]["clauses"][0]["at_least"] = engagement
    return document


def _propose_stricter(company: DrilledCompany, engagement: int) -> Version:
    draft = company.import_version(_stricter_document(engagement))
    return propose_version(draft, company.ops, timezone.now())


def _sign(version: Version) -> Callable[[int, Caller], Answer]:
    """Return a function that signs for marketing or sales, in turn."""

    def sign(number: int, caller: Caller) -> Answer:
        side = ("marketing", "sales")[number % 2]
        body = {"side": side, "decision": "approved", "comment": f"Number {number} agrees."}
        return caller.post_json(f"/api/v1/definitions/{version.pk}/sign", body)

    return sign
