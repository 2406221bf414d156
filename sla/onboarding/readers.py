"""The people who have read a version in force, by team; by name only for their manager (rules 9.34)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from config.accounts.models import User
from definitions.models import Acknowledgement, Version
from sla.teams import people_groups

HEADER: Final = ("version", "team", "people", "have read it", "person", "read at")


@dataclass(frozen=True, slots=True)
class VersionReader:
    """A person who is to read a version; `at` is when they said that they have."""

    person: User
    at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class ReaderGroup:
    """A team, or the people of a role. Its people are shown by name only if `shows_people`."""

    name: str
    shows_people: bool
    readers: list[VersionReader]

    @property
    def read_count(self) -> int:
        return sum(reader.at is not None for reader in self.readers)

    @property
    def shown(self) -> list[VersionReader]:
        """Return the people whom the viewer may see, those who have not read it first."""
        return sorted(self.readers, key=lambda reader: reader.at is not None) if self.shows_people else []


def list_groups(version: Version, *, viewer: User) -> list[ReaderGroup]:
    """Return everybody with a role by team, with who has read the version as the viewer may see it."""
    read_at = dict(Acknowledgement.objects.filter(version=version).values_list("person_id", "at"))
    return [
        ReaderGroup(
            group.name, group.shows_people, [VersionReader(person, read_at.get(person.pk)) for person in group.people]
        )
        for group in people_groups.list_groups(viewer)
    ]


def list_rows(version: Version, *, viewer: User) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the file: one for each team and, where the viewer may see them, one for each person."""
    for group in list_groups(version, viewer=viewer):
        figures = (version, group.name, len(group.readers), group.read_count)
        yield (*figures, "", "")
        for reader in group.shown:
            yield (*figures, reader.person, reader.at.isoformat() if reader.at else "")
