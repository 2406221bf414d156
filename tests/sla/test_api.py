from __future__ import annotations

import datetime as dt

import pytest
from django.test import Client
from django.utils import timezone

from config.accounts.vocabulary import Role
from leads.vocabulary import Motion, Stage
from sla.models import Disposition
from tests.factories import (
    MINUTE,
    NOW,
    HandoffFactory,
    ReasonCodeFactory,
    RepFactory,
    TeamFactory,
    UserFactory,
    read_handoff,
)
from tests.sla.api_client import ApiClient

pytestmark = pytest.mark.django_db


@pytest.fixture
def handoff():
    return HandoffFactory()


@pytest.fixture
def api(handoff):
    return ApiClient(handoff.rep.user, "handoffs:read", "handoffs:write")


def sentence(answer):
    return answer.json()["errors"][0]["detail"]


def test_the_list_shows_what_the_owner_may_see(handoff, api):
    elsewhere = TeamFactory(working=True)
    elsewhere.rules.update(position=0)
    HandoffFactory()

    found = api.get("handoffs").json()["results"]

    assert [row["id"] for row in found] == [handoff.pk]


def test_one_handoff_comes_with_its_evidence_clocks_and_words(handoff, api):
    answer = api.get(f"handoffs/{handoff.pk}").json()

    assert (answer["state"], answer["rep"]["email"], answer["why"]) == (
        "assigned",
        handoff.rep.user.email,
        handoff.qualification.why,
    )
    assert {clock["kind"] for clock in answer["clocks"]} == {"route", "first_contact", "disposition"}
    assert answer["routing_decisions"][0]["explanation"].endswith("next in turn")
    assert (answer["attempts"], answer["dispositions"], answer["sales_qualification"]) == ([], [], None)


def test_a_foreign_id_is_not_found_to_read_or_to_act_on(handoff):
    stranger = ApiClient(RepFactory(team=TeamFactory(working=True)).user, "handoffs:read", "handoffs:write")

    answers = [
        stranger.get(f"handoffs/{handoff.pk}"),
        *(
            stranger.post(f"handoffs/{handoff.pk}/{action}")
            for action in ("accept", "reject", "attempts", "meeting", "qualify", "opportunity", "won", "lost")
        ),
    ]

    assert [answer.status_code for answer in answers] == [404] * 9


def test_a_key_needs_the_scope(handoff):
    reader = ApiClient(handoff.rep.user, "handoffs:read")

    assert reader.get("handoffs").status_code == 200
    assert reader.post(f"handoffs/{handoff.pk}/accept").status_code == 403
    assert reader.get("reports/sla").status_code == 403
    assert Client().get("/api/v1/handoffs").status_code == 401


def test_marketing_reads_but_never_decides(handoff):
    key = ApiClient(UserFactory(roles=[Role.MARKETING_OPS]), "handoffs:read", "handoffs:write")

    assert key.get(f"handoffs/{handoff.pk}").status_code == 200
    assert key.post(f"handoffs/{handoff.pk}/accept").status_code == 403
    assert not Disposition.objects.exists()


def test_a_signed_in_person_uses_it_with_their_roles(handoff):
    client = Client()
    client.force_login(handoff.rep.user)

    assert client.get(f"/api/v1/handoffs/{handoff.pk}").status_code == 200


def test_from_accepting_to_winning(handoff, api):
    steps = [
        ("accept", {}),
        ("attempts", {"channel": "call", "outcome": "connected"}),
        ("meeting", {"at": (timezone.now() + dt.timedelta(days=2)).isoformat()}),
        ("qualify", dict.fromkeys(("problem", "budget", "authority", "timeline"), "Yes.")),
        ("opportunity", {"amount": "12000.50"}),
        ("won", {"amount": "11000"}),
    ]

    answers = [api.post(f"handoffs/{handoff.pk}/{action}", said) for action, said in steps]

    assert [answer.status_code for answer in answers] == [200] * 6, [answer.content for answer in answers]
    assert [answer.json()["state"] for answer in answers] == [
        "accepted", "accepted", "accepted", "qualified", "opportunity", "won",
    ]  # fmt: skip
    assert read_handoff(handoff).lead.stage == Stage.WON


