"""Record the histories that `test_replay.py` replays: `python -m tests.workflows.record [STORY]...`.

Record anew only when a change of a workflow is meant to end compatibility with runs that are open.
"""

import asyncio
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

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
            asyncio.run(_record(postgres.url("app"), temporal.address, Path(folder) / "outbox"))
        finally:
            temporal.stop()
            postgres.stop()


async def _record(url: str, address: str, outbox: Path) -> None:
    client = await Client.connect(address, data_converter=pydantic_data_converter, identity="recorder")
    HISTORIES.mkdir(exist_ok=True)
    async with open_office(url, client, forms="on", outbox=outbox) as office:
        for story in (story for story in STORIES if story.__name__ in (sys.argv[1:] or [story.__name__])):
            history = await client.get_workflow_handle(await story(office)).fetch_history()
            events = _without_traces(json.loads(history.to_json()))
            (HISTORIES / f"{story.__name__}.json").write_text(json.dumps(events, indent=1) + "\n")
            print(f"{story.__name__}: {len(history.events)} events")


def _without_traces(value: Any) -> Any:
    """The paths of the machine that recorded them are nobody's business, and replay does not read them."""
    if isinstance(value, dict):
        return {key: _without_traces(one) for key, one in value.items() if key != "stackTrace"}
    return [_without_traces(one) for one in value] if isinstance(value, list) else value


if __name__ == "__main__":
    main()
