from __future__ import annotations

import pytest
from django.urls import reverse

from config.accounts.vocabulary import Role
from sla.handoffs import creation
from sla.models import Notice
from sla.notifications import outbox
from sla.vocabulary import NoticeKind
from tests.factories import HOUR, MINUTE, NOW, HandoffFactory, RepFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db


def write(*people, once="x", text="Hello"):
    draft = outbox.NoticeDraft(kind=NoticeKind.NEW_MQL, once=once, handoff=None, to=people, text=text, at=NOW)
    outbox.write_notices([draft])


def test_the_same_notice_is_written_once_per_person():
    ana, ben = UserFactory(), UserFactory()

    write(ana, ben)
    write(ana)

    assert Notice.objects.count() == 2
    assert outbox.unread_notices(ana).count() == 1


def test_a_read_notice_is_not_unread():
    ana, ben = UserFactory(), UserFactory()
    write(ana, ben)
    write(ana, once="y")
    first, _ = outbox.unread_notices(ana).order_by("pk")

    assert outbox.mark_read(user=ana, now=NOW, up_to=first.pk) == 1
    assert outbox.mark_read(user=ana, now=NOW) == 1
    assert (outbox.unread_notices(ana).count(), outbox.unread_notices(ben).count()) == (0, 1)


def test_unread_notices_come_first_and_the_next_page_continues():
    ana = UserFactory()
    for number in range(6):
        draft = outbox.NoticeDraft(NoticeKind.NEW_MQL, str(number), None, [ana], str(number), NOW + number * MINUTE)
        outbox.write_notices([draft])
    Notice.objects.filter(text__in="0245").update(read_at=NOW + HOUR)

    first = outbox.inbox(ana, limit=1)
    second = outbox.inbox(ana, after=first[0].pk, limit=2)
    third = outbox.inbox(ana, after=second[1].pk, limit=9)

    assert [[notice.text for notice in page] for page in (first, second, third)] == [
        ["3", "1"],
        ["1", "5", "4"],
        ["4", "2", "0"],
    ]


def test_a_reassignment_notifies_the_old_rep_and_is_a_new_mql_for_the_new_one():
    handoff = HandoffFactory()
    colleague = RepFactory(team=handoff.team)

    creation.assign(
        handoff=handoff, rep=colleague, by=handoff.team.managers.first(), now=NOW + HOUR, reason="Speaks German"
    )

    lost = outbox.unread_notices(handoff.rep.user).first()
    assert (lost.kind, lost.text) == (NoticeKind.REASSIGNED, f"Now with {colleague}: {handoff.lead} (Speaks German)")
    assert [told.kind for told in outbox.unread_notices(colleague.user)] == [NoticeKind.NEW_MQL]


def test_notices_of_a_team_without_managers_go_to_all_managers():
    team = TeamFactory(working=True)
    chief = UserFactory(roles=[Role.SALES_MANAGER])
    assert list(outbox.managers(team)) == [team.managers.first()]

    team.managers.clear()

    assert chief in outbox.managers(team)


def test_the_managers_of_the_new_team_are_notified_of_a_reassignment():
    handoff = HandoffFactory()
    elsewhere = TeamFactory(working=True)
    receiver, chief = elsewhere.reps.get(), handoff.team.managers.first()
    elsewhere.managers.add(chief)
    host = elsewhere.managers.exclude(pk=chief.pk).get()

    creation.assign(handoff=handoff, rep=receiver, by=chief, now=NOW + HOUR, reason="Speaks German")

    told = outbox.unread_notices(host).get()
    assert told.kind == NoticeKind.REASSIGNED
    assert told.text == f"From {handoff.team} to {receiver} of {elsewhere}: {handoff.lead} (Speaks German)"
    assert not outbox.unread_notices(chief).filter(kind=NoticeKind.REASSIGNED).exists()


def test_a_notice_of_a_lead_in_another_team_has_no_dead_link(client):
    handoff = HandoffFactory()
    page = reverse("handoff", args=[handoff.pk])
    client.force_login(handoff.rep.user)
    before = client.get(reverse("notices")).content.decode()
    receiver, by = TeamFactory(working=True).reps.get(), handoff.team.managers.first()

    creation.assign(handoff=handoff, rep=receiver, by=by, now=NOW + HOUR, reason="Speaks German")

    after = client.get(reverse("notices")).content.decode()
    assert (page in before, page in after) == (True, False)
    assert after.count("(with another team)") == 2


def test_opening_a_leads_page_marks_its_notices_as_read(client):
    handoff, other = HandoffFactory(), HandoffFactory()
    assert handoff.rep is not None
    client.force_login(handoff.rep.user)

    client.get(reverse("handoff", args=[handoff.pk]))

    unread = Notice.objects.filter(to=handoff.rep.user, read_at=None)
    assert set(unread.values_list("handoff", flat=True)) == {other.pk}
