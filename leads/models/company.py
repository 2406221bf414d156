"""Companies and the keys by which they are recognised."""

from __future__ import annotations

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower

from leads import change_stamps
from leads.change_stamps import CURRENT_TRANSACTION, stamp_triggers
from leads.key_triggers import key_triggers
from leads.normalization import domain_names
from leads.normalization.countries import country_name
from leads.vocabulary import BEGINNING, KeyKind


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