def test_a_step_after_a_rejection_in_the_other_motion_is_taken_or_refused_with_a_sentence(handoff, api):
    pql = HandoffFactory(lead=handoff.lead, motion=Motion.PQL)
    answers = dict.fromkeys(("problem", "budget", "authority", "timeline"), "Yes.")
    api.post(f"handoffs/{pql.pk}/accept", {})
    unfit = {"reason": ReasonCodeFactory(code="wrong_company_profile").code, "note": "Too small."}
    assert api.post(f"handoffs/{handoff.pk}/reject", unfit).status_code == 200
    assert api.post(f"handoffs/{pql.pk}/qualify", answers).json()["state"] == "qualified"

    other = HandoffFactory()
    pql = HandoffFactory(lead=other.lead, motion=Motion.PQL)
    of_rep = ApiClient(other.rep.user, "handoffs:read", "handoffs:write")
    of_rep.post(f"handoffs/{pql.pk}/accept", {})
    of_rep.post(f"handoffs/{other.pk}/reject", {"reason": ReasonCodeFactory(code="competitor_student_spam").code})
    refused = of_rep.post(f"handoffs/{pql.pk}/qualify", answers)
    assert (refused.status_code, sentence(refused)) == (409, "A lead cannot go from Disqualified to SQL.")
    assert read_handoff(pql).state == "accepted"


def test_a_rejection_names_its_reason_by_code(handoff, api):
    reason = ReasonCodeFactory(code="bad_timing", family="timing", route="recycle")
    day = (timezone.now() + dt.timedelta(days=30)).date().isoformat()

    answer = api.post(f"handoffs/{handoff.pk}/reject", {"reason": reason.code, "reengage_on": day})

    assert answer.status_code == 200
    assert answer.json()["dispositions"][0]["reengage_on"] == day


def test_a_rejection_says_what_was_missing(handoff, api):
    reason = ReasonCodeFactory()

    answer = api.post(f"handoffs/{handoff.pk}/reject", {"reason": reason.code, "missing": "  An active project "})

    assert answer.status_code == 200
    assert answer.json()["dispositions"][0]["missing"] == "An active project"
    assert api.get(f"handoffs/{handoff.pk}").json()["dispositions"][0]["missing"] == "An active project"


@pytest.mark.parametrize("decision", ["accept", "reject"])
def test_the_second_to_decide_reads_who_and_when(handoff, api, decision, django_assert_max_num_queries):
    api.post(f"handoffs/{handoff.pk}/accept")

    # The key, its count, the roles of its owner, the handoff, whether they may decide it, and its decision: a hundred may be
    # late at once.
    with django_assert_max_num_queries(6):
        answer = api.post(f"handoffs/{handoff.pk}/{decision}")

    assert answer.status_code == 409
    assert sentence(answer).startswith(f"{handoff.rep} accepted this lead on ")


@pytest.mark.parametrize(
    ("action", "said", "status", "words"),
    [
        ("reject", {"reason": "nonsense"}, 400, "does not exist"),
        ("reject", {}, 400, "required"),
        ("reject", {"reason": "not_interested", "missing": "x" * 501}, 400, "500"),
        ("reject", {"reason": "not_interested", "missing": "\x00"}, 400, "NUL"),
        ("attempts", {"channel": "pigeon", "outcome": "sent"}, 400, "call, email, linkedin, sms, meeting"),
        ("attempts", {"channel": "call", "outcome": "sent", "at": "2026-03-10T10:00:00"}, 400, "zone"),
        ("attempts", {"channel": "call", "outcome": "sent", "at": "2099-01-01T00:00:00Z"}, 422, "future"),
        ("attempts", {"channel": "call", "outcome": "sent", "at": "1999-01-01T00:00:00Z"}, 422, "before the lead"),
        ("meeting", {"at": "2099-01-01T00:00:00Z"}, 409, "Accept the lead"),
        ("qualify", dict.fromkeys(("problem", "budget", "authority", "timeline"), "x"), 409, "cannot become"),
        ("qualify", {"problem": "x"}, 400, "required"),
        ("opportunity", {"amount": "NaN"}, 400, "number"),
        ("opportunity", {"amount": -1}, 400, "0"),
        ("lost", {"reason": "x" * 201}, 400, "200"),
        ("won", {}, 409, "cannot become"),
    ],
)
def test_what_cannot_be_is_refused_with_a_sentence(handoff, api, action, said, status, words):
    answer = api.post(f"handoffs/{handoff.pk}/{action}", said)

    assert (answer.status_code, words in sentence(answer)) == (status, True), answer.content
    assert read_handoff(handoff).state == "assigned"


