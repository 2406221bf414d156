"""Is it up, is it ready, what does it count: for load balancers, supervisors and Prometheus."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress

import redis
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Min
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from django_prometheus.exports import ExportToDjangoView
from prometheus_client import Gauge

from config.jobs.heartbeat import last_heartbeat
from definitions.models import Backtest
from leads.models import Lead
from sla.handoffs import creation
from sla.models import Delivery
from sla.notifications import deliveries

Check = Callable[[dt.datetime], str]

# A long backtest is no reason to call a worker ill; one that nobody finishes should be seen.
OLDEST_BACKTEST = Gauge(
    "accord_oldest_backtest_seconds",
    "Seconds since the oldest backtest that is still to be finished was asked for; 0 without any.",
    multiprocess_mode="mostrecent",
)
OLDEST_ALERT = Gauge(
    "accord_oldest_undelivered_alert_seconds",
    "Seconds since the oldest e-mail or Slack message that should have been sent was due; 0 without any.",
    multiprocess_mode="mostrecent",
)
ALERTS_GIVEN_UP = Gauge(
    "accord_alerts_given_up",
    "E-mails and Slack messages that failed too often to be tried again by themselves.",
    multiprocess_mode="mostrecent",
)


class NotReady(Exception):
    """Why this process should get no work now."""


@require_GET
@never_cache
def livez(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@require_GET
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """`?role=web` needs the database; `?role=worker` the broker, a beating heart and no old work as well. 503 and why, if not."""
    checks = CHECKS_OF.get(request.GET.get("role", "web"))
    if checks is None:
        return JsonResponse({"error": f"role must be one of {', '.join(CHECKS_OF)}."}, status=400)
    answers = {name: _answer(check, timezone.now()) for name, check in checks.items()}
    ready = all(answer["ok"] for answer in answers.values())
    return JsonResponse({"ready": ready, "checks": answers}, status=200 if ready else 503)


@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    # Whoever counts wants to hear of a database that is away, too.
    with suppress(DatabaseError):
        now = timezone.now()
        OLDEST_BACKTEST.set(_age(Backtest.objects.pending().aggregate(at=Min("requested_at"))["at"], now))
        OLDEST_ALERT.set(_age(deliveries.waiting_since(now), now))
        ALERTS_GIVEN_UP.set(Delivery.objects.given_up().count())
    page: HttpResponse = ExportToDjangoView(request)
    return page


def _age(since: dt.datetime | None, now: dt.datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


def _answer(check: Check, now: dt.datetime) -> dict[str, object]:
    try:
        return {"ok": True, "detail": check(now)}
    except NotReady as reason:
        return {"ok": False, "detail": str(reason)}
    except (DatabaseError, redis.RedisError) as error:
        return {"ok": False, "detail": type(error).__name__}


def _database(_now: dt.datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
        (is_read_only,) = cursor.fetchone()
    if is_read_only:
        raise NotReady("The database is read-only.")
    return "writable"


def _migrations(_now: dt.datetime) -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} migrations of the {DEFAULT_DB_ALIAS} database are not applied.")
    return "applied"


def _broker(_now: dt.datetime) -> str:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    client.ping()
    return "answers"


def _beat(now: dt.datetime) -> str:
    last = last_heartbeat(name="tick")
    if last is None or now - last > settings.BEAT_MAY_BE_SILENT:
        raise NotReady(
            "No tick has ended yet." if last is None else f"The last tick ended {(now - last).seconds} s ago."
        )
    return f"{max((now - last).total_seconds(), 0):.0f} s ago"


def _oldest_work(now: dt.datetime) -> str:
    """The age of what waits longest: a lead to be judged, an MQL to be handed off."""
    look = Lead.objects.due_for_a_look(now).order_by("next_look_at").values_list("next_look_at", flat=True).first()
    waiting = creation.waiting_since(now)
    age = max((now - at).total_seconds() for at in (look or now, waiting or now))
    if age > settings.WORK_MAY_WAIT.total_seconds():
        raise NotReady(f"The oldest work has waited {age:.0f} s.")
    return f"{age:.0f} s"


_WEB: dict[str, Check] = {"database": _database, "migrations": _migrations}
CHECKS_OF = {"web": _WEB, "worker": _WEB | {"broker": _broker, "beat": _beat, "oldest_work": _oldest_work}}
