"""A Temporal with its UI, an office on it, and an operator's browser."""

import asyncio
import io
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from activities.bank_files import store
from bankfiles.sample import Payment, Sheet, write_camt
from embedded.temporal import TemporalServer
from prepay.ids import bank_file_workflow_id
from tests.conftest import Database
from tests.office import Office, open_office
from tests.ui.console import MISSING, Console, chromium, open_console


@pytest.fixture(scope="session")
def temporal_with_ui() -> Iterator[TemporalServer]:
    """One for all tests of this folder; skipped where no browser can look at it."""
    if chromium() is None:
        pytest.skip(MISSING)
    with tempfile.TemporaryDirectory(prefix="prepay-ui-") as folder:
        server = TemporalServer(Path(folder))
        server.start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture
async def office(temporal_with_ui: TemporalServer, database: Database) -> AsyncIterator[Office]:
    client = await Client.connect(temporal_with_ui.address, data_converter=pydantic_data_converter)
    async with open_office(database.app_url, client) as office:
        yield office


@pytest.fixture
async def console(temporal_with_ui: TemporalServer) -> AsyncIterator[Console]:
    async with open_console(temporal_with_ui.ui_address) as console:
        yield console


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
