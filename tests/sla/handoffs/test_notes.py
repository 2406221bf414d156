from __future__ import annotations

import pytest
from django.db import ProgrammingError, transaction

from sla import permissions
from sla.handoffs import notes, sales_stages
from sla.models import Note
from tests.factories import DAY, MINUTE, NOW, HandoffFactory, RepFactory, read_handoff

pytestmark = pytest.mark.django_db


def test_a_note_is_no_contact_and_stops_no_clock():
    handoff = HandoffFactory()

    notes.write_note(handoff=handoff, text=" Wrote back by herself. ", by=handoff.rep.user, now=NOW + MINUTE)

    assert handoff.notes.get().text == "Wrote back by herself."
    assert read_handoff(handoff).first_contact_at is None
    assert handoff.attempts.count() == 0
    assert not handoff.clocks.filter(kind="first_contact", met_at__isnull=False).exists()


@pytest.mark.parametrize(("text", "said"), [("  ", "says nothing"), ("x" * 1001, "1000 characters")])
def test_an_empty_or_overlong_note_is_refused(text, said):
    handoff = HandoffFactory()

    with pytest.raises(notes.NoteRefused, match=said):
        notes.write_note(handoff=handoff, text=text, by=handoff.rep.user, now=NOW)


def test_colleagues_cannot_write_notes():
    handoff = HandoffFactory()

    with pytest.raises(permissions.NotYours):
        notes.write_note(handoff=handoff, text="Hm.", by=RepFactory(team=handoff.team).user, now=NOW)


def test_each_meeting_booked_stays_on_record():
    handoff = HandoffFactory(accepted=True)

    for days in (1, 2):
        sales_stages.book_meeting(handoff=handoff, at=NOW + days * DAY, by=handoff.rep.user, now=NOW + MINUTE)

    assert list(handoff.notes.order_by("pk").values_list("meeting_at", flat=True)) == [NOW + DAY, NOW + 2 * DAY]


def test_a_stored_note_cannot_be_changed():
    handoff = HandoffFactory()
    notes.write_note(handoff=handoff, text="So it was.", by=handoff.rep.user, now=NOW)

    for change in (lambda: Note.objects.update(text="x"), lambda: Note.objects.all().delete()):
        with pytest.raises(ProgrammingError, match="pgtrigger"), transaction.atomic():
            change()
