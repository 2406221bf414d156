"""Companies to be judged, and companies whose people are to be rescored."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from leads.models.company import Company


class AccountQueueEntry(models.Model):
    """A company to be judged under definitions of the motion AQL; only leads.rescoring.account_queue writes it."""

    company = models.OneToOneField(Company, on_delete=models.CASCADE, related_name="account_queue_entry")
    due_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)

    class Meta:
        indexes: ClassVar = [
            # Read by account_queue.claim.
            models.Index(fields=["due_at", "id"], name="account_due", condition=Q(due_at__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.company}: {self.due_at:%Y-%m-%d %H:%M}" if self.due_at else f"{self.company}: nothing due"


class CompanyRescore(models.Model):
    """A company whose people are still to be rescored, because its own attributes changed: those with ids above `after`."""

    company = models.OneToOneField(Company, on_delete=models.CASCADE, primary_key=True, related_name="+")
    at = models.DateTimeField()
    after = models.BigIntegerField(default=0)
    # Grows with each request, so that a worker that is at the company finds out that it has changed again.
    requests = models.PositiveIntegerField(default=1)

    class Meta:
        # Read for the next company whose people are to be rescored.
        indexes: ClassVar = [models.Index(fields=["at"], name="company_rescore_by_at")]

    def __str__(self) -> str:
        return f"people of {self.company}"


class MassRescore(models.Model):
    """A wish to have all leads judged anew, in the order of their ids; only leads.rescoring.mass_rescores writes it.

    Whatever asks for it writes the row in its own transaction. `after` is the last lead that was judged.
    """

    cause = models.CharField(max_length=64, help_text="The row that asked for it: version:12.")
    why = models.CharField(max_length=300)
    requested_at = models.DateTimeField()
    # Empty until the first leads are judged: who was stored before then is among them.
    last_id = models.BigIntegerField(null=True)
    after = models.BigIntegerField(default=0)
    total = models.PositiveIntegerField(default=0)
    judged = models.PositiveIntegerField(default=0)
    advanced_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)

    class Meta:
        indexes: ClassVar = [
            # Read by mass_rescores.claim, several times a second.
            models.Index(fields=["id"], name="mass_rescore_unfinished", condition=Q(finished_at__isnull=True)),
            # Read by the page of a version for its progress.
            models.Index(fields=["cause"], name="mass_rescore_by_cause"),
        ]

    def __str__(self) -> str:
        return f"{self.why} {self.judged:,} of {self.total:,} leads judged."

    def count_left(self) -> int:
        """Return how many leads are still to be judged; before it has begun nobody has counted them, which makes 0."""
        return max(self.total - self.judged, 0)
