from __future__ import annotations

import uuid
from typing import Any, ClassVar

import pgtrigger
from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Func, Q, Value
from django.db.models.functions import Lower

from leads import change_stamps
from leads.change_stamps import CURRENT_TRANSACTION, stamp_triggers
from leads.vocabulary import BEGINNING, LADDER, DuplicateReason, Intent, KeyKind, OutcomeKind, Seniority, Stage

#: The part of a lead's address after the @, as an expression for queries.
EMAIL_DOMAIN = Func(Lower("email"), Value("@"), Value(2), function="split_part", output_field=models.TextField())


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
        default=dict, blank=True, help_text="Values that could not be read, as they came, by attribute."
    )
    known_at = models.DateTimeField(default=BEGINNING)
    has_history = models.BooleanField(default=False)
    recorded_at = models.DateTimeField()
    transaction = models.BigIntegerField(db_default=CURRENT_TRANSACTION, editable=False)

    class Meta:
        abstract = True


class Company(Attributed):
    name = models.CharField(max_length=200, blank=True)
    domain = models.CharField(max_length=253, null=True, blank=True)
    industry = models.CharField(max_length=120, blank=True)
    employees_low = models.IntegerField(null=True, blank=True)
    employees_high = models.IntegerField(
        null=True, blank=True, help_text="Equal to low when the exact count is known; empty: open band."
    )
    annual_revenue = models.DecimalField(
        max_digits=18, decimal_places=2, null=True, blank=True, help_text="In the company's currency."
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
        triggers: ClassVar = stamp_triggers(change_stamps.COMPANY)

    def __str__(self) -> str:
        return self.name or self.domain or self.external_id or f"company {self.pk}"


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
    """A person (rules 13.1), matched by e-mail, ignoring case, or by an external id."""

    email = models.EmailField(null=True, blank=True)
    first_name = models.CharField(max_length=100, blank=True)
    last_name = models.CharField(max_length=100, blank=True)
    phone = models.CharField(max_length=40, blank=True)
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

    # Derived from the merges in force; only leads.merges writes it. Empty: the lead stands for itself.
    merged_into = models.ForeignKey("self", on_delete=models.PROTECT, null=True, editable=False, related_name="aliases")

    # Derived from the last StageChange; only leads.stage_changes writes these two.
    stage = models.CharField(max_length=16, choices=Stage.choices, default=Stage.LEAD)
    stage_at = models.DateTimeField()

    # The rescore queue (rules 5.2); only leads.rescore_queue writes these three.
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
            # Read by matching.leads_without_company when a company gets a domain.
            models.Index(EMAIL_DOMAIN, name="lead_without_company", condition=Q(company__isnull=True)),
        ]
        triggers: ClassVar = stamp_triggers(change_stamps.LEAD)

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or f"#{self.external_id}"

    @property
    def stage_tone(self) -> str:
        return Stage(self.stage).tone

    @property
    def is_on_ladder(self) -> bool:
        return self.stage in LADDER

    @property
    def ladder_steps(self) -> list[Stage]:
        """The steps of rules 2.1 as a page shows them: a stage beside the ladder stands in the place of the last one."""
        return list(LADDER) if self.is_on_ladder else [*LADDER[:-1], Stage(self.stage)]


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
    """Two leads that may be one person, the older one first; leads.duplicates finds them and drops them again."""

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
        ]
        triggers: ClassVar = [append_only("attribute_changes_stay")]

    def __str__(self) -> str:
        return f"{self.lead or self.company}: {', '.join(self.values)}"


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
    description = models.TextField(blank=True)

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
    transaction = models.BigIntegerField(db_default=CURRENT_TRANSACTION, editable=False)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "external_id"], name="event_once")]
        indexes: ClassVar = [
            # Read by rules and pages for the events of one lead; the included signal spares reading the row.
            models.Index(fields=["lead", "occurred_at"], include=["signal"], name="event_of_lead"),
            # Read by scoring.columns for the rows since its last snapshot. They lie at the end of the table: BRIN suffices.
            BrinIndex(fields=["transaction"], name="event_by_transaction", autosummarize=True),
        ]
        triggers: ClassVar = [append_only("events_stay")]

    def __str__(self) -> str:
        return f"{self.signal} at {self.occurred_at:%Y-%m-%d %H:%M}"


class StageChange(models.Model):
    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="stage_changes")
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
        triggers: ClassVar = [append_only("stage_changes_stay")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.from_stage} → {self.to_stage}"


class Outcome(models.Model):
    """A result of a lead, as the CRM reports it. A correction is a new row."""

    id = models.BigAutoField(primary_key=True)
    lead = models.ForeignKey(Lead, on_delete=models.PROTECT, related_name="outcomes")
    kind = models.CharField(max_length=16, choices=OutcomeKind.choices)
    at = models.DateTimeField()
    amount = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    reason = models.CharField(max_length=200, blank=True)
    recorded_at = models.DateTimeField()
    source = models.CharField(max_length=64)
    external_id = models.CharField(max_length=200, null=True)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["source", "external_id", "kind"], name="outcome_once")]
        # Read by backtests and by the pipeline overview for the deals of a period.
        indexes: ClassVar = [models.Index(fields=["kind", "at"], name="outcome_by_kind")]
        triggers: ClassVar = [append_only("outcomes_stay")]

    def __str__(self) -> str:
        return f"{self.lead}: {self.kind}"


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


class ListEntry(models.Model):
    list = models.ForeignKey(NamedList, on_delete=models.CASCADE, related_name="entries")
    value = models.CharField(max_length=253)

    class Meta:
        verbose_name_plural = "list entries"
        constraints: ClassVar = [models.UniqueConstraint("list", Lower("value"), name="list_entry_once")]
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


class ImportRun(models.Model):
    """The progress of a file's import, so that an interrupted import can be resumed (rules 13.7)."""

    kind = models.CharField(max_length=16)
    file_name = models.CharField(max_length=255)
    digest = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    lines_done = models.PositiveIntegerField(default=0)
    created = models.PositiveIntegerField(default=0)
    updated = models.PositiveIntegerField(default=0)
    unchanged = models.PositiveIntegerField(default=0)
    rejected = models.PositiveIntegerField(default=0)
    notes = models.JSONField(default=dict, help_text="The number of notes on accepted rows, by kind and field.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["kind", "digest"], name="import_of_a_file_once")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.file_name}"
