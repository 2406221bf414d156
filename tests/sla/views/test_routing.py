from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import Iterator

import pytest
import time_machine
from django.contrib.admin.models import LogEntry
from django.db import IntegrityError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from sla.models import Absence, Handoff, Notice, Rep, RoutingDecision, RoutingRule
from tests.factories import (
    DAY,
    HOUR,
    MINUTE,
    NOW,
    CommitmentFactory,
    CompanyFactory,
    HandoffFactory,
    LeadFactory,
    RepFactory,
    RoutingRuleFactory,
    TeamFactory,
    UserFactory,
    WorkCalendarFactory,
)

pytestmark = pytest.mark.django_db

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture(autouse=True)
def at_work() -> Iterator[None]:
    with time_machine.travel(NOW + 2 * MINUTE, tick=False):
        yield


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def page(client: Client, name: str, *args: object, **query: object) -> str:
    answer = client.get(reverse(name, args=args), query)
    assert answer.status_code == 200
    return answer.content.decode()


def queries(client: Client, name: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        page(client, name)
    return len(captured)


def order() -> list[tuple[int, str]]:
    return list(RoutingRule.objects.order_by("position").values_list("position", "name"))


# ── Rules ─────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_manager_writes_a_rule_and_reads_it_as_a_sentence():
    team = TeamFactory(working=True, name="World")
    client = signed_in(team.managers.first())
    typed = {
        "name": "DACH",
        "team": team.pk,
        "countries": "DE, Austria\nSchweiz, de, Deutschland",
        "employees_at_most": "500",
        "before": team.rules.get().pk,
        "is_active": "on",
    }

    answer = client.post(reverse("rule_new"), typed)

    assert answer.status_code == 302
    assert order() == [(1, "DACH"), (2, "World")]
    assert RoutingRule.objects.get(name="DACH").countries == ["DE", "AT", "CH"]
    shown = page(client, "routing")
    assert "country is Germany, Austria or Switzerland and company has at most 500 employees" in shown
    assert LogEntry.objects.get().user == team.managers.first()
    assert "Added: DACH" in shown


def test_a_rule_with_no_room_between_its_bounds_is_refused():
    team = TeamFactory(working=True)

    answer = signed_in(team.managers.first()).post(
        reverse("rule_new"),
        {"name": "x", "team": team.pk, "employees_at_least": "10", "employees_at_most": "9", "tiers": ["4"]},
    )

    assert answer.status_code == 422
    assert "No company has that many and that few." in answer.content.decode()
    assert RoutingRule.objects.count() == 1


def test_a_named_account_is_typed_as_an_address_and_kept_as_its_domain():
    team = TeamFactory(working=True)
    client = signed_in(team.managers.first())
    typed = {"name": "Named", "team": team.pk, "domains": "https://www.Acme.example/, acme.example, b.example."}

    client.post(reverse("rule_new"), typed)

    assert RoutingRule.objects.get(name="Named").domains == ["acme.example", "b.example"]


def test_what_is_no_domain_is_refused_and_named():
    team = TeamFactory(working=True)
    client = signed_in(team.managers.first())

    answers = [
        client.post(reverse("rule_new"), {"name": "Named", "team": team.pk, "domains": "acme.example, Acme Inc"}),
        client.get(reverse("routing_try"), {"domain": "Acme Inc"}),
    ]

    assert [answer.status_code for answer in answers] == [422, 422]
    assert all("“Acme Inc” is no domain; write it as acme.com." in answer.content.decode() for answer in answers)
    assert not RoutingRule.objects.filter(name="Named").exists()


def test_the_rules_after_a_deleted_one_close_up():
    team = TeamFactory(working=True, name="a", reps=0)
    first, second = team.rules.get(), RoutingRuleFactory(team=team, name="b")
    client = signed_in(team.managers.first())
    client.post(reverse("rule_move", args=[second.pk]), {"to": "up"})

    client.post(reverse("rule_delete", args=[second.pk]))

    assert order() == [(1, first.name)]


def test_rules_are_edited_moved_switched_and_deleted_and_each_is_logged():
    team = TeamFactory(working=True, name="a", reps=0)
    rules = [team.rules.get(), RoutingRuleFactory(team=team, name="b"), RoutingRuleFactory(team=team, name="c")]
    client = signed_in(team.managers.first())

    client.post(reverse("rule_move", args=[rules[2].pk]), {"to": "up"})
    client.post(reverse("rule_move", args=[rules[0].pk]), {"to": "up"})
    client.post(reverse("rule_switch", args=[rules[2].pk]), {"to": "off"})
    client.post(reverse("rule_edit", args=[rules[0].pk]), {"name": "A", "team": team.pk, "sources": "webinar"})
    client.post(reverse("rule_delete", args=[rules[1].pk]))

    assert order() == [(1, "A"), (2, "c")]
    assert RoutingRule.objects.get(name="A").sources == ["webinar"]
    assert not RoutingRule.objects.get(name="c").is_active
    said = list(LogEntry.objects.order_by("pk").values_list("change_message", flat=True))
    assert said == [
        "Moved from place 3 to 2",
        "Was: c: every lead → team a. Is: c: every lead → team a (off)",
        "Was: a: every lead → team a. Is: A: source is webinar → team a (off)",
        "Deleted: b: every lead → team a",
    ]


@pytest.mark.parametrize(
    ("earlier", "later", "is_covered"),
    [
        ({}, {"countries": ["DE"]}, True),
        ({"countries": ["DE", "AT"]}, {"countries": ["at"]}, True),
        ({"countries": ["DE"]}, {"countries": ["Germany"]}, True),
        ({"countries": ["DE"]}, {"countries": ["DE", "AT"]}, False),
        ({"countries": ["DE"]}, {}, False),
        ({"employees_at_least": 50}, {"employees_at_least": 100}, True),
        ({"employees_at_least": 50}, {"employees_at_most": 100}, False),
        ({"employees_at_most": 500}, {"employees_at_most": 100}, True),
        ({"employees_at_most": 100}, {"employees_at_most": 500}, False),
        ({"domains": ["acme.com"]}, {"domains": ["eu.acme.com"]}, True),
        ({"domains": ["acme.com"]}, {"domains": ["acme.org"]}, False),
        ({"tiers": [1, 2]}, {"tiers": [1]}, True),
        ({"motion": "pql"}, {}, False),
        ({"is_active": False}, {}, False),
    ],
)
def test_a_rule_that_is_never_reached_is_marked(earlier, later, is_covered):
    team = TeamFactory(working=True, reps=0)
    team.rules.update(**({"position": 1} | earlier))
    RoutingRuleFactory(team=team, **later)

    assert ("never reached" in page(signed_in(team.managers.first()), "routing")) is is_covered


@pytest.mark.parametrize("name", ["rule_edit", "rule_delete", "rule_move", "rule_switch"])
def test_a_rule_that_is_gone_is_a_404(name):
    team = TeamFactory(working=True)

    assert signed_in(team.managers.first()).post(reverse(name, args=[10**6])).status_code == 404


def test_who_may_not_change_the_rules_changes_none():
    team = TeamFactory(working=True, reps=1)
    rule = team.rules.get()
    for role in (Role.SDR, Role.MARKETING_OPS, Role.SALES_LEADER, Role.VIEWER):
        client = signed_in(UserFactory(roles=[role]))

        got = {client.post(reverse(name, args=[rule.pk])).status_code for name in ("rule_edit", "rule_delete")}

        assert got == {403}
    assert "New rule" not in page(signed_in(UserFactory(roles=[Role.MARKETING_OPS])), "routing")
    assert RoutingRule.objects.filter(pk=rule.pk).exists()


def test_names_of_strangers_are_text_everywhere():
    team = TeamFactory(working=True, name=HOSTILE[:100], reps=1)
    team.rules.update(name=HOSTILE, countries=[HOSTILE])
    lead = LeadFactory(mql=True, first_name=HOSTILE, country=HOSTILE, source=HOSTILE)
    client = signed_in(team.managers.first())

    shown = [
        page(client, "routing"),
        page(client, "reps"),
        page(client, "routing_try", lead=lead.pk, tier=1),
        page(client, "routing_try", q=HOSTILE),
        client.get(reverse("routing_try"), {"country": HOSTILE}).content.decode(),
    ]

    assert not any(HOSTILE in text for text in shown)


# ── A dry run ─────────────────────────────────────────────────────────────────────────────────────────────


def test_a_dry_run_says_what_the_router_then_does_and_writes_nothing():
    team = TeamFactory(working=True, name="World", reps=2)
    RepFactory(team=team, user__name="ann", is_away=True)
    lead = LeadFactory(mql=True, first_name="Jane", email="jane@acme.example")
    client = signed_in(team.managers.first())

    found = page(client, "routing_try", q="jane")
    with CaptureQueriesContext(connection) as captured:
        shown = page(client, "routing_try", lead=lead.pk, tier=2)

    assert f"lead={lead.pk}" in found
    assert not [query for query in captured if "FOR UPDATE" in query["sql"] or query["sql"].startswith("INSERT")]
    assert [rows.objects.count() for rows in (Handoff, RoutingDecision, Notice)] == [0, 0, 0]
    assert "Ann" in shown
    decision = HandoffFactory(lead=lead).routing_decisions.get()
    assert decision.explanation in shown


def test_a_dry_run_by_hand_knows_the_hour_and_the_owner_of_the_company():
    team = TeamFactory(working=True, name="World", reps=3)
    acme = CompanyFactory(domain="acme.example")
    owner = HandoffFactory(lead__company=acme, lead__first_name="Jane").rep
    client = signed_in(UserFactory(roles=[Role.MARKETING_OPS]))

    by_day = page(client, "routing_try", domain="ACME.example", tier=1)
    by_night = page(client, "routing_try", country="DE", tier=1, at="2026-03-10T22:00")

    assert f"→ {owner}, same company as Jane, owned by {owner}" in by_day
    assert "nobody available (3 outside working hours)" in by_night
    assert team.reps.count() == 3


@pytest.mark.parametrize("query", [{"lead": "x"}, {"lead": "9" * 18}, {"q": "a\x00b"}, {"q": "%_"}])
def test_a_search_for_nobody_finds_nobody(query):
    assert "It would go" not in page(signed_in(TeamFactory(working=True).managers.first()), "routing_try", **query)


@pytest.mark.parametrize("at", ["soon", "9999-12-31T23:59", "0001-01-01T00:00"])
def test_a_dry_run_with_a_wrong_instant_says_so(at):
    client = signed_in(TeamFactory(working=True).managers.first())

    assert client.get(reverse("routing_try"), {"at": at, "tier": "1"}).status_code == 422


def test_the_database_keeps_absences_within_our_time():
    rep = TeamFactory(working=True).reps.get()

    with pytest.raises(IntegrityError, match="absence_in_our_time"):
        Absence.objects.create(rep=rep, starts_at=NOW, ends_at=dt.datetime(9999, 12, 31, tzinfo=dt.UTC))


# ── Reps ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_managers_page_says_who_takes_leads_and_shows_the_arithmetic():
    team = TeamFactory(working=True, reps=0)
    RepFactory(team=team, user__name="ann", weight=3)
    RepFactory(team=team, user__name="ben", weight=1)
    for _ in range(8):
        HandoffFactory()
    RepFactory(team=team, user__name="cem", is_away=True)

    shown = page(signed_in(team.managers.first()), "reps")

    assert "6 of 8, weight 3 of 5 = 4.8" in shown
    assert "2 of 8, weight 1 of 5 = 1.6" in shown
    assert "2 of 3 take leads now" in shown


def test_a_manager_sets_weight_capacity_and_whether_somebody_is_active():
    team = TeamFactory(working=True)
    rep = team.reps.get()

    signed_in(team.managers.first()).post(reverse("rep_adjust", args=[rep.pk]), {"weight": 2, "capacity": 7})

    rep.refresh_from_db()
    assert (rep.weight, rep.capacity, rep.is_active) == (2, 7, False)
    assert LogEntry.objects.get().change_message.endswith("Is: weight 2, capacity 7, not active")


@pytest.mark.parametrize("typed", [{"weight": 0, "capacity": 1}, {"weight": 1, "capacity": -1}, {"weight": "x"}])
def test_terms_that_cannot_be_are_refused(typed):
    team = TeamFactory(working=True)
    rep = team.reps.get()

    answer = signed_in(team.managers.first()).post(reverse("rep_adjust", args=[rep.pk]), typed, follow=True)

    assert "message" in answer.content.decode()
    assert Rep.objects.get(pk=rep.pk).weight == rep.weight


def test_a_rep_switches_themselves_away_and_gets_no_more():
    team = TeamFactory(working=True)
    rep = team.reps.get()
    client = signed_in(rep.user)

    client.post(reverse("rep_away", args=[rep.pk]), {"to": "away"})

    assert HandoffFactory().is_unrouted
    assert "You get no new leads: away." in page(client, "availability")
    client.post(reverse("rep_away", args=[rep.pk]), {"to": "back"})
    assert HandoffFactory().rep == rep


def test_an_absence_is_added_with_its_effect_and_taken_back():
    team = TeamFactory(working=True)
    rep = team.reps.get()
    client = signed_in(team.managers.first())
    typed = {"starts_at": "2026-03-10T10:00", "ends_at": "2026-03-12T08:00", "label": "Leave"}

    answer = client.post(reverse("absence_new", args=[rep.pk]), typed | {"next": reverse("reps")}, follow=True)

    shown = answer.content.decode()
    assert f"{rep} gets no new leads from Tue 10 Mar 2026, 10:00 to Thu 12 Mar 2026, 08:00." in shown
    assert "until <time" in shown
    assert "Thu 12 Mar, 08:00</time>" in shown
    assert "(Leave)" in shown
    client.post(reverse("absence_delete", args=[Absence.objects.get().pk]))
    assert not Absence.objects.exists()
    assert LogEntry.objects.count() == 2


@pytest.mark.parametrize(
    ("starts_at", "ends_at"),
    [
        ("2026-03-12T10:00", "2026-03-11T10:00"),
        ("2026-03-01T10:00", "2026-03-02T10:00"),
        # Whose wall time some zones do not have.
        ("2026-03-12T10:00", "9999-12-31T23:59"),
        ("0001-01-01T00:00", "2026-03-20T10:00"),
    ],
)
def test_an_absence_that_cannot_be_is_refused_with_a_sentence(starts_at, ends_at):
    rep = TeamFactory(working=True).reps.get()

    answer = signed_in(rep.user).post(
        reverse("absence_new", args=[rep.pk]), {"starts_at": starts_at, "ends_at": ends_at}, follow=True
    )

    assert not Absence.objects.exists()
    assert answer.status_code == 422
    assert "absence" in answer.content.decode()
    assert f'value="{starts_at}"' in answer.content.decode()
    assert f'value="{ends_at}"' in answer.content.decode()


def test_a_refused_absence_keeps_the_managers_page_with_its_panel_open():
    team = TeamFactory(working=True, reps=2)
    rep = team.reps.first()
    typed = {"starts_at": "2026-03-12T10:00", "ends_at": "2026-03-11T10:00", "label": "Leave"}

    answer = signed_in(team.managers.first()).post(
        reverse("absence_new", args=[rep.pk]), typed | {"next": reverse("reps")}
    )

    shown = answer.content.decode()
    assert answer.status_code == 422
    assert shown.count('<details class="menu" open>') == 1
    assert shown.count('value="Leave"') == 1
    assert "The absence must end after it begins." in shown


def test_another_teams_reps_and_absences_are_not_there():
    rep = TeamFactory(working=True).reps.get()
    absence = Absence.objects.create(rep=rep, starts_at=NOW, ends_at=NOW + DAY)
    strangers = [
        TeamFactory(working=True).managers.first(),
        UserFactory(roles=[Role.MARKETING_OPS]),
        UserFactory(roles=[Role.SDR]),
    ]

    for stranger in strangers:
        client = signed_in(stranger)
        got = [
            client.post(reverse("rep_away", args=[rep.pk]), {"to": "away"}).status_code,
            client.post(reverse("rep_adjust", args=[rep.pk]), {"weight": 1, "capacity": 1}).status_code,
            client.post(reverse("absence_new", args=[rep.pk])).status_code,
            client.post(reverse("absence_delete", args=[absence.pk])).status_code,
            client.post(reverse("team_settle", args=[rep.team_id])).status_code,
        ]
        assert got == [404] * 5

    # A rep sets when they are off, not how much they get.
    typed = {"weight": 9, "capacity": 9, "is_active": "on"}
    assert signed_in(rep.user).post(reverse("rep_adjust", args=[rep.pk]), typed).status_code == 403


def test_a_manager_settles_what_happens_to_overdue_and_unworked_leads():
    team = TeamFactory(working=True)
    client = signed_in(team.managers.first())

    client.post(reverse("team_settle", args=[team.pk]), {"reassigns_on_breach": "on", "unworked_at_most": "5"})

    team.refresh_from_db()
    assert (team.reassigns_on_breach, team.unworked_at_most) == (True, 5)
    assert "Overdue leads go to the next rep" in page(client, "reps")


@pytest.mark.parametrize(
    ("agreed", "own", "said"),
    [
        (5, None, "With 5 accepted leads without a contact a rep gets no more (agreed)"),
        (5, 3, "(the team’s own number)"),
    ],
)
def test_readers_see_which_limit_of_unworked_leads_holds(agreed, own, said):
    CommitmentFactory(active=True, unworked_at_most=agreed)
    team = TeamFactory(working=True)
    team.unworked_at_most = own
    team.save()

    assert said in page(signed_in(UserFactory(roles=[Role.MARKETING_OPS])), "reps")
    assert "Agreed: 5. The lower number holds." in page(signed_in(team.managers.first()), "reps")


def test_handing_over_says_to_whom():
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team)

    answer = signed_in(handoff.team.managers.first()).post(
        reverse("rep_hand_over", args=[handoff.rep.pk]), {"reason": "Left", "next": reverse("reps")}, follow=True
    )

    assert f"1 of {handoff.rep}’s leads: {colleague} 1." in answer.content.decode()


