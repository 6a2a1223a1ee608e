"""What holds for every test: the tiers, the rule that CI skips nothing, and the market data."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent
FAULT_TESTS = os.environ.get("TRADING_BOT_FAULT_TESTS") == "1"

# Examples never depend on a stored database or on how busy the machine is.
settings.register_profile("fast", max_examples=60, deadline=None, database=None)
# What judges a change judges it the same way twice; the search for new cases is the developers'.
settings.register_profile("ci", max_examples=300, deadline=None, database=None, derandomize=True)
settings.load_profile("ci" if FAULT_TESTS else "fast")


def find_market_data() -> Path | None:
    """The folder of real minute bars: the one the environment names, or one beside the checkout."""
    named = os.environ.get("TRADING_BOT_MARKET_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "market-data"
    return folder if folder.is_dir() else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--fail-on-skip`: the tier that runs everything must not leave anything out in silence."""
    parser.addoption("--fail-on-skip", action="store_true", help="count a skipped test as failed")


def pytest_report_header() -> list[str]:
    """Says what this run can and cannot reach."""
    data = find_market_data()
    return [
        f"market data: {data or 'none, tests that need it are left out (TRADING_BOT_MARKET_DATA)'}",
        f"fault tests that trace or mount: {'on' if FAULT_TESTS else 'off'}",
    ]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the tests of real bars where there are none; pytest counts them as deselected."""
    if find_market_data() is not None:
        return
    without = [item for item in items if "market_data" in getattr(item, "fixturenames", ())]
    if without:
        config.hook.pytest_deselected(items=without)
        items[:] = [item for item in items if item not in without]


def _fail_skip(config: pytest.Config, report: pytest.TestReport | pytest.CollectReport) -> None:
    is_expected_failure = hasattr(report, "wasxfail")
    if config.getoption("fail_on_skip") and report.skipped and not is_expected_failure:
        report.outcome = "failed"
        report.longrepr = f"skipped, which this tier does not allow: {report.longrepr}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip of a test is a failure under `--fail-on-skip`."""
    report = yield
    _fail_skip(item.config, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A skip of a whole file is a failure under `--fail-on-skip`."""
    report = yield
    _fail_skip(collector.config, report)
    return report


@pytest.fixture(scope="session")
def market_data() -> Path:
    """The folder of real minute bars; a test that asks for it is left out where there is none."""
    folder = find_market_data()
    assert folder is not None, "collection leaves these tests out"
    return folder
