"""Statements about leads and companies, and decisions about contacting people."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q

from leads.change_stamps import CURRENT_TRANSACTION
from leads.models.company import Company
from leads.models.guards import append_only
from leads.models.lead import Lead


class AttributeChange(models.Model):
    """A statement about a company or a lead: the values that some fields have from `valid_from` on.

    The current columns are derived from these rows. `values` maps field names (without the `lead.`/`company.` prefix,
    custom ones as `custom.NAME`, a lead's company as `company` with its id) to JSON values, null for unknown. At an
    instant T a field has the value of the latest statement naming it with `valid_from <= T` (ties: the later row).
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, null=True, related_name="attribute_changes")
    company = models.ForeignKey(Company, on_delete=models.PROTECT, null=True, related_name="attribute_changes")
    values = models.JSONField()
    valid_from = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    is_dated_wish = models.BooleanField(
        default=False,
        db_default=False,
        help_text="States whether the lead may be contacted, by a date of its own or a person's word.",
    )
    transaction = models.BigIntegerField(db_default=CURRENT_TRANSACTION, editable=False)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                name="attributes_of_one_subject", condition=Q(lead__isnull=False) ^ Q(company__isnull=False)
            )
        ]
        indexes: ClassVar = [
            # Read in this order for the history of one subject: by batch_upsert, explanations and replays.
            models.Index(
                fields=["lead", "valid_from", "id"], name="attributes_of_lead", condition=Q(lead__isnull=False)
            ),
            models.Index(
                fields=["company", "valid_from", "id"], name="attributes_of_company", condition=Q(company__isnull=False)
            ),
            # Read by scoring.columns for the rows since its last snapshot. They lie at the end of the table: BRIN suffices.
            BrinIndex(fields=["transaction"], name="attributes_by_transaction", autosummarize=True),
            # Read by scoring.blind_rules for the statements of the last days. They, too, lie at the end of the table.
            BrinIndex(fields=["recorded_at"], name="attributes_by_arrival", autosummarize=True),
        ]
        triggers: ClassVar = [append_only("attribute_changes_stay")]

    def __str__(self) -> str:
        return f"{self.lead or self.company}: {', '.join(self.values)}"


class ContactDecision(models.Model):
    """A person's decision that a lead may be contacted or not, with the reason. Its effect is in the attribute history."""

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="contact_decisions")
    at = models.DateTimeField()
    is_opt_out = models.BooleanField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.CharField(max_length=300)

    class Meta:
        triggers: ClassVar = [append_only("contact_decisions_stay")]

    def __str__(self) -> str:
        return f"{self.lead}: {'do not contact' if self.is_opt_out else 'may be contacted'}"


class PersonChange(models.Model):
    """The instant from which a lead's address belongs to another person, by the names that a sender states."""

    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="person_changes")
    at = models.DateTimeField()
    from_name = models.CharField(max_length=201)
    to_name = models.CharField(max_length=201)
    source = models.CharField(max_length=64)
    recorded_at = models.DateTimeField()

    class Meta:
        triggers: ClassVar = [append_only("person_changes_stay")]

    def __str__(self) -> str:
        return f"{self.from_name} → {self.to_name}"
