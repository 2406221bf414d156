"""A round of a blind check as rows, with one lead, for tests that only need its pages."""

from __future__ import annotations

from definitions.models import Version
from leads.models import Lead
from scoring.models import BlindCheck, BlindCheckLead
from tests.factories import DAY, NOW, UserFactory


def store_round(version: Version, lead: Lead, *, pk: int) -> BlindCheck:
    """Store a round with this id."""
    blind_check = BlindCheck.objects.create(
        pk=pk, version=version, starts_at=NOW - DAY, ends_at=NOW, made_by=UserFactory(), made_at=NOW
    )
    facts = {"attributes": [["Industry", "Software"]], "events": [["Demo request", "2 days before"]]}
    BlindCheckLead.objects.create(blind_check=blind_check, position=1, lead=lead, at=NOW, facts=facts, meets=True)
    return blind_check
