"""Leads and the keys by which they are recognised."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.indexes import OpClass
from django.db import models
from django.db.models import Func, Q, Value
from django.db.models.functions import Lower, Reverse

from leads import change_stamps
from leads.change_stamps import stamp_triggers
from leads.key_triggers import key_triggers
from leads.models.company import Attributed, Company
from leads.normalization import domain_names
from leads.normalization.job_titles import seniority_of
from leads.vocabulary import KeyKind, Motion, Seniority, Stage, stage_label

#: The part of a lead's address after the @, as an expression for queries.
EMAIL_DOMAIN = Func(Lower("email"), Value("@"), Value(2), function="split_part", output_field=models.TextField())
REVERSED_EMAIL_DOMAIN = Reverse(EMAIL_DOMAIN)


class LeadQuerySet(models.QuerySet["Lead"]):
    def standing(self) -> LeadQuerySet:
        """Return the leads that stand for themselves: all but those that are merged into another one."""
        return self.filter(merged_into__isnull=True)

    def due_for_rescore(self, now: object) -> LeadQuerySet:
        return self.filter(next_look_at__lte=now)


class Lead(Attributed):
    """A person (rules 13.1), recognised by the keys in `LeadKey`.

    `email` is the current address; `external_id` the id that the first system gave.
    """

    email = models.EmailField(null=True, blank=True)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    phone = models.CharField(max_length=40, blank=True)
    phone_key = models.CharField(
        max_length=48,
        default="",
        db_default="",
        blank=True,
        editable=False,
        help_text="The phone number in one spelling.",
    )
    title = models.CharField(max_length=200, blank=True)
    seniority = models.CharField(
        max_length=32, blank=True, choices=Seniority.choices, help_text="Empty: derived from the title."
    )
    source = models.CharField(max_length=120, blank=True, db_index=True)
    do_not_contact = models.BooleanField(default=False)
    budget = models.CharField(max_length=200, blank=True)
    timeline = models.CharField(max_length=200, blank=True)
    use_case = models.CharField(max_length=500, blank=True)
    time_zone = models.CharField(max_length=64, blank=True)
    company = models.ForeignKey(Company, on_delete=models.PROTECT, null=True, blank=True, related_name="leads")

    # Derived from the merges in force; only leads.identity.merges writes it. Empty: the lead stands for itself.
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, editable=False, related_name="aliases")

    # The summary of the stages by motion (rules 2.10); only leads.stages.stage_changes writes these three.
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.LEAD)
    stage_motion = models.CharField(
        max_length=3,
        choices=Motion.choices,
        default=Motion.MQL,
        db_default=Motion.MQL,
        editable=False,
        help_text="The motion that the summary stage comes from.",
    )
    stage_at = models.DateTimeField()

    # The rescore queue (rules 5.2); only leads.rescoring.rescore_queue writes these three.
    next_look_at = models.DateTimeField(null=True, blank=True)
    look_failures = models.PositiveSmallIntegerField(default=0)
    look_error = models.TextField(blank=True)

    objects = LeadQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("email"), name="lead_email_once"),
            models.UniqueConstraint(fields=["external_id", "external_system"], name="lead_id_once"),
            models.CheckConstraint(
                name="lead_is_somebody",
                condition=Q(email__isnull=False) | Q(external_id__isnull=False) | ~Q(phone=""),
            ),
        ]
        indexes: ClassVar = [
            # Read by rescore_queue.claim, and by /readyz for the longest wait.
            models.Index(fields=["next_look_at"], name="lead_due", condition=Q(next_look_at__isnull=False)),
            # Read for the leads of a stage: the filter of the lead page, and recycling for those in nurture.
            models.Index(fields=["stage", "-stage_at", "-id"], name="lead_by_stage"),
            # Read by not_understood for the counts of all leads.
            models.Index(fields=["id"], name="lead_not_understood", condition=~Q(not_understood={})),
            # Read by value_readings for the texts of a correction.
            models.Index(fields=["id"], name="lead_read_as", condition=~Q(read_as={})),
            # Read by matching.leads_without_company when a company gets a domain. Reversed, so that the addresses at a
            # domain and at the domains below it lie side by side.
            models.Index(
                OpClass(REVERSED_EMAIL_DOMAIN, name="text_pattern_ops"),
                name="lead_without_company",
                condition=Q(company__isnull=True),
            ),
            # Read by reports for the sources that there are, and for the new leads of a period.
            models.Index(fields=["source", "recorded_at"], name="lead_by_source"),
            # Read for leads with the same phone number: candidates for duplicates.
            models.Index(fields=["phone_key"], name="lead_by_phone", condition=~Q(phone_key="")),
        ]
        triggers: ClassVar = [
            *stamp_triggers(change_stamps.LEAD),
            *key_triggers("leads_leadkey", "lead_id", ("email", "email"), has_phone=True),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        own_id = f"#{self.external_id}" if self.external_id else ""
        return f"{self.first_name} {self.last_name}".strip() or self.email or own_id or self.phone or f"lead {self.pk}"

    @property
    def shown_email(self) -> str:
        return domain_names.address_to_letters(self.email or "")

    @property
    def seniority_text(self) -> str:
        """Return the seniority as given or else as read from the title, for showing."""
        if self.seniority:
            return self.get_seniority_display()
        from_title = seniority_of(self.title)
        if from_title is None:
            return "unknown: the title is not understood" if self.title.strip() else "unknown"
        return f"{Seniority(from_title).label} (from the title)"

    @property
    def stage_tone(self) -> str:
        return Stage(self.stage).tone

    @property
    def stage_label(self) -> str:
        """The label of the summary stage: of a lead that qualified under PQL alone, PQL."""
        return stage_label(self.stage, self.stage_motion)


class LeadKey(models.Model):
    """A key by which a person is recognised: an address, a phone number, or the id that one system has given them.

    Earlier addresses stay. A phone number is a key only of a person of whom neither an address nor an id is known.
    """

    lead = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=8, choices=KeyKind.choices)
    system = models.CharField(max_length=64, blank=True, help_text="Of an id: the system that gave it.")
    value = models.CharField(max_length=254)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "value", "system"], name="lead_key_once")]

    def __str__(self) -> str:
        return f"{self.system} {self.value}".strip()
