"""The files that people upload, stored in parts in the database: web and workers may be on different machines."""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import tempfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import count, islice
from pathlib import Path
from typing import Final

from django.db import transaction

from config.accounts.models import User
from leads.models import ImportFile, ImportFilePart
from leads.vocabulary import DEFAULT_SOURCE

_PART: Final = 1 << 20
#: The beginning of a file that is read to show its header and its first rows.
_SAMPLE_PARTS: Final = 4
#: The fastest level: a file is written once and read by one worker.
_COMPRESSION: Final = 1
_ARCHIVE: Final = b"PK\x03\x04"
_UNSTORABLE_ANYWHERE = re.compile("[\x00\ud800-\udfff]")
_UNSTORABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


@transaction.atomic
def store_file(
    *, name: str, chunks: Iterable[bytes], kind: str, source: str = DEFAULT_SOURCE, by: User | None, now: dt.datetime
) -> ImportFile:
    """Store a file from its chunks, part by part, so that memory holds one part at a time."""
    file = ImportFile.objects.create(
        name=clean_text(name)[-255:] or "file",
        kind=kind,
        source=source,
        size=0,
        lines=0,
        uploaded_at=now,
        uploaded_by=by,
    )
    digest, is_archive = hashlib.sha256(), False
    for number, part in enumerate(_cut_into_parts(chunks)):
        is_archive = part.startswith(_ARCHIVE) if number == 0 else is_archive
        ImportFilePart.objects.create(file=file, number=number, content=zlib.compress(part, _COMPRESSION))
        digest.update(part)
        file.size += len(part)
        file.lines += 0 if is_archive else part.count(b"\n")
    file.digest = digest.hexdigest()
    file.save(update_fields=["size", "lines", "digest"])
    return file


@contextmanager
def copy_to_disk(file: ImportFile) -> Iterator[Path]:
    """Yield the path of a copy of the file on this machine, which is deleted at the end."""
    with _temporary_path() as path:
        with path.open("wb") as copy:
            for part in _read_parts(file):
                copy.write(part)
        yield path


@contextmanager
def copy_sample_to_disk(file: ImportFile) -> Iterator[Path]:
    """Yield the path of a copy of the file's first lines, or of the whole file where it cannot be cut."""
    sample = b"".join(islice(_read_parts(file), _SAMPLE_PARTS))
    if sample.startswith(_ARCHIVE) or len(sample) == file.size:
        with copy_to_disk(file) as path:
            yield path
        return
    # A last line that is cut off could look like a broken one, or like another encoding.
    with _temporary_path() as path:
        path.write_bytes(sample[: sample.rfind(b"\n") + 1] or sample)
        yield path


def clean_text(text: str) -> str:
    """Return a text from outside without what PostgreSQL or a page cannot hold: control characters, lone surrogates."""
    return _UNSTORABLE.sub("", text)


def is_storable(text: str) -> bool:
    """Say whether PostgreSQL can store the text: without NUL characters and lone surrogates."""
    return not _UNSTORABLE_ANYWHERE.search(text)


@contextmanager
def _temporary_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="accord-import-") as folder:
        yield Path(folder) / "file"


def _cut_into_parts(chunks: Iterable[bytes]) -> Iterator[bytes]:
    part = bytearray()
    for chunk in chunks:
        part += chunk
        while len(part) >= _PART:
            yield bytes(part[:_PART])
            del part[:_PART]
    if part:
        yield bytes(part)


def _read_parts(file: ImportFile) -> Iterator[bytes]:
    # One query a part: a cursor of the server would copy the whole file when it is opened outside of a transaction.
    rows = ImportFilePart.objects.filter(file=file)
    for number in count():
        content = rows.filter(number=number).values_list("content", flat=True).first()
        if content is None:
            return
        yield zlib.decompress(content)