def test_the_unrouted_page_sounds_the_alarm():
    team = TeamFactory(working=True, reps=0)
    HandoffFactory(tier=1, now=NOW - HOUR)
    client = signed_in(team.managers.first())

    assert "Nobody has 1 lead, the oldest since" in page(client, "unrouted")
    assert "1 of tier 1; 1 past the promise to route" in page(client, "unrouted")
    assert "1 MQL\n          found nobody" in page(client, "routing")


def test_the_unrouted_page_and_its_file_stand_in_the_order_of_what_is_due() -> None:
    team = TeamFactory(working=True, reps=0)
    late = HandoffFactory(now=NOW - HOUR, lead__first_name="=Late")
    waiting = HandoffFactory(lead__first_name="Waiting")
    hot = HandoffFactory(tier=1, lead__first_name="Hot")
    client = signed_in(team.managers.first())

    shown = page(client, "unrouted")
    answer = client.get(reverse("unrouted_export"))
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    assert sorted((hot, late, waiting), key=lambda row: shown.index(f'id="handoff-{row.pk}"')) == [hot, late, waiting]
    assert [(row["handoff"], row["due_at"], row["overdue"]) for row in rows] == [
        (str(handoff.pk), handoff.due_at.isoformat(), overdue)
        for handoff, overdue in ((hot, "no"), (late, "yes"), (waiting, "no"))
    ]
    assert rows[1]["lead"].startswith("'=")


@pytest.mark.parametrize("name", ["routing", "reps"])
def test_a_page_costs_the_same_for_any_number_of_rules_and_reps(name):
    team = TeamFactory(working=True, reps=2)
    manager = team.managers.first()
    HandoffFactory()
    client = signed_in(manager)
    queries(client, name)
    few = queries(client, name)
    for _ in range(3):
        more = TeamFactory(working=True, reps=3, managers=(manager,))
        Absence.objects.create(rep=more.reps.first(), starts_at=NOW, ends_at=NOW + DAY)
        HandoffFactory()

    assert queries(client, name) == few


def test_the_unrouted_page_tells_a_closed_team_from_a_lead_that_is_nobodys():
    shut = TeamFactory(working=True, calendar=WorkCalendarFactory(zone="Pacific/Auckland"))
    shut.rules.update(countries=["Norway"])
    for country in ("Norway", "Peru"):
        HandoffFactory(lead__country=country)

    shown = page(signed_in(shut.managers.first()), "unrouted")

    assert f"Waits for {shut} to open, " in shown
    assert "10 Mar" in shown.partition("to open, ")[2][:200]
    assert "<strong>Nobody’s</strong>: no rule matches" in shown
