"""/api/v1/definitions: versions as documents, and the steps of their life (rules 9.1, 15.1, 16.4)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

from django.db.models import QuerySet
from django.shortcuts import get_object_or_404
from django.urls import URLPattern, path
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.exceptions import NotFound, PermissionDenied, ValidationError
from rest_framework.generics import ListAPIView
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from config.accounts.models import User
from config.accounts.vocabulary import Role
from config.api.authentication import scoped
from config.api.errors import Conflict
from config.api.pagination import NewestFirst
from config.web import QueryRefused
from definitions import (
    diff,
    draft_templates,
    motions,
    permissions,
    proposal_checklist,
    proposals,
    version_documents,
    versions,
)
from definitions.document.parser import DocumentRefused
from definitions.filters import VersionFilter
from definitions.models import Definition, Version
from definitions.presenters import markdown_export, projected_volume, published_page, signing_sheet
from definitions.presets import load_presets
from definitions.proposals import ProposalGrounds
from definitions.serializers import (
    ActivateSerializer,
    BeginSerializer,
    CopySerializer,
    DiffSerializer,
    FindingSerializer,
    PointSerializer,
    PresetSerializer,
    ProposeSerializer,
    RevertSerializer,
    SignedSerializer,
    SignSerializer,
    VersionDetailSerializer,
    VersionSerializer,
)
from leads.normalization.text_folding import fold_text
from leads.vocabulary import Motion

#: Every role may read; each step checks itself which role may take it.
DEFINITIONS: Final = scoped(
    "definitions:read", "definitions:write", read_roles=tuple(Role), write_roles=tuple(versions.SIGNERS.values())
)


#: Longer ids could overflow an integer column.
_ID_DIGITS_AT_MOST: Final = 9


class DefinitionsView(ListAPIView[Version]):
    """List every version of every definition, the newest first."""

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
        """Create a draft from a definition document. A refusal lists all complaints at once, each with its place."""
        try:
            version = version_documents.import_document(document=request.data, by=_caller(request), now=timezone.now())
        except DocumentRefused as refusal:
            raise ValidationError({"document": list(refusal.complaints)}) from refusal
        except permissions.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(VersionDetailSerializer(_detailed_versions().get(pk=version.pk)).data, status=201)


class CurrentView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(
        operation_id="definition_current",
        parameters=[
            OpenApiParameter(
                "definition", str, description="Its slug, or an earlier one; without it the first of the motion."
            ),
            OpenApiParameter("motion", str, enum=Motion.values, description="By default the primary motion."),
            OpenApiParameter("scope", str, description="The definition in force of this scope; empty: of everything."),
        ],
        responses=VersionDetailSerializer,
    )
    def get(self, request: Request) -> Response:
        """Return the version in force. 409 when several definitions of the motion have the scope asked for."""
        try:
            motion = motions.read_motion_filter(request.query_params)
        except QueryRefused as refusal:
            raise ValidationError({"motion": str(refusal)}) from refusal
        slug, scope = request.query_params.get("definition"), request.query_params.get("scope")
        active = _detailed_versions().filter(state="active").order_by("definition_id", "pk")
        if slug:
            active = active.filter(definition__slugs__slug=slug)
        if motion or not slug:
            active = active.filter(definition__motion=motion or motions.read_primary_motion())
        version = active.first() if scope is None else _select_of_scope(list(active), scope)
        if version is None:
            raise NotFound("No version is in force.")
        return Response(VersionDetailSerializer(version).data)


def _select_of_scope(active: Sequence[Version], scope: str) -> Version:
    """Return the one version of a scope. Raises NotFound and Conflict with a sentence that names what there is."""
    rows = [version for version in active if fold_text(version.definition.scope) == fold_text(scope)]
    if not rows:
        scopes = sorted({version.definition.scope for version in active})
        known = ", ".join(f"“{other}”" if other else "one without a scope" for other in scopes) or "none"
        raise NotFound(f"No definition of the scope “{scope}” is in force. Scopes in force: {known}.")
    if len(rows) > 1:
        names = ", ".join(version.definition.slug for version in rows)
        raise Conflict(f"Several definitions of the scope “{scope}” are in force: say which by definition ({names}).")
    return rows[0]


class DefinitionView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_retrieve", responses=VersionDetailSerializer)
    def get(self, request: Request, pk: int) -> Response:  # noqa: ARG002 (views take the request)
        """Return a version with its document, its state and its signatures."""
        return Response(VersionDetailSerializer(get_object_or_404(_detailed_versions(), pk=pk)).data)


class MarkdownRenderer(BaseRenderer):
    """Writes a text as Markdown, and an error as JSON."""

    media_type = "text/markdown"
    format = "md"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: Any = None, renderer_context: Any = None) -> Any:  # noqa: ARG002 (the signature is DRF's)
        return data if isinstance(data, str) else json.dumps(data)


class DefinitionMarkdownView(APIView):
    permission_classes = (DEFINITIONS,)
    renderer_classes = (MarkdownRenderer, JSONRenderer)

    @extend_schema(operation_id="definition_markdown", responses={(200, "text/markdown"): OpenApiTypes.STR})
    def get(self, request: Request, pk: int) -> Response:  # noqa: ARG002 (views take the request)
        """Return the published page of a version as Markdown: statement, rules, history, who signed."""
        version = get_object_or_404(Version.objects.select_related("definition", "based_on", "created_by"), pk=pk)
        page = published_page.build_published_page(version)
        return Response(markdown_export.write_markdown(page), content_type="text/markdown; charset=utf-8")


class ProposeApiView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_propose", request=ProposeSerializer, responses=VersionSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Propose a draft; from then on nothing in it changes. 409 with every objection when it cannot be proposed."""
        return Response(VersionSerializer(_take_step(versions.propose, request, pk, ProposeSerializer)).data)


