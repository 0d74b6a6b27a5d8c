"""How the client asks the database: short statements on pooled connections, and errors as sentences."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from prepay import queries
from prepay.errors import NotFound, Refused, Unavailable

Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


class Reading:
    """What the parts of the client share that read."""

    _pool: Pool

    async def _must_exist(self, customer: str) -> None:
        if await self._one(queries.CUSTOMER_EXISTS, {"customer": customer}) is None:
            raise NotFound("customer", customer)

    async def _one(self, query: str, given: dict[str, Any]) -> DictRow | None:
        rows = await self._all(query, given)
        return rows[0] if rows else None

    async def _all(self, query: str, given: dict[str, Any], prepare: bool | None = None) -> list[DictRow]:
        async with self._database() as connection:
            return await (await connection.execute(query.encode(), given, prepare=prepare)).fetchall()

    @asynccontextmanager
    async def _database(self) -> "AsyncIterator[psycopg.AsyncConnection[DictRow]]":
        try:
            async with self._pool.connection() as connection:
                yield connection
        except psycopg.errors.InsufficientPrivilege:
            raise Refused(
                "The database role may only read; claims are made with one that may write."
            ) from None
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable(f"The database does not answer: {str(error).splitlines()[0]}.") from None
