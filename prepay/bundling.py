"""Requests that wait at the same moment go to the database together: one round trip and one commit for all of them."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

MOST = 64

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Bundler(Generic[_Item, _Result]):
    """While `senders` bundles are on their way, what comes waits and goes together next; who comes alone goes at once.

    `send` answers a result or an exception for each item, in their order; what it raises is every item's.
    """

    def __init__(
        self, send: Callable[[Sequence[_Item]], Awaitable[Sequence[_Result | Exception]]], senders: int
    ) -> None:
        self._send = send
        self._senders = senders
        self._waiting: deque[tuple[_Item, asyncio.Future[_Result]]] = deque()
        self._sending = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def __call__(self, item: _Item) -> _Result:
        """The item's own result. Who is cancelled before it is sent has sent nothing."""
        result: asyncio.Future[_Result] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, result))
        if self._sending < self._senders:
            self._sending += 1
            task = asyncio.create_task(self._send_what_waits())
            # The loop itself keeps no task alive.
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await result

    async def _send_what_waits(self) -> None:
        while self._waiting:
            taken = [self._waiting.popleft() for _ in range(min(MOST, len(self._waiting)))]
            bundle = [one for one in taken if not one[1].done()]
            if bundle:
                await self._send_bundle(bundle)
        # In the same step as the last look: what comes next finds that nobody sends.
        self._sending -= 1

    async def _send_bundle(self, bundle: list[tuple[_Item, asyncio.Future[_Result]]]) -> None:
        results: Sequence[_Result | Exception]
        try:
            results = await self._send([item for item, _ in bundle])
        except Exception as error:
            results = [error] * len(bundle)
        for (_, waiting), result in zip(bundle, results, strict=True):
            if waiting.done():
                continue
            if isinstance(result, Exception):
                waiting.set_exception(result)
            else:
                waiting.set_result(result)
