from __future__ import annotations

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex, OpClass
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower, Reverse

from leads import change_stamps
from leads.change_stamps import CURRENT_TRANSACTION, stamp_triggers
from leads.key_triggers import key_triggers
from leads.normalization import domain_names
from leads.normalization.countries import country_name
from leads.normalization.job_titles import seniority_of
from leads.stage_triggers import GUARD_STAGES, derive_stages
from leads.vocabulary import (
    BEGINNING,
    DEFAULT_SOURCE,
    LADDER,
    DuplicateReason,
    EntryStatus,
    ImportState,
    Intent,
    KeyKind,
    MalExitKind,
    Motion,
    OutcomeKind,
    PastDecision,
    Seniority,
    Stage,
    stage_label,
)

#: The part of a lead's address after the @, as an expression for queries.
EMAIL_DOMAIN = Func(Lower("email"), Value("@"), Value(2), function="split_part", output_field=models.TextField())
REVERSED_EMAIL_DOMAIN = Reverse(EMAIL_DOMAIN)


def append_only(name: str) -> pgtrigger.Protect:
    """Return a trigger that allows to add rows, and forbids everybody to change or delete them (rules 17.3)."""
    return pgtrigger.Protect(name=name, operation=pgtrigger.Update | pgtrigger.Delete)


class FrozenOnce(pgtrigger.ReadOnly):
    """A trigger that forbids changes of columns once `condition` holds. The library's ReadOnly ignores a condition."""

    def get_condition(self, model: Any) -> Any:
        return super().get_condition(model) & self.condition  # type: ignore[no-untyped-call]  # the package is untyped


class Attributed(models.Model):
    """The columns that companies and leads share: their current attributes. `AttributeChange` holds the history.

    `known_at` is the date of the first statement. While `has_history` is false, the columns have had their current
    values since `known_at`.
    """

    external_id = models.CharField(
        max_length=128, null=True, blank=True, help_text="The id of the first system that gave one."
    )
    external_system = models.CharField(
        max_length=64, blank=True, help_text="The system of that id. Empty: an id that every system may name."
    )
    country = models.CharField(max_length=64, blank=True)
    region = models.CharField(max_length=64, blank=True)
    custom = models.JSONField(default=dict, blank=True)
    not_understood = models.JSONField(
        default=dict, db_default={}, blank=True, help_text="Values that could not be read, as they came, by attribute."
    )
    read_as = models.JSONField(
        default=dict,
        db_default={},
        blank=True,
        editable=False,
        help_text="Texts that a correction explains, as they came, by attribute.",
    )
    known_at = models.DateTimeField(default=BEGINNING)
    has_history = models.BooleanField(default=False)
    recorded_at = models.DateTimeField()
    transaction = models.BigIntegerField(db_default=CURRENT_TRANSACTION, editable=False)

    class Meta:
        abstract = True

    @property
    def country_name(self) -> str:
        """The English name of the country, for pages."""
        return country_name(self.country)


class Company(Attributed):
    name = models.CharField(max_length=200, blank=True)
    domain = models.CharField(max_length=253, null=True, blank=True)
    industry = models.CharField(max_length=120, blank=True)
    employees_low = models.IntegerField(null=True, blank=True)
    employees_high = models.IntegerField(
        null=True, blank=True, help_text="Equal to low when the exact count is known; empty: open band."
    )
    annual_revenue = models.DecimalField(max_digits=18, decimal_places=2, null=True, blank=True)
    annual_revenue_currency = models.CharField(
        max_length=3, blank=True, help_text="Its code, as EUR; empty: that of the installation."
    )
    business_model = models.CharField(max_length=64, blank=True)
    technologies = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    is_customer = models.BooleanField(null=True, blank=True)
    is_competitor = models.BooleanField(null=True, blank=True)

    class Meta:
        verbose_name_plural = "companies"
        constraints: ClassVar = [
            models.UniqueConstraint(Lower("domain"), name="company_domain_once"),
            models.UniqueConstraint(fields=["external_id", "external_system"], name="company_id_once"),
            models.CheckConstraint(
                name="company_employees_in_order",
                condition=Q(employees_low__isnull=True)
                | Q(employees_high__isnull=True)
                | Q(employees_low__lte=F("employees_high")),
            ),
        ]
        indexes: ClassVar = [
            # Read by not_understood for the counts of all companies.
            models.Index(fields=["id"], name="company_not_understood", condition=~Q(not_understood={})),
            # Read by value_readings for the texts of a correction.
            models.Index(fields=["id"], name="company_read_as", condition=~Q(read_as={})),
        ]
        triggers: ClassVar = [
            *stamp_triggers(change_stamps.COMPANY),
            *key_triggers("leads_companykey", "company_id", ("domain", "domain")),
        ]

    def __str__(self) -> str:
        return self.name or self.domain or self.external_id or f"company {self.pk}"

    @property
    def shown_domain(self) -> str:
        return domain_names.to_letters(self.domain or "")


