"""Links from a proposal to what shows that a change is needed: reviews, backtests and reports of Accord (rules 9.27)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Final
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import Resolver404, ResolverMatch, resolve, reverse

from definitions import backtest_gate
from definitions.models import Backtest, Definition, Review, Version
from definitions.vocabulary import PrecisionBasis

#: Pages that show figures, by the name of their URL; those of two versions name them in the address.
REPORTS: Final = {
    "sla_report": "SLA report",
    "sla_rows": "Promises of the SLA report",
    "report": "Report",
    "report_rows": "Rows of a report",
    "overview": "Overview",
}
REPORTS_OF_VERSIONS: Final = {"comparison": "Comparison of versions", "replay": "Replay"}
_LISTED: Final = 20
_LONGEST_ADDRESS: Final = 500
_LONGEST_ID: Final = 9


class EvidenceRefused(Exception):
    """The reference names nothing in Accord that shows anything about the definition; the sentence says why."""


@dataclass(frozen=True, slots=True)
class EvidenceLink:
    """A link as a proposal keeps it: `kind` is review, backtest or report, `address` a path of this installation."""

    kind: str
    label: str
    address: str

    def as_dict(self) -> dict[str, str]:
        return asdict(self)


def read_links(
    references: Iterable[str], *, definition: Definition
) -> tuple[tuple[EvidenceLink, ...], tuple[str, ...]]:
    """Return the links that the references name, each once, and the complaints about the others."""
    links: dict[str, EvidenceLink] = {}
    complaints = []
    for reference in filter(None, (text.strip() for text in references)):
        try:
            link = read_link(reference, definition=definition)
        except EvidenceRefused as refusal:
            complaints.append(str(refusal))
        else:
            links.setdefault(link.address, link)
    return tuple(links.values()), tuple(complaints)


def read_link(reference: str, *, definition: Definition) -> EvidenceLink:
    """Return the link that `review:ID`, `backtest:ID` or the address of a page of Accord names.

    Raises EvidenceRefused for what does not exist, concerns another definition, or shows nothing.
    """
    # People copy whole addresses from their browser.
    reference = reference.removeprefix(settings.BASE_URL.rstrip("/"))
    kind, _, key = reference.partition(":")
    if kind in _READERS and key.isascii() and key.isdigit() and len(key) <= _LONGEST_ID:
        return _READERS[kind](int(key), definition)
    match = _resolve(reference)
    name = match.url_name if match and not match.namespaces else None
    if match and name in _READERS:
        return _READERS[name](match.kwargs["pk"], definition)
    if match and name in REPORTS:
        return EvidenceLink("report", REPORTS[name], reference)
    if match and name in REPORTS_OF_VERSIONS:
        _check_versions(reference, match, definition)
        return EvidenceLink("report", REPORTS_OF_VERSIONS[name], reference)
    raise EvidenceRefused(f"“{reference[:80]}” is no review, backtest or report of Accord.")


def list_choices(definition: Definition) -> list[tuple[str, str]]:
    """Return the latest reviews and judged backtests of a definition as (reference, label)."""
    return [*_list_reviews(definition), *_list_backtests(definition)]


def _list_reviews(definition: Definition) -> Iterator[tuple[str, str]]:
    for review in Review.objects.filter(definition=definition).order_by("-opened_at", "-pk")[:_LISTED]:
        yield f"review:{review.pk}", f"Review: {review}"


def _list_backtests(definition: Definition) -> Iterator[tuple[str, str]]:
    tested = Backtest.objects.successful().filter(version__definition=definition).select_related("version__definition")
    for backtest in tested.defer("document").order_by("-finished_at", "-pk")[:_LISTED]:
        if _is_judged(backtest):
            yield f"backtest:{backtest.pk}", str(backtest)


def _read_review(pk: int, definition: Definition) -> EvidenceLink:
    review = Review.objects.filter(pk=pk).first()
    if review is None:
        raise EvidenceRefused(f"There is no review {pk}.")
    if review.definition_id != definition.pk:
        raise EvidenceRefused(f"“{review}” is a review of another definition.")
    return EvidenceLink("review", f"Review: {review}", reverse("review", args=[pk]))


def _read_backtest(pk: int, definition: Definition) -> EvidenceLink:
    backtest = Backtest.objects.select_related("version__definition").defer("document").filter(pk=pk).first()
    if backtest is None:
        raise EvidenceRefused(f"There is no backtest {pk}.")
    if backtest.version.definition_id != definition.pk:
        raise EvidenceRefused(f"“{backtest}” is a backtest of another definition.")
    if not _is_judged(backtest):
        raise EvidenceRefused(
            f"“{backtest}” shows nothing: it has no result, or too few won and rejected leads for a verdict."
        )
    return EvidenceLink("backtest", str(backtest), reverse("backtest", args=[pk]))


_READERS: Final = {"review": _read_review, "backtest": _read_backtest}


def _is_judged(backtest: Backtest) -> bool:
    return backtest_gate.judged_any_lead(backtest) and backtest_gate.is_decided(
        (backtest.result or {})["version"], PrecisionBasis.WON
    )


def _check_versions(reference: str, match: ResolverMatch, definition: Definition) -> None:
    named = set(match.kwargs.values())
    known = Version.objects.filter(definition=definition, pk__in=named).count()
    if known != len(named):
        raise EvidenceRefused(f"“{reference[:80]}” names versions that {definition} does not have.")


def _resolve(reference: str) -> ResolverMatch | None:
    # Browsers leave out tabs and line ends, and a second slash would then lead elsewhere.
    is_path = reference.startswith("/") and not reference.startswith("//") and reference.isprintable()
    if not is_path or len(reference) > _LONGEST_ADDRESS:
        return None
    try:
        return resolve(urlsplit(reference).path)
    except (Resolver404, ValueError):
        return None
