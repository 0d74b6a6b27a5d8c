"""The Temporal dev server: with our search attributes, and with its data after a restart."""

from pathlib import Path

from temporalio.api.operatorservice.v1 import ListSearchAttributesRequest
from temporalio.client import Client

from embedded.process import answers
from embedded.temporal import TemporalServer
from prepay.attributes import ATTRIBUTES


class TestStart:
    async def test_knows_our_search_attributes_and_keeps_its_data(self, tmp_path: Path) -> None:
        server = TemporalServer(tmp_path / "a folder")
        server.start()
        try:
            client = await Client.connect(server.address)
            listed = await client.operator_service.list_search_attributes(
                ListSearchAttributesRequest(namespace="default")
            )
            assert listed.custom_attributes.keys() >= ATTRIBUTES.keys()
            await client.start_workflow("Kept", id="kept", task_queue="nobody")
            assert answers(server.ui_port)
            server.stop()
            server.start()
            again = await Client.connect(server.address)
            assert (await again.get_workflow_handle("kept").describe()).workflow_type == "Kept"
        finally:
            server.stop()