class CompanyKey(models.Model):
    """A key by which a company is recognised: one of its domains, or the id that one system has given it."""

    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="keys")
    kind = models.CharField(max_length=8, choices=KeyKind.choices)
    system = models.CharField(max_length=64, blank=True, help_text="Of an id: the system that gave it.")
    value = models.CharField(max_length=254)
    recorded_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "value", "system"], name="company_key_once")]

    def __str__(self) -> str:
        return f"{self.system} {self.value}".strip()


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

    # The summary of the stages by motion (rules 2.231); only leads.stages.stage_changes writes these three.
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


class LeadMerge(models.Model):
    """The statement that `alias` is the same person as `into`. It rewrites nothing, and ends when they are parted."""

    alias = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="merges")
    into = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="merges_of_others")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    why = models.CharField(max_length=300, blank=True)
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["alias"], name="lead_merged_once", condition=Q(ended_at__isnull=True)),
            models.CheckConstraint(name="lead_not_merged_into_itself", condition=~Q(alias=F("into"))),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="merges_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="merges_only_end", fields=["alias", "into", "at", "by", "why"]),
        ]

    def __str__(self) -> str:
        return f"{self.alias} is {self.into}"


class DuplicateCandidate(models.Model):
    """Two leads that may be one person, the older one first; leads.identity.duplicates finds them and drops them again."""

    first = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    second = models.ForeignKey(Lead, on_delete=models.CASCADE, related_name="+")
    reason = models.CharField(max_length=8, choices=DuplicateReason.choices)
    found_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["first", "second", "reason"], name="candidate_once"),
            models.CheckConstraint(name="candidate_in_order", condition=Q(first__lt=F("second"))),
        ]

    def __str__(self) -> str:
        return f"{self.first} and {self.second}: {self.get_reason_display()}"

    @property
    def strength(self) -> str:
        return DuplicateReason(self.reason).strength


class NotDuplicate(models.Model):
    """The statement of a person that two leads are two people, so that nobody is asked again until it is taken back."""

    first = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["first", "second"], name="not_duplicate_once", condition=Q(ended_at__isnull=True)
            ),
            models.CheckConstraint(name="not_duplicate_in_order", condition=Q(first__lt=F("second"))),
        ]
        triggers: ClassVar = [pgtrigger.Protect(name="not_duplicates_stay", operation=pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.first} is not {self.second}"


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


class ValueReading(models.Model):
    """A correction: how a text of an attribute is to be read. It goes before the shipped tables (rules 13.35).

    `applied_at` is empty while statements that it concerns are still to be read again; `removed_at` ends it.
    """

    attribute = models.CharField(max_length=32)
    text = models.CharField(max_length=500)
    folded = models.CharField(max_length=400)
    meaning = models.CharField(max_length=200, blank=True, help_text="Empty: the text says nothing.")
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    at = models.DateTimeField()
    # Written by value_readings.apply_pending alone: the kind of subject it is at, and the last one that was read again.
    step = models.PositiveSmallIntegerField(default=0, editable=False)
    applied_to = models.BigIntegerField(default=0, editable=False)
    applied_at = models.DateTimeField(null=True, editable=False)
    removed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    removed_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["attribute", "folded"], name="reading_once", condition=Q(removed_at__isnull=True)
            ),
            models.CheckConstraint(
                name="reading_removed_by_somebody",
                condition=Q(removed_at__isnull=True, removed_by__isnull=True)
                | Q(removed_at__isnull=False, removed_by__isnull=False),
            ),
        ]
        indexes: ClassVar = [
            # Read by value_readings.apply_pending.
            models.Index(fields=["id"], name="reading_pending", condition=Q(applied_at__isnull=True)),
        ]
        triggers: ClassVar = [
            pgtrigger.Protect(name="readings_stay", operation=pgtrigger.Delete),
            pgtrigger.ReadOnly(name="readings_only_end", fields=["attribute", "text", "folded", "meaning", "by", "at"]),
        ]

    def __str__(self) -> str:
        return f"{self.attribute}: {self.text}"


