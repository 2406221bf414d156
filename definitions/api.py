"""/api/v1/definitions: versions as documents, and the steps of their life (SPEC 9, 15, 16)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from django.db.models import QuerySet, TextChoices
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema, extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound, PermissionDenied, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from definitions import documents, pages, rights, versions
from definitions.document import DocumentRefused
from definitions.filters import VersionFilter
from definitions.models import Review, SignOff, Version, VersionChange
from definitions.vocabulary import ChangeDriver, Decision, Side
from leads.authentication import scoped
from leads.models import User
from leads.vocabulary import Role
from leads.wire import KeysetPages

#: Everybody reads the agreement; which step is whose, the steps themselves know.
DEFINITIONS: Final = scoped(
    "definitions:read", "definitions:write", read_roles=tuple(Role), write_roles=tuple(versions.SIGNERS.values())
)


class Conflict(APIException):
    status_code = 409
    default_code = "refused"


class VersionSerializer(serializers.ModelSerializer[Version]):
    definition = serializers.SlugField(source="definition.slug")
    name = serializers.CharField(source="definition.name")
    motion = serializers.CharField(source="definition.motion")
    number = serializers.CharField()

    class Meta:
        model = Version
        fields: tuple[str, ...] = (
            *("id", "definition", "name", "motion", "number", "state", "owner", "reason", "based_on"),
            *("created_at", "proposed_at", "approved_at", "activated_at", "retired_at"),
        )


class SignOffSerializer(serializers.ModelSerializer[SignOff]):
    by = serializers.CharField()

    class Meta:
        model = SignOff
        fields = ("side", "decision", "by", "at", "comment")


class VersionChangeSerializer(serializers.ModelSerializer[VersionChange]):
    by = serializers.CharField()

    class Meta:
        model = VersionChange
        fields = ("from_state", "to_state", "at", "by", "why")


class VersionDetailSerializer(VersionSerializer):
    statement = serializers.SerializerMethodField(help_text="In plain English, generated from the rows.")
    document = serializers.SerializerMethodField(help_text="accord.definition/1, as it is imported.")
    sign_offs = SignOffSerializer(many=True)
    changes = VersionChangeSerializer(many=True)

    class Meta(VersionSerializer.Meta):
        fields = (*VersionSerializer.Meta.fields, "statement", "document", "sign_offs", "changes")

    def get_statement(self, version: Version) -> str:
        return pages.statement(version).text

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_document(self, version: Version) -> dict[str, object]:
        return documents.export(version)


class Word(serializers.ChoiceField):
    """One of the words of a vocabulary, given on as its member."""

    def __init__(self, vocabulary: type[TextChoices], **kwargs: Any) -> None:
        super().__init__(choices=vocabulary.choices, **kwargs)
        self._vocabulary = vocabulary

    def to_internal_value(self, data: Any) -> TextChoices:
        return self._vocabulary(super().to_internal_value(data))


class SignSerializer(serializers.Serializer[Any]):
    side = Word(Side)
    decision = Word(Decision)
    comment = serializers.CharField(max_length=5000)


class SignedSerializer(serializers.Serializer[Any]):
    version = VersionSerializer()
    successor = VersionSerializer(allow_null=True, help_text="The draft that goes on after a refusal.")


class ProposeSerializer(serializers.Serializer[Any]):
    driver = Word(ChangeDriver, help_text="What the change answers.")
    evidence = serializers.CharField(
        max_length=5000, required=False, default="", allow_blank=True, help_text="What shows it: figures, links."
    )
    review = serializers.PrimaryKeyRelatedField(
        queryset=Review.objects.all(), required=False, allow_null=True, default=None
    )
    acknowledged = serializers.DictField(
        child=serializers.CharField(max_length=2000, allow_blank=True),
        required=False,
        default=dict,
        help_text="Why each of the linter's warnings is accepted, by the finding's key.",
    )


class ActivateSerializer(serializers.Serializer[Any]):
    hand_over_entrants = serializers.BooleanField(
        help_text="Whether leads that meet it by the change alone go to sales, or are only marked."
    )


class CopySerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=5000, required=False, default="")


class NewestFirst(KeysetPages):
    ordering = ("-created_at", "-pk")


class DefinitionsView(ListAPIView[Version]):
    """Every version of every definition, the newest first."""

    permission_classes = (DEFINITIONS,)
    serializer_class = VersionSerializer
    pagination_class = NewestFirst
    filterset_class = VersionFilter
    queryset = Version.objects.select_related("definition")

    @extend_schema(
        operation_id="definition_import",
        request={"application/json": {"type": "object", "description": "An accord.definition/1 document."}},
        responses={201: VersionDetailSerializer},
    )
    def post(self, request: Request) -> Response:
        """A definition document becomes a draft. Refused with all complaints at once, each naming its place."""
        try:
            version = documents.import_document(document=request.data, by=_caller(request), now=timezone.now())
        except DocumentRefused as refusal:
            raise ValidationError({"document": list(refusal.complaints)}) from refusal
        except rights.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(VersionDetailSerializer(_detailed().get(pk=version.pk)).data, status=201)


class CurrentView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(
        operation_id="definition_current",
        parameters=[OpenApiParameter("definition", str, description="Its slug; without it the main definition.")],
        responses=VersionDetailSerializer,
    )
    def get(self, request: Request) -> Response:
        """The version in force."""
        active = _detailed().filter(state="active").order_by("-definition__is_primary", "definition_id", "pk")
        slug = request.query_params.get("definition")
        version = (active.filter(definition__slug=slug) if slug else active).first()
        if version is None:
            raise NotFound("No version is in force.")
        return Response(VersionDetailSerializer(version).data)


class DefinitionView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_retrieve", responses=VersionDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:  # noqa: ARG002
        """One version with its document, its state and who signed."""
        return Response(VersionDetailSerializer(get_object_or_404(_detailed(), pk=pk)).data)


class ProposeView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_propose", request=ProposeSerializer, responses=VersionSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """The draft is finished; from here on nothing in it changes. 409 with every objection when it cannot take the step."""
        return Response(VersionSerializer(_take(versions.propose, request, pk, ProposeSerializer)).data)


class SignView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_sign", request=SignSerializer, responses=SignedSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """A side's word, by somebody who holds its role. Both leaders' approval approves; a refusal ends the version."""
        return Response(SignedSerializer(_take(versions.sign, request, pk, SignSerializer)).data)


class ActivateView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_activate", request=ActivateSerializer, responses=VersionSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """The approved version takes over from the one in force, at once."""
        return Response(VersionSerializer(_take(versions.activate, request, pk, ActivateSerializer)).data)


class CopyView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_copy", request=CopySerializer, responses={201: VersionSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """A new draft with the same rows and the next number."""
        return Response(VersionSerializer(_take(versions.copy, request, pk, CopySerializer)).data, status=201)


def _take(step: Callable[..., Any], request: Request, pk: int, words: type[serializers.Serializer[Any]]) -> Any:
    version = get_object_or_404(Version.objects.select_related("definition"), pk=pk)
    said = words(data=request.data)
    said.is_valid(raise_exception=True)
    try:
        return step(version=version, by=_caller(request), now=timezone.now(), **said.validated_data)
    except rights.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except versions.StepRefused as refusal:
        raise Conflict(list(refusal.sentences)) from refusal


def _detailed() -> QuerySet[Version]:
    return Version.objects.select_related("definition").prefetch_related("sign_offs__by", "changes__by")


def _caller(request: Request) -> User:
    """The person, or the owner of the key."""
    return cast("User", request.user)


urlpatterns: list[URLPattern] = [
    path("definitions", DefinitionsView.as_view(), name="definitions"),
    path("definitions/current", CurrentView.as_view(), name="definition-current"),
    path("definitions/<int:pk>", DefinitionView.as_view(), name="definition"),
    path("definitions/<int:pk>/propose", ProposeView.as_view(), name="definition-propose"),
    path("definitions/<int:pk>/sign", SignView.as_view(), name="definition-sign"),
    path("definitions/<int:pk>/activate", ActivateView.as_view(), name="definition-activate"),
    path("definitions/<int:pk>/copy", CopyView.as_view(), name="definition-copy"),
]
