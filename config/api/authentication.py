"""Authentication of the API: a machine with a key and its scopes, or a signed-in person with their roles."""

from __future__ import annotations

import datetime as dt
from typing import Any, Final

from django.utils import timezone
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed, NotFound, Throttled
from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request

from config.accounts.models import ApiKey, User
from config.accounts.roles import holds
from config.api import request_limits

_SCHEME: Final = "Api-Key"
_LAST_USED_EVERY: Final = dt.timedelta(minutes=1)


class ApiKeyAuthentication(BaseAuthentication):
    """`Authorization: Api-Key KEY`. A key in the address is never read (rules 18.6)."""

    def authenticate(self, request: Request) -> tuple[User, ApiKey] | None:
        """Return the owner and the key; None without a key. One sentence for all refusals: a guess learns nothing from it."""
        scheme, _, key = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != _SCHEME.lower() or not key:
            return None
        now = timezone.now()
        try:
            api_key = ApiKey.objects.get_from_key(key)
        except ApiKey.DoesNotExist:
            api_key = None
        if api_key is None or not api_key.is_usable(now):
            seconds = request_limits.count_wrong_key(request, now=now)
            if seconds:
                raise Throttled(seconds, "Too many wrong API keys from this address.")
            raise AuthenticationFailed("This API key is unknown, revoked or expired.")
        _record_use(api_key, now)
        return api_key.owner, api_key

    def authenticate_header(self, _request: Request) -> str:
        return _SCHEME


class ApiKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the library ships without types
    target_class = "config.api.authentication.ApiKeyAuthentication"
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:  # noqa: ARG002 - the interface of the library
        return {"type": "apiKey", "in": "header", "name": "Authorization", "description": "`Api-Key acc_PREFIX.SECRET`"}


def _record_use(api_key: ApiKey, now: dt.datetime) -> None:
    # At most once a minute: a busy client would otherwise write its row with every request.
    if api_key.last_used_at is None or now - api_key.last_used_at > _LAST_USED_EVERY:
        ApiKey.objects.filter(pk=api_key.pk).update(last_used_at=now)


def scoped(
    read: str,
    write: str,
    *,
    read_roles: tuple[str, ...],
    write_roles: tuple[str, ...],
    seen_by: tuple[str, ...] = (),
) -> type[BasePermission]:
    """Return a permission class: keys need the scope, people one of the roles.

    `seen_by` are the roles for which the route exists at all: other people get a 404 (rules 1.11).
    """

    class Scoped(BasePermission):
        def has_permission(self, request: Request, _view: Any) -> bool:
            is_read = request.method in SAFE_METHODS
            if isinstance(request.auth, ApiKey):
                return (read if is_read else write) in request.auth.scopes
            if seen_by and request.user.is_authenticated and not holds(request.user, *seen_by):
                raise NotFound
            return holds(request.user, *(read_roles if is_read else write_roles))

    return Scoped
