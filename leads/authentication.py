"""Who is calling the API: a machine with a key and its scopes, or a signed-in person with their roles."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework_api_key.permissions import KeyParser

from config.web import holds
from leads.models import ApiKey, User

SCOPES = {
    "facts:write": "Send events, leads, companies and outcomes",
    "facts:read": "Read leads, events and scores",
    "handoffs:read": "Read handoffs",
    "handoffs:write": "Accept, reject, log attempts, book meetings",
    "definitions:read": "Read definitions",
    "definitions:write": "Create drafts, evaluate, backtest",
    "reports:read": "Read reports",
}

_LAST_USED_EVERY = dt.timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key PREFIX.SECRET`. A key in the address is never read."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        key = KeyParser().get_from_authorization(request)
        if not key:
            return None
        try:
            api_key = ApiKey.objects.select_related("owner").get(pk=ApiKey.objects.get_from_key(key).pk)
        except ApiKey.DoesNotExist:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.") from None
        if api_key.has_expired or not api_key.owner.is_active:
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        _note_use(api_key, timezone.now())
        return api_key.owner, api_key

    def authenticate_header(self, _request: Request) -> str:
        return "Api-Key"


def _note_use(api_key: ApiKey, now: dt.datetime) -> None:
    if api_key.last_used_at is None or now - api_key.last_used_at > _LAST_USED_EVERY:
        ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=now)


def scoped(read: str, write: str, *, read_roles: tuple[str, ...], write_roles: tuple[str, ...]) -> type[BasePermission]:
    """A permission class: keys need the scope, people one of the roles."""

    class Scoped(BasePermission):
        def has_permission(self, request: Request, _view: Any) -> bool:
            is_read = request.method in SAFE_METHODS
            if isinstance(request.auth, ApiKey):
                return (read if is_read else write) in request.auth.scopes
            return holds(request.user, *(read_roles if is_read else write_roles))

    return Scoped
