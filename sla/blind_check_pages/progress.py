"""The rounds of blind checks with how far a person is in each."""

from __future__ import annotations

from django.db.models import Count, IntegerField, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from config.accounts.models import User
from scoring.models import BlindCheck, BlindCheckAnswer, BlindCheckLead


def list_rounds(person: User) -> QuerySet[BlindCheck]:
    """Return all rounds, the latest first, each with its number of leads as `size` and of the person's answers as `answered`."""
    leads = _count(BlindCheckLead.objects.filter(blind_check=OuterRef("pk")), "blind_check")
    answers = _count(
        BlindCheckAnswer.objects.filter(row__blind_check=OuterRef("pk"), person=person), "row__blind_check"
    )
    rounds = BlindCheck.objects.select_related("version__definition", "made_by")
    return rounds.annotate(size=leads, answered=answers).order_by("-pk")


def _count(rows: QuerySet[BlindCheckLead] | QuerySet[BlindCheckAnswer], of: str) -> Coalesce:
    counts = rows.order_by().values(of).annotate(count=Count("pk")).values("count")
    return Coalesce(Subquery(counts, output_field=IntegerField()), 0)
