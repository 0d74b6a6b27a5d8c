"""What the tests of the lifecycles share: an office without forms, and money that comes at once."""

import io
from collections.abc import AsyncIterator

import pytest
from temporalio.testing import WorkflowEnvironment

import tests.office
from documents.pool import Renderer
from tests.conftest import Database
from tests.office import Office, open_office


class NoForms(Renderer):
    """Starts no process: with forms off there is nothing to draw, and a process costs seconds."""

    def __init__(self, processes: int | None = None, timeout: float = 30.0) -> None:
        self.processes, self.timeout = 1, timeout

    async def close(self) -> None:
        """Nothing was started."""


@pytest.fixture(autouse=True)
def _no_forms(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tests.office, "Renderer", NoForms)


@pytest.fixture
async def office(database: Database, temporal: WorkflowEnvironment) -> AsyncIterator[Office]:
    """Workers on the dev server of this process and on a database of this test."""
    async with open_office(database.app_url, temporal.client) as office:
        yield office
