"""The intake of events, in turns: through the use-case, through the API, and by a bare INSERT of such rows into the same
table.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from django.db import connection
from django.test import Client
from django.utils import timezone

from benchmarks import agreement
from benchmarks.child import Measured
from benchmarks.company import LEADS
from config.accounts.models import ApiKey, User
from leads.intake import events
from leads.models import Lead, Signal

_BATCH, _ROUNDS, _WARMING = 1_000, 20, 2
_COLUMNS = (
    "lead_id", "signal_id", "occurred_at", "recorded_at", "source", "external_id", "digest", "asset", "properties",
)  # fmt: skip


def ingest() -> Measured:
    """Measure each way in for as many events as `rows`; `more` has its seconds."""
    measured = Measured(rows=_BATCH * _ROUNDS)
    ways: dict[str, Callable[[Sequence[dict[str, Any]]], None]] = {"bare": _bare(), "record": _record, "http": _http()}
    seconds = dict.fromkeys(ways, 0.0)
    random = np.random.default_rng(1)
    for turn in range(_WARMING + _ROUNDS):
        for name, send in ways.items():
            batch = _bodies(random)
            way = Measured()
            with way.timed():
                send(batch)
            seconds[name] += way.seconds if turn >= _WARMING else 0.0
    measured.seconds, measured.more = sum(seconds.values()), seconds
    return measured


def client() -> Client:
    """Return a machine client with a key that may send facts."""
    owner = User.objects.create(email=f"{secrets.token_hex(8)}@accord.test")
    _, key = ApiKey.objects.create_key(name="bench", owner=owner, source="bench", scopes=["facts:write"])
    return Client(headers={"authorization": f"Api-Key {key}", "host": "localhost"})


def post(by: Client, bodies: Sequence[dict[str, Any]]) -> None:
    answer = by.post("/api/v1/events", json.dumps(bodies), content_type="application/json")
    assert answer.status_code in {200, 201}, answer.content[:300]
    assert answer.json()["counts"] == {"accepted": len(bodies)}, answer.content[:300]


def _bodies(random: np.random.Generator) -> list[dict[str, Any]]:
    """Return events as senders send them: by e-mail address, with an id of the sender."""
    ids = random.integers(1, LEADS + 1, _BATCH).tolist()
    emails = dict(Lead.objects.filter(pk__in=ids).values_list("pk", "email"))
    now = timezone.now()
    return [
        {
            "email": emails[lead_id],
            "signal": signal,
            "occurred_at": (now - dt.timedelta(seconds=position)).isoformat(),
            "id": secrets.token_hex(8),
            "properties": {"page": "/pricing", "campaign": "spring"},
        }
        for position, (lead_id, signal) in enumerate(
            zip(ids, random.choice(list(agreement.SIGNALS), _BATCH).tolist(), strict=True)
        )
    ]


def _record(bodies: Sequence[dict[str, Any]]) -> None:
    answers = events.record(items=bodies, source="bench", now=timezone.now())
    assert all(answer.status == "accepted" for answer in answers)


def _http() -> Callable[[Sequence[dict[str, Any]]], None]:
    by = client()
    return lambda bodies: post(by, bodies)


def _bare() -> Callable[[Sequence[dict[str, Any]]], None]:
    """Return a function that stores a batch by one multi-row INSERT in a transaction, with everything already read and
    resolved.
    """
    signals = dict(Signal.objects.values_list("code", "pk"))
    row = f"({', '.join(['%s'] * len(_COLUMNS))})"

    def insert(bodies: Sequence[dict[str, Any]]) -> None:
        now = timezone.now()
        values: list[object] = []
        for position, body in enumerate(bodies):
            values += [1 + position * 7 % LEADS, signals[body["signal"]], body["occurred_at"], now, "bare", body["id"]]
            values += [b"0123456789abcdef", "", '{"page": "/pricing", "campaign": "spring"}']
        with connection.cursor() as cursor:
            cursor.execute(
                f"INSERT INTO leads_event ({', '.join(_COLUMNS)}) VALUES {', '.join([row] * len(bodies))}", values
            )

    return insert