class Spelling(models.Model):
    """The spelling of a text that people group by, as it was stored first; later ones are stored like it."""

    attribute = models.CharField(max_length=32)
    folded = models.CharField(max_length=400)
    text = models.CharField(max_length=120)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["attribute", "folded"], name="spelling_once")]

    def __str__(self) -> str:
        return self.text


class Signal(models.Model):
    """A kind of event, as the customer's vocabulary of behaviour names it."""

    id = models.SmallAutoField(primary_key=True)
    code = models.SlugField(max_length=64, unique=True)
    name = models.CharField(max_length=120)
    intent = models.CharField(max_length=8, choices=Intent.choices, default=Intent.LOW)
    is_explicit_request = models.BooleanField(
        default=False, help_text="The person asks to be contacted (a hand raise)."
    )
    is_engagement = models.BooleanField(
        default=True, help_text="Counts as activity of the lead; off for unsubscribes, bounces, machine opens."
    )
    closes_request = models.BooleanField(default=False, help_text="Ends an open explicit request.")
    is_high_value_asset = models.BooleanField(default=False)
    ends = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="ended_by",
        help_text="The signal whose earlier events lose their negative points by this one, as an unsubscribe by a new sign-up.",
    )
    description = models.TextField(blank=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(name="signal_does_not_end_itself", condition=~Q(ends=F("id")) | Q(ends__isnull=True))
        ]

    def __str__(self) -> str:
        return self.name


