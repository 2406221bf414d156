"""The API's form of versions, their proposals, and the data of each step."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from config.api.fields import VocabularyField
from definitions import lint, version_documents
from definitions.models import Definition, Proposal, Review, SignOff, Suppression, Version, VersionChange
from definitions.presenters import published_page, signing_sheet
from definitions.suppressions import lifecycle
from definitions.vocabulary import ChangeDriver, Decision, PrecisionBasis, Side, SuppressionState, SuppressionSubject
from leads.vocabulary import Motion


class VersionSerializer(serializers.ModelSerializer[Version]):
    definition = serializers.SlugField(source="definition.slug")
    name = serializers.CharField(source="definition.name")
    motion = serializers.CharField(source="definition.motion")
    scope = serializers.CharField(source="definition.scope", help_text="The market or product line; empty: everything.")
    number = serializers.CharField()

    class Meta:
        model = Version
        fields: tuple[str, ...] = (
            *("id", "definition", "name", "motion", "scope", "number", "state", "owner", "reason", "based_on"),
            *("created_at", "proposed_at", "approved_at", "activated_at", "retired_at"),
        )


class SignOffSerializer(serializers.ModelSerializer[SignOff]):
    by = serializers.CharField()
    counts = serializers.BooleanField(help_text="Whether it decides: a leader's does, others are heard.")

    class Meta:
        model = SignOff
        fields = ("side", "decision", "counts", "by", "at", "comment")


class VersionChangeSerializer(serializers.ModelSerializer[VersionChange]):
    by = serializers.CharField()

    class Meta:
        model = VersionChange
        fields = ("from_state", "to_state", "at", "by", "why")


class ProposalSerializer(serializers.ModelSerializer[Proposal]):
    by = serializers.CharField()

    class Meta:
        model = Proposal
        fields = (
            *("id", "backtest", "driver", "precision_basis", "evidence", "links", "review", "findings", "checklist"),
            *("at", "by"),
        )


class VersionDetailSerializer(VersionSerializer):
    complexity = serializers.SerializerMethodField(help_text="What is to be kept in mind, in one sentence.")
    statement = serializers.SerializerMethodField(help_text="In plain English, generated from the rows.")
    document = serializers.SerializerMethodField(help_text="accord.definition/1, as it is imported.")
    sign_offs = SignOffSerializer(many=True)
    changes = VersionChangeSerializer(many=True)
    digest = serializers.SerializerMethodField(
        help_text="sha256 fingerprint of what decides: what runs is exactly this."
    )
    proposal = serializers.SerializerMethodField(help_text="What was put before the leaders, frozen.")
    backtests: serializers.Field[Any, Any, Any, Any] = serializers.PrimaryKeyRelatedField(many=True, read_only=True)

    class Meta(VersionSerializer.Meta):
        fields = (
            *VersionSerializer.Meta.fields,
            *(
                "hands_over_entrants",
                "summary",
                "kind",
                "complexity",
                "statement",
                "digest",
                "document",
                "sign_offs",
                "changes",
                "proposal",
                "backtests",
            ),
        )

    def get_digest(self, version: Version) -> str:
        return version_documents.fingerprint(version)

    @extend_schema_field(ProposalSerializer(allow_null=True))
    def get_proposal(self, version: Version) -> dict[str, Any] | None:
        proposal = signing_sheet.find_proposal(version)
        return dict(ProposalSerializer(proposal).data) if proposal else None

    def get_complexity(self, version: Version) -> str:
        return lint.measure_complexity(version_documents.export_document(version)).sentence

    def get_statement(self, version: Version) -> str:
        return published_page.read_statement(version).text

    @extend_schema_field(OpenApiTypes.OBJECT)
    def get_document(self, version: Version) -> dict[str, object]:
        return version_documents.export_with_basis(version)


class SignSerializer(serializers.Serializer[Any]):
    side = VocabularyField(Side)
    decision = VocabularyField(Decision)
    comment = serializers.CharField(max_length=5000)


class SignedSerializer(serializers.Serializer[Any]):
    version = VersionSerializer()
    successor = VersionSerializer(allow_null=True, help_text="The draft that goes on after a leader's refusal.")


class ProposeSerializer(serializers.Serializer[Any]):
    driver = VocabularyField(ChangeDriver, help_text="What the change answers.")
    evidence = serializers.CharField(
        max_length=5000, required=False, default="", allow_blank=True, help_text="What shows it, in words."
    )
    review = serializers.PrimaryKeyRelatedField(
        queryset=Review.objects.all(), required=False, allow_null=True, default=None
    )
    links = serializers.ListField(
        child=serializers.CharField(max_length=500),
        max_length=20,
        required=False,
        default=list,
        help_text="What shows it: `review:ID`, `backtest:ID`, or the path of a report of Accord. Needed to loosen.",
    )
    precision_basis = VocabularyField(PrecisionBasis, default=PrecisionBasis.WON, help_text="What precision counts.")
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
    major = serializers.BooleanField(required=False, default=False, help_text="The next major number.")


class RevertSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(
        max_length=5000, required=False, default="", allow_blank=True, help_text="By default, what the records say."
    )


class FindingSerializer(serializers.Serializer[Any]):
    key = serializers.CharField(help_text="Under which a warning is acknowledged.")
    code = serializers.CharField()
    severity = serializers.CharField(help_text="Errors bar a proposal, warnings need a reason, advice is only shown.")
    sentence = serializers.CharField()
    remedy = serializers.CharField()
    rows = serializers.ListField(child=serializers.CharField(), help_text="Places in the document.")


class RowChangeSerializer(serializers.Serializer[Any]):
    part = serializers.CharField()
    kind = serializers.CharField(help_text="added, removed or changed")
    label = serializers.CharField()  # type: ignore[assignment]  # hides Field.label
    before = serializers.CharField()
    after = serializers.CharField()
    effect = serializers.CharField(help_text="looser, tighter, neither or unclear")
    rationale = serializers.CharField()


class VolumeSerializer(serializers.Serializer[Any]):
    number = serializers.CharField()
    flagged = serializers.IntegerField()
    per_week = serializers.FloatField()
    per_month = serializers.FloatField()


class VolumeComparisonSerializer(serializers.Serializer[Any]):
    backtest = serializers.IntegerField(source="backtest.pk", help_text="The id of the backtest.")
    after = VolumeSerializer()
    before = VolumeSerializer(allow_null=True)
    growth_percent = serializers.IntegerField(allow_null=True)


class DiffSerializer(serializers.Serializer[Any]):
    before = VersionSerializer()
    after = VersionSerializer()
    loosens = serializers.BooleanField()
    changes_no_rule = serializers.BooleanField(help_text="Whether nothing but words differs.")
    volume = VolumeComparisonSerializer(allow_null=True, help_text="By the current backtest of `after`.")
    changes = RowChangeSerializer(many=True)


class PointSerializer(serializers.Serializer[Any]):
    code = serializers.CharField()
    title = serializers.CharField()
    standing = serializers.CharField(help_text="yes, no or unknown")
    sentence = serializers.CharField()
    look_at = serializers.CharField()


class PresetSerializer(serializers.Serializer[Any]):
    code = serializers.CharField(source="preset.code")
    title = serializers.CharField(source="preset.title")
    description = serializers.CharField(source="preset.description")
    statement = serializers.CharField(source="statement.text")
    seconds = serializers.IntegerField(source="statement.seconds", help_text="Read aloud.")
    findings = serializers.SerializerMethodField()
    document = serializers.DictField(source="preset.document")

    @extend_schema_field(FindingSerializer(many=True))
    def get_findings(self, card: Any) -> list[dict[str, Any]]:
        return [finding.as_dict() for finding in card.findings]


@extend_schema_field(OpenApiTypes.STR)
class DefinitionSlugField(serializers.SlugRelatedField[Definition]):
    """A definition by its slug, present or earlier (rules 9.25)."""


class BeginSerializer(serializers.Serializer[Any]):
    """A new draft: of a new definition called `name`, or as the next version of the definition whose slug is `into`."""

    preset = serializers.CharField(required=False, default="", allow_blank=True, help_text="Empty: an empty draft.")
    name = serializers.CharField(max_length=120, required=False, default="")
    motion = serializers.ChoiceField(
        choices=Motion.values,
        required=False,
        default=None,
        allow_null=True,
        help_text="Of a new definition; without it that of the preset, or mql.",
    )
    scope = serializers.CharField(
        max_length=80, required=False, allow_blank=True, default="", help_text="Of a new definition; empty: everything."
    )
    into = DefinitionSlugField(
        slug_field="slugs__slug",
        queryset=Definition.objects.all(),
        required=False,
        default=None,
        allow_null=True,
        error_messages={"does_not_exist": "There is no definition “{value}”."},
    )


class SuppressionSerializer(serializers.ModelSerializer[Suppression]):
    """A suppression of `SuppressionQuerySet.with_counts`. `until` is the end that was set, `ends_at` the one that holds."""

    state = serializers.SerializerMethodField()
    starts_at = serializers.DateTimeField()
    ends_at = serializers.DateTimeField()
    set_by = serializers.CharField()
    ended_by = serializers.CharField(allow_null=True)
    kept_back_leads = serializers.IntegerField(help_text="Leads that met a definition and were kept back.")
    kept_back_companies = serializers.IntegerField(help_text="Companies that did, of the motion AQL.")

    class Meta:
        model = Suppression
        fields = (
            "id", "subject", "value", "lead", "company", "reason", "state", "starts_at", "until", "ends_at", "set_by",
            "set_at", "ended_at", "ended_by", "end_reason", "kept_back_leads", "kept_back_companies",
        )  # fmt: skip

    @extend_schema_field(serializers.ChoiceField(choices=SuppressionState.choices))
    def get_state(self, row: Suppression) -> str:
        return row.state_at(self.context["now"])


class SuppressSerializer(serializers.Serializer[Any]):
    subject = serializers.ChoiceField(choices=SuppressionSubject.choices)
    value = serializers.CharField(
        max_length=254,
        help_text="The domain or source; of a lead its id or e-mail address, of a company its id or domain.",
    )
    reason = serializers.CharField(max_length=lifecycle.REASON_AT_MOST)
    starts_at = serializers.DateTimeField(required=False, help_text="By default now.")
    until = serializers.DateTimeField(
        required=False, help_text=f"By default {lifecycle.DEFAULT_DAYS} days later, at most {lifecycle.MOST_DAYS}."
    )


class EndSuppressionSerializer(serializers.Serializer[Any]):
    reason = serializers.CharField(max_length=lifecycle.REASON_AT_MOST)