class SignApiView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_sign", request=SignSerializer, responses=SignedSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Sign for a side whose role the caller holds.

        The approval of both leaders approves; a leader's refusal ends the version. Ops and SDRs are heard: their words are
        kept and shown, and change no state.
        """
        return Response(SignedSerializer(_take_step(versions.sign, request, pk, SignSerializer)).data)


class ActivateApiView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_activate", request=ActivateSerializer, responses=VersionSerializer)
    def post(self, request: Request, pk: int) -> Response:
        """Put an approved version in force at once, in place of the active one."""
        return Response(VersionSerializer(_take_step(versions.activate, request, pk, ActivateSerializer)).data)


class CopyApiView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_copy", request=CopySerializer, responses={201: VersionSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Create a draft with the same rows and the next number."""
        return Response(
            VersionSerializer(_take_step(versions.copy_version, request, pk, CopySerializer)).data, status=201
        )


class RevertApiView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_revert", request=RevertSerializer, responses={201: VersionSerializer})
    def post(self, request: Request, pk: int) -> Response:
        """Create a draft equal to this version, which was in force once. It takes the same steps as any other."""
        return Response(VersionSerializer(_take_step(_revert_to, request, pk, RevertSerializer)).data, status=201)


class LintView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_lint", responses=FindingSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:  # noqa: ARG002 (views take the request)
        """Return the linter's findings, errors first.

        For a draft they include those on its change against the version in force.
        """
        return Response([finding.as_dict() for finding in _build_case(pk).findings])


class ChecklistView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_checklist", responses=PointSerializer(many=True))
    def get(self, request: Request, pk: int) -> Response:  # noqa: ARG002 (views take the request)
        """Return the seven points: as they are now for a draft, as they were at the proposal for any other version."""
        proposal = signing_sheet.find_proposal(_get_version(pk))
        points = proposal_checklist.read_frozen_points(proposal.checklist) if proposal else _build_case(pk).points
        return Response(PointSerializer(points, many=True).data)


class DiffView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(
        operation_id="definition_diff",
        parameters=[
            OpenApiParameter("against", int, required=True, description="The id of the version to compare with.")
        ],
        responses=DiffSerializer,
    )
    def get(self, request: Request, pk: int) -> Response:
        """Return the differences of this version from another, row by row."""
        against = request.query_params.get("against", "")
        if not (against.isascii() and against.isdigit() and len(against) <= _ID_DIGITS_AT_MOST):
            raise ValidationError({"against": "Give the id of the version to compare with."})
        before, after = _get_version(int(against)), _get_version(pk)
        rows = [change.row for change in signing_sheet.compare_versions(before, after)]
        data = {
            "before": before,
            "after": after,
            "loosens": diff.any_may_loosen(rows),
            "changes_no_rule": version_documents.have_same_rules(before, after),
            "volume": projected_volume.project_volume(after, before),
            "changes": rows,
        }
        return Response(DiffSerializer(data).data)


