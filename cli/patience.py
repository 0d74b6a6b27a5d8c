"""Patience with parts of the stack that are away for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from prepay.client import Unavailable

PATIENCE_SECONDS = 120.0

_Answer = TypeVar("_Answer")


async def patiently(ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """Ask again while a part is away. Only for what may be asked twice."""
    import psycopg
    from sqlalchemy.exc import OperationalError
    from temporalio.service import RPCError

    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return await ask()
        except (Unavailable, RPCError, RuntimeError, psycopg.OperationalError, OperationalError):
            # RuntimeError: what a client of Temporal raises that cannot connect.
            if time.monotonic() > until:
                raise
            await asyncio.sleep(0.2)
