from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, transaction

from config.accounts.vocabulary import Role
from definitions import proposals, reviews, version_documents, versions
from definitions.models import Definition, Proposal, Review, Version
from definitions.presenters import signing_sheet
from definitions.vocabulary import ChangeDriver, PrecisionBasis, ReviewKind, ReviewTrigger, VersionState
from tests.definitions.documents import criterion
from tests.definitions.version_lifecycles import (
    DAY,
    NOW,
    build_cohort,
    build_grounds,
    build_share,
    create_active,
    create_backtest,
    create_draft,
    create_proposed,
    propose,
)
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

TIGHT = {"gate": [criterion("company.employees", "between", [100, 1000])]}
LOOSE = {"gate": [criterion("company.employees", "between", [50, 1000])]}


def propose_and_read_refusal(version: Version, **grounds: Any) -> str:
    """Propose on these grounds, check that nothing changed, and return the sentences of the refusal."""
    all_grounds = build_grounds(version) | grounds
    with pytest.raises(versions.VersionStepRefused) as refusal:
        versions.propose(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + DAY, **all_grounds)
    version.refresh_from_db()
    assert version.is_draft
    assert not Proposal.objects.filter(version=version).exists()
    return "\n".join(refusal.value.sentences)


def propose_as_it_is(version: Version) -> Version:
    """Propose with the backtest that there is, every warning accepted."""
    grounds = build_grounds(version)
    return versions.propose(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + DAY, **grounds)


def open_review(definition: Definition, trigger: ReviewTrigger = ReviewTrigger.REJECTION_SPIKE) -> Review:
    return reviews.open_review(
        definition=definition,
        trigger=trigger,
        kind=ReviewKind.SPOT,
        title="Look at it",
        evidence={"decided": 40, "rejected": 18},
        proposal="",
        now=NOW,
    )


def test_a_proposal_needs_a_backtest() -> None:
    assert "it was never backtested" in propose_and_read_refusal(create_draft(**TIGHT))


def test_an_edit_after_the_backtest_requires_another() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version)
    version.criteria.update(low=120)

    assert "it was edited since its last backtest" in propose_and_read_refusal(Version.objects.get(pk=version.pk))


def test_a_failed_backtest_does_not_count() -> None:
    version = create_draft(**TIGHT)
    version.backtests.create(
        document={},
        digest=version_documents.fingerprint(version),
        start=NOW - DAY,
        end=NOW,
        requested_at=NOW,
        finished_at=NOW,
        error="The disk is full.",
    )

    assert "it was never backtested" in propose_and_read_refusal(version)


def test_a_single_letter_does_not_accept_a_warning() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version)
    keys = build_grounds(version)["acknowledged"]

    assert keys
    assert "Or say why you accept it" in propose_and_read_refusal(version, acknowledged={})
    assert "Or say why you accept it" in propose_and_read_refusal(version, acknowledged=dict.fromkeys(keys, " x  "))


def test_a_lint_error_prevents_the_proposal() -> None:
    version = create_draft(
        paths=[{"name": "Loud", "clauses": [{"axis": "engagement", "at_least": 5}], "rationale": "So."}]
    )
    create_backtest(version)

    assert "“Loud”" in propose_and_read_refusal(version)


def test_loosening_for_volume_is_refused_with_the_reason() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version)

    assert "The stated reason is volume" in propose_and_read_refusal(version, driver=ChangeDriver.VOLUME)


def test_a_first_version_for_volume_is_refused() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version)

    assert "A volume target is no reason" in propose_and_read_refusal(version, driver=ChangeDriver.VOLUME)


# The gate of the backtest


def test_a_backtest_over_no_leads_is_no_backtest() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version, leads=0)

    assert "judged no lead, so it is none: import" in propose_and_read_refusal(version)


def test_the_first_version_may_begin_without_leads_and_says_on_what_it_rests() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version, leads=0)

    assert "judged no lead, so it is none" in propose_and_read_refusal(version, acknowledged={})
    proposal = propose_as_it_is(version).proposal
    assert any(finding["code"] == "backtest.no_leads" and finding["accepted"] for finding in proposal.findings)
    assert [point["standing"] for point in proposal.checklist][-1] == "no"


