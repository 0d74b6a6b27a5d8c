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
LOOK_GROWS, MAX_LOOK = 4, 20_000
"""How much further a rare filter looks each time, and at most at once."""
_LARGEST = 2**61
"""More than any number or balance is, and less than what the database cannot add a page of amounts to."""
_SNAPSHOT = b"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"

Wanted = RecordFilter | Mapping[str, Any] | None


class _Position(NamedTuple):
    """Before a movement of an account, with what the balance was there; or at its end, with the balance of now."""

    account: int
    before: int
    balance_minor: int | None
    held_minor: int | None


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
        positions = _read_cursor(after, bound) if after else await self._ends(customer, wanted)
        found = [await self._newest(customer, wanted, position, limit + 1) for position in positions]
        rows = sorted((row for of in found for row in of), key=lambda row: row["id"], reverse=True)
        older = _cursor(_moved_on(found, rows[:limit]), bound) if len(rows) > limit else None
        return RecordPage(records=[_record(row) for row in rows[:limit]], older=older)

    async def _newest(
        self, customer: str, wanted: RecordFilter, position: _Position, limit: int
    ) -> list[DictRow]:
        """As many movements of an account that are meant; for a rare filter it is looked at further back each time."""
        given = {**queries.given(wanted), "customer": customer, "limit": limit}
        found: list[DictRow] = []
        look = limit
        while True:
            # Planned for this account: what is best for a large one takes seconds for a small one beside it.
            asked = {**given, **position._asdict(), "look": look}
            rows = await self._all(queries.PAGE, asked, prepare=False)
            found += [row for row in rows if row["meant"]]
            if len(found) >= limit or not rows or not rows[-1]["last"]:
                return found[:limit]
            position, look = _before(rows[-1]), min(look * LOOK_GROWS, MAX_LOOK)

    async def record_totals(self, customer: str, *, only: Wanted = None) -> Sequence[RecordTotal]:
        """How many records there are and what they come to, by entity and currency. Reads each of them.

        Raises NotFound, Unavailable, prepay.wire.InputRefused.
        """
        wanted = _filter(only)
        totals = []
        for account in await self._accounts(customer, wanted):
            given = {**queries.given(wanted), "account": account["account"], "before": queries.LAST}
            row = await self._one(queries.TOTALS, given) or {}
            totals.append(RecordTotal(entity=account["entity"], currency=account["currency"], **row))
        return totals

    @asynccontextmanager
    async def stream_records(
        self, customer: str, *, only: Wanted = None
    ) -> AsyncIterator[AsyncIterator[Record]]:
        """All records as of now, balance after balance and the oldest first, without keeping them in memory.

        Raises NotFound, Unavailable, prepay.wire.InputRefused.
        """
        wanted = _filter(only)
        accounts = await self._accounts(customer, wanted)
        async with self._database() as connection, connection.transaction():
            await connection.execute(_SNAPSHOT)
            yield _streamed(connection, accounts, queries.given(wanted))

    async def _ends(self, customer: str, wanted: RecordFilter) -> list[_Position]:
        accounts = await self._accounts(customer, wanted)
        return [_Position(account["account"], queries.LAST, None, None) for account in accounts]

    async def _accounts(self, customer: str, wanted: RecordFilter) -> list[DictRow]:
        asked = {"customer": customer, "entity": wanted.entity, "currency": wanted.currency}
        accounts = await self._all(queries.ACCOUNTS, asked)
        if not accounts:
            await self._must_exist(customer)
        return accounts


async def _streamed(
    connection: Any, accounts: Sequence[DictRow], given: dict[str, Any]
) -> AsyncIterator[Record]:
    for account in accounts:
        place = {"entity": account["entity"], "currency": account["currency"]}
        async with connection.cursor("records") as cursor:
            cursor.itersize = STREAM_ROWS
            asked = {**given, "account": account["account"], "before": queries.LAST}
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


def _before(row: DictRow) -> _Position:
    held = row["balance_minor"] - row["available_minor"] - row["held_minor"]
    return _Position(row["account"], row["id"], row["balance_minor"] - row["amount_minor"], held)


def _moved_on(found: Sequence[Sequence[DictRow]], shown: Sequence[DictRow]) -> list[_Position]:
    """Where each account goes on: before its oldest row that was shown, else with its newest that was not."""
    now = {of[0]["account"]: _with(of[0]) for of in found if of}
    return list((now | {row["account"]: _before(row) for row in shown}).values())


def _with(row: DictRow) -> _Position:
    held = row["balance_minor"] - row["available_minor"]
    return _Position(row["account"], row["id"] + 1, row["balance_minor"], held)


def _cursor(positions: Sequence[_Position], bound: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([bound, *positions]).encode()).decode().rstrip("=")


def _read_cursor(text: str, bound: str) -> list[_Position]:
    try:
        if len(text) > MAX_CURSOR:
            raise ValueError
        whose, *rows = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        positions = [_Position(*row) for row in rows]
        if not all(isinstance(n, int) and abs(n) <= _LARGEST for row in positions for n in row):
            raise ValueError
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise InputRefused("The cursor", ["it is none that a page of records gave"]) from None
    if whose != bound:
        raise InputRefused("The cursor", ["it was given for another customer or filter"])
    return positions
