from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django.plugin import DjangoDbBlocker

from tests.drills import figures
from tests.drills.counts import IS_FULL
from tests.drills.drilled_company import DrilledCompany, found_company
from tests.drills.running_site import RunningSite, run_site

_FIGURES = "figures of the drill"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long drills, which run at full counts only."""
    if IS_FULL:
        return
    long = [item for item in items if item.get_closest_marker("drill")]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for key in ("passed", "failed") for report in terminalreporter.stats.get(key, ())]
    lines = [text for report in reports for name, text in report.user_properties if name == _FIGURES]
    if lines:
        terminalreporter.section("figures of the drills")
        terminalreporter.write_line("\n".join(lines))


@pytest.fixture(scope="package")
def lasting_site() -> Iterator[RunningSite]:
    with run_site() as site:
        yield site


@pytest.fixture(scope="package")
def lasting_company(lasting_site: RunningSite, django_db_blocker: DjangoDbBlocker) -> DrilledCompany:
    with django_db_blocker.unblock(), lasting_site.connected():
        return found_company(lasting_site)


@pytest.fixture
def site(
    lasting_site: RunningSite, lasting_company: DrilledCompany, django_db_blocker: DjangoDbBlocker
) -> Iterator[RunningSite]:
    """Return the site with all its programs running; the models of this process work on its database."""
    with django_db_blocker.unblock(), lasting_site.connected():
        lasting_site.make_ready()
        yield lasting_site


@pytest.fixture
def company(site: RunningSite, lasting_company: DrilledCompany) -> DrilledCompany:
    return lasting_company


@pytest.fixture
def report(request: pytest.FixtureRequest) -> figures.Report:
    """Return a function that takes the figures of the drill; they are printed at the end of the run."""

    def report_figures(**values: object) -> None:
        request.node.user_properties.append((_FIGURES, figures.format_line(request.node.name, values)))

    return report_figures
