from __future__ import annotations

import datetime as dt
import hashlib
from collections import Counter
from collections.abc import Iterator

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection, transaction
from django.utils import timezone

from definitions.models import Review, Version
from definitions.vocabulary import ReviewTrigger, VersionState
from leads.models import ApiKey, Company, Event, Lead, Outcome, StageChange, User
from leads.vocabulary import Role, Stage
from scoring import versions
from scoring.models import Qualification, Score
from sla import recycling
from sla.demo import company, deeds, seed, staff
from sla.models import Attempt, Clock, Disposition, Handoff, Notice, RoutingDecision, Team
from sla.vocabulary import ClockKind, DispositionKind, Family, HandoffState

pytestmark = pytest.mark.xdist_group("demo")

#: A Tuesday afternoon in Europe.
NOW = dt.datetime(2026, 3, 10, 14, 20, tzinfo=dt.UTC)


def load(profile: str, *, number: int = 1, books: bool = True) -> str:
    return seed.seed(profile=company.PROFILES[profile], seed=number, now=NOW, say=lambda text: None, books=books)


@pytest.fixture(scope="module")
def _year(django_db_setup: None, django_db_blocker: object) -> Iterator[None]:
    """Half a year, loaded once for all tests that only look."""
    with django_db_blocker.unblock(), transaction.atomic():  # type: ignore[attr-defined]
        load("small")
        yield
        transaction.set_rollback(True)


year = pytest.mark.usefixtures("_year")


# ── The figures ───────────────────────────────────────────────────────────────────────────────────────────
@year
def test_rejections_are_healthy_but_in_one_month() -> None:
    turning = company.calendar_of(company.PROFILES["small"], NOW)

    rates = {
        month: words[DispositionKind.REJECT] / words.total()
        for month, words in decided_by_month().items()
        if words.total() >= 20
    }

    bad = (turning.bad_month.year, turning.bad_month.month)
    assert 0.38 <= rates.pop(bad) <= 0.45
    assert len(rates) >= 3
    assert all(0.18 <= rate <= 0.32 for rate in rates.values())


@year
def test_the_bad_month_has_its_review_and_the_review_its_version() -> None:
    turning = company.calendar_of(company.PROFILES["small"], NOW)

    review = Review.objects.get(trigger=ReviewTrigger.REJECTION_SPIKE)

    assert turning.bad_month < review.opened_at < turning.bad_month_ends + dt.timedelta(days=9)
    assert review.opened_by is None
    assert review.evidence["percent"] > 35
    assert review.led_to == Version.objects.active().get()
    assert Review.objects.undecided().count() == 1


@year
def test_other_rates_are_those_of_a_healthy_company() -> None:
    handoffs = Handoff.objects.count()
    contacts = Clock.objects.filter(kind=ClockKind.FIRST_CONTACT, is_late__isnull=False)

    assert 0.13 <= Handoff.objects.filter(sales_qualification__isnull=False).count() / handoffs <= 0.20
    assert 0.78 <= contacts.filter(is_late=False).count() / contacts.count() <= 0.95
    assert 0.1 <= handoffs / Lead.objects.count() <= 0.3


@year
def test_referrals_convert_better_than_syndicated_readers() -> None:
    def accepted(source: str) -> float:
        words = Disposition.objects.filter(handoff__lead__source=source)
        return words.filter(kind=DispositionKind.ACCEPT).count() / words.count()

    assert accepted("Referral") > accepted("Content syndication")


# ── What there is ─────────────────────────────────────────────────────────────────────────────────────────
@year
def test_everything_has_something_to_show() -> None:
    assert set(Handoff.objects.values_list("state", flat=True)) == set(HandoffState.values)
    assert set(Lead.objects.values_list("stage", flat=True)) == set(Stage.values)
    assert set(Disposition.objects.filter(reason__isnull=False).values_list("reason__family", flat=True)) == set(
        Family.values
    )
    assert set(Version.objects.values_list("state", flat=True)) == {VersionState.RETIRED, VersionState.ACTIVE}
    assert Team.objects.count() == len(set(Team.objects.values_list("calendar__zone", flat=True))) == 3
    assert Qualification.objects.filter(cycle__gt=1).exists()
    assert RoutingDecision.objects.filter(by__isnull=False).exists()
    assert Company.objects.filter(has_history=True).exists()
    assert Lead.objects.filter(has_history=True).exists()


