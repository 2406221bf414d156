"""Callers of a site over HTTP: programs with a key and people with a session."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.test import Client

from config.accounts.models import User

#: Longer than any answer takes on a loaded machine.
_TIMEOUT_SECONDS = 120
_CSRF_TOKEN = "d" * 32


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its seconds; the status is 0 if there was none."""

    status: int
    content: bytes = b""
    seconds: float = 0

    def json(self) -> Any:
        return json.loads(self.content)


@dataclass(slots=True)
class Caller:
    """A caller with these headers. With `keeps_line` it sends its requests over one connection, until it is closed."""

    port: int
    headers: dict[str, str]
    keeps_line: bool = False
    _line: http.client.HTTPConnection | None = field(default=None, init=False)

    def get(self, path: str) -> Answer:
        return self.send("GET", path, b"", {})

    def post_json(self, path: str, body: object) -> Answer:
        return self.send("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})

    def post_form(self, path: str, **fields: object) -> Answer:
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        return self.send("POST", path, urlencode(fields).encode(), headers)

    def post_file(self, path: str, name: str, content: bytes, **fields: str) -> Answer:
        mark = b"----of-the-drill"
        parts = [
            f'Content-Disposition: form-data; name="{field}"\r\n\r\n{value}'.encode() for field, value in fields.items()
        ]
        head = f'Content-Disposition: form-data; name="file"; filename="{name}"\r\nContent-Type: text/csv\r\n\r\n'
        parts.append(head.encode() + content)
        body = b"".join(b"--" + mark + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + mark + b"--\r\n"
        return self.send("POST", path, body, {"Content-Type": f"multipart/form-data; boundary={mark.decode()}"})

    def open(self) -> None:
        """Connect now, so that the next request needs no time for it."""
        if self._line is None:
            self._line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=_TIMEOUT_SECONDS)
        if self._line.sock is None:
            self._line.connect()

    def close(self) -> None:
        if self._line is not None:
            self._line.close()
            self._line = None

    def send(self, method: str, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        began = time.monotonic()
        try:
            self.open()
            assert self._line is not None
            self._line.request(method, path, body, self.headers | headers)
            response = self._line.getresponse()
            content = response.read()
            answer = Answer(response.status, content, time.monotonic() - began)
        except (OSError, http.client.HTTPException):
            self.close()
            return Answer(0, seconds=time.monotonic() - began)
        if not self.keeps_line or response.will_close:
            self.close()
        return answer


def call_by_key(port: int, key: str) -> Caller:
    return Caller(port, {"Authorization": f"Api-Key {key}"})


def call_as_person(port: int, person: User) -> Caller:
    """Return a caller with a session of this person, as the browser has one after the sign-in."""
    browser = Client()
    browser.force_login(person)
    session = browser.cookies[settings.SESSION_COOKIE_NAME].value
    cookies = f"{settings.SESSION_COOKIE_NAME}={session}; {settings.CSRF_COOKIE_NAME}={_CSRF_TOKEN}"
    return Caller(port, {"Cookie": cookies, "X-CSRFToken": _CSRF_TOKEN})