class PresetsView(APIView):
    permission_classes = (DEFINITIONS,)

    @extend_schema(operation_id="definition_presets", responses=PresetSerializer(many=True))
    def get(self, request: Request) -> Response:  # noqa: ARG002 (views take the request)
        """List the presets with the linter's findings on each."""
        return Response(PresetSerializer(draft_templates.build_template_cards(), many=True).data)

    @extend_schema(operation_id="definition_begin", request=BeginSerializer, responses={201: VersionDetailSerializer})
    def post(self, request: Request) -> Response:
        """Create a draft from a preset, or an empty one."""
        serializer = BeginSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        data = serializer.validated_data
        code, name, into = (data[key] for key in ("preset", "name", "into"))
        _check_preset_request(code, name, into)
        try:
            version = draft_templates.start_draft(
                code=code,
                name=name,
                into=into,
                motion=data["motion"],
                scope=data["scope"],
                by=_caller(request),
                now=timezone.now(),
            )
        except DocumentRefused as refusal:
            raise ValidationError({"name": list(refusal.complaints)}) from refusal
        except permissions.NotAllowed as refusal:
            raise PermissionDenied(str(refusal)) from refusal
        return Response(VersionDetailSerializer(_detailed_versions().get(pk=version.pk)).data, status=201)


def _check_preset_request(code: str, name: str, into: Definition | None) -> None:
    if code and code not in {preset.code for preset in load_presets()}:
        raise ValidationError({"preset": f"There is no definition “{code}” to begin with."})
    if bool(name.strip()) == bool(into):
        raise ValidationError({"name": "Give a name for a new definition, or the slug of one that there is in “into”."})
    if name and Definition.objects.filter(name=name.strip()).exists():
        raise ValidationError({"name": f"“{name}” is a definition already: give its slug in “into”."})


def _revert_to(*, version: Version, by: User, now: dt.datetime, reason: str) -> Version:
    reason = reason or signing_sheet.write_reason_to_revert(version)
    return versions.revert(definition=version.definition, to=version, by=by, now=now, reason=reason)


def _build_case(pk: int) -> proposals.ProposalCase:
    return proposals.build_case(_get_version(pk), ProposalGrounds(), now=timezone.now())


def _get_version(pk: int) -> Version:
    return get_object_or_404(Version.objects.select_related("definition"), pk=pk)


def _take_step(
    step: Callable[..., Any], request: Request, pk: int, serializer_class: type[serializers.Serializer[Any]]
) -> Any:
    version = _get_version(pk)
    serializer = serializer_class(data=request.data)
    serializer.is_valid(raise_exception=True)
    try:
        return step(version=version, by=_caller(request), now=timezone.now(), **serializer.validated_data)
    except permissions.NotAllowed as refusal:
        raise PermissionDenied(str(refusal)) from refusal
    except versions.VersionStepRefused as refusal:
        raise Conflict(list(refusal.sentences), code="refused") from refusal


def _detailed_versions() -> QuerySet[Version]:
    return Version.objects.select_related("definition").prefetch_related("sign_offs__by", "changes__by", "backtests")


def _caller(request: Request) -> User:
    """Return the person who signed in, or the owner of the API key."""
    return cast("User", request.user)


urlpatterns: list[URLPattern] = [
    path("definitions", DefinitionsView.as_view(), name="definitions"),
    path("definitions/current", CurrentView.as_view(), name="definition-current"),
    path("definitions/presets", PresetsView.as_view(), name="definition-presets"),
    path("definitions/<int:pk>", DefinitionView.as_view(), name="definition"),
    path("definitions/<int:pk>.md", DefinitionMarkdownView.as_view(), name="definition-markdown"),
    path("definitions/<int:pk>/propose", ProposeApiView.as_view(), name="definition-propose"),
    path("definitions/<int:pk>/sign", SignApiView.as_view(), name="definition-sign"),
    path("definitions/<int:pk>/activate", ActivateApiView.as_view(), name="definition-activate"),
    path("definitions/<int:pk>/copy", CopyApiView.as_view(), name="definition-copy"),
    path("definitions/<int:pk>/revert", RevertApiView.as_view(), name="definition-revert"),
    path("definitions/<int:pk>/lint", LintView.as_view(), name="definition-lint"),
    path("definitions/<int:pk>/checklist", ChecklistView.as_view(), name="definition-checklist"),
    path("definitions/<int:pk>/diff", DiffView.as_view(), name="definition-diff"),
]
