from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions import reviews
from definitions.models import Definition, Review, SignOff, Version
from definitions.vocabulary import Decision, ReviewKind, ReviewTrigger, Side, VersionState
from tests.definitions.documents import criterion, load_reference
from tests.definitions.version_lifecycles import (
    DAY,
    NOW,
    build_grounds,
    create_active,
    create_approved,
    create_backtest,
    create_draft,
    create_proposed,
    sign,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

CONTENT = {key: value for key, value in load_reference().items() if key not in ("format", "name")}


def login(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def read_page(*roles: Role, to: str) -> str:
    response = login(UserFactory(roles=roles)).get(to)
    assert response.status_code == 200, to
    return response.content.decode()


def url(version: Version, step: str = "") -> str:
    if step:
        return reverse("version_step", args=[version.pk, step])
    return reverse("definition_version", args=[version.definition.slug, version.number])


def open_review(version: Version) -> Review:
    return reviews.open_review(
        definition=version.definition,
        trigger=ReviewTrigger.REJECTION_SPIKE,
        kind=ReviewKind.FULL,
        title="41 % rejected in October",
        evidence={
            "rejected": 41,
            "limits": {"too_many": 35},
            "from": "2026-10-01T00:00:00+00:00",
            "rejected_handoffs": [{"handoff": 7, "name": "<b>Ada</b>", "note": "No need."}],
        },
        proposal="Tighten the gate.",
        now=NOW,
        period="2026-10",
    )


def test_the_published_page_shows_the_definition_in_force() -> None:
    create_active(**CONTENT)

    shown = read_page(Role.SDR, to="/definition/")

    assert "An MQL works at a company with 50 to 5,000 employees" in shown
    assert "seconds aloud" in shown
    assert "Noise; capped." in shown
    assert "Points fade by 10 % every 30 days." in shown
    assert "Tier 3: fewer than 55 engagement points." in shown
    assert "“It says what we mean.”" in shown


def test_the_published_page_names_company_last_review_commitments_and_its_markdown(settings: Any) -> None:
    settings.COMPANY_NAME = "Northlane"
    version = create_active()
    review = open_review(version)
    reviews.decide_review(
        review=review,
        decision="Keep it.",
        reasoning="It works.",
        led_to=None,
        by=UserFactory(roles=[Role.SALES_LEADER]),
        now=NOW,
    )

    shown = read_page(Role.SALES_LEADER, to=url(version))

    assert "The definition of Northlane." in shown
    assert f'<a href="/reviews/{review.pk}/">41 % rejected in October</a>' in shown
    assert "What both sides promise" in shown
    assert f"/api/v1/definitions/{version.pk}.md" in shown


def test_the_page_tells_that_no_definition_is_in_force() -> None:
    create_draft()

    assert "No MQL definition is in force" in read_page(Role.SDR, to="/definition/")


def test_the_main_definition_comes_first() -> None:
    create_active()
    create_active(name="Product qualified", motion="pql")

    assert "Hand raise v1.0" in read_page(Role.VIEWER, to="/definition/")


def test_an_authors_own_words_stand_beside_the_generated_ones() -> None:
    shown = read_page(Role.VIEWER, to=url(create_active(statement="Whoever <asks>.")))

    assert "Whoever &lt;asks&gt;." in shown
    assert "An MQL is anyone who has one of" in shown


@pytest.mark.parametrize("make", [create_draft, create_proposed, create_approved, create_active])
def test_every_version_has_its_page_with_the_history(make: Callable[[], Version]) -> None:
    create_active(name="Other")
    version = make()

    shown = read_page(Role.VIEWER, to=url(version))

    assert version.get_state_display() in shown


@pytest.mark.parametrize(
    "path", ["/definitions/hand-raise/v9.9/", "/definitions/none/v1.0/", "/definitions/hand-raise/x/"]
)
def test_unknown_pages_are_not_found(path: str) -> None:
    create_draft()

    assert login(UserFactory(roles=[Role.VIEWER])).get(path).status_code == 404


@pytest.mark.parametrize("path", ["/definition/", "/definitions/", "/reviews/"])
def test_pages_require_a_login(path: str) -> None:
    assert Client().get(path).status_code == 302


def test_the_queries_of_the_page_do_not_grow_with_the_history(
    django_assert_max_num_queries: type[CaptureQueriesContext],
) -> None:
    for _ in range(4):
        create_active(**CONTENT)
    client = login(UserFactory(roles=[Role.VIEWER]))

    with django_assert_max_num_queries(45):
        client.get("/definition/")
    with django_assert_max_num_queries(11):
        client.get("/definitions/")


# Steps


def test_a_draft_is_proposed_signed_and_activated_from_its_pages() -> None:
    version = create_draft()
    ops = login(UserFactory(roles=[Role.MARKETING_OPS]))

    create_backtest(version)
    grounds = build_grounds(version)
    accepted = {f"accept-{key}": reason for key, reason in grounds["acknowledged"].items()}
    ops.post(
        url(version, "propose"),
        {"driver": grounds["driver"], "evidence": grounds["evidence"], "precision_basis": "won", **accepted},
    )
    for role, side in ((Role.MARKETING_LEADER, "marketing"), (Role.SALES_LEADER, "sales")):
        signature = {"side": side, "decision": "approved", "comment": "Yes."}
        login(UserFactory(roles=[role])).post(url(version, "sign"), signature)
    response = ops.post(url(version, "activate"), {"entrants": "no"}, follow=True)

    assert "Hand raise v1.0 is active now." in response.content.decode()
    version.refresh_from_db()
    assert version.state == VersionState.ACTIVE


def test_each_step_has_a_page_that_tells_its_consequence() -> None:
    shown = read_page(Role.MARKETING_OPS, to=url(create_draft(), "propose"))

    assert "From here on nobody can change anything in it" in shown


def test_a_refused_step_shows_the_reason() -> None:
    response = login(UserFactory(roles=[Role.MARKETING_OPS])).post(
        url(create_proposed(), "activate"), {"entrants": "no"}, follow=True
    )

    assert "waits for the signatures of both leaders" in response.content.decode()


def test_a_signature_needs_a_comment() -> None:
    version = create_proposed()

    response = login(UserFactory(roles=[Role.SALES_LEADER])).post(
        url(version, "sign"), {"side": "sales", "decision": "approved"}
    )

    assert response.status_code == 422
    assert not SignOff.objects.exists()


def test_a_leader_cannot_sign_for_the_other_side() -> None:
    version = create_proposed()
    signature = {"side": "marketing", "decision": "approved", "comment": "Yes."}

    response = login(UserFactory(roles=[Role.SALES_LEADER])).post(url(version, "sign"), signature)

    assert response.status_code == 422
    assert not SignOff.objects.exists()


def test_a_refusal_leaves_a_draft() -> None:
    version = create_proposed()
    signature = {"side": "sales", "decision": "refused", "comment": "Too loose."}

    response = login(UserFactory(roles=[Role.SALES_LEADER])).post(url(version, "sign"), signature, follow=True)

    assert "v1.0 was refused by Sales: Too loose." in response.content.decode()


def test_the_objection_of_an_sdr_is_shown_to_the_leaders() -> None:
    version = create_proposed()
    objection = {"side": "sdr", "decision": "refused", "comment": "Half of them <never> answer."}

    login(UserFactory(roles=[Role.SDR])).post(url(version, "sign"), objection)

    shown = read_page(Role.SALES_LEADER, to=url(version, "sign"))
    assert "Half of them &lt;never&gt; answer." in shown
    assert "heard, not counted" in shown
    version.refresh_from_db()
    assert version.state == VersionState.PROPOSED


def test_the_sign_sheet_tells_paths_from_hot_triggers_and_when_timing_is_asked() -> None:
    version = create_proposed(**CONTENT | {"timing": {"engaged_within_days": 30, "or_request_within_days": None}})

    shown = read_page(Role.SALES_LEADER, to=url(version, "sign"))

    assert "Path: “Engaged, with intent”." in shown
    assert "Hot trigger, enough by itself: “Asked to talk”." in shown
    assert "Must have been active in the last 30 days, unless hot." in shown


@pytest.mark.parametrize("step", ["copy", "propose", "activate", "sign", "delete"])
def test_a_step_of_another_role_is_not_found(step: str) -> None:
    client = login(UserFactory(roles=[Role.VIEWER]))
    version = create_approved()

    assert client.get(url(version, step)).status_code == 404
    assert client.post(url(version, step)).status_code == 404


def test_the_buttons_are_those_of_the_role_and_the_state() -> None:
    version = create_proposed()

    assert "Sign or comment" in read_page(Role.SALES_LEADER, to=url(version))
    assert "Activate" not in read_page(Role.MARKETING_OPS, to=url(version))
    assert "Copy to a new draft" not in read_page(Role.SDR, to=url(version))


# Reviews


def test_a_review_shows_its_evidence_escaped_and_linked() -> None:
    review = open_review(create_active())

    shown = read_page(Role.VIEWER, to=reverse("review", args=[review.pk]))

    assert "Tighten the gate." in shown
    assert "Too many above</dt><dd>35 %" in shown
    assert "October 2026" in shown
    assert "1 Oct 2026, 00:00 UTC" in shown
    assert '<a href="/handoffs/7/">&lt;b&gt;Ada&lt;/b&gt;</a>' in shown
    assert "<form class" not in shown


def test_a_leader_decides_a_review_on_its_page() -> None:
    version = create_active()
    review = open_review(version)
    decision = {"decision": "Tighten.", "reasoning": "52 % are fit.", "led_to": version.pk}

    login(UserFactory(roles=[Role.SALES_LEADER])).post(reverse("review", args=[review.pk]), decision)

    shown = read_page(Role.VIEWER, to="/reviews/")
    assert "Tighten." in shown
    assert "Nothing to decide" in shown


def test_a_decision_without_reasoning_comes_back_with_the_form() -> None:
    review = open_review(create_active())

    response = login(UserFactory(roles=[Role.SALES_LEADER])).post(
        reverse("review", args=[review.pk]), {"decision": "Tighten."}
    )

    assert response.status_code == 422
    assert "This field is required" in response.content.decode()


def test_the_second_of_two_decisions_is_refused() -> None:
    review = open_review(create_active())
    decision = {"decision": "Tighten.", "reasoning": "52 % are fit."}
    login(UserFactory(roles=[Role.MARKETING_LEADER])).post(reverse("review", args=[review.pk]), decision)

    response = login(UserFactory(roles=[Role.SALES_LEADER])).post(
        reverse("review", args=[review.pk]), decision, follow=True
    )

    assert "decided this review on" in response.content.decode()


def test_only_leaders_decide_a_review() -> None:
    review = open_review(create_active())
    decision = {"decision": "Tighten.", "reasoning": "52 % are fit."}

    assert (
        login(UserFactory(roles=[Role.MARKETING_OPS])).post(reverse("review", args=[review.pk]), decision).status_code
        == 404
    )
    assert login(UserFactory(roles=[Role.SDR])).get(reverse("review", args=[review.pk])).status_code == 403
    assert Review.objects.undecided().exists()


def test_a_superuser_sees_which_sides_are_left() -> None:
    version = create_proposed()
    sign(version, Side.SALES, Decision.APPROVED)
    root = UserFactory(is_superuser=True)

    shown = login(root).get(url(version, "sign")).content.decode()

    assert 'value="marketing"' in shown
    assert 'value="sales"' not in shown


# Comparison, presets, revert


def test_two_versions_are_compared_with_the_effect_of_each_change() -> None:
    first = create_active(gate=[criterion("company.employees", "between", [50, 1000])])
    create_draft(gate=[criterion("company.employees", "between", [100, 1000])])

    shown = read_page(Role.SALES_LEADER, to=f"/definitions/{first.definition.slug}/v1.1/diff/v1.0/")

    assert "tighter" in shown
    assert (
        login(UserFactory(roles=[Role.VIEWER])).get(f"/definitions/{first.definition.slug}/v1.1/diff/x/").status_code
        == 404
    )


def test_marketing_ops_begins_with_a_preset() -> None:
    ops = login(UserFactory(roles=[Role.MARKETING_OPS]))

    begun = ops.post("/definitions/presets/", {"preset": "hand_raise", "name": "Ours"}, follow=True)
    empty = ops.post("/definitions/presets/", {"preset": "", "into": Definition.objects.get().pk}, follow=True)

    assert "Ours v1.0 is a draft now." in begun.content.decode()
    assert "Ours v1.1 is a draft now." in empty.content.decode()


def test_a_draft_begun_from_a_preset_without_a_name_is_called_as_the_preset_is() -> None:
    ops = login(UserFactory(roles=[Role.MARKETING_OPS]))

    begun = ops.post("/definitions/presets/", {"preset": "product_usage"}, follow=True)
    again = ops.post("/definitions/presets/", {"preset": "product_usage"})

    assert "Product usage v1.0 is a draft now." in begun.content.decode()
    assert again.status_code == 422


@pytest.mark.parametrize(
    "sent", [{"preset": ""}, {"preset": "nothing", "name": "Ours"}, {"preset": "", "name": "Hand raise"}]
)
def test_a_new_draft_without_a_name_is_refused_by_its_field(sent: dict[str, str]) -> None:
    create_draft()

    response = login(UserFactory(roles=[Role.MARKETING_OPS])).post("/definitions/presets/", sent)

    assert response.status_code == 422
    assert Version.objects.count() == 1


def test_presets_are_shown_with_lint_findings() -> None:
    shown = read_page(Role.VIEWER, to="/definitions/presets/")

    assert "It cannot be proposed as it is" in shown
    assert "Start a draft from this" not in shown
    assert login(UserFactory(roles=[Role.VIEWER])).post("/definitions/presets/", {"name": "Ours"}).status_code == 404


def test_the_reason_for_going_back_is_written_from_the_records() -> None:
    first = create_active()
    second = create_active()
    Review.objects.create(
        definition=second.definition,
        version=second,
        trigger=ReviewTrigger.REJECTION_SPIKE,
        kind=ReviewKind.FULL,
        title="45 % rejected",
        evidence={"decided": 40, "rejected": 18},
        opened_at=NOW,
    )

    shown = read_page(Role.MARKETING_OPS, to=url(first, "revert"))

    assert "v1.1 has been in force since 5 November 2026." in shown
    assert "18 of 40 handoffs rejected (45 %), SAL rate 55 %." in shown
    assert "its backtest said: Coverage 24 of 30 (80 %), precision (won) 24 of 120 (20 %)." in shown


def test_a_draft_from_a_review_is_a_copy_of_the_version_in_force_today() -> None:
    first = create_active()
    review = open_review(first)
    second = create_active()

    shown = read_page(Role.MARKETING_OPS, to=f"/reviews/{review.pk}/")

    assert f"{url(second, 'copy')}?review={review.pk}" in shown
    assert url(first, "copy") not in shown


def test_a_decision_offers_the_versions_that_may_come_of_the_review_and_their_proposal_names_it() -> None:
    first, leader = create_active(), UserFactory(roles=[Role.SALES_LEADER])
    review = reviews.open_review(
        definition=first.definition,
        trigger=ReviewTrigger.QUARTER,
        kind=ReviewKind.LIGHT,
        title="Quarterly check",
        evidence={},
        proposal="",
        now=NOW + 4 * DAY,
    )
    draft = create_draft()

    form = login(leader).get(f"/reviews/{review.pk}/").context["forms"]["decide"]
    sent = {"decision": "Tighten.", "reasoning": "52 % are fit.", "led_to": draft.pk}
    login(leader).post(f"/reviews/{review.pk}/", sent)

    assert list(form.fields["led_to"].queryset) == [draft]
    assert f'<option value="{review.pk}" selected>' in read_page(Role.MARKETING_OPS, to=url(draft, "propose"))


def test_a_signature_says_what_it_did_and_what_is_still_missing() -> None:
    version = create_proposed()
    answers = {
        side: login(UserFactory(roles=[role])).post(
            url(version, "sign"), {"side": side, "decision": "approved", "comment": "Yes."}, follow=True
        )
        for side, role in ((Side.MARKETING, Role.MARKETING_LEADER), (Side.SALES, Role.SALES_LEADER))
    }

    assert "v1.0 still waits for the signature of sales." in answers[Side.MARKETING].content.decode()
    assert "v1.0 is approved: both leaders have signed" in answers[Side.SALES].content.decode()


def test_a_late_step_shows_the_reason_on_the_page() -> None:
    response = login(UserFactory(roles=[Role.MARKETING_OPS])).post(
        url(create_proposed(), "propose"), {"driver": "first"}
    )

    assert response.status_code == 409
    assert "took the last step on" in response.content.decode()


def test_the_first_draft_begins_with_one_press() -> None:
    none_yet = read_page(Role.MARKETING_OPS, to="/definition/")
    offered = read_page(Role.MARKETING_OPS, to="/definitions/presets/")

    assert '<a class="button is-primary" href="/definitions/presets/">Start a draft</a>' in none_yet
    assert 'value="MQL"' in offered
    assert 'name="into"' not in offered


def test_an_activation_without_entrants_does_not_ask_about_them() -> None:
    shown = read_page(Role.MARKETING_OPS, to=url(create_approved(), "activate"))

    assert '<input type="hidden" name="entrants" value="no">' in shown
    assert 'type="radio"' not in shown
