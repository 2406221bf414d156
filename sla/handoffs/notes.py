"""What people write down about a lead in their hands. A note is no contact and stops no clock (rules 6.20)."""

from __future__ import annotations

import datetime as dt
from typing import Final

from django.db import transaction

from config.accounts.models import User
from sla import handoff_states, permissions
from sla.models import Handoff, Note

NOTE_AT_MOST: Final = 1000


class NoteRefused(Exception):
    """This note cannot be kept."""


@transaction.atomic
def write_note(*, handoff: Handoff, text: str, by: User, now: dt.datetime) -> Note:
    """Also on a closed handoff. Raises NotYours and NoteRefused with a sentence for the user."""
    handoff = handoff_states.lock(handoff)
    permissions.require_decider(by, handoff)
    text = text.strip()
    if not text:
        raise NoteRefused("An empty note says nothing.")
    if len(text) > NOTE_AT_MOST:
        raise NoteRefused(f"A note has {NOTE_AT_MOST} characters at most.")
    return Note.objects.create(handoff=handoff, text=text, by=by, at=now)
