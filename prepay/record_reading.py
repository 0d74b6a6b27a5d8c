"""Records as the client reads them: page by page while money moves, their totals, and all of them as a stream."""

import base64
import binascii
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

from psycopg.rows import DictRow

from prepay import record_queries as queries
from prepay.database import Database
from prepay.ids import content_hash
from prepay.movements import kind_of
from prepay.records import Record, RecordFilter, RecordPage, RecordTotal
from prepay.wire import InputRefused, parse

MAX_PAGE = 10_000
MAX_CURSOR = 10_000
STREAM_ROWS = 2_000
_SNAPSHOT = b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

Wanted = RecordFilter | Mapping[str, Any] | None


class _Position(NamedTuple):
    """Before a movement of an account, with what the balance was there."""

    account: int
    before: int
    balance_minor: int
    held_minor: int


class RecordReading(Database):
    """The client's questions about records."""

    async def records(
        self, customer: str, limit: int = 100, *, only: Wanted = None, after: str | None = None
    ) -> RecordPage:
        """The customer's newest movements, newest first, with the balance after each; `only` filters.

        `after` is the cursor that a page gave as `older`: the pages are those of the moment of the first one,
        whatever is posted meanwhile, and what comes later is on a new first page. A cursor belongs to its customer
        and filter. Raises NotFound, Unavailable, prepay.wire.InputRefused.
        """
        wanted, limit = _filter(only), min(max(limit, 1), MAX_PAGE)
        bound = content_hash({"customer": customer, "only": wanted.model_dump(mode="json")})[:16]
        positions = _read_cursor(after, bound) if after else await self._positions(customer, wanted)
        given = {**queries.given(wanted), "customer": customer, "limit": limit + 1, **_columns(positions)}
        rows = await self._all(queries.PAGE, given) if positions else []
        older = _cursor(_moved_on(positions, rows[:limit]), bound) if len(rows) > limit else None
        return RecordPage(records=[_record(row) for row in rows[:limit]], older=older)

    async def record_totals(self, customer: str, *, only: Wanted = None) -> Sequence[RecordTotal]:
        """How many records there are and what they come to, by entity and currency. Reads each of them.

        Raises NotFound, Unavailable, prepay.wire.InputRefused.
        """
        wanted = _filter(only)
        positions = await self._positions(customer, wanted)
        given = {**queries.given(wanted), "customer": customer, **_columns(positions)}
        return [RecordTotal(**row) for row in await self._all(queries.TOTALS, given)]

    @asynccontextmanager
    async def stream_records(
        self, customer: str, *, only: Wanted = None
    ) -> AsyncIterator[AsyncIterator[Record]]:
        """All records as of now, balance after balance and the oldest first, without keeping them in memory.

        Raises NotFound, Unavailable, prepay.wire.InputRefused.
        """
        wanted = _filter(only)
        positions = await self._positions(customer, wanted)
        async with self._database() as connection, connection.transaction():
            await connection.execute(_SNAPSHOT)
            yield _streamed(connection, positions, queries.given(wanted))

    async def _positions(self, customer: str, wanted: RecordFilter) -> list[DictRow]:
        asked = {"customer": customer, "entity": wanted.entity, "currency": wanted.currency}
        positions = await self._all(queries.POSITIONS, asked)
        if not positions:
            await self._must_exist(customer)
        return positions


async def _streamed(
    connection: Any, positions: Sequence[DictRow], given: dict[str, Any]
) -> AsyncIterator[Record]:
    for position in positions:
        place = {"entity": position["entity"], "currency": position["currency"]}
        async with connection.cursor("records") as cursor:
            cursor.itersize = STREAM_ROWS
            asked = {**given, "account": position["account"], "before": position["before"]}
            await cursor.execute(queries.STREAM.encode(), asked)
            async for row in cursor:
                yield _record({**row, **place})


def _filter(only: Wanted) -> RecordFilter:
    if isinstance(only, RecordFilter):
        return only
    return parse(RecordFilter, {} if only is None else dict(only), "The filter")


def _record(row: DictRow) -> Record:
    facts = {name: row[name] for name in Record.model_fields if name in row}
    kind = kind_of(row["kind"])
    # Not validated: the book has done so, and an export has a million of them.
    return Record.model_construct(**facts, group=kind.group, words=kind.words)


def _columns(positions: Sequence[Any]) -> dict[str, list[int]]:
    rows = [_position(position) for position in positions]
    names = {
        "accounts": "account",
        "befores": "before",
        "balances": "balance_minor",
        "helds": "held_minor",
    }
    return {plural: [getattr(row, one) for row in rows] for plural, one in names.items()}


def _position(found: Any) -> _Position:
    return found if isinstance(found, _Position) else _Position(*(found[name] for name in _Position._fields))


def _moved_on(positions: Sequence[Any], rows: Sequence[DictRow]) -> list[_Position]:
    """Where each account goes on: before its oldest row that was shown."""
    now = {position.account: position for position in map(_position, positions)}
    for row in rows:
        held = row["balance_minor"] - row["available_minor"]
        before = (row["id"], row["balance_minor"] - row["amount_minor"], held - row["held_minor"])
        now[row["account"]] = _Position(row["account"], *before)
    return list(now.values())


def _cursor(positions: Sequence[_Position], bound: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([bound, *positions]).encode()).decode().rstrip("=")


def _read_cursor(text: str, bound: str) -> list[_Position]:
    try:
        if len(text) > MAX_CURSOR:
            raise ValueError
        whose, *rows = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        positions = [_Position(*row) for row in rows]
        if not all(isinstance(n, int) and abs(n) <= queries.LAST for row in positions for n in row):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InputRefused("The cursor", ["it is none that a page of records gave"]) from None
    if whose != bound:
        raise InputRefused("The cursor", ["it was given for another customer or filter"])
    return positions
