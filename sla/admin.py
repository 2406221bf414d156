"""Stock admin: calendars, teams and commitments are edited here; append-only records are shown read-only."""

from __future__ import annotations

from typing import Any, Final, cast

from django import forms
from django.contrib import admin, messages
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config.accounts.models import User
from config.accounts.roles import holds
from config.accounts.vocabulary import Role
from sla.business_time import calendars
from sla.business_time.arithmetic import HOURS_AND_MINUTES, MINUTES_A_DAY, BadCalendar
from sla.commitments import commitments
from sla.models import (
    Absence,
    Attempt,
    CalendarVersion,
    Clock,
    Commitment,
    Delivery,
    Disposition,
    Handoff,
    Note,
    Notice,
    PendingDecision,
    PlayDisposition,
    ReasonCode,
    Rep,
    RoutingDecision,
    RoutingRule,
    SalesQualification,
    SpecialDay,
    SubReason,
    Team,
    WorkCalendar,
    WorkHours,
)
from sla.vocabulary import CommitmentState

#: The roles that sign commitments, each for its side.
LEADERS: Final = (Role.MARKETING_LEADER, Role.SALES_LEADER)

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


class MinutesField(forms.CharField):
    """A time of day, kept as minutes after midnight; "24:00" is the midnight after."""

    widget = forms.TextInput(attrs={"size": 6, "placeholder": "09:00"})

    def prepare_value(self, value: Any) -> Any:
        return f"{value // 60:02}:{value % 60:02}" if isinstance(value, int) else value

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_time_of_day(text)
        except BadCalendar as error:
            raise forms.ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        return bool(self.prepare_value(initial) != data) and bool(initial is not None or data)


def parse_time_of_day(text: str) -> int:
    match = HOURS_AND_MINUTES.fullmatch(text)
    minutes = int(match[1]) * 60 + int(match[2]) if match else MINUTES_A_DAY + 1
    if minutes > MINUTES_A_DAY:
        raise BadCalendar(f"{text!r} is not a time between 00:00 and 24:00.")
    return minutes


class WorkHoursForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    weekday = forms.TypedChoiceField(choices=list(enumerate(WEEKDAYS)), coerce=int)
    opens = MinutesField()
    closes = MinutesField(help_text="At or before the opening: runs into the next day.")

    class Meta:
        model = WorkHours
        fields = ("weekday", "opens", "closes")

    def clean_opens(self) -> int:
        opens: int = self.cleaned_data["opens"]
        if opens >= MINUTES_A_DAY:
            raise forms.ValidationError("The day begins at 00:00.")
        return opens


class SpecialDayForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    opens = MinutesField(required=False, help_text="Empty: closed.")
    closes = MinutesField(required=False)

    class Meta:
        model = SpecialDay
        fields = ("date", "label", "opens", "closes")

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if not self.errors and (typed.get("opens") is None) != (typed.get("closes") is None):
            raise forms.ValidationError("Give both times, or none for a day that is closed.")
        return typed


class WorkCalendarForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    class Meta:
        model = WorkCalendar
        fields = ("name", "zone", "country", "subdivision")

    def clean(self) -> dict[str, Any]:
        typed = super().clean() or self.cleaned_data
        if not self.errors:
            zone_and_country = {name: typed.get(name, "") for name in ("zone", "country", "subdivision")}
            try:
                calendars.check_calendar(**zone_and_country, now=timezone.now())
            except BadCalendar as error:
                raise forms.ValidationError(str(error)) from error
        return typed


class WorkHoursInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = WorkHours
    form = WorkHoursForm
    extra = 1
    ordering = ("weekday", "opens", "pk")


class SpecialDayInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = SpecialDay
    form = SpecialDayForm
    extra = 1
    ordering = ("date", "pk")


