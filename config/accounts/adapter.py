"""Sign-in without sign-up, and its limits: nobody can keep a person out by typing wrong passwords (rules 18.4, 18.8)."""

from __future__ import annotations

import datetime as dt
import secrets
from typing import Any, Final

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core.internal import ratelimit
from django.core import signing
from django.forms import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.crypto import salted_hmac

from config.accounts.models import UserManager
from config.accounts.networks import network_of

DEVICE_COOKIE: Final = "accord_device"
_DEVICE_SALT: Final = "config.accounts.known-device"
_DEVICE_AGE: Final = dt.timedelta(days=180)
_APP: Final = "allauth.account"
_ANYWHERE: Final = "login_failed_anywhere"


class InvitedOnly(DefaultAccountAdapter):
    """The sign-in without sign-up: an administrator creates accounts, nobody creates their own.

    Failed attempts are counted by address and source. A device from which somebody has signed in before counts as a
    source of its own; all other sources of an address share a second, wider limit.
    """

    error_messages = DefaultAccountAdapter.error_messages | {
        "too_many_login_attempts": (
            "Too many failed attempts to sign in. Try again in some minutes, sign in from a device that you have used"
            " before, or reset your password."
        )
    }

    def get_client_ip(self, request: HttpRequest) -> str:
        return network_of(super().get_client_ip(request))

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        return False

    def pre_authenticate(self, request: HttpRequest, **credentials: Any) -> None:
        super().pre_authenticate(request, **credentials)
        login = _login_of(credentials)
        if _read_device(request, login):
            return
        usage = ratelimit.consume(request, app=_APP, action=_ANYWHERE, key=login)
        if not usage:
            raise self._too_many()
        # A successful sign-in takes these back together with the library's own.
        self._login_failed_rl_usage.usage.extend(usage.usage)

    def post_login(self, request: HttpRequest, user: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().post_login(request, user, **kwargs)
        response.set_cookie(
            DEVICE_COOKIE,
            signing.dumps([_digest(user.email), secrets.token_urlsafe(12)], salt=_DEVICE_SALT),
            max_age=_DEVICE_AGE,
            path="/accounts/",
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
        return response

    def _get_login_attempts_cache_key(self, request: HttpRequest, **credentials: Any) -> str:
        """Return what failed attempts are counted by: the address with the device or the source.

        The library adds the name of the site, which is the Host header with its port: each port would have limits of
        its own.
        """
        login = _login_of(credentials)
        return f"{login}:{_read_device(request, login) or self.get_client_ip(request)}"

    def _delete_login_attempts_cached_email(self, request: HttpRequest, **credentials: Any) -> None:
        super()._delete_login_attempts_cached_email(request, **credentials)
        ratelimit.clear(request, app=_APP, action=_ANYWHERE, key=_login_of(credentials))

    def _too_many(self) -> ValidationError:
        error: ValidationError = self.validation_error("too_many_login_attempts")
        return error


def _login_of(credentials: dict[str, Any]) -> str:
    """Return the address as people are found by it."""
    return UserManager.normalize_email(credentials.get("email"))


def _read_device(request: HttpRequest, login: str) -> str:
    """Return the name of the device if somebody has signed in with this address from it; else an empty text."""
    try:
        digest, device = signing.loads(request.COOKIES.get(DEVICE_COOKIE, ""), salt=_DEVICE_SALT, max_age=_DEVICE_AGE)
    except (signing.BadSignature, ValueError, TypeError):
        return ""
    return str(device) if digest == _digest(login) else ""


def _digest(login: str) -> str:
    return salted_hmac(_DEVICE_SALT, login.lower()).hexdigest()
