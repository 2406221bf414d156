"""Liveness, readiness and metrics, for load balancers, supervisors and Prometheus."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import suppress
from math import inf

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

from config.jobs import sweeps
from config.jobs.heartbeat import last_heartbeat
from definitions.models import Backtest
from leads.models import Lead
from leads.rescoring import mass_rescores
from sla.handoffs import creation
from sla.models import Delivery
from sla.notifications import deliveries

Check = Callable[[dt.datetime], str]

# A long backtest does not make a worker unready, but one that is never finished should show in monitoring.
OLDEST_WORK = Gauge(
    "accord_oldest_work_seconds",
    "Seconds since the oldest lead to rescore or MQL to hand off was due; 0 without any.",
    multiprocess_mode="mostrecent",
)
LAST_TICK = Gauge(
    "accord_last_tick_seconds",
    "Seconds since a worker last ended a tick well; +Inf if none ever did.",
    multiprocess_mode="mostrecent",
)
DATABASE_ANSWERS = Gauge(
    "accord_database_answers",
    "1 if the database answered this scrape; 0 if not, and then the other accord_ figures are old ones.",
    multiprocess_mode="mostrecent",
)
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
ROWS_SET_ASIDE = Gauge(
    "accord_rows_set_aside",
    "Rows that a sweep could not do and tries again later.",
    multiprocess_mode="mostrecent",
)
OLDEST_SET_ASIDE = Gauge(
    "accord_oldest_row_set_aside_seconds",
    "Seconds since the first of the rows that are set aside was; 0 without any.",
    multiprocess_mode="mostrecent",
)
LEADS_TO_JUDGE_ANEW = Gauge(
    "accord_leads_to_judge_anew",
    "Leads that are still to be judged by rescorings of all leads, as after an activation.",
    multiprocess_mode="mostrecent",
)
ALERTS_GIVEN_UP = Gauge(
    "accord_alerts_given_up",
    "E-mails and Slack messages that failed too often to be tried again by themselves.",
    multiprocess_mode="mostrecent",
)


class NotReady(Exception):
    """A reason why this process should get no work now."""


@require_GET
@never_cache
def livez(_request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok", content_type="text/plain")


@require_GET
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Answer 200 if this process can take work, or 503 with the reasons.

    `?role=web` needs the database; `?role=worker` also the broker, a recent tick and no old work.
    """
    checks = CHECKS_BY_ROLE.get(request.GET.get("role", "web"))
    if checks is None:
        return JsonResponse({"error": f"role must be one of {', '.join(CHECKS_BY_ROLE)}."}, status=400)
    answers = {name: _run_check(check, timezone.now()) for name, check in checks.items()}
    ready = all(answer["ok"] for answer in answers.values())
    return JsonResponse({"ready": ready, "checks": answers}, status=200 if ready else 503)


@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    # Without a database the other metrics are still worth collecting.
    DATABASE_ANSWERS.set(0)
    with suppress(DatabaseError):
        now = timezone.now()
        OLDEST_WORK.set(_oldest_work(now))
        LAST_TICK.set(_last_tick(now))
        OLDEST_BACKTEST.set(_age(Backtest.objects.pending().aggregate(at=Min("requested_at"))["at"], now))
        OLDEST_ALERT.set(_age(deliveries.waiting_since(now), now))
        ALERTS_GIVEN_UP.set(Delivery.objects.given_up().count())
        aside = sweeps.count_set_aside()
        ROWS_SET_ASIDE.set(sum(row.count for row in aside))
        OLDEST_SET_ASIDE.set(_age(min((row.since for row in aside), default=None), now))
        LEADS_TO_JUDGE_ANEW.set(sum(row.count_left() for row in mass_rescores.list_unfinished()))
        DATABASE_ANSWERS.set(1)
    page: HttpResponse = ExportToDjangoView(request)
    return page


def _age(since: dt.datetime | None, now: dt.datetime) -> float:
    return 0.0 if since is None else max((now - since).total_seconds(), 0.0)


def _run_check(check: Check, now: dt.datetime) -> dict[str, object]:
    try:
        return {"ok": True, "detail": check(now)}
    except NotReady as reason:
        return {"ok": False, "detail": str(reason)}
    except (DatabaseError, redis.RedisError) as error:
        return {"ok": False, "detail": type(error).__name__}


def _check_database(_now: dt.datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_is_in_recovery() OR current_setting('transaction_read_only')::bool")
        (is_read_only,) = cursor.fetchone()
    if is_read_only:
        raise NotReady("The database is read-only.")
    return "writable"


def _check_migrations(_now: dt.datetime) -> str:
    executor = MigrationExecutor(connection)
    missing = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if missing:
        raise NotReady(f"{len(missing)} migrations of the {DEFAULT_DB_ALIAS} database are not applied.")
    return "applied"


def _check_broker(_now: dt.datetime) -> str:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_timeout=1, socket_connect_timeout=1)
    client.ping()
    return "answers"


def _check_beat(now: dt.datetime) -> str:
    age = _last_tick(now)
    if age > settings.BEAT_MAY_BE_SILENT.total_seconds():
        raise NotReady("No tick has ended yet." if age == inf else f"The last tick ended {age:.0f} s ago.")
    return f"{age:.0f} s ago"


def _check_oldest_work(now: dt.datetime) -> str:
    """Return the age of the oldest waiting work: a lead to rescore or an MQL to hand off.

    Raises NotReady if it is too old.
    """
    age = _oldest_work(now)
    if age > settings.WORK_MAY_WAIT.total_seconds():
        raise NotReady(f"The oldest work has waited {age:.0f} s.")
    return f"{age:.0f} s"


def _check_mass_rescore(now: dt.datetime) -> str:
    """Return how far the rescorings of all leads are. Raises NotReady if none of them advances."""
    unfinished = mass_rescores.list_unfinished()
    if not unfinished:
        return "none"
    stands_still = (now - max(row.advanced_at for row in unfinished)).total_seconds()
    oldest = (now - unfinished[0].requested_at).total_seconds()
    detail = f"{'; '.join(map(str, unfinished))} Asked for {max(oldest, 0):.0f} s ago."
    if stands_still > settings.WORK_MAY_WAIT.total_seconds():
        raise NotReady(f"It has not advanced for {stands_still:.0f} s: {detail}")
    return detail


def _check_set_aside(_now: dt.datetime) -> str:
    """Return how many rows of which sweeps are set aside. They block nobody, so they make no worker unready."""
    counts = sweeps.count_set_aside()
    return ", ".join(f"{row.count} {row.sweep} since {row.since:%Y-%m-%d %H:%M} UTC" for row in counts) or "none"


def _last_tick(now: dt.datetime) -> float:
    """Return the seconds since a tick last ended well; infinity if none ever did."""
    last = last_heartbeat(name="tick")
    return inf if last is None else _age(last, now)


def _oldest_work(now: dt.datetime) -> float:
    """Return the age in seconds of the oldest lead to rescore or MQL to hand off."""
    look = Lead.objects.due_for_rescore(now).order_by("next_look_at").values_list("next_look_at", flat=True).first()
    return max(_age(look, now), _age(creation.waiting_since(now), now))


_WEB_CHECKS: dict[str, Check] = {"database": _check_database, "migrations": _check_migrations}
CHECKS_BY_ROLE = {
    "web": _WEB_CHECKS,
    "worker": _WEB_CHECKS
    | {
        "broker": _check_broker,
        "beat": _check_beat,
        "oldest_work": _check_oldest_work,
        "mass_rescore": _check_mass_rescore,
        "set_aside": _check_set_aside,
    },
}
