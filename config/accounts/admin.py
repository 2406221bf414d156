"""The admin of people and API keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.forms import AdminUserCreationForm, UserChangeForm
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone

from config import time_zones
from config.accounts.models import ApiKey, User
from config.accounts.vocabulary import SCOPES


class PersonForm(UserChangeForm):  # type: ignore[type-arg]  # not subscriptable at run time
    class Meta:
        model = User
        fields = "__all__"

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # None when the page is only viewed.
        if "time_zone" in self.fields:
            zones = [(zone, zone) for zone in _zones_for(self.instance.time_zone)]
            self.fields["time_zone"].widget = forms.Select(choices=zones)

    def clean_time_zone(self) -> str:
        zone: str = self.cleaned_data["time_zone"]
        if not time_zones.is_zone(zone):
            raise forms.ValidationError(time_zones.explain_refusal(zone))
        return zone


def _zones_for(current: str) -> list[str]:
    """Return the zones to choose from; the person's own stays among them, also under an old name."""
    return [*time_zones.offered_zones(), *({current} - {"", *time_zones.offered_zones()})]


class NewPersonForm(AdminUserCreationForm):  # type: ignore[type-arg]  # not subscriptable at run time
    class Meta:
        model = User
        fields = ("email",)


@admin.register(User)
class PersonAdmin(UserAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    form = PersonForm
    add_form = NewPersonForm
    list_display = ("email", "first_name", "last_name", "roles", "is_active")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)
    fieldsets = (
        (None, {"fields": ("email", "password")}),
        ("Personal info", {"fields": ("first_name", "last_name", "time_zone")}),
        ("Permissions", {"fields": ("is_active", "is_staff", "is_superuser", "groups", "user_permissions")}),
        ("Important dates", {"fields": ("last_login", "date_joined")}),
    )
    add_fieldsets = (
        (None, {"classes": ("wide",), "fields": ("email", "first_name", "last_name", "password1", "password2")}),
    )

    def has_delete_permission(self, *_args: Any) -> bool:
        """Refuse: decisions and the log of changes name people. Whoever leaves becomes inactive."""
        return False

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        return super().get_queryset(request).prefetch_related("groups")

    @admin.display(description="roles")
    def roles(self, person: User) -> str:
        return ", ".join(group.name for group in person.groups.all())


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]  # not subscriptable at run time
    scopes = forms.MultipleChoiceField(choices=tuple(SCOPES.items()), widget=forms.CheckboxSelectMultiple)
    revoked = forms.BooleanField(required=False, help_text="A revoked key is refused at once, and for good.")

    class Meta:
        model = ApiKey
        fields = ("name", "kind", "owner", "source", "locale", "currency", "scopes", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.revoked_at is not None:
            self.fields["revoked"].initial, self.fields["revoked"].disabled = True, True


@admin.register(ApiKey)
class ApiKeyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not subscriptable at run time
    """The key itself is shown once, after it was created; only its digest is stored."""

    form = ApiKeyForm
    list_display = ("name", "prefix", "kind", "owner", "source", "scopes", "last_used_at", "expires_at", "revoked_at")
    list_filter = ("kind",)
    list_select_related = ("owner",)
    search_fields = ("name", "=prefix", "owner__email")
    fields = ("name", "kind", "owner", "source", "locale", "currency", "scopes", "expires_at", "revoked")
    readonly_fields = ("prefix", "created_at", "last_used_at", "revoked_at")
    actions = ("revoke_keys",)

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> Any:  # noqa: ARG002 (Django's signature)
        return (*self.fields, *self.readonly_fields) if obj else self.fields[:-1]

    def has_delete_permission(self, *_args: Any) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: bool) -> None:
        """Store a key; a new one is drawn here, and its text shown this once."""
        text = "" if change else obj.issue()
        if form.cleaned_data.get("revoked") and obj.revoked_at is None:
            obj.revoked_at = timezone.now()
        if change:
            # The application may change these columns alone; a key's identity stays (rules 17.13).
            obj.save(
                update_fields=[*(name for name in form.changed_data if name in ApiKeyForm.Meta.fields), "revoked_at"]
            )
            return
        super().save_model(request, obj, form, change)
        if text:
            self.message_user(
                request,
                f"The API key for {obj.name} is: {text} – store it somewhere safe, it cannot be shown again.",
                messages.WARNING,
            )

    @admin.action(description="Revoke the selected keys, for good", permissions=["change"])
    def revoke_keys(self, request: HttpRequest, keys: QuerySet[ApiKey]) -> None:
        revoked = keys.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, f"{revoked} API key{'' if revoked == 1 else 's'} revoked.", messages.SUCCESS)
