"""The work of the product with the rights of the application's role: nothing that it does was taken from it."""

from __future__ import annotations

import pytest

from config import periodic
from config.accounts.vocabulary import Role
from definitions import draft_templates, versions
from definitions.vocabulary import Side
from leads import shipped_signals
from leads.identity import merges
from leads.imports import import_requests, stored_files
from leads.intake import events
from leads.models import ImportRun, Lead, LeadMerge, Signal
from leads.vocabulary import ImportState
from sla.commitments import commitments
from sla.handoffs import attempts, creation, dispositions, notes, sales_stages, undo_window
from sla.models import Clock, Commitment, Disposition, Handoff
from sla.plays import play_work
from sla.vocabulary import AttemptOutcome, Channel, DispositionKind, HandoffState
from tests.account_plays import start_play
from tests.definitions import version_lifecycles
from tests.factories import DAY, HOUR, MINUTE, CommitmentFactory, ReasonCodeFactory, TeamFactory, UserFactory

pytestmark = pytest.mark.django_db

ACTIVE_AT = version_lifecycles.NOW + 3 * DAY
AT = ACTIVE_AT + HOUR
PEOPLE = "Email,First Name,Country\nada@fit.example,Ada,DE\nada.l@fit.example,Ada,DE\ngrace@fit.example,Grace,DE\n"


def import_people() -> None:
    file = stored_files.store_file(name="p.csv", chunks=[PEOPLE.encode()], kind="leads", by=None, now=AT)
    import_requests.start_import(file=file, by=None, now=AT)
    periodic.run_imports(now=AT)


def activate_definition() -> None:
    """Take a preset through proposal, both signatures and activation, as people do."""
    ops = UserFactory(roles=[Role.MARKETING_OPS])
    draft = draft_templates.start_draft(
        code="hand_raise", name="Hand raise", into=None, by=ops, now=version_lifecycles.NOW
    )
    version_lifecycles.propose(draft)
    version_lifecycles.sign(draft, Side.MARKETING)
    approved = version_lifecycles.sign(draft, Side.SALES).version
    versions.activate(version=approved, hand_over_entrants=False, by=ops, now=ACTIVE_AT)


def ask_for_demo(email: str) -> None:
    item = {"email": email, "signal": "demo_request", "occurred_at": AT.isoformat(), "id": email}
    assert events.record(items=[item], source="website", now=AT)[0].status == "accepted"


@pytest.mark.usefixtures("application_role")
def test_an_event_goes_its_way_from_the_import_to_the_correction_of_a_decision() -> None:
    shipped_signals.ship(signals=Signal.objects)
    commitments.activate(
        commitment=CommitmentFactory(),
        by_marketing=UserFactory(roles=[Role.MARKETING_LEADER]),
        by_sales=UserFactory(roles=[Role.SALES_LEADER]),
        now=ACTIVE_AT,
    )
    TeamFactory(working=True, reps=2)
    activate_definition()
    import_people()
    ask_for_demo("ada@fit.example")

    periodic.tick(now=AT + MINUTE)
    handoff = Handoff.objects.get()
    rep = handoff.rep.user
    first = undo_window.decide(handoff=handoff, kind=DispositionKind.ACCEPT, by=rep, now=AT + MINUTE)
    undo_window.undo(pending_decision=first, by=rep, now=AT + MINUTE)
    reason = ReasonCodeFactory(code="wrong_person")
    undo_window.decide(
        handoff=handoff, kind=DispositionKind.REJECT, reason=reason, note="Another.", by=rep, now=AT + 2 * MINUTE
    )
    periodic.tick(now=AT + 3 * MINUTE)
    dispositions.correct(handoff=handoff, kind=DispositionKind.ACCEPT, by=rep, now=AT + 4 * MINUTE)
    attempts.log_attempt(
        handoff=handoff,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=AT + HOUR,
        by=rep,
        now=AT + HOUR,
    )
    notes.write_note(handoff=handoff, text="Wants a quote.", by=rep, now=AT + HOUR)
    sales_stages.book_meeting(handoff=handoff, at=AT + DAY, by=rep, now=AT + HOUR)
    periodic.watch_clocks(now=AT + HOUR)

    handoff.refresh_from_db()
    assert ImportRun.objects.get().state == ImportState.DONE
    assert handoff.state == HandoffState.ACCEPTED
    assert Disposition.objects.count() == 2
    assert not Clock.objects.running().exists()
    assert Commitment.objects.get().state == "active"


@pytest.mark.usefixtures("application_role")
def test_two_leads_are_merged_and_parted_again() -> None:
    shipped_signals.ship(signals=Signal.objects)
    import_people()
    first, second, _ = Lead.objects.order_by("pk")

    merges.merge(lead_id=second.pk, into_id=first.pk, by=UserFactory(), now=AT)
    merges.unmerge(lead_id=second.pk, by=UserFactory(), now=AT + MINUTE)

    assert LeadMerge.objects.get().ended_at == AT + MINUTE


@pytest.mark.usefixtures("application_role")
def test_a_handoff_is_passed_on_and_overdue_clocks_are_marked() -> None:
    CommitmentFactory(active=True)
    team = TeamFactory(working=True, reps=2)
    shipped_signals.ship(signals=Signal.objects)
    activate_definition()
    import_people()
    ask_for_demo("grace@fit.example")
    periodic.tick(now=AT + MINUTE)
    handoff = Handoff.objects.get()
    other = team.reps.exclude(pk=handoff.rep_id).get()

    creation.assign(handoff=handoff, rep=other, by=team.managers.get(), now=AT + 2 * MINUTE, reason="Knows them.")
    periodic.watch_clocks(now=AT + 5 * DAY)

    handoff.refresh_from_db()
    assert handoff.rep_id == other.pk
    assert Clock.objects.filter(breached_at=AT + 5 * DAY).exists()


@pytest.mark.usefixtures("application_role")
def test_a_play_is_worked_from_its_contacts_to_the_deal() -> None:
    play = start_play()
    owner, at = play.rep.user, play.created_at
    play_work.accept(play=play, by=owner, now=at + MINUTE)
    contact = play.contacts.first()
    play_work.set_role(play=play, contact=contact, role="champion", by=owner, now=at + HOUR)
    play_work.log_attempt(
        play=play,
        contact=contact,
        channel=Channel.CALL,
        outcome=AttemptOutcome.CONNECTED,
        at=at + HOUR,
        by=owner,
        now=at + HOUR,
    )
    play_work.complete_task(play=play, task=play.tasks.first(), by=owner, now=at + HOUR)
    play_work.book_meeting(play=play, at=at + DAY, by=owner, now=at + HOUR)
    play_work.open_opportunity(play=play, amount=1000, by=owner, now=at + DAY)
    play_work.win(play=play, amount=None, by=owner, now=at + DAY)

    play.refresh_from_db()
    assert (play.state, play.rep_name) == ("won", str(owner))
