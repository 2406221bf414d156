"""The reading of versions in force: what a person has still to read, and that they have read it (rules 9.32)."""

from __future__ import annotations

import datetime as dt

import structlog
from django.db.models import Exists, OuterRef

from config.accounts.models import User
from definitions import motions
from definitions.models import Acknowledgement, Version
from definitions.vocabulary import VersionState

log = structlog.get_logger(__name__)


class NotInForce(Exception):
    """The version is not in force, or not any more; the sentence is addressed to the reader."""


def acknowledge(*, version: Version, by: User, now: dt.datetime) -> Acknowledgement:
    """Record that the person has read the version; who did before keeps the first time. Raises NotInForce."""
    if version.state != VersionState.ACTIVE:
        raise NotInForce(f"{version} is not in force. Read the version that is, please.")
    row, is_new = Acknowledgement.objects.get_or_create(version=version, person=by, defaults={"at": now})
    if is_new:
        log.info("version_acknowledged", version=version.pk, by=by.pk)
    return row


def list_to_read(person: User) -> list[Version]:
    """Return the versions in force, those of the primary motion first, each with `is_read` by the person."""
    has_read = Exists(Acknowledgement.objects.filter(person=person, version=OuterRef("pk")))
    versions = Version.objects.active().select_related("definition").annotate(is_read=has_read)
    return list(versions.order_by(motions.rank_motion("definition__motion"), "definition_id", "pk"))


def find_own(version: Version, person: User) -> Acknowledgement | None:
    """Return the person's acknowledgement of the version."""
    return Acknowledgement.objects.filter(version=version, person=person).first()


def find_read_before(version: Version, person: User) -> Version | None:
    """Return the version of the same definition that the person read last, other than this one."""
    earlier = Acknowledgement.objects.filter(person=person, version__definition=version.definition)
    row = earlier.exclude(version=version).select_related("version__definition").order_by("-at", "-pk").first()
    return row.version if row else None
