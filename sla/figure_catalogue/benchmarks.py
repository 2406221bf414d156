"""Quoted benchmarks: figures that others published, with source and year; shown beside own figures, never computed with (rules 12.17)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sla.figure_catalogue.catalogue import RateKey


@dataclass(frozen=True, slots=True)
class QuotedBenchmark:
    """A figure as its source states it. `key` is the rate of the catalogue beside which it stands, None for none.

    `year` is empty where the source is quoted without one.
    """

    subject: str
    figure: str
    source: str
    year: str = ""
    key: RateKey | None = None

    @property
    def quotation(self) -> str:
        """Return the figure with its source and year, as a page quotes it."""
        return f"{self.figure} ({self.source}, {self.year or 'year not stated'})"


BENCHMARKS: Final = (
    QuotedBenchmark("MQLs that sales rejects, on average", "40 to 70 %", "SiriusDecisions", key=RateKey.REJECTION),
    QuotedBenchmark("Rejections after two quarters of quarterly reviews", "18 % fewer", "TOPO", key=RateKey.REJECTION),
    QuotedBenchmark("MQLs that become SQLs", "13 to 20 %", "industry average", key=RateKey.MQL_TO_SQL),
    QuotedBenchmark(
        "Pipeline that becomes revenue, with joint criteria", "26 % more", "Forrester", key=RateKey.MQL_TO_OPPORTUNITY
    ),
    QuotedBenchmark("Companies with a documented definition that both sides agreed", "27 %", "MarketingProfs"),
    QuotedBenchmark("Leads that never convert", "79 %", "MarketingProfs"),
    QuotedBenchmark("Cost of an MQL", "50 to 200 US dollars", "industry average"),
    QuotedBenchmark("Response to a request of a lead", "under 5 minutes", "industry practice"),
    QuotedBenchmark("Quality of the pipeline with an agreed definition", "27 % better", "industry average"),
)


def list_for(*keys: RateKey) -> list[QuotedBenchmark]:
    """Return the benchmarks that stand beside these rates."""
    return [benchmark for benchmark in BENCHMARKS if benchmark.key in keys]


def as_evidence(keys: Sequence[RateKey]) -> list[dict[str, Any]]:
    """Return the benchmarks beside these rates as rows for the evidence of a review."""
    return [
        {"subject": row.subject, "quoted": row.figure, "source": row.source, "year": row.year}
        for row in list_for(*keys)
    ]