def test_the_list_costs_the_same_for_any_number(api, handoff, django_assert_num_queries):
    for _ in range(5):
        HandoffFactory()
    api.get("handoffs")

    with django_assert_num_queries(4):
        assert len(api.get("handoffs").json()["results"]) == 6


def test_filters_and_pages(api, handoff):
    for _ in range(3):
        HandoffFactory(tier=1)

    first = api.get("handoffs", tier=1, page_size=2).json()
    second = api.client.get(first["next"]).json()

    assert (len(first["results"]), len(second["results"]), second["next"]) == (2, 1, None)
    assert api.get("handoffs", state="won").json()["results"] == []
    assert api.get("handoffs", created_from=(NOW + MINUTE).isoformat()).json()["results"] == []
    assert api.get("handoffs", lead="\x00").status_code == 400


@pytest.mark.parametrize("name", ["lead", "rep", "team", "version"])
def test_what_a_handoff_points_at_is_a_number(api, handoff, name):
    own = getattr(handoff, f"{name}_id")

    found = [len(api.get("handoffs", **{name: number}).json()["results"]) for number in (own, own + 999, -1, 10**30)]
    refused = api.get("handoffs", **{name: "x"})

    assert found == [1, 0, 0, 0]
    assert (refused.status_code, refused.json()["errors"][0]["attr"]) == (400, name)


def test_a_filter_by_lead_reads_no_other_lead(api, handoff, django_assert_num_queries):
    api.get("handoffs")

    with django_assert_num_queries(4) as asked:
        api.get("handoffs", lead=handoff.lead_id, team=handoff.team_id, version=handoff.version_id)

    assert not [query for query in asked if 'FROM "leads_lead"' in query["sql"]]


def test_the_report_has_the_figures_of_the_promises(handoff):
    key = ApiClient(handoff.team.managers.first(), "reports:read")

    answer = key.get("reports/sla", by="team", since="2026-03-01", until="2026-04-01").json()

    kept = {figure["kind"]: (figure["group"], figure["kept"], figure["running"]) for figure in answer["figures"]}
    assert kept["route"] == (handoff.team.name, 1, 0)
    assert kept["first_contact"] == (handoff.team.name, 0, 1)
    assert answer["since"] == "2026-03-01T00:00:00Z"


def test_a_report_without_groups_counts_everything_together(handoff):
    key = ApiClient(handoff.team.managers.first(), "reports:read")

    answer = key.get("reports/sla", since="2026-03-01", until="2026-04-01").json()

    assert (answer["by"], {figure["group"] for figure in answer["figures"]}) == ("", {""})


def test_a_report_of_no_time_is_refused(handoff):
    key = ApiClient(handoff.team.managers.first(), "reports:read")

    assert key.get("reports/sla", since="2026-04-01", until="2026-03-01").status_code == 400
    assert key.get("reports/sla", by="mood").status_code == 400
    for asked, name in (
        ({"since": "2026-03-01", "to": "2026-03-31"}, "since"),
        ({"since": "2126-03-01"}, "since"),
        ({"until": "0001-01-01"}, "until"),
    ):
        refused = key.get("reports/sla", **asked)
        assert (
            refused.status_code,
            [error["attr"] for error in refused.json()["errors"]],
        ) == (400, [name])