class Event(models.Model):
    """An action of a lead. Append-only; ordered by `occurred_at`, however late it arrived."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="events", db_index=False)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, db_index=False, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)
    digest = models.BinaryField(max_length=16, help_text="Of the body as sent: one key with two bodies is a conflict.")
    asset = models.CharField(max_length=200, blank=True)
    properties = models.JSONField(default=dict)
    is_imported = models.BooleanField(
        default=False,
        db_default=False,
        help_text="From a file of history: it counts, but nobody is called about it late.",
    )
    transaction = models.BigIntegerField(db_default=CURRENT_TRANSACTION, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "external_id"], name="event_once")]
        indexes: ClassVar = [
            # Read by rules and pages for the events of one lead; the included signal spares reading the row.
            models.Index(fields=["lead", "occurred_at"], include=["signal"], name="event_of_lead"),
            # Read by scoring.columns for the rows since its last snapshot. They lie at the end of the table: BRIN suffices.
            BrinIndex(fields=["transaction"], name="event_by_transaction", autosummarize=True),
            # Read by scoring.blind_rules for the events of the last weeks.
            BrinIndex(fields=["recorded_at"], name="event_by_arrival", autosummarize=True),
        ]
        triggers: ClassVar = [append_only("events_stay")]

    def __str__(self) -> str:
        return f"{self.signal} at {self.occurred_at:%Y-%m-%d %H:%M}"


class LeadStage(models.Model):
    """The stage in which a lead stands in one motion; without a row it never left the stage lead there (rules 2.1).

    The database derives it from the last StageChange of the lead and the motion, and lets nobody else write it.
    """

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="motion_stages", db_index=False)
    motion = models.CharField(max_length=3, choices=Motion.choices)
    stage = models.CharField(max_length=16, choices=Stage.choices)
    since = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["lead", "motion"], name="one_stage_a_motion")]
        # Read for the leads in a stage of a motion: nurture, and the handoffs that follow the CRM.
        indexes: ClassVar = [models.Index(fields=["stage", "motion", "lead"], name="lead_stage_by_stage")]
        triggers: ClassVar = [GUARD_STAGES]

    def __str__(self) -> str:
        return f"{self.lead}: {self.label}"

    @property
    def label(self) -> str:
        return stage_label(self.stage, self.motion)

    @property
    def tone(self) -> str:
        return Stage(self.stage).tone

    @property
    def owner(self) -> str:
        return Stage(self.stage).owner

    @property
    def owner_label(self) -> str:
        return str(Stage(self.stage).owner.label)

    @property
    def motion_name(self) -> str:
        return Motion(self.motion).short

    @property
    def is_on_ladder(self) -> bool:
        return self.stage in LADDER

    @property
    def ladder_steps(self) -> list[str]:
        """The labels of the ladder (rules 2.1): a stage beside it stands in the place of the last step."""
        steps = LADDER if self.is_on_ladder else (*LADDER[:-1], self.stage)
        return [stage_label(step, self.motion) for step in steps]

    @property
    def ladder_place(self) -> int:
        return LADDER.index(Stage(self.stage)) if self.is_on_ladder else len(LADDER) - 1


class CompanyEvent(models.Model):
    """An event of a company without a person, as third parties see it: a job posting, hiring, intent. Append-only."""

    id = models.BigAutoField(primary_key=True)
    company = models.ForeignKey(Company, on_delete=models.PROTECT, related_name="events", db_index=False)
    signal = models.ForeignKey(Signal, on_delete=models.PROTECT, db_index=False, related_name="+")
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)
    digest = models.BinaryField(max_length=16, help_text="Of the body as sent: one key with two bodies is a conflict.")
    properties = models.JSONField(default=dict)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "external_id"], name="company_event_once")]
        indexes: ClassVar = [
            # Read by scoring.account_judgement and by pages for the events of one company.
            models.Index(fields=["company", "occurred_at"], include=["signal"], name="event_of_company"),
        ]
        triggers: ClassVar = [append_only("company_events_stay")]

    def __str__(self) -> str:
        return f"{self.signal} at {self.occurred_at:%Y-%m-%d %H:%M}"


class AccountLook(models.Model):
    """The next look at a company under definitions of the motion AQL; only leads.rescoring.account_queue writes it."""

    company = models.OneToOneField(Company, on_delete=models.CASCADE, related_name="account_look")
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


class StageChange(models.Model):
    """A move of a lead from one stage of a motion to another; it begins where the lead stands in that motion."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="stage_changes")
    motion = models.CharField(max_length=3, choices=Motion.choices)
    from_stage = models.CharField(max_length=16, choices=Stage.choices)
    to_stage = models.CharField(max_length=16, choices=Stage.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself.",
    )
    why = models.CharField(max_length=300)

    class Meta:
        # Read by backtests (scoring.backtests.outcome_history) for the acceptances and rejections of a period.
        indexes: ClassVar = [models.Index(fields=["to_stage", "at"], name="stage_change_by_stage")]
        triggers: ClassVar = [append_only("stage_changes_stay"), derive_stages("leads_leadstage")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.from_label} → {self.to_label}"

    @property
    def from_label(self) -> str:
        return stage_label(self.from_stage, self.motion)

    @property
    def to_label(self) -> str:
        return stage_label(self.to_stage, self.motion)


