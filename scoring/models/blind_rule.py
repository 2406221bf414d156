"""Alarms of criteria and signals that see nothing any more."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from definitions.models import Version


class BlindRuleKind(models.TextChoices):
    """The kinds of blindness of a criterion or signal (rules 4.22)."""

    STOPPED = "stopped", _("Stopped arriving")
    NOT_UNDERSTOOD = "not_understood", _("Not understood")
    NEW_VALUE = "new_value", _("New value that nothing matches")
    NEVER_MATCHES = "never_matches", _("Never matches")


class BlindRuleQuerySet(models.QuerySet["BlindRule"]):
    """Queries for alarms."""

    def open(self) -> BlindRuleQuerySet:
        """Return the alarms that still hold and that nobody has closed."""
        return self.filter(ended_at__isnull=True)


class BlindRule(models.Model):
    """An alarm: a criterion or signal of an active version no longer sees what it asks for.

    `field` is the attribute, or `signal.CODE`; `value` the value concerned, of a criterion that never matches its key.
    The newest leads concerned stand in `lead_ids`. Open until the values are back or a person closes it.
    """

    version = models.ForeignKey(Version, on_delete=models.CASCADE, related_name="blind_rules")
    kind = models.CharField(max_length=16, choices=BlindRuleKind)
    field = models.CharField(max_length=120)
    value = models.CharField(max_length=300, blank=True)
    count = models.PositiveIntegerField()
    resembles = models.CharField(max_length=300, blank=True, help_text="The expected value that the new one resembles.")
    lead_ids = ArrayField(models.BigIntegerField(), default=list)
    at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.PROTECT,
        null=True,
        related_name="+",
        help_text="Empty: Accord itself, as it no longer holds.",
    )

    objects = BlindRuleQuerySet.as_manager()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["version", "kind", "field", "value"],
                name="blind_rule_open_once",
                condition=Q(ended_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"{self.field}: {self.get_kind_display()}"
