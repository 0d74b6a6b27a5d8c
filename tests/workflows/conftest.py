"""What the tests of the lifecycles share: an office, and a Temporal that has forgotten everything."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.testing import WorkflowEnvironment

from tests.conftest import Database, temporal_server
from tests.office import Office
from tests.workflows.deposits import office_without_forms


@pytest.fixture
async def office(set_up: Database, temporal: WorkflowEnvironment, tmp_path: Path) -> AsyncIterator[Office]:
    """Workers on the dev server of this process and on a database of this test."""
    async with office_without_forms(set_up.app_url, temporal.client, outbox=tmp_path / "outbox") as office:
        yield office


@pytest.fixture(scope="module")
def empty_temporal_address() -> Iterator[str]:
    """A second dev server."""
    with temporal_server() as address:
        yield address


@pytest.fixture
async def forgetful(empty_temporal_address: str) -> Client:
    """A Temporal that knows nothing of what ran before, as after retention (deleting a run takes it 34 s)."""
    return await Client.connect(empty_temporal_address, data_converter=pydantic_data_converter)
