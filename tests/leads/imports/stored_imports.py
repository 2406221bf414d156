"""Uploaded files and their imports, for tests."""

from __future__ import annotations

import datetime as dt
from typing import Any

from leads.imports import import_requests, pending_imports, stored_files
from leads.models import ImportFile, ImportRun
from tests.factories import NOW

LEADS = "Email,First Name,Country\nada@acme.example,Ada,DE\ngrace@acme.example,Grace,US\nnobody,Nix,FR\n"


def store(text: str | bytes = LEADS, *, kind: str = "leads", name: str = "leads.csv", **columns: Any) -> ImportFile:
    """Store a file as an upload does; `columns` are further columns, such as its map."""
    content = text if isinstance(text, bytes) else text.encode()
    file = stored_files.store_file(name=name, chunks=[content], kind=kind, by=None, now=NOW)
    for column, value in columns.items():
        setattr(file, column, value)
    file.save()
    return file


def start(text: str | bytes = LEADS, *, now: dt.datetime = NOW, **columns: Any) -> ImportRun:
    """Store a file and ask for its import."""
    run, _ = import_requests.start_import(file=store(text, **columns), by=None, now=now)
    return run


def work(now: dt.datetime = NOW, *, turns: int = 100) -> None:
    """Do what a worker does, until nothing is left."""
    for _ in range(turns):
        if not pending_imports.run_pending(now=now):
            return
    raise AssertionError("The imports did not come to an end.")
