"""Forms of the pages of reviews: opening one, and the steps of its record. They check input; the use-cases decide."""

from __future__ import annotations

import secrets
from typing import Any, Final

from django import forms

from config.accounts.models import User
from definitions.models import Definition, Review
from definitions.review_record import participants
from definitions.review_record.participants import SeatTaken
from definitions.vocabulary import OPENED_BY_HAND, ReviewKind, ReviewSeat, ReviewTrigger

_TWO_LINES: Final = {"rows": 2}
#: The fields of the four seats on the page that opens a review.
SEAT_FIELDS: Final = {seat.value: seat for seat in participants.ROLE_OF_SEAT}


class MeetingInput(forms.DateTimeInput):
    """Let the browser's own picker choose a date and time in the reader's zone."""

    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M")


class OpenReviewForm(forms.Form):
    """Read what review a person opens, what it is about and who takes part."""

    definition = forms.ModelChoiceField(queryset=Definition.objects.order_by("name", "pk"), empty_label=None)
    trigger = forms.ChoiceField(
        label="What calls for it", choices=[(trigger.value, trigger.label) for trigger in OPENED_BY_HAND]
    )
    kind = forms.ChoiceField(
        label="Kind",
        required=False,
        choices=[("", "As the cause asks for"), *ReviewKind.choices],
        help_text="Only what is “Opened by hand” has a choice; without one it is a light check.",
    )
    title = forms.CharField(max_length=200)
    about = forms.CharField(
        label="What it is about", required=False, max_length=5000, widget=forms.Textarea(attrs={"rows": 4})
    )
    new_leader = forms.ModelChoiceField(
        label="New leader",
        queryset=participants.list_leaders(),
        required=False,
        empty_label="Nobody",
        help_text="For a new CMO or CRO: this person acknowledges the definition before the decision.",
    )
    meets_at = forms.DateTimeField(label="Meeting", required=False, widget=MeetingInput())
    request_key = forms.CharField(max_length=64, required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Drawn for each page: the same form sent twice opens one review.
        self.fields["request_key"].initial = secrets.token_urlsafe(16)
        for name, seat in SEAT_FIELDS.items():
            people = participants.list_holders(seat)
            field = forms.ModelChoiceField(label=seat.label, queryset=people, required=False, empty_label="Nobody yet")
            # A seat that only one person can take is theirs, unless somebody says otherwise.
            field.initial = people[0] if seat != ReviewSeat.QUEUE and len(people[:2]) == 1 else None
            self.fields[name] = field

    @property
    def seats(self) -> list[forms.BoundField]:
        """Return the fields of the four seats."""
        return [self[name] for name in SEAT_FIELDS]

    def read_opening(self) -> dict[str, Any]:
        """Return the arguments of `reviews.open_by_hand` that the form asks for."""
        typed = self.cleaned_data
        return {
            "definition": typed["definition"],
            "trigger": ReviewTrigger(typed["trigger"]),
            "kind": ReviewKind(typed["kind"]) if typed["kind"] else None,
            "title": typed["title"],
            "about": typed["about"],
            "meets_at": typed["meets_at"],
            "request_key": typed["request_key"],
            "taking_part": self._read_participants(),
        }

    def _read_participants(self) -> list[SeatTaken]:
        new_leader = self.cleaned_data["new_leader"]
        seats = [
            SeatTaken(person, seat, is_new_leader=person == new_leader)
            for name, seat in SEAT_FIELDS.items()
            if (person := self.cleaned_data[name]) is not None
        ]
        if new_leader is not None and not any(one.is_new_leader for one in seats):
            seats.append(SeatTaken(new_leader, participants.find_seat(new_leader), is_new_leader=True))
        return seats


class ReviewStepForm(forms.Form):
    """A form of a step of a review, by which some of its fields are chosen."""

    def __init__(self, *args: Any, review: Review, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.review = review


class EscalateForm(ReviewStepForm):
    decider = forms.ModelChoiceField(
        label="Who decides",
        queryset=User.objects.filter(is_active=True).order_by("first_name", "last_name", "pk"),
        empty_label="Choose…",
        help_text="From then on this person alone decides.",
    )
    why = forms.CharField(label="Why", max_length=2000, widget=forms.Textarea(attrs=_TWO_LINES))


class BlockForm(ReviewStepForm):
    issue = forms.CharField(
        label="What is wrong with the data",
        max_length=2000,
        widget=forms.Textarea(attrs=_TWO_LINES),
        help_text="Missing attribution, dirty CRM data, different time windows.",
    )


class UnblockForm(ReviewStepForm):
    why = forms.CharField(label="How it was put right", max_length=2000, widget=forms.Textarea(attrs=_TWO_LINES))


class AcknowledgeForm(ReviewStepForm):
    why = forms.CharField(
        label="With which words", required=False, max_length=2000, widget=forms.Textarea(attrs=_TWO_LINES)
    )


class ReviewMeetingForm(ReviewStepForm):
    meets_at = forms.DateTimeField(label="Meeting", widget=MeetingInput())
    why = forms.CharField(label="Why it is moved", required=False, max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["meets_at"].initial = self.review.meets_at


class TickForm(ReviewStepForm):
    point = forms.IntegerField(min_value=1, max_value=2**63 - 1)
    is_done = forms.BooleanField(required=False)


class SeatForm(ReviewStepForm):
    person = forms.ModelChoiceField(
        queryset=User.objects.filter(is_active=True).order_by("first_name", "last_name", "pk"), empty_label="Choose…"
    )
    seat = forms.ChoiceField(choices=ReviewSeat.choices, initial=ReviewSeat.GUEST)
    is_new_leader = forms.BooleanField(label="This is the new leader", required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.review.kind != ReviewKind.RECONCILIATION:
            del self.fields["is_new_leader"]


class UnseatForm(ReviewStepForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["participant"] = forms.ModelChoiceField(queryset=self.review.participants.all())


class GapForm(ReviewStepForm):
    missing = forms.CharField(label="What is missing", max_length=500, widget=forms.Textarea(attrs=_TWO_LINES))
    owner = forms.ModelChoiceField(
        queryset=User.objects.filter(is_active=True).order_by("first_name", "last_name", "pk"), empty_label="Choose…"
    )
    due_on = forms.DateField(label="Until", widget=forms.DateInput(attrs={"type": "date"}))


class CloseGapForm(ReviewStepForm):
    note = forms.CharField(label="Or how it was closed without one", required=False, max_length=500)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        open_gaps = self.review.gaps.filter(closed_at__isnull=True).order_by("pk")
        versions = self.review.definition.versions.select_related("definition").order_by("-major", "-minor", "-pk")
        self.fields["gap"] = forms.ModelChoiceField(queryset=open_gaps)
        self.fields["version"] = forms.ModelChoiceField(
            label="Version that closes it", queryset=versions, required=False, empty_label="No version"
        )