@admin.register(WorkCalendar)
class WorkCalendarAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    form = WorkCalendarForm
    inlines = (WorkHoursInline, SpecialDayInline)
    list_display = ("name", "zone", "country", "subdivision")

    def save_model(self, request: Any, obj: WorkCalendar, form: Any, change: bool) -> None:
        form.before = calendars.draft_from_rows(WorkCalendar.objects.get(pk=obj.pk)) if change else None
        super().save_model(request, obj, form, change)

    def save_related(self, request: Any, form: Any, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        stored = WorkCalendar.objects.get(pk=form.instance.pk)
        calendars.record_change(
            calendar=stored,
            before=form.before,
            after=calendars.draft_from_rows(stored),
            by=request.user,
            now=timezone.now(),
        )


class RepInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = Rep
    extra = 0
    fields = ("user", "is_active", "is_away", "capacity", "weight", "calendar")


@admin.register(Team)
class TeamAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = ("name", "calendar")
    list_select_related = ("calendar",)
    filter_horizontal = ("managers",)
    inlines = (RepInline,)


class AbsenceInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = Absence
    extra = 1


@admin.register(Rep)
class RepAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = ("user", "team", "is_active", "is_away", "capacity", "weight", "last_assigned_at")
    list_filter = ("team", "is_active", "is_away")
    list_select_related = ("user", "team")
    search_fields = ("user__first_name", "user__last_name", "user__email")
    readonly_fields = ("last_assigned_at",)
    inlines = (AbsenceInline,)


@admin.register(RoutingRule)
class RoutingRuleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = ("position", "name", "team", "is_active")
    list_display_links = ("name",)
    list_select_related = ("team",)
    ordering = ("position", "pk")


class SubReasonForm(forms.ModelForm):  # type: ignore[type-arg]  # generic in the stubs only
    """A detail of a reason; the code of one that exists stays."""

    class Meta:
        model = SubReason
        fields = ("code", "label", "position", "is_offered")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Absent where the page is only viewed.
        if self.instance.pk and "code" in self.fields:
            self.fields["code"].disabled = True


class SubReasonInline(admin.TabularInline):  # type: ignore[type-arg]  # generic in the stubs only
    model = SubReason
    form = SubReasonForm
    extra = 0
    ordering = ("position", "pk")

    def has_delete_permission(self, request: HttpRequest, obj: ReasonCode | None = None) -> bool:  # noqa: ARG002 (Django’s)
        """Refuse: dispositions refer to details. To retire one, stop offering it."""
        return False


@admin.register(ReasonCode)
class ReasonCodeAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    list_display = (
        "label",
        "code",
        "family",
        "route",
        "concerns_person",
        "needs_note",
        "needs_attempts",
        "is_offered",
        "position",
    )
    list_filter = ("family", "route", "is_offered")
    ordering = ("position", "pk")
    inlines = (SubReasonInline,)

    def get_readonly_fields(
        self,
        request: HttpRequest,  # noqa: ARG002 (Django’s)
        obj: ReasonCode | None = None,
    ) -> tuple[str, ...]:
        """Freeze the code, and what the reason means once a decision names it."""
        if obj is None:
            return ()
        is_named = any(
            table.objects.filter(reason=obj).exists() for table in (Disposition, PlayDisposition, PendingDecision)
        )
        return ("code", "family", "route", "concerns_person") if is_named else ("code",)

    def has_delete_permission(self, request: HttpRequest, obj: ReasonCode | None = None) -> bool:  # noqa: ARG002 (Django’s)
        """Refuse: dispositions refer to reasons. To retire a reason, stop offering it."""
        return False


@admin.register(Commitment)
class CommitmentAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """A draft is edited, then signed by both leaders with the action; the second signature puts it in force."""

    list_display = ("motion", "number", "state", "activated_at", "retired_at", "signed_by_marketing", "signed_by_sales")
    list_select_related = ("signed_by_marketing", "signed_by_sales")
    ordering = ("motion", "-number")
    readonly_fields = ("state", "signed_by_marketing", "signed_by_sales", "activated_at", "retired_at")
    actions = ("sign",)

    @admin.action(description="Sign for my side")
    def sign(self, request: HttpRequest, chosen: QuerySet[Commitment]) -> None:
        for commitment in chosen:
            try:
                signed = commitments.sign(commitment=commitment, by=cast("User", request.user), now=timezone.now())
            except commitments.ActivationRefused as refusal:
                self.message_user(request, str(refusal), messages.ERROR)
            else:
                consequence = (
                    "are in force" if signed.state == CommitmentState.ACTIVE else "wait for the other side’s signature"
                )
                self.message_user(request, f"Signed: {signed} {consequence}.")

    def save_model(self, request: HttpRequest, obj: Commitment, form: Any, change: bool) -> None:
        # The signatures were given for the old terms, so a change clears them.
        if form.changed_data:
            obj.signed_by_marketing = obj.signed_by_sales = None
        super().save_model(request, obj, form, change)

    def has_view_permission(self, request: HttpRequest, obj: Commitment | None = None) -> bool:
        return holds(request.user, *LEADERS) or super().has_view_permission(request, obj)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return holds(request.user, *LEADERS) or super().has_module_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Commitment | None = None) -> bool:
        return _is_draft(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Commitment | None = None) -> bool:
        return _is_draft(obj) and super().has_delete_permission(request, obj)


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # generic in the stubs only
    """Show records that use-cases write and nobody edits."""

    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 (Django’s)
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 (Django’s)
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:  # noqa: ARG002 (Django’s)
        return False