@year
def test_the_queue_of_the_desk_is_alive() -> None:
    running = Clock.objects.running().filter(rep__user__email=f"sam.sdr@{staff.DOMAIN}")

    assert running.filter(handoff__tier=1, due_at__gt=NOW, due_at__lt=NOW + dt.timedelta(minutes=5)).exists()
    assert running.filter(due_at__gt=NOW + dt.timedelta(minutes=5), due_at__lt=NOW + dt.timedelta(minutes=30)).exists()
    assert running.filter(breached_at__isnull=False).exists()
    assert Handoff.objects.unrouted().filter(lead__country="BR").exists()
    assert Notice.objects.filter(read_at=None).exists()
    assert not Notice.objects.filter(sent_at=None).exists()


@year
def test_somebody_comes_back_from_nurture_today() -> None:
    back = [
        handoff.lead for handoff in recycling.returning(NOW) if handoff.qualification.reenter_at.date() == NOW.date()
    ]

    assert back
    assert Qualification.objects.filter(lead__stage=Stage.NURTURE, reenter_at__gt=NOW).exists()


@year
def test_nobody_and_nothing_of_it_could_exist() -> None:
    assert not Lead.objects.exclude(email__endswith=".example").exists()
    assert not Company.objects.exclude(domain__endswith=".example").exists()
    assert not User.objects.exclude(email__endswith=f"@{staff.DOMAIN}").exists()


@year
def test_every_role_can_sign_in() -> None:
    for login in staff.LOGINS:
        person = User.objects.get(email=f"{login.email}@{staff.DOMAIN}")
        assert person.check_password(staff.PASSWORD)
        assert person.groups.get().name == login.role

    assert {login.role for login in staff.LOGINS} == set(Role)
    assert User.objects.get(is_staff=True).groups.get().name == Role.MARKETING_OPS


# ── That it is true ───────────────────────────────────────────────────────────────────────────────────────
@year
def test_the_rows_keep_every_constraint() -> None:
    connection.check_constraints()


@year
def test_every_lead_stands_where_its_last_step_took_it() -> None:
    last = {row.lead_id: row.to_stage for row in StageChange.objects.order_by("at", "pk")}
    steps = StageChange.objects.order_by("lead", "at", "pk").values_list("lead", "from_stage", "to_stage")

    assert {lead.pk: lead.stage for lead in Lead.objects.exclude(stage=Stage.LEAD)} == last
    stands: dict[int, str] = {}
    for lead, before, after in steps:
        assert before == stands.get(lead, Stage.LEAD)
        stands[lead] = after


@year
def test_nothing_lies_in_the_future() -> None:
    for rows, column in (
        (Event.objects, "occurred_at"), (Qualification.objects, "recorded_at"), (Handoff.objects, "created_at"), (Attempt.objects, "at"),
        (Disposition.objects, "at"), (StageChange.objects, "at"), (Outcome.objects, "at"), (Clock.objects, "started_at"),
        (Notice.objects, "created_at"), (Score.objects, "judged_at"),
    ):  # fmt: skip
        assert not rows.filter(**{f"{column}__gt": NOW}).exists(), rows.model


@year
def test_each_qualification_is_the_judges_word_on_its_version() -> None:
    for version in Version.objects.all():
        made = Qualification.objects.filter(version=version)
        assert made.exists()
        assert all(row.at >= version.activated_at for row in made)
        assert not made.filter(recorded_at__gt=version.retired_at or NOW).exists()
    assert versions.active() == [Version.objects.active().get()]
    assert Score.objects.count() == Lead.objects.count()


@pytest.mark.django_db
def test_a_year_kept_in_books_is_the_year_played_through_the_use_cases() -> None:
    kept = digest_of("smoke", books=True)
    played = digest_of("smoke", books=False)

    assert kept == played


@pytest.mark.django_db
def test_the_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    first = digest_of("smoke", number=7)
    again = digest_of("smoke", number=7)
    other = digest_of("smoke", number=8)

    assert first == again
    assert first != other