class MalExit(models.Model):
    """A person's decision that a lead is no MAL any more, with the note. The stage is changed at the same instant."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="mal_exits")
    kind = models.CharField(max_length=16, choices=MalExitKind.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    note = models.CharField(max_length=250)

    class Meta:
        # Read by scoring.mals.exit_figures for the exits of the last days.
        indexes: ClassVar = [models.Index(fields=["kind", "at"], name="mal_exit_by_kind")]
        triggers: ClassVar = [append_only("mal_exits_stay")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.get_kind_display()}"


class OutcomeQuerySet(models.QuerySet["Outcome"]):
    def effective(self) -> OutcomeQuerySet:
        """Return the outcomes that no later row corrects: those that count."""
        return self.filter(corrected_by=None)


class Outcome(models.Model):
    """A result of a lead, as the CRM reports it. A correction is a new row that points at the row it corrects."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="outcomes")
    motion = models.CharField(
        max_length=3,
        choices=Motion.choices,
        default=Motion.MQL,
        db_default=Motion.MQL,
        help_text="The motion that the deal concerns (rules 2.237).",
    )
    kind = models.CharField(max_length=16, choices=OutcomeKind.choices)
    at = models.DateTimeField()
    amount = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    currency = models.CharField(
        max_length=3, blank=True, help_text="Of the amount, as EUR; empty: that of the installation."
    )
    reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)
    # One row corrects another, so that a deal's corrections are a chain and never fork.
    corrects = models.OneToOneField(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="corrected_by"
    )

    is_first = models.BooleanField(default=False, help_text="The first row of a deal with an id of the sender's.")

    objects = OutcomeQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            # Two senders that name two leads for one deal do not lock the same row: the second finds this one taken.
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=Q(is_first=True), name="outcome_first_of_deal"
            ),
            models.CheckConstraint(name="outcome_corrects_another", condition=~Q(corrects=F("id"))),
        ]
        indexes: ClassVar = [
            # Read by backtests and by the pipeline overview for the deals of a period.
            models.Index(fields=["kind", "at"], name="outcome_by_kind"),
            # Read by leads.intake.outcomes for all rows of a deal.
            models.Index(fields=["source", "external_id"], name="outcome_of_deal"),
        ]
        triggers: ClassVar = [append_only("outcomes_stay")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.kind}"