@admin.register(Handoff)
class HandoffAdmin(ReadOnlyAdmin):
    list_display = ("id", "lead", "state", "tier", "team", "rep", "created_at", "decided_at")
    list_filter = ("state", "tier", "team")
    list_select_related = ("lead", "team", "rep__user")
    search_fields = ("lead__email", "lead__last_name")
    ordering = ("-pk",)


@admin.register(Clock)
class ClockAdmin(ReadOnlyAdmin):
    list_display = ("id", "handoff_id", "kind", "started_at", "due_at", "met_at", "breached_at", "is_late")
    list_filter = ("kind", "is_late")
    ordering = ("-pk",)


@admin.register(Disposition)
class DispositionAdmin(ReadOnlyAdmin):
    list_display = ("id", "handoff_id", "kind", "reason", "by", "at", "corrects_id")
    list_filter = ("kind", "reason__family")
    list_select_related = ("reason", "by")
    ordering = ("-pk",)


@admin.register(Attempt)
class AttemptAdmin(ReadOnlyAdmin):
    list_display = ("id", "handoff_id", "at", "channel", "outcome", "by")
    list_select_related = ("by",)
    ordering = ("-pk",)


@admin.register(Note)
class NoteAdmin(ReadOnlyAdmin):
    list_display = ("id", "handoff_id", "at", "by", "text", "meeting_at")
    list_select_related = ("by",)
    ordering = ("-pk",)


@admin.register(RoutingDecision)
class RoutingDecisionAdmin(ReadOnlyAdmin):
    list_display = ("id", "handoff_id", "at", "explanation", "by")
    list_select_related = ("by",)
    ordering = ("-pk",)


@admin.register(SalesQualification)
class SalesQualificationAdmin(ReadOnlyAdmin):
    list_display = ("id", "handoff_id", "at", "by")
    list_select_related = ("by",)
    ordering = ("-pk",)


@admin.register(Notice)
class NoticeAdmin(ReadOnlyAdmin):
    list_display = ("id", "kind", "to", "text", "created_at", "read_at")
    list_filter = ("kind",)
    list_select_related = ("to",)
    ordering = ("-pk",)


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    list_display = ("id", "channel", "notice", "send_at", "sent_at", "failures", "error", "dropped_at", "dropped_why")
    list_filter = ("channel",)
    list_select_related = ("notice",)
    ordering = ("-pk",)


@admin.register(CalendarVersion)
class CalendarVersionAdmin(ReadOnlyAdmin):
    list_display = ("id", "calendar", "created_at", "digest")
    list_select_related = ("calendar",)
    ordering = ("-pk",)


def _is_draft(commitment: Commitment | None) -> bool:
    return commitment is None or commitment.state == CommitmentState.DRAFT