@pytest.mark.parametrize(
    ("figures", "sentence"),
    [
        ({"coverage": build_share(20, 30)}, "Too tight: it would have missed 10 of the 30"),
        ({"coverage": build_share(12, 30)}, "Over-tightened: it would have missed 18 of the 30"),
        ({"coverage": build_share(10, 10), "enough": False}, "Coverage and precision cannot be judged: 10 won of 20"),
        ({"precision_ripe": build_share(14, 100)}, "Too loose: 14 of 100 leads it flags were won afterwards"),
        ({"precision_ripe": build_share(0, 0)}, "Precision cannot be judged"),
    ],
)
def test_a_failed_or_undecided_number_is_answered_in_writing(figures: dict[str, Any], sentence: str) -> None:
    version = create_draft(**TIGHT)
    create_backtest(version, **figures)
    grounds = build_grounds(version)
    unanswered = {key: reason for key, reason in grounds["acknowledged"].items() if key not in gate_keys(version)}

    assert sentence in propose_and_read_refusal(version, acknowledged=unanswered)
    proposed = versions.propose(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + DAY, **grounds)
    assert any(sentence in finding["sentence"] and finding["accepted"] for finding in proposed.proposal.findings)


def test_precision_is_judged_by_what_the_proposal_says_it_counts() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version, precision_ripe=build_share(10, 100), precision_sal=build_share(80, 120))
    grounds = build_grounds(version)

    assert "Too loose" in propose_and_read_refusal(version, acknowledged={})
    assert "Too loose" not in propose_and_read_refusal(version, acknowledged={}, precision_basis=PrecisionBasis.SAL)
    proposed = versions.propose(
        version=version,
        by=UserFactory(roles=[Role.MARKETING_OPS]),
        now=NOW + DAY,
        **grounds | {"precision_basis": PrecisionBasis.SAL},
    )
    figures = signing_sheet.describe_backtest_figures(proposed.proposal)
    assert figures == "Coverage 24 of 30 (80 %), precision (at least SAL) 80 of 120 (67 %)."


def test_another_period_than_the_last_six_months_needs_its_reason() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version, start=NOW - 90 * DAY)

    assert "The backtest covers 4 August 2026 to 2 November 2026, not the six months" in propose_and_read_refusal(
        version, acknowledged={}
    )


def gate_keys(version: Version) -> set[str]:
    case = proposals.build_case(version, proposals.ProposalGrounds(), now=NOW)
    return {finding.key for finding in case.findings if finding.code.startswith("backtest.")}


# Evidence


@pytest.mark.parametrize(
    "links",
    [
        [],
        ["x"],
        ["review:999"],
        ["backtest:0"],
        ["/leads/"],
        ["//evil.example/reports/sla/"],
        ["/\t/evil.example/reports/sla/"],
    ],
)
def test_words_and_addresses_of_nothing_are_no_evidence(links: list[str]) -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE | {"reason": "Der Vertrieb möchte größere Listen."})
    create_backtest(version)

    refusal = propose_and_read_refusal(version, evidence="x", links=links)

    assert "without evidence of quality" in refusal
    assert "it is a change for volume" in refusal
    assert all(f"{link[:80]}" in refusal or "There is no" in refusal for link in links)


def test_reviews_backtests_and_reports_of_accord_are_evidence() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    backtest, review = create_backtest(version), open_review(version.definition)
    links = [f"backtest:{backtest.pk}", f"/reviews/{review.pk}/", "/reports/sla/?month=2026-10", f"review:{review.pk}"]
    grounds = build_grounds(version) | {"links": links}

    proposed = versions.propose(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + DAY, **grounds)

    assert [link["address"] for link in proposed.proposal.links] == [
        f"/backtests/{backtest.pk}/", f"/reviews/{review.pk}/", "/reports/sla/?month=2026-10",
    ]  # fmt: skip


def test_a_backtest_without_a_verdict_shows_nothing() -> None:
    version = create_draft(**TIGHT)
    backtest = create_backtest(version, enough=False)

    assert "shows nothing" in propose_and_read_refusal(version, links=[f"backtest:{backtest.pk}"])


# Words only


def test_a_version_that_changes_words_only_needs_no_reason_of_quality() -> None:
    create_active(**TIGHT)
    version = create_draft(**TIGHT | {"owner": "new@company.example", "statement": "Whoever asks."})
    create_backtest(version)
    grounds = build_grounds(version) | {"driver": ChangeDriver.NO_RULE, "evidence": "", "links": []}

    proposed = versions.propose(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + DAY, **grounds)

    assert signing_sheet.build_signing_sheet(proposed).changes_no_rule


def test_a_version_that_changes_a_rule_cannot_say_that_it_changes_none() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version)

    assert "It changes rules" in propose_and_read_refusal(version, driver=ChangeDriver.NO_RULE)


def test_the_sheet_projects_the_volume_beside_that_of_the_version_in_force() -> None:
    active = create_active(**TIGHT)
    version = propose(create_draft(**LOOSE))

    volume = signing_sheet.build_signing_sheet(version).volume

    assert volume is not None
    assert volume.before is not None
    assert (volume.after.number, volume.before.number) == (version.number, active.number)
    days = (volume.backtest.end - volume.backtest.start) / DAY
    assert volume.after.per_week == pytest.approx(120 * 7 / days)
    assert volume.after.per_month == pytest.approx(120 * 365.25 / 12 / days)
    assert volume.growth_percent == 0


