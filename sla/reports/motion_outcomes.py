"""The outcomes that count in a motion's figures (rules 12.241)."""

from __future__ import annotations

from django.db.models import CharField, Exists, OuterRef, QuerySet, Value
from django.db.models.functions import Cast, Concat

from config.accounts import sources
from leads.models import Outcome
from leads.vocabulary import Motion
from sla.models import Handoff
from sla.nurture import recycling


def of_motion(motion: Motion) -> QuerySet[Outcome]:
    """Return the outcomes in effect without those that a rep recorded on a handoff of another motion.

    What the CRM reports names no handoff, so it counts in each motion in which the person was handed to sales before.
    """
    deal = Concat(Value(recycling.DEAL_PREFIX), Cast("pk", CharField()), output_field=CharField())
    of_others = Handoff.objects.exclude(motion=motion).annotate(deal=deal).filter(deal=OuterRef("external_id"))
    return Outcome.objects.effective().exclude(Exists(of_others), source=sources.ACCORD)
