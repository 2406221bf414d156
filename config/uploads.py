"""The limit on the size of uploaded files. Imports no app."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile, TemporaryFileUploadHandler
from django.http import HttpRequest

_STRANGERS_BYTES = 1 << 20


class UploadLimit(FileUploadHandler):
    """An upload handler that drops a file beyond `settings.IMPORT_MAX_MB`, before the others store it."""

    _size = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self._size = 0

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:  # noqa: ARG002 - the interface of Django
        self._size += len(raw_data)
        if self.request is not None and self._size > _limit(self.request):
            vars(self.request)["has_too_large_file"] = True
            raise SkipFile
        return raw_data

    def file_complete(self, file_size: int) -> None:  # noqa: ARG002 - the interface of Django
        return None


class TemporaryUpload(TemporaryFileUploadHandler):
    """An upload handler that removes at once the file of an upload for which the disk has no room."""

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        with self._remove_on_failure():
            super().receive_data_chunk(raw_data, start)

    def file_complete(self, file_size: int) -> UploadedFile[Any] | None:
        with self._remove_on_failure():
            return super().file_complete(file_size)

    @contextmanager
    def _remove_on_failure(self) -> Iterator[None]:
        try:
            yield
        except OSError:
            # What its buffer still holds cannot be written either.
            with suppress(OSError):
                self.file.close()
            raise


def _limit(request: HttpRequest) -> int:
    """Return the size of the largest file that this request may bring.

    The check of the CSRF token reads the body before any view asks who is there: strangers may fill no disk.
    """
    user = getattr(request, "user", None)
    return max_bytes() if user is not None and user.is_authenticated else _STRANGERS_BYTES


def max_bytes() -> int:
    """Return the size of the largest file that is taken."""
    return int(settings.IMPORT_MAX_MB) << 20


def has_too_large_file(request: HttpRequest) -> bool:
    """Say whether the request brought a file beyond the limit. Its body must have been read."""
    return bool(vars(request).get("has_too_large_file"))
