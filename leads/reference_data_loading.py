"""The data sets that Accord ships, lists and reading tables: dated, with a digest, loaded by `migrate`. Rules 22.5.

Lists are copied into the database, because customers correct them. Reading tables are read from their files; the database
only records which ones this installation reads with.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import publicsuffixlist
from django.apps import apps as installed_apps
from django.utils import timezone

from leads import named_lists

#: The date in the comment at the beginning of a table that is a plain text.
_DATE_IN_COMMENT = re.compile(rb"(?:as of|VERSION:) (\d{4}-\d\d-\d\d)")
FOLDER: Final = Path(__file__).parent / "reference_data"


@dataclass(frozen=True, slots=True)
class DataSet:
    """A data set as shipped."""

    name: str
    dated: dt.date
    digest: str


def shipped_data_sets() -> list[DataSet]:
    """Return the shipped lists and the reading tables in `reference_data/`, in the order of their names."""
    return sorted([*_lists(), *_reading_tables(), *_host_tables()], key=lambda data_set: data_set.name)


def _lists() -> Iterable[DataSet]:
    dated = _date_of(named_lists.CORRECTIONS_FILE.read_bytes())
    for name, (_label, entries) in named_lists.shipped_lists().items():
        yield DataSet(f"list: {name}", dated, hashlib.sha256("\n".join(sorted(entries)).encode()).hexdigest())


def _reading_tables() -> Iterable[DataSet]:
    for path in FOLDER.glob("*.json"):
        if path != named_lists.CORRECTIONS_FILE:
            content = path.read_bytes()
            yield DataSet(path.stem, _date_of(content), hashlib.sha256(content).hexdigest())


def _host_tables() -> Iterable[DataSet]:
    """Yield the tables that are plain texts, and name their date in a comment at their beginning."""
    for name, path in (
        ("shared_hosts", FOLDER / "shared_hosts.txt"),
        ("public_suffixes", Path(publicsuffixlist.PSLFILE)),
    ):
        content = path.read_bytes()
        match = _DATE_IN_COMMENT.search(content)
        if match is None:
            raise ValueError(f"{path.name} does not begin with its date.")
        yield DataSet(name, dt.date.fromisoformat(match[1].decode()), hashlib.sha256(content).hexdigest())


def _date_of(content: bytes) -> dt.date:
    return dt.date.fromisoformat(json.loads(content)["dated"])


def load_data_sets(*, now: dt.datetime, apps: Any = installed_apps) -> list[str]:
    """Load the data sets whose digest is not the one recorded, and return their names.

    `apps` is the registry whose models are used: during `migrate` the one of the migrated state.
    """
    reference_data = apps.get_model("leads", "ReferenceData").objects
    recorded = dict(reference_data.values_list("name", "digest"))
    changed = [data_set for data_set in shipped_data_sets() if recorded.get(data_set.name) != data_set.digest]
    if any(data_set.name.startswith("list: ") for data_set in changed):
        _ship_lists(apps)
    for data_set in changed:
        reference_data.update_or_create(
            name=data_set.name, defaults={"dated": data_set.dated, "digest": data_set.digest, "loaded_at": now}
        )
    return [data_set.name for data_set in changed]


def _ship_lists(apps: Any) -> None:
    named_lists.ship(
        named_lists=apps.get_model("leads", "NamedList").objects, entries=apps.get_model("leads", "ListEntry").objects
    )


def load_after_migrate(*, apps: Any = None, plan: Collection[Any] | None = None, **_signal: Any) -> None:
    """Load the data sets at the end of `migrate`; a `flush`, which has no plan, leaves the tables empty."""
    if plan is None or apps is None:
        return
    try:
        apps.get_model("leads", "ReferenceData")
    except LookupError:
        # A migration backwards, to before these tables.
        return
    load_data_sets(now=timezone.now(), apps=apps)
