"""A Temporal with its UI, an office on it, and an operator's browser."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

from embedded.temporal import TemporalServer
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
