"""Reports that people have sent to them every Monday (rules 12.62, 12.63)."""

from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from leads.models import set_once


class ReportSubscription(models.Model):
    """A report that a person wants each Monday; `query` is the address's motion, weeks and filters. Ended, it stays as a row."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="report_subscriptions")
    report = models.SlugField(max_length=40)
    query = models.CharField(max_length=500)
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["user", "report", "query"], condition=Q(ended_at__isnull=True), name="subscribed_once"
            ),
            models.CheckConstraint(name="subscription_ends_later", condition=Q(ended_at__gte=F("created_at"))),
        ]
        triggers: ClassVar = [set_once("subscription_ends_once", ["ended_at"])]

    def __str__(self) -> str:
        return f"{self.report}?{self.query}"


class ReportSending(models.Model):
    """The outcome of a subscription in a week: the mail was written, or `refusal` says why not."""

    subscription = models.ForeignKey(ReportSubscription, on_delete=models.CASCADE, related_name="sendings")
    week = models.CharField(max_length=8, help_text="As 2026-W10, in the zone of the reader.")
    at = models.DateTimeField()
    refusal = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subscription", "week"], name="report_sent_once_a_week")
        ]

    def __str__(self) -> str:
        return f"{self.subscription} {self.week}"