class PastDisposition(models.Model):
    """A decision of sales that was imported: evidence for backtests and reports, which moves no lead (rules 13.262)."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="past_dispositions")
    motion = models.CharField(max_length=3, choices=Motion.choices, default=Motion.MQL)
    kind = models.CharField(max_length=8, choices=PastDecision.choices)
    reason = models.SlugField(max_length=64, blank=True, help_text="The code of a rejection reason.", db_index=False)
    decided_by = models.CharField(max_length=200, blank=True, help_text="As the file names the person.")
    note = models.CharField(max_length=1000, blank=True)
    at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["source", "external_id"], condition=Q(external_id__isnull=False), name="past_disposition_by_id"
            ),
            models.UniqueConstraint(
                fields=["source", "lead", "motion", "at"],
                condition=Q(external_id__isnull=True),
                name="past_disposition_once",
            ),
            models.CheckConstraint(
                name="past_rejection_has_reason",
                condition=Q(kind="accept", reason="") | (Q(kind="reject") & ~Q(reason="")),
            ),
        ]
        # Read by backtests and by the reports on decisions for those of a period.
        indexes: ClassVar = [models.Index(fields=["kind", "at"], name="past_disposition_by_time")]
        triggers: ClassVar = [append_only("past_dispositions_stay")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} (imported): {self.lead}"


class CountedWin(models.Model):
    """A won outcome, and the company that it makes a customer as its history stands (rules 13.23)."""

    outcome = models.OneToOneField(Outcome, on_delete=models.CASCADE, primary_key=True, related_name="+")
    company = models.ForeignKey(Company, on_delete=models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"{self.outcome_id} of {self.company}"


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


class NamedList(models.Model):
    """A list that a rule can name: one that Accord ships, or the customer's own.

    Accord ships `free_email`, `disposable_email`, `student_email` and `competitors`.

    An entry that is a domain also covers the domains below it: `edu` covers `state.edu`.
    """

    name = models.SlugField(max_length=64, unique=True)
    label = models.CharField(max_length=120)
    # Random, and new after every change of entries: entries that are cached under a revision stay right for it.
    revision = models.UUIDField(default=uuid.uuid4, editable=False)

    def __str__(self) -> str:
        return self.label


class ListEntryQuerySet(models.QuerySet["ListEntry"]):
    def in_force(self) -> ListEntryQuerySet:
        return self.exclude(status=EntryStatus.REMOVED)


class ListEntry(models.Model):
    """An entry of a named list. One that Accord ships is removed by its status, so that no newer data set brings it back."""

    list = models.ForeignKey(NamedList, on_delete=models.CASCADE, related_name="entries")
    value = models.CharField(max_length=253)
    status = models.CharField(max_length=8, choices=EntryStatus.choices, default=EntryStatus.OWN, editable=False)

    objects = ListEntryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "list entries"
        constraints: ClassVar = [
            models.UniqueConstraint(
                "list",
                Lower("value"),
                name="list_entry_once",
                violation_error_message="The list has this entry already. If it was taken out, put it back.",
            ),
            models.CheckConstraint(name="list_entry_status", condition=Q(status__in=EntryStatus.values)),
        ]
        triggers: ClassVar = [
            pgtrigger.Trigger(
                name="entries_revise_lists",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete | pgtrigger.Truncate,
                func="UPDATE leads_namedlist SET revision = gen_random_uuid(); RETURN NULL;",
            )
        ]

    def __str__(self) -> str:
        return self.value


class ReferenceData(models.Model):
    """A data set that Accord ships and that this installation has loaded: a list or a reading table (rules 22.5)."""

    name = models.CharField(max_length=64, unique=True)
    dated = models.DateField(help_text="The day of the data set as shipped.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of its content.")
    loaded_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "reference data"

    def __str__(self) -> str:
        return f"{self.name} of {self.dated}"


class ImportFile(models.Model):
    """An uploaded file, kept in parts until some days after its import (rules 13.43), and the map chosen for it so far."""

    name = models.CharField(max_length=255)
    kind = models.CharField(max_length=16)
    source = models.CharField(max_length=64, default=DEFAULT_SOURCE)
    map = models.JSONField(default=dict)
    size = models.BigIntegerField(help_text="In bytes.")
    lines = models.PositiveIntegerField(help_text="Line feeds in the file; 0 for a workbook.")
    digest = models.CharField(max_length=64, help_text="SHA-256 of the content.")
    uploaded_at = models.DateTimeField()
    uploaded_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    def __str__(self) -> str:
        return self.name


class ImportFilePart(models.Model):
    """A part of an uploaded file, compressed by zlib."""

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(ImportFile, on_delete=models.CASCADE, related_name="parts", db_index=False)
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["file", "number"], name="import_part_once")]

    def __str__(self) -> str:
        return f"{self.file_id}, part {self.number}"


class ImportMap(models.Model):
    """A map of columns that people keep under a name, for files with the same headers."""

    name = models.CharField(max_length=80)
    kind = models.CharField(max_length=16)
    map = models.JSONField()
    changed_at = models.DateTimeField()
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint("kind", Lower("name"), name="import_map_once")]

    def __str__(self) -> str:
        return self.name


class ImportRunQuerySet(models.QuerySet["ImportRun"]):
    def pending(self) -> ImportRunQuerySet:
        """Return the imports of uploaded files that a worker has still to do. Those of commands have no stored file."""
        return self.filter(finished_at__isnull=True, file__isnull=False)


class ImportRun(models.Model):
    """The import of a file: its progress, so that it can be resumed (rules 13.7), and as a row the request to do it.

    A finished file that is imported again gets a further row, the next `repetition`, and the counts of the first stay.
    `attempts` is also the token of a claim: whoever claimed it with an older number can write nothing more. `stalls` is
    how often a worker lost it since its last batch.
    """

    kind = models.CharField(max_length=16)
    file_name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64, help_text="Of the content, the map and the source.")
    content_digest = models.CharField(max_length=64, blank=True)
    repetition = models.PositiveIntegerField(default=0, help_text="How often the file had been imported before.")
    file = models.ForeignKey(ImportFile, on_delete=models.SET_NULL, null=True, related_name="runs")
    map = models.JSONField(default=dict)
    source = models.CharField(max_length=64, default=DEFAULT_SOURCE)
    header = models.JSONField(default=list)
    left_out = models.JSONField(default=list, help_text="The headers of columns that were not read.")
    columns = models.JSONField(
        default=list, help_text="Which target each column was read as: pairs of target and index."
    )
    reading_notes = models.JSONField(default=list, help_text="What was assumed when the file was read, as sentences.")
    started_at = models.DateTimeField()
    started_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    finished_at = models.DateTimeField(null=True)
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    error = models.TextField(blank=True, help_text="Why the file as a whole could not be imported.")
    claimed_until = models.DateTimeField(null=True)
    attempts = models.PositiveIntegerField(default=0)
    stalls = models.PositiveSmallIntegerField(default=0)
    worked_at = models.DateTimeField(null=True)
    worked_seconds = models.FloatField(default=0)
    rescored_until = models.DateTimeField(null=True, help_text="The last rescoring that it has planned.")
    lines_total = models.PositiveIntegerField(default=0)
    lines_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=dict, help_text="The number of notes on accepted rows, by kind and field.")

    objects = ImportRunQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["kind", "digest", "repetition"], name="import_of_a_file_once")
        ]
        indexes: ClassVar = [
            # Read by pending_imports for the next import to do.
            models.Index(fields=["worked_at"], name="import_pending", condition=Q(finished_at__isnull=True)),
            # Read for earlier imports of a file that is uploaded again.
            models.Index(fields=["kind", "content_digest"], name="import_by_content"),
            # Read for the list of imports, the newest first.
            models.Index(fields=["-started_at", "-id"], name="import_by_start"),
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.file_name}"

    @property
    def state(self) -> ImportState:
        if self.cancelled_at is not None:
            return ImportState.CANCELLED
        if self.error:
            return ImportState.FAILED
        if self.finished_at is not None:
            return ImportState.DONE
        return ImportState.QUEUED if self.claimed_until is None and not self.lines_done else ImportState.RUNNING

    @property
    def is_pending(self) -> bool:
        return self.finished_at is None

    @property
    def is_complete(self) -> bool:
        """Tell whether the file was read to its end."""
        return not self.is_pending and not self.error and self.cancelled_at is None

    @property
    def rows_done(self) -> int:
        return self.created + self.updated + self.unchanged + self.rejected

    @property
    def rows_a_second(self) -> float:
        return self.rows_done / self.worked_seconds if self.worked_seconds else 0.0

    @property
    def seconds_left(self) -> float | None:
        """The time that the rest will take at the present speed; None while nothing is known of it."""
        if not (self.lines_total and self.lines_done and self.worked_seconds):
            return None
        return max(self.lines_total - self.lines_done, 0) * self.worked_seconds / self.lines_done


class ImportRefusedRow(models.Model):
    """A row of a file that was refused. `cells` are a JSON list in ASCII: they may hold what PostgreSQL cannot store."""

    id = models.BigAutoField(primary_key=True)
    run = models.ForeignKey(ImportRun, on_delete=models.CASCADE, related_name="refused_rows", db_index=False)
    line = models.PositiveIntegerField()
    field = models.CharField(max_length=200)
    reason = models.TextField()
    cells = models.TextField()
    address = models.CharField(
        max_length=254, db_default="", blank=True, help_text="Of a row refused for its e-mail address: the address."
    )
    taken_at = models.DateTimeField(null=True, help_text="Since when the row is stored under a mended address.")
    taken_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+")
    taken_as = models.CharField(max_length=254, db_default="", blank=True, help_text="The mended address.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["run", "line"], name="import_refusal_once")]
        indexes: ClassVar = [
            # Read by refused_addresses for the rows that wait under one address.
            models.Index(
                fields=["address", "id"],
                name="import_refused_address",
                condition=~Q(address="") & Q(taken_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"line {self.line}: {self.field} {self.reason}"
