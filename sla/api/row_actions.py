"""An action on one handoff or play by the API, and its answer: the row as it is afterwards, or why it was refused."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from django.db.models import Model, QuerySet
from django.shortcuts import get_object_or_404
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import PermissionDenied
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from config import lock_waits
from config.accounts.models import User
from config.api.errors import Conflict, Unprocessable
from sla import permissions
from sla.api import callers
from sla.serializers.handoffs import EmptySerializer

Row = TypeVar("Row", bound=Model)
Refusals: TypeAlias = tuple[type[Exception], ...]


class RowActionView(APIView, Generic[Row]):
    """Take an action on one row and answer with the row as it is afterwards.

    Answers 404 for a row that the caller may not see, 403 for one that they may not act on, 409 for a refusal in
    `conflicts` and 422 for one in `refusals`.
    """

    permission_classes = (callers.HANDOFFS,)
    input_serializer: ClassVar[type[Serializer[Any]]] = EmptySerializer
    answer_serializer: ClassVar[type[Serializer[Any]]]
    #: Refusals because somebody else acted first, or the row has moved on.
    conflicts: ClassVar[Refusals] = ()
    #: Refusals by a rule.
    refusals: ClassVar[Refusals] = ()

    def select_visible(self, caller: User) -> QuerySet[Row]:
        """Return the rows that the caller may see."""
        raise NotImplementedError

    def select_answers(self, caller: User) -> QuerySet[Row]:
        """Return the same rows with all that an answer shows."""
        raise NotImplementedError

    def refuse_early(self, row: Row, by: User) -> None:
        """Raise one of `conflicts` for what can be seen without the lock, so that the late do not wait for it."""

    def act(self, row: Row, typed: dict[str, Any], by: User, now: dt.datetime) -> object:
        """Call the use-case with the checked input."""
        raise NotImplementedError

    def respond(self, request: Request, pk: int, **typed: Any) -> Response:
        caller = callers.get_caller(request)
        row = get_object_or_404(self.select_visible(caller), pk=pk)
        try:
            self.refuse_early(row, caller)
            body = self.input_serializer(data=request.data)
            body.is_valid(raise_exception=True)
            with lock_waits.limit_lock_waits():
                self.act(row, {**body.validated_data, **typed}, caller, timezone.now())
        except permissions.NotYours as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        except self.conflicts as refusal:
            raise Conflict(str(refusal)) from refusal
        except self.refusals as refusal:
            raise Unprocessable(str(refusal)) from refusal
        return Response(self.answer_serializer(self.select_answers(caller).get(pk=pk)).data)


def document_action(
    body: type[Serializer[Any]], operation: str, *, answer: type[Serializer[Any]], noun: str
) -> Callable[[Any], Any]:
    """Describe an action in the API's schema; `noun` is what it acts on, as "handoff"."""
    refusals = {
        409: OpenApiResponse(description=f"Somebody was faster, or the {noun} has moved on; the sentence says who."),
        422: OpenApiResponse(description="The rules say no; the sentence says why."),
    }
    return extend_schema(
        operation_id=operation,
        request=None if body is EmptySerializer else body,
        responses={200: answer, **refusals},
    )
