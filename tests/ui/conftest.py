"""A Temporal with its UI, an office on it, and an operator's browser."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.bank_files import store
from bankfiles.sample import Payment, Sheet, write_camt
from cli.records import view_links
from embedded.temporal import TemporalServer
from prepay.ids import bank_file_workflow_id
from settings import settings
from tests.conftest import Database, roomy
from tests.office import Office
from tests.ui.console import MISSING, Console, chromium, open_console
from tests.workflows.deposits import change, office_without_forms


@pytest.fixture(scope="session")
def temporal_with_ui() -> Iterator[TemporalServer]:
    """One for all tests of this folder; skipped where no browser can look at it."""
    if chromium() is None:
        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="prepay-ui-", dir=roomy()) as folder:
        server = TemporalServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def office(temporal_with_ui: TemporalServer, set_up: Database) -> AsyncIterator[Office]:
    client = await Client.connect(temporal_with_ui.address, data_converter=pydantic_data_converter)
    async with office_without_forms(set_up.app_url, client) as office:
        yield office


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser(temporal_with_ui: TemporalServer) -> AsyncIterator[Console]:
    """One for all tests: it keeps the UI's own files, as an operator's does."""
    async with open_console(temporal_with_ui.ui_address, plain=True) as console:
        yield console


@pytest_asyncio.fixture(loop_scope="session")
async def console(browser: Console) -> AsyncIterator[Console]:
    """Its page is left after the test, since it would ask Temporal and paint on and on."""
    yield browser
    await browser.page.goto("about:blank")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The browser lives in the session's loop, and so do those who use it."""
    for item in items:
        if item.path.parent == Path(__file__).parent:
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture
def links(temporal_with_ui: TemporalServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, str]]:
    """The saved views by their names."""
    monkeypatch.setenv("PREPAY_UI_URL", temporal_with_ui.ui_address)
    settings.cache_clear()
    yield {view["name"]: view["link"] for view in view_links("First Operator")}
    settings.cache_clear()


def grant(office: Office, operator: int, role: str) -> None:
    """Somebody has a role from the beginning of the year."""
    change(
        office,
        "INSERT INTO operator_role (operator_id, role, valid_from) VALUES (%s, %s, '2026-01-01')",
        operator,
        role,
    )


def dismiss(office: Office, operator: int) -> None:
    """Somebody has no role from now on."""
    change(office, "UPDATE operator_role SET ended_at = now() WHERE operator_id = %s", operator)


async def hold_a_file(office: Office) -> str:
    """A file names an account that nobody has set up; the id of its workflow."""
    file = io.BytesIO()
    payment = Payment(100, end_to_end_id=uuid4().hex)  # the content makes the id, and the Temporal is shared
    write_camt(file, [Sheet(account="NL00UNKNOWN0000001", currency="EUR", entries=[payment])])
    sha256, _ = store(office.engine, file.getvalue(), "test.xml", "test")
    await office.ring()
    for _ in range(200):
        if office.rows("SELECT 1 FROM bank_file WHERE sha256 = %s AND stage = 'held'", sha256):
            break
        await asyncio.sleep(0.05)
    return bank_file_workflow_id(sha256)
