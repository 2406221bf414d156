"""The command `seed_demo`: loads the example company into an empty database, or prints its logins."""

from __future__ import annotations

import argparse
import datetime as dt
import os
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from config.demo.company import lead_generator, seed, staff
from leads.models import Lead


class Command(BaseCommand):
    """Load the example company, or print its logins."""

    help = "Load the example company: a year of leads, handoffs and decisions. Only into an empty database."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--if-empty", action="store_true", help="Do nothing when there are leads already.")
        parser.add_argument("--profile", choices=lead_generator.SIZES, default="full")
        parser.add_argument("--seed", type=int, default=1)
        parser.add_argument("--now", type=_instant, help="The instant at which the story ends (ISO 8601 with zone).")
        parser.add_argument("--logins", action="store_true", help="Load nothing; say how to sign in and what to try.")

    def handle(self, *args: Any, **options: Any) -> None:  # noqa: ARG002  # the signature of Django
        if options["logins"]:
            self._show_logins()
            return
        if options["if_empty"] and Lead.objects.exists():
            self.stdout.write("  There are leads already; nothing was loaded.")
            return
        self._load(lead_generator.SIZES[options["profile"]], options["seed"], options["now"] or timezone.now())

    def _load(self, size: lead_generator.CompanySize, number: int, now: dt.datetime) -> None:
        try:
            key = seed.seed(size=size, seed=number, now=now, say=self._say)
        except seed.NotEmpty as refusal:
            raise CommandError(f"{refusal} (To begin again: `make stop`, then delete .local.)") from refusal
        file = seed.key_file()
        file.parent.mkdir(exist_ok=True)
        file.touch(mode=0o600)
        file.write_text(f"{key}\n")
        self._say(f"  API key of the example website: {file}")
        self._say("  To begin again: `make stop`, then delete .local.")

    def _say(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()

    def _show_logins(self) -> None:
        self._say(f"Sign in with one of these; the password is {staff.PASSWORD}\n")
        for login in staff.LOGINS:
            self._say(f"  {login.role_name:<17} {login.email + '@' + staff.DOMAIN:<32} {login.task}")
        if seed.key_file().exists():
            request = _CURL.format(email=lead_generator.CURL_EMAIL, port=os.environ.get("PORT", "8000"))
            self._say(f"\nAsk for a demo, then look at the SDR's queue:\n\n{request}")


_CURL = """  curl -X POST http://localhost:{port}/api/v1/events \\
    -H "Authorization: Api-Key $(cat .local/demo_api_key)" -H "Content-Type: application/json" \\
    -d '{{"email": "{email}", "signal": "demo_request", "occurred_at": "'$(date -u +%FT%TZ)'"}}'"""


def _instant(text: str) -> dt.datetime:
    try:
        at = parse_datetime(text)
    except ValueError:
        at = None
    if at is None or at.tzinfo is None:
        raise argparse.ArgumentTypeError(
            f"{text!r} is no instant with a time zone; write it as 2026-01-31T09:00:00Z or +01:00."
        )
    return at.astimezone(dt.UTC)
