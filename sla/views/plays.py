"""The pages of account plays: the list, one play, its steps, and the page of a company."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.forms import Form
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET

from config.accounts.roles import holds, roles_required
from config.accounts.vocabulary import Role
from config.downloads import csv_download
from config.web import Request, show_refused_step, typed_number
from leads.models import Company
from leads.vocabulary import READERS_OF_LEADS
from scoring import active_versions
from sla import permissions
from sla.filters import PlayFilter
from sla.forms.handoffs import AmountForm, AssignForm, LostForm, MeetingForm, NoteForm, OpportunityForm
from sla.forms.plays import PlayAttemptForm, PlayRejectForm, PlayRoleForm, PlayTaskForm
from sla.handoffs import disposition_content
from sla.models import AccountPlay, AccountPlayQuerySet
from sla.play_pages import company_detail, play_detail
from sla.plays import play_routing, play_states, play_work
from sla.views.step_forms import StepFormView
from sla.vocabulary import OPEN_PLAY_STATES, AttemptOutcome, BuyingRole, Channel, PlayState, outcome_label

PAGE: Final = 50
READERS: Final = (Role.SDR, Role.SALES_MANAGER, *permissions.SEE_EVERYTHING)
WHOSE: Final = (("", "Everybody’s"), ("mine", "Mine"), ("team", "My teams’"))
STATES: Final = (("", "Open"), ("all", "All"), *PlayState.choices)
COLUMNS: Final = (
    "id", "company", "domain", "state", "tier", "contacts engaged", "team", "owner", "created at", "first contact at",
    "decided at", "closed at", "reason", "why",
)  # fmt: skip


@roles_required(*READERS)
@require_GET
def play_list(request: Request) -> HttpResponse:
    """Show the newest plays first, in keyset pages: a page shows plays with ids below `after`."""
    plays = _filter_plays(request)
    after = typed_number(request.GET.get("after", ""))
    rows = list((plays if after is None else plays.filter(pk__lt=after))[: PAGE + 1])
    context = {
        "plays": rows[:PAGE],
        "more": rows[PAGE - 1].pk if len(rows) > PAGE else None,
        "states": STATES,
        "whose": WHOSE,
        "chosen_state": request.GET.get("state", ""),
        "chosen_whose": request.GET.get("whose", ""),
        "q": request.GET.get("q", ""),
        "is_filtered": bool(request.GET),
        "has_definition": bool(active_versions.list_account_versions()),
        "now": timezone.now(),
    }
    return render(request, "sla/plays/list.html", context)


@roles_required(*READERS)
@require_GET
def play_export(request: Request) -> HttpResponseBase:
    """Send all plays that match the filters of the list, as CSV."""
    return csv_download("plays", COLUMNS, _export_rows(_filter_plays(request)))


@login_required
@require_GET
def play(request: Request, pk: int) -> HttpResponse:
    return render_play_page(request, get_visible_play(request, pk))


@login_required
@require_GET
def company(request: Request, pk: int) -> HttpResponse:
    """Show a company with its buying group, to whoever sees leads, or a play or handoff of the company."""
    row = get_object_or_404(Company, pk=pk)
    if not company_detail.may_see_company(request.user, row):
        raise Http404
    now = timezone.now()
    detail = company_detail.read_company(row, reader=request.user, now=now)
    return render(request, "sla/plays/company.html", {"detail": detail, "company": row, "now": now})


def get_visible_play(request: Request, pk: int) -> AccountPlay:
    """Return the play with what its page reads, if this person may see it; raises Http404 otherwise."""
    return get_object_or_404(
        play_detail.with_related_rows(permissions.plays_visible_to(request.user)).distinct(), pk=pk
    )


def render_play_page(request: Request, row: AccountPlay, status: int = 200, **forms: Form) -> HttpResponse:
    """Render the page; `forms` are forms with invalid input, by their names in the context."""
    now = timezone.now()
    context = {
        "detail": play_detail.read_detail(row, reader=request.user, now=now),
        "play": row,
        "company": row.company,
        "roles_of_group": BuyingRole.choices,
        "may_see_leads": holds(request.user, *READERS_OF_LEADS),
        "assign_form": AssignForm(now=now),
        "attempt_form": PlayAttemptForm(play=row),
        "note_form": NoteForm(auto_id="id_note_%s"),
        "meeting_form": MeetingForm(initial={"at": row.meeting_at}, auto_id="id_meeting_%s"),
        "opportunity_form": OpportunityForm(),
        "won_form": AmountForm(auto_id="id_won_%s"),
        "lost_form": LostForm(auto_id="id_lost_%s"),
        "now": now,
        **forms,
    }
    return render(request, "sla/plays/play.html", context, status=status)


class PlayFormView(StepFormView):
    """A step on the play of the address; the page shows the form again as typed, with 422, where a rule refuses it."""

    http_method_names: ClassVar = ["post"]  # type: ignore[misc]  # a list in the stubs
    form_class: type[Form] = Form
    conflicts = (play_states.PlayStepRefused,)
    form_refusals = (play_states.PlayInputRefused,)
    #: The form's name in the context of the play's page.
    context_form_name: ClassVar[str] = ""
    #: The prefix of the ids of the form's fields, where several forms of the page have a field of one name.
    auto_id: ClassVar[str] = ""

    @property
    def play(self) -> AccountPlay:
        play: AccountPlay = self.row
        return play

    def find_row(self) -> AccountPlay:
        return get_object_or_404(permissions.plays_visible_to(self.request.user), pk=self.kwargs["pk"])

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | ({"auto_id": self.auto_id} if self.auto_id else {})

    def show_success(self, sentence: str) -> HttpResponse:
        messages.success(self.request, sentence)
        return redirect("play", self.play.pk)

    def show_overtaken(self, refusal: Exception, status: int) -> HttpResponse:
        """Show in a few words why the step came too late, and who decided."""
        sentence, link = str(refusal), reverse("play", args=[self.play.pk])
        if not isinstance(refusal, play_work.PlayDecided) and (decision := play_work.find_decision(self.play)):
            # Also whoever waited for the lock in vain: who held it has decided by now.
            sentence = f"{sentence} {play_work.PlayDecided(decision, self.request.user)}"
        return show_refused_step(sentence, link=link, status=status)

    def form_invalid(self, form: Form) -> HttpResponse:
        errors = " ".join(str(error) for of_field in form.errors.values() for error in of_field)
        messages.warning(self.request, f"Not saved. {errors}")
        forms = {self.context_form_name: form} if self.context_form_name else {}
        # Read anew: the refused step may have changed the instance in memory.
        return render_play_page(self.request, get_visible_play(self.request, self.play.pk), status=422, **forms)


class PlayAcceptView(PlayFormView):
    def refuse_early(self) -> None:
        play_work.refuse_decided(self.play, self.request.user)

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        play_work.accept(play=self.play, by=self.request.user, now=now, **typed)
        return f"Accepted {self.play.company}: the play is yours."


class PlayRejectView(PlayFormView):
    """The list of reasons as a page of its own, and the rejection itself."""

    http_method_names: ClassVar = ["get", "post"]  # type: ignore[misc]  # a list in the stubs
    form_class = PlayRejectForm
    template_name = "sla/plays/reject.html"

    def refuse_early(self) -> None:
        play_work.refuse_decided(self.play, self.request.user)

    def get_form_kwargs(self) -> dict[str, Any]:
        day = disposition_content.default_reengagement_date(commitment=self.play.commitment, now=timezone.now())
        return super().get_form_kwargs() | {"reengage_on": day}

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(play=self.play, **kwargs)

    def form_invalid(self, form: Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(form=form), status=422)

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        decision = play_work.reject(play=self.play, by=self.request.user, now=now, **typed)
        day = decision.reengage_on
        back = f" It may come back from {day.day} {day:%B %Y}." if day else ""
        return f"Rejected {self.play.company}: {decision.reason_text}.{back}"


class PlayAttemptView(PlayFormView):
    form_class = PlayAttemptForm
    context_form_name = "attempt_form"

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"play": self.play}

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        channel, outcome = Channel(typed["channel"]), AttemptOutcome(typed["outcome"])
        play_work.log_attempt(
            play=self.play,
            contact=typed["contact"],
            channel=channel,
            outcome=outcome,
            note=typed["note"],
            at=typed["at"] or now,
            by=self.request.user,
            now=now,
        )
        label = outcome_label(channel, outcome).lower()
        return f"Logged: {channel.label}, {label}, with {typed['contact'].lead}."


class PlayNoteView(PlayFormView):
    form_class = NoteForm
    context_form_name = "note_form"
    auto_id = "id_note_%s"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        play_work.write_note(play=self.play, text=typed["text"], by=self.request.user, now=now)
        return "Noted."


class PlayTaskView(PlayFormView):
    form_class = PlayTaskForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"play": self.play}

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        task = play_work.complete_task(play=self.play, task=typed["task"], by=self.request.user, now=now)
        return f"Done: {task}."


class PlayRoleView(PlayFormView):
    form_class = PlayRoleForm

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"play": self.play}

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        contact = play_work.set_role(play=self.play, by=self.request.user, now=now, **typed)
        return f"{contact.lead}: {contact.get_role_display().lower()}."


class PlayMeetingView(PlayFormView):
    form_class = MeetingForm
    context_form_name = "meeting_form"
    auto_id = "id_meeting_%s"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        play_work.book_meeting(play=self.play, at=typed["at"], by=self.request.user, now=now)
        return f"Meeting booked with {self.play.company}."


class PlayOpportunityView(PlayFormView):
    form_class = OpportunityForm
    context_form_name = "opportunity_form"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        play_work.open_opportunity(play=self.play, amount=typed["amount"], by=self.request.user, now=now)
        return f"Opportunity opened for {self.play.company}."


class PlayWinView(PlayFormView):
    form_class = AmountForm
    context_form_name = "won_form"
    auto_id = "id_won_%s"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        amount: Decimal | None = typed["amount"]
        play_work.win(play=self.play, amount=amount, by=self.request.user, now=now)
        return f"Won: {self.play.company}. Well done."


class PlayLoseView(PlayFormView):
    form_class = LostForm
    context_form_name = "lost_form"
    auto_id = "id_lost_%s"

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        play_work.lose(play=self.play, reason=typed["reason"], by=self.request.user, now=now)
        return f"Closed as lost: {self.play.company}."


class PlayAssignView(PlayFormView):
    form_class = AssignForm
    context_form_name = "assign_form"

    def get_form_kwargs(self) -> dict[str, Any]:
        return super().get_form_kwargs() | {"now": timezone.now()}

    def take_step(self, typed: dict[str, Any], now: dt.datetime) -> str:
        play_routing.assign_play(
            play=self.play, rep=typed["rep"], by=self.request.user, now=now, reason=typed["reason"]
        )
        return f"Given to {typed['rep']}: {self.play.company}."


def _filter_plays(request: Request) -> AccountPlayQuerySet:
    """Return the visible plays by the filters of the list, the newest first; an unknown filter shows nothing special."""
    data = request.GET.copy()
    state, whose = data.pop("state", [""])[-1], data.get("whose", "")
    if state in PlayState.values:
        data.setlist("state", [state])
    plays: AccountPlayQuerySet = PlayFilter(
        data, queryset=permissions.plays_visible_to(request.user), request=request
    ).qs
    if not state:
        plays = plays.filter(state__in=OPEN_PLAY_STATES)
    if whose == "mine":
        plays = plays.filter(rep__user=request.user)
    elif whose == "team":
        plays = plays.filter(team__in=_teams_of(request))
    rows = plays.select_related(
        "company", "qualification", "rep__user", "team", "disposition__reason", "disposition__sub_reason"
    )
    return rows.defer("qualification__evidence").order_by("-pk").distinct()


def _teams_of(request: Request) -> list[int]:
    own = request.user.managed_teams.values_list("pk", flat=True)
    rep = getattr(request.user, "rep", None)
    return [*own, *([rep.team_id] if rep is not None else [])]


def _export_rows(plays: AccountPlayQuerySet) -> Iterator[tuple[object, ...]]:
    for row in plays.iterator(chunk_size=2000):
        disposition = getattr(row, "disposition", None)
        times = (row.created_at, row.first_contact_at, row.decided_at, row.closed_at)
        yield (
            row.pk, str(row.company), row.company.domain, row.get_state_display(), row.tier, row.qualification.contacts,
            row.team_label, row.rep_label, *(at.isoformat() if at else "" for at in times),
            disposition.reason_text if disposition else "", row.qualification.why,
        )  # fmt: skip
