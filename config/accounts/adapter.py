from __future__ import annotations

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest


class InvitedOnly(DefaultAccountAdapter):
    """The sign-in without sign-up: an administrator creates accounts, nobody creates their own."""

    def is_open_for_signup(self, _request: HttpRequest) -> bool:
        return False
