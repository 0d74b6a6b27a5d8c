"""The client's way to PostgreSQL: one pool, refusals of the book as sentences, and what is not there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg.rows import DictRow, dict_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from prepay.errors import NotFound, Refused, Unavailable, refused_by_the_book

CONNECTIONS = 4
_UNUSABLE = (None, "22003", "22008", "22021", "2201W")
"""SQLSTATEs of text, numbers and days that PostgreSQL cannot hold; None where psycopg itself says so."""
_CUSTOMER_EXISTS = "SELECT 1 FROM customer WHERE number = %(customer)s"

Pool = AsyncConnectionPool[psycopg.AsyncConnection[DictRow]]


async def open_pool(url: str, connections: int = CONNECTIONS) -> Pool:
    """Ready to be used; a connection is made when it is needed first, and each statement commits."""
    pool: Pool = AsyncConnectionPool(
        url,
        min_size=0,
        max_size=connections,
        timeout=5.0,
        kwargs={"row_factory": dict_row, "autocommit": True, "connect_timeout": 3},
        connection_class=psycopg.AsyncConnection[DictRow],
        open=False,
    )
    await pool.open()
    return pool


class Database:
    """What the parts of the client share. Whatever is asked raises Refused, Unavailable."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def _must_exist(self, customer: str) -> None:
        if await self._one(_CUSTOMER_EXISTS, {"customer": customer}) is None:
            raise NotFound("customer", customer)

    async def _one(self, query: str, given: dict[str, Any]) -> DictRow | None:
        rows = await self._all(query, given)
        return rows[0] if rows else None

    async def _all(self, query: str, given: dict[str, Any], prepare: bool | None = None) -> list[DictRow]:
        async with self._database() as connection:
            return await (await connection.execute(query.encode(), given, prepare=prepare)).fetchall()

    @asynccontextmanager
    async def _database(self) -> AsyncIterator[psycopg.AsyncConnection[DictRow]]:
        try:
            async with self._pool.connection() as connection:
                yield connection
        except psycopg.errors.InsufficientPrivilege:
            raise Refused("The database role may only read; this takes one that may write.") from None
        except (PoolTimeout, psycopg.OperationalError) as error:
            raise Unavailable(f"The database does not answer: {str(error).splitlines()[0]}.") from None
        except UnicodeEncodeError:
            raise Refused("What was sent cannot be used: it holds half a character.") from None
        except psycopg.Error as error:
            if refused := refused_by_the_book(error):
                raise refused from None
            if isinstance(error, psycopg.DataError) and error.sqlstate in _UNUSABLE:
                raise Refused(f"What was sent cannot be used: {str(error).splitlines()[0]}.") from None
            raise