def test_a_loosening_change_needs_evidence_or_a_review() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version)
    cited = open_review(version.definition)

    assert "without evidence" in propose_and_read_refusal(version, links=[])
    grounds = build_grounds(version) | {"links": [], "review": cited}
    proposed = versions.propose(version=version, by=UserFactory(roles=[Role.MARKETING_OPS]), now=NOW + DAY, **grounds)

    assert proposed.state == VersionState.PROPOSED
    assert proposed.proposal.review == cited


def test_a_change_to_a_version_in_force_needs_a_driver() -> None:
    create_active(**TIGHT)
    version = create_draft(**TIGHT)
    create_backtest(version)

    assert "v1.0 is in force: say what this change answers" in propose_and_read_refusal(
        version, driver=ChangeDriver.FIRST
    )


@pytest.mark.parametrize(("before", "after"), [(TIGHT, LOOSE), (LOOSE, TIGHT)])
def test_an_open_volume_review_is_no_reason_for_a_change(before: dict[str, Any], after: dict[str, Any]) -> None:
    create_active(**before)
    version = create_draft(**after)
    create_backtest(version)
    spike = open_review(version.definition, ReviewTrigger.VOLUME_SPIKE)

    assert "a rise in volume changes nothing" in propose_and_read_refusal(version, review=spike)


def test_a_review_of_another_definition_is_no_evidence() -> None:
    version = create_draft(**TIGHT)
    create_backtest(version)
    other = open_review(create_draft(name="Other").definition)

    assert "is a review of another definition" in propose_and_read_refusal(version, review=other)


def test_all_objections_come_at_once() -> None:
    refusal = propose_and_read_refusal(create_draft(paths=[]), acknowledged={}, driver=ChangeDriver.VOLUME)

    for sentence in ("it has no path", "never backtested", "A volume target"):
        assert sentence in refusal


def test_the_case_and_the_grounds_are_frozen() -> None:
    version = create_proposed(**TIGHT)

    proposal = version.proposal
    assert (proposal.driver, proposal.at) == (ChangeDriver.FIRST, NOW + DAY)
    assert proposal.backtest == version.backtests.get()
    assert {finding["accepted"] for finding in proposal.findings if finding["severity"] == "warning"} == {"We know."}
    assert [point["standing"] for point in proposal.checklist][-1] == "yes"
    with pytest.raises(DatabaseError), transaction.atomic():
        Proposal.objects.update(evidence="Something else.")
    with pytest.raises(DatabaseError), transaction.atomic():
        proposal.backtest.delete()


def test_more_leads_from_a_looser_definition_are_a_warning() -> None:
    create_active(**TIGHT)
    version = create_draft(**LOOSE)
    create_backtest(version, flagged=300)

    case = proposals.build_case(version, proposals.ProposalGrounds(evidence="See the review."), now=NOW)

    assert case.loosens
    assert any(
        "300 leads flagged in the backtest, 120 by the version in force" in finding.sentence
        for finding in case.findings
    )
    assert build_cohort(version)["flagged"] == 120


def test_reverting_creates_an_ordinary_draft() -> None:
    first, ops = create_active(**TIGHT), UserFactory(roles=[Role.MARKETING_OPS])
    second = create_active(**LOOSE)

    back = versions.revert(definition=first.definition, to=first, by=ops, now=NOW + 5 * DAY)

    assert (back.number, back.based_on, back.reason, back.is_draft) == ("v1.2", first, "Back to v1.0.", True)
    assert version_documents.export_document(back)["gate"] == version_documents.export_document(first)["gate"]
    assert Version.objects.active().get() == second
    assert propose(back, driver=ChangeDriver.REJECTION_PATTERN).state == VersionState.PROPOSED
    with pytest.raises(versions.VersionStepRefused, match="only a version that was in force once can come back"):
        versions.revert(definition=first.definition, to=second, by=ops, now=NOW)
    with pytest.raises(versions.VersionStepRefused, match="is not a version of Other"):
        versions.revert(definition=create_draft(name="Other").definition, to=first, by=ops, now=NOW)


def test_a_copy_may_take_a_new_major_number() -> None:
    first, ops = create_active(**TIGHT), UserFactory(roles=[Role.MARKETING_OPS])

    major = versions.copy_version(version=first, major=True, by=ops, now=NOW)
    next_major = versions.copy_version(version=first, major=True, by=ops, now=NOW)
    minor = versions.copy_version(version=first, by=ops, now=NOW)

    assert [major.number, next_major.number, minor.number] == ["v2.0", "v3.0", "v1.1"]
