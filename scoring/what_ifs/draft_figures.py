"""Quick figures of a definition while it is being written (rules 10.8): who qualifies now, and the two numbers, beside the
version in force.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from typing import Any, Final

from config.charts import Chart
from definitions import version_documents
from definitions.document.parser import DocumentRefused
from definitions.models import Version
from scoring import active_versions
from scoring.backtests import result_charts
from scoring.backtests.intervals_and_tests import Bounds, Sample, wilson
from scoring.rule_compiler import compile_with_current_catalogue
from scoring.what_ifs import measurement_cache
from scoring.what_ifs.measurement_cache import DraftFigures

#: A definition of 500 rows in each part, with its reasons, is far smaller.
MAX_BYTES: Final = 256 * 1024


class DraftFiguresRefused(Exception):
    """The text cannot be judged; the message says why."""


@dataclass(frozen=True, slots=True)
class ShareFigure:
    """A proportion with its 95 % interval."""

    label: str
    sample: Sample
    of: str

    @property
    def interval(self) -> Bounds | None:
        return wilson(self.sample.hits, self.sample.total)


@dataclass(frozen=True, slots=True)
class VersionFigures:
    """The figures of one version, with its name."""

    name: str
    quick: DraftFigures

    @property
    def shares(self) -> tuple[ShareFigure, ...]:
        quick = self.quick
        return (
            ShareFigure("Coverage", quick.coverage, "won"),
            ShareFigure("Precision, won", quick.precision_ripe, "flagged early enough to be won"),
            ShareFigure("Precision, accepted", quick.precision_sal, "flagged"),
        )


@dataclass(frozen=True, slots=True)
class DraftFiguresPanel:
    """The panel beside the editor: figures of the typed document and of the version in force, verdicts, and the decay
    chart.
    """

    typed: VersionFigures
    in_force: VersionFigures | None
    verdicts: tuple[str, ...]
    fading: Chart

    @property
    def difference(self) -> int | None:
        return self.typed.quick.qualify_now - self.in_force.quick.qualify_now if self.in_force else None


def build_panel(text: str, *, now: dt.datetime) -> DraftFiguresPanel:
    """Return the figures of a definition document in JSON, and of the version in force of the definition that it names.

    Raises DraftFiguresRefused for a text that is too large, no JSON or no definition document (rules 15.1).
    """
    document = _parse_document(text)
    if document.get("account"):
        raise DraftFiguresRefused("Quick figures count leads; this definition judges companies. Ask for a backtest.")
    rules = compile_with_current_catalogue(document)
    quick = measurement_cache.quick_figures(rules, now=now)
    tested = measurement_cache.what_if_figures(rules, start=quick.start, end=quick.end, now=now)
    active = Version.objects.active().select_related("definition").filter(definition__name=document["name"]).first()
    in_force = (
        VersionFigures(active.number, measurement_cache.quick_figures(active_versions.rules_of(active), now=now))
        if active
        else None
    )
    fading = result_charts.decay_chart(rules.decay, rules.signals, {}).chart
    return DraftFiguresPanel(VersionFigures("as typed", quick), in_force, tested.verdicts, fading)


def _parse_document(text: str) -> dict[str, Any]:
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise DraftFiguresRefused(f"The document is larger than {MAX_BYTES // 1024} kB; nothing was counted.")
    try:
        return version_documents.normalize_document(json.loads(text))
    except DocumentRefused as refusal:
        raise DraftFiguresRefused(f"Nothing was counted: {refusal.complaints[0]}") from None
    except (ValueError, RecursionError):
        raise DraftFiguresRefused("This is no definition document, so nothing was counted.") from None