# ── The command ───────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.django_db
def test_the_command_refuses_a_database_with_leads(capsys: pytest.CaptureFixture[str]) -> None:
    Lead.objects.create(email="somebody@example.org", stage_at=NOW, recorded_at=NOW)

    with pytest.raises(CommandError, match="leads in this database already"):
        call_command("seed_demo", profile="smoke")
    call_command("seed_demo", "--if-empty")

    assert "nothing was loaded" in capsys.readouterr().out
    assert Lead.objects.count() == 1


@pytest.mark.django_db
def test_the_command_writes_the_key_and_says_how_to_use_it(
    tmp_path: object, monkeypatch: pytest.MonkeyPatch, settings: object, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.BASE_DIR = tmp_path  # type: ignore[attr-defined]

    call_command("seed_demo", profile="smoke", now=timezone.now())
    call_command("seed_demo", "--logins")

    key = ApiKey.objects.get_from_key(seed.key_file().read_text().strip())
    said = capsys.readouterr().out
    assert "facts:write" in key.scopes
    assert seed.key_file().stat().st_mode & 0o077 == 0
    assert staff.PASSWORD in said
    assert company.CURL_EMAIL in said
    assert Lead.objects.get(email=company.CURL_EMAIL).stage == Stage.MAL


# ── The drawing ───────────────────────────────────────────────────────────────────────────────────────────
def test_the_full_profile_has_the_size_of_a_real_company() -> None:
    world = company.draw(company.PROFILES["full"], seed=1, now=NOW)

    assert 1_900 <= len(world.people) <= 2_200
    assert 17_000 <= sum(len(person.deeds) for person in world.people) <= 24_000
    assert len(world.firms) == 600
    assert world.calendar.now - world.calendar.start >= dt.timedelta(days=365)


def test_everybody_of_the_closing_scene_is_on_stage() -> None:
    world = company.draw(company.PROFILES["smoke"], seed=1, now=NOW)

    assert sum(bool(person.cue) for person in world.people) == len(deeds.SCENE) + 1


def decided_by_month() -> dict[tuple[int, int], Counter[str]]:
    months: dict[tuple[int, int], Counter[str]] = {}
    for at, kind in Disposition.objects.filter(corrected_by=None).values_list("at", "kind"):
        months.setdefault((at.year, at.month), Counter())[kind] += 1
    return months


def digest_of(profile: str, *, number: int = 1, books: bool = True) -> dict[str, str]:
    """Each table's rows without ids, as a digest; the load is rolled back."""
    with transaction.atomic():
        load(profile, number=number, books=books)
        digests = {name: hashlib.sha256(repr(rows).encode()).hexdigest() for name, rows in tables().items()}
        transaction.set_rollback(True)
    return digests


def tables() -> dict[str, list[object]]:
    who = "handoff__lead__email"
    columns = {
        Lead: ("email", "title", "company__domain", "stage", "stage_at", "known_at"),
        Event: ("lead__email", "signal__code", "occurred_at", "source", "asset"),
        Qualification: ("lead__email", "cycle", "version__minor", "recorded_at", "taken_at", "closed_at", "reenter_at"),
        Handoff: (
            "lead__email", "state", "rep__user__email", "team__name", "created_at", "routed_at", "first_contact_at",
            "decided_at", "meeting_at", "closed_at", "due_at",
        ),
        RoutingDecision: (who, "at", "by__email", "rep__user__email", "explanation"),
        Clock: (
            who, "kind", "rep__user__email", "calendar_version__digest", "target_seconds", "started_at", "due_at", "warn_at", "met_at",
            "used_seconds", "is_late", "cancelled_at",
        ),
        Attempt: (who, "at", "by__email", "channel", "outcome", "note"),
        Disposition: (who, "at", "kind", "reason__code", "note", "reengage_on", "contacted_before", "by__email"),
        StageChange: ("lead__email", "from_stage", "to_stage", "at", "by__email", "why"),
        Outcome: ("lead__email", "kind", "at", "amount", "reason"),
        Score: ("lead__email", "as_of", "fit", "engagement", "bant", "gate", "meets", "tier"),
        Review: ("trigger", "title", "opened_at", "decided_at"),
    }  # fmt: skip
    rows = {model.__name__: sorted(model.objects.values_list(*names), key=repr) for model, names in columns.items()}
    evidence = Qualification.objects.filter(cycle=1).values_list("lead__email", "at", "why", "evidence")
    return rows | {
        "evidence": sorted((who, at, why, repr({**said, "lead_id": None})) for who, at, why, said in evidence)
    }
