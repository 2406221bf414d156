"""The pages of reviews: the list, opening one by hand, and the steps of the record."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse

from config.accounts.models import User
from config.accounts.vocabulary import Role
from definitions.models import Review, ReviewGap, ReviewStep, Version
from definitions.review_record import gaps, participants, steps
from definitions.vocabulary import ReviewKind, ReviewSeat
from tests.definitions.review_record.opened_reviews import (
    decide,
    four_roles,
    open_reconciliation,
    open_review,
    tick_all,
)
from tests.factories import DAY, NOW, UserFactory, VersionFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _clock() -> Iterator[None]:
    with time_machine.travel(NOW, tick=False):
        yield


def signed_in(person: User | Role = Role.MARKETING_OPS) -> Client:
    client = Client()
    client.force_login(person if isinstance(person, User) else UserFactory(roles=[person]))
    return client


def read(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


def page_of(review: Review) -> str:
    return reverse("review", args=[review.pk])


def take(client: Client, review: Review, step: str, **typed: Any) -> Any:
    return client.post(reverse("review_step", args=[review.pk, step]), typed)


def opening(version: Version, **changes: Any) -> dict[str, Any]:
    return {
        "definition": version.definition_id,
        "trigger": "new_market",
        "title": "We go to <b>Spain</b>",
        "about": "Hotels there buy elsewhere.",
        "meets_at": "2026-03-20T14:00",
        "request_key": "once",
    } | changes


# Opening


def test_ops_opens_a_review_by_hand_once_however_often_they_click() -> None:
    client, version = signed_in(), VersionFactory(active=True)
    queue = UserFactory(roles=[Role.SDR])

    answers = [client.post(reverse("review_new"), opening(version, queue=queue.pk)) for _ in range(2)]

    review = Review.objects.get()
    assert [answer["location"] for answer in answers] == [page_of(review)] * 2
    assert (review.kind, review.meets_at.isoformat()) == (ReviewKind.JOINT, "2026-03-20T14:00:00+00:00")
    assert [(one.seat, one.person) for one in participants.list_present(review)] == [(ReviewSeat.QUEUE, queue)]
    shown = read(client, page_of(review))
    assert "We go to &lt;b&gt;Spain&lt;/b&gt;" in shown
    assert "scope of its own" in shown
    assert "Missing: it is decided with all four roles." in shown


def test_two_pages_to_open_a_review_have_keys_of_their_own() -> None:
    VersionFactory(active=True)
    client = signed_in()

    keys = [client.get(reverse("review_new")).context["form"]["request_key"].value() for _ in range(2)]

    assert len(set(keys)) == 2


def test_a_reconciliation_is_opened_with_its_new_leader() -> None:
    version, new_leader = VersionFactory(active=True), UserFactory(roles=[Role.SALES_LEADER])
    typed = opening(version, trigger="new_leader")

    refused = signed_in().post(reverse("review_new"), typed)
    signed_in().post(reverse("review_new"), typed | {"new_leader": new_leader.pk})

    assert refused.status_code == 422
    assert "a reconciliation is acknowledged by the new leader" in refused.content.decode()
    assert steps.find_new_leader(Review.objects.get()) == new_leader


def test_mistakes_are_said_beside_their_fields_and_nothing_is_stored() -> None:
    version = VersionFactory(active=True)

    answer = signed_in().post(reverse("review_new"), opening(version, title="", meets_at="2026-03-01T10:00"))
    late = signed_in().post(reverse("review_new"), opening(version, meets_at="2026-03-01T10:00"))

    assert (answer.status_code, late.status_code) == (422, 422)
    assert "This field is required" in answer.content.decode()
    assert "This lies in the past" in late.content.decode()
    assert not Review.objects.exists()


def test_without_a_definition_the_page_leads_to_the_presets() -> None:
    shown = read(signed_in(), reverse("review_new"))

    assert "There is no definition to review" in shown
    assert reverse("presets") in shown


def test_a_reader_is_not_offered_to_open_a_review() -> None:
    assert reverse("review_new") not in read(signed_in(Role.VIEWER), reverse("reviews"))
    assert signed_in(Role.VIEWER).get(reverse("review_new")).status_code == 403


# The list


def test_the_list_shows_what_is_to_decide_and_filters_by_state() -> None:
    open_review(title="Alpha")
    steps.block(review=open_review(title="Beta"), issue="No wins.", by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW)
    decide(open_review(title="Gamma"))
    client = signed_in(Role.VIEWER)

    everything, blocked = (read(client, reverse("reviews") + query) for query in ("", "?state=blocked"))

    assert all(title in everything for title in ("Alpha", "Beta", "Gamma", "Waits for data: No wins."))
    assert ("Beta" in blocked, "Alpha" in blocked, "Gamma" in blocked) == (True, False, False)
    assert "No review is like this" in read(client, reverse("reviews") + "?kind=joint")


def test_an_overdue_review_is_marked() -> None:
    open_review()

    with time_machine.travel(NOW + 8 * DAY, tick=False):
        assert "Overdue" in read(signed_in(Role.VIEWER), reverse("reviews"))


def test_decided_reviews_come_by_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("definitions.views.reviews.PAGE", 2)
    version = VersionFactory(active=True)
    for title in ("Alpha", "Beta", "Gamma"):
        decide(open_review(title=title, version=version))
    client = signed_in(Role.VIEWER)

    first = client.get(reverse("reviews"))
    second = client.get(reverse("reviews"), {"after": first.context["more"]})

    assert [[row.title for row in page.context["decided"]] for page in (first, second)] == [
        ["Gamma", "Beta"],
        ["Alpha"],
    ]


def test_the_export_is_the_list() -> None:
    open_review(title="=1+1")
    decide(open_review(title="Done"))

    answer = signed_in(Role.VIEWER).get(reverse("reviews_export"), {"state": "open"})

    rows = b"".join(answer.streaming_content).decode().splitlines()
    assert len(rows) == 2
    assert ",'=1+1," in rows[1]
    assert ",Open," in rows[1]


# The record


def test_a_participant_without_the_list_of_leads_works_on_the_record() -> None:
    sdr = UserFactory(roles=[Role.SDR])
    evidence = {"decided": 20, "rejected_handoffs": [{"handoff": 7, "name": "Quintessa", "label": "No"}]}
    review = open_review(evidence=evidence)
    client = signed_in(sdr)
    assert client.get(page_of(review)).status_code == 403
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    participants.add_participant(review=review, person=sdr, seat=ReviewSeat.QUEUE, by=ops, now=NOW)

    shown = read(client, page_of(review))

    assert "Quintessa" not in shown
    assert "are shown to those who may list leads" in shown
    point = review.checklist.first()
    assert take(client, review, "tick", point=point.pk, is_done="on").status_code == 302
    assert f"{sdr}, " in read(client, page_of(review))
    assert client.get(reverse("reviews")).status_code == 403
    assert take(client, review, "seat", person=sdr.pk).status_code == 422


def test_readers_see_no_forms_and_take_no_steps() -> None:
    review, viewer = open_review(), signed_in(Role.VIEWER)

    assert "<form class" not in read(viewer, page_of(review))
    assert take(viewer, review, "block", issue="No.").status_code == 404
    assert viewer.post(page_of(review), {"decision": "x", "reasoning": "x"}).status_code == 404
    assert signed_in().get(reverse("review_step", args=[review.pk, "block"])).status_code == 405
    assert take(signed_in(), review, "unknown").status_code == 404


def test_a_review_is_escalated_blocked_unblocked_and_decided_by_its_decider() -> None:
    review, chief = open_review(), UserFactory()
    leader, ops = signed_in(Role.SALES_LEADER), signed_in()
    decision = {"decision": "Keep it.", "reasoning": "The data say so."}

    take(leader, review, "escalate", decider=chief.pk, why="No agreement.")
    assert f"{chief} decides: it was escalated." in read(leader, page_of(review))
    assert leader.post(page_of(review), decision).status_code == 409
    take(ops, review, "block", issue="Wins without leads.")
    blocked = signed_in(chief).post(page_of(review), decision)
    take(ops, review, "unblock", why="Matched.")
    signed_in(chief).post(page_of(review), decision)

    assert blocked.status_code == 422
    assert "It is blocked on data: Wins without leads." in blocked.content.decode()
    assert Review.objects.get().decided_by == chief
    shown = read(leader, page_of(review))
    assert all(text in shown for text in (f"Escalated to {chief}", "No agreement.", "Matched.", "Keep it."))
    assert take(leader, review, "block", issue="Late.").status_code == 409


def test_the_new_leader_acknowledges_on_the_page() -> None:
    review, new_leader = open_reconciliation()
    tick_all(review)
    client = signed_in(new_leader)
    assert "I acknowledge it" in read(client, page_of(review))
    assert "I acknowledge it" not in read(signed_in(Role.SALES_LEADER), page_of(review))

    take(client, review, "acknowledge", why="As it stands.")

    assert "As it stands." in read(client, page_of(review))
    assert client.post(page_of(review), {"decision": "Kept.", "reasoning": "Aligned."}).status_code == 302


def test_gaps_are_named_and_closed_on_the_page() -> None:
    review, client, owner = open_review(), signed_in(), UserFactory()
    typed = {"missing": "Buying <i>intent</i>", "owner": owner.pk, "due_on": "2026-04-01"}

    past = take(client, review, "gap", **(typed | {"due_on": "2026-03-01"}))
    take(client, review, "gap", **typed)
    gap = ReviewGap.objects.get()
    assert "Buying &lt;i&gt;intent&lt;/i&gt;" in read(client, page_of(review))
    decide(review)
    unsaid = take(client, review, "close-gap", gap=gap.pk)
    take(client, review, "close-gap", gap=gap.pk, version=review.version_id)

    assert (past.status_code, unsaid.status_code) == (422, 422)
    assert "This lies in the past" in past.content.decode()
    assert "name the version that closes it" in unsaid.content.decode()
    assert ReviewGap.objects.get().closed_in == review.version


def test_participants_and_the_meeting_change_on_the_page() -> None:
    review, client, guest = open_review(taking_part=four_roles()), signed_in(), UserFactory()

    with time_machine.travel(NOW + DAY, tick=False):
        take(client, review, "seat", person=guest.pk, seat="guest")
        take(client, review, "unseat", participant=review.participants.get(seat="queue").pk)
        take(client, review, "meeting", meets_at="2026-03-12T09:30")

    shown = read(client, page_of(review))
    assert f"{guest} (Guest) takes part" in shown
    assert "no longer takes part" in shown
    assert "Thu 12 Mar, 09:30" in shown


def test_a_draft_started_from_a_review_begins_with_its_reason() -> None:
    review = decide(open_review(), decision="Tighten.", reasoning="Half do not fit.")
    link = f"{reverse('version_step', args=[review.version_id, 'copy'])}?review={review.pk}"

    assert link in read(signed_in(), page_of(review))
    assert "decided on 10 March 2026: Tighten. Half do not fit." in read(signed_in(), link)
    other = open_review(version=VersionFactory(active=True))
    unrelated = reverse("version_step", args=[other.version_id, "copy"])
    assert "Half do not fit" not in read(signed_in(), f"{unrelated}?review={review.pk}")


def test_the_page_needs_as_many_queries_for_a_long_record(django_assert_max_num_queries: Any) -> None:
    review, ops = open_review(), UserFactory(roles=[Role.MARKETING_OPS])
    for number in range(8):
        person = UserFactory()
        participants.add_participant(review=review, person=person, seat=ReviewSeat.GUEST, by=ops, now=NOW)
        gaps.add_gap(review=review, missing=f"{number}", owner=person, due_on=NOW.date(), by=ops, now=NOW)
        steps.set_meeting(review=review, meets_at=NOW + number * DAY, by=ops, now=NOW)
    client = signed_in()

    with django_assert_max_num_queries(35):
        read(client, page_of(review))
    assert ReviewStep.objects.count() == 8
