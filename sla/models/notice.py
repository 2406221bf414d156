"""Notices to people, their deliveries, alert settings and saved filters."""

from __future__ import annotations

from typing import ClassVar, Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.urls import reverse

from sla.models.handoff import Handoff
from sla.vocabulary import BACKOFF, DeliveryChannel, NoticeKind


class Notice(models.Model):
    """A notice to a person in the app, written in the transaction that caused it; its deliveries send it by other channels."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=20, choices=NoticeKind.choices)
    once = models.CharField(max_length=120, unique=True, help_text="What makes it the same notice.")
    handoff = models.ForeignKey(Handoff, on_delete=models.PROTECT, null=True, related_name="notices")
    to = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="notices")
    text = models.CharField(max_length=300)
    path = models.CharField(
        max_length=100,
        blank=True,
        default="",
        db_default="",
        help_text="The page in Accord it is about, if that is no handoff.",
    )
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)

    class Meta:
        # For a person's inbox and unread notices.
        indexes: ClassVar = [models.Index(fields=["to", "-created_at"], name="notice_of_person")]

    def __str__(self) -> str:
        return self.text

    @property
    def tone(self) -> str:
        return NoticeKind(self.kind).tone

    @property
    def leads_to(self) -> str:
        """Return the path of the page to go to, empty for none."""
        return reverse("handoff", args=[self.handoff_id]) if self.handoff_id is not None else self.path


class NoticeMail(models.Model):
    """The e-mail of a notice that is more than a line: it is sent alone, as text and HTML."""

    notice = models.OneToOneField(Notice, on_delete=models.CASCADE, related_name="mail")
    subject = models.CharField(max_length=150)
    text = models.TextField()
    html = models.TextField()
    unsubscribe_url = models.CharField(max_length=300, blank=True, help_text="For the header of mail programs.")

    def __str__(self) -> str:
        return self.subject


class DeliveryQuerySet(models.QuerySet["Delivery"]):
    def unsent(self) -> Self:
        return self.filter(sent_at=None, dropped_at=None)

    def waiting(self) -> Self:
        return self.unsent().filter(failures__lte=len(BACKOFF))

    def failing(self) -> Self:
        """Filter deliveries that failed and were not sent; they are retried or given up."""
        return self.unsent().filter(failures__gt=0)

    def given_up(self) -> Self:
        return self.unsent().filter(failures__gt=len(BACKOFF))


class Delivery(models.Model):
    """A delivery of a notice by one channel: sent once, retried, given up visibly, or dropped when the notice is obsolete."""

    notice = models.ForeignKey(Notice, on_delete=models.CASCADE, related_name="deliveries")
    channel = models.CharField(max_length=8, choices=DeliveryChannel.choices)
    send_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    error = models.TextField(blank=True)
    dropped_at = models.DateTimeField(
        null=True, help_text="When Accord saw, just before sending, that the matter was over."
    )
    dropped_why = models.CharField(max_length=200, blank=True, default="", db_default="")

    objects = DeliveryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "deliveries"
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["notice", "channel"], name="delivery_once_a_channel"),
            models.CheckConstraint(
                name="delivery_sent_or_dropped",
                condition=Q(dropped_at=None, dropped_why="")
                | (Q(dropped_at__isnull=False, sent_at=None) & ~Q(dropped_why="")),
            ),
        ]
        indexes: ClassVar = [
            # For deliveries.send_due.
            models.Index(fields=["send_at", "id"], name="delivery_to_send", condition=Q(sent_at=None, dropped_at=None)),
        ]

    def __str__(self) -> str:
        return f"{self.get_channel_display()}: {self.notice}"

    @property
    def is_given_up(self) -> bool:
        return self.failures > len(BACKOFF)

    @property
    def is_dropped(self) -> bool:
        return self.dropped_at is not None


class AlertSettings(models.Model):
    """A person's alert settings; the default is e-mail of everything, quiet outside their hours."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="alert_settings")
    email_kinds = ArrayField(models.CharField(max_length=20, choices=NoticeKind.choices), default=list, blank=True)
    slack_kinds = ArrayField(models.CharField(max_length=20, choices=NoticeKind.choices), default=list, blank=True)
    slack_sealed = models.TextField(blank=True, help_text="An incoming webhook of Slack, sealed.")
    is_quiet_off_hours = models.BooleanField(default=True)
    in_browser = models.BooleanField(default=False, help_text="Tier 1 as a notification of the browser.")
    with_sound = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "alert settings"

    def __str__(self) -> str:
        return f"Alerts of {self.user}"


class SavedFilter(models.Model):
    """A person's own view of the queue, by name; `query` is the query string of its address."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_filters")
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=500)

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["user", "name"], name="filter_name_once")]

    def __str__(self) -> str:
        return self.name
