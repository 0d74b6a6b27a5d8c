"""Record the histories that `test_replay.py` replays: `python -m tests.workflows.record`.

Record anew only when a change of a workflow is meant to end compatibility with runs that are open.
"""

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter

import migrations
from embedded.postgres import Postgres
from embedded.temporal import TemporalServer
from tests.office import open_office
from tests.workflows.stories import STORIES

HISTORIES = Path(__file__).parent / "histories"


def main() -> None:
    """On servers of its own, with forms that are really drawn."""
    with TemporaryDirectory(prefix="prepay-record-") as folder:
        postgres = Postgres(Path(folder) / "postgres", fsync=False)
        temporal = TemporalServer(Path(folder) / "temporal", ui=False)
        try:
            postgres.start()
            temporal.start()
            migrations.upgrade(postgres.url("owner"))
            asyncio.run(_record(postgres.url("app"), temporal.address))
        finally:
            temporal.stop()
            postgres.stop()


async def _record(url: str, address: str) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter)
    HISTORIES.mkdir(exist_ok=True)
    async with open_office(url, client, forms="on") as office:
        for story in STORIES:
            history = await client.get_workflow_handle(await story(office)).fetch_history()
            (HISTORIES / f"{story.__name__}.json").write_text(history.to_json() + "\n")
            print(f"{story.__name__}: {len(history.events)} events")


if __name__ == "__main__":
    main()
