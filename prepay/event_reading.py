"""Events as the client reads them.

They are ordered by transaction: its number, then movements before stages, then their numbers. Only transactions below
the oldest that still runs are told, as in the book's seals, so nothing can come to lie before a cursor that was given.
A transaction that stays open holds all later events up until it ends.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from prepay.database import Database
from prepay.events import Event, EventPage
from prepay.wire import InputRefused

MAX_EVENTS = 10_000
MAX_CURSOR = 120
_LARGEST = 2**62
"""More than any number that the database has given, and less than what it cannot add a page to."""


class _Place(NamedTuple):
    """Behind an event. `seen` is the largest transfer so far: it only says where to look."""

    epoch: int = 1
    xid: int = 0
    source: int = 0
    id: int = 0
    seen: int = 0

    def __str__(self) -> str:
        return ".".join(map(str, self))


class EventReading(Database):
    """The client's question for events."""

    async def events(self, after: str | None = None, limit: int = 1000) -> EventPage:
        """What happened behind a cursor, or from the beginning; each event once, in the same order for ever.

        Keep the page's cursor with what was done about its events, and go on from there.
        Raises prepay.wire.InputRefused, Unavailable.
        """
        place, limit = _read(after), min(max(limit, 1), MAX_EVENTS)
        while True:
            window = await self._one(_WINDOW, {**place._asdict(), "limit": limit})
            if window is None:
                raise InputRefused("The cursor", ["its epoch is not of this database"])
            rows = await self._all(_EVENTS, {**place._asdict(), **window, "limit": limit})
            if rows or window["last"]:
                break
            # Nothing there: behind a gap in the numbers of transactions, or in the next epoch of a restored database.
            place = _Place(
                window["next_epoch"], window["next_xid"], -1, 0, max(place.seen, window["next_seen"])
            )
        events = []
        for row in rows:
            place = _behind(place, row)
            events.append(
                Event(cursor=str(place), **{name: row[name] for name in Event.model_fields if name in row})
            )
        return EventPage(events=events, cursor=str(place))


def _behind(place: _Place, row: Mapping[str, Any]) -> _Place:
    seen = max(place.seen, row["id"]) if row["source"] == 0 else place.seen
    return _Place(place.epoch, row["xid"], row["source"], row["id"], seen)


def _read(cursor: str | None) -> _Place:
    if cursor is None:
        return _Place()
    try:
        if len(cursor) > MAX_CURSOR or not cursor.isascii():
            raise ValueError
        place = _Place(*map(int, cursor.split(".")))
        if len(cursor.split(".")) != len(place) or not all(-1 <= part <= _LARGEST for part in place):
            raise ValueError
    except (ValueError, TypeError):
        raise InputRefused("The cursor", ["it is none that events gave"]) from None
    return place


# As far as one page looks: up to the transaction of the transfer that many numbers on, or all that is over.
_WINDOW = """
    SELECT e.after_id, coalesce(e.last_id, 9223372036854775807) AS last_id, w.until,
        e.last_id IS NULL AND w.until >= w.bound AS last,
        CASE WHEN w.until >= w.bound THEN e.number + 1 ELSE e.number END AS next_epoch,
        CASE WHEN w.until >= w.bound THEN 0 ELSE w.until END AS next_xid, w.next_seen
    FROM (
        SELECT number, after_id, lead(after_id) OVER (ORDER BY number) AS last_id FROM ledger_epoch
    ) e
    CROSS JOIN LATERAL (
        SELECT CASE WHEN e.last_id IS NULL THEN pg_snapshot_xmin(pg_current_snapshot())::text::bigint
            ELSE 9223372036854775807 END AS bound
    ) b
    LEFT JOIN LATERAL (
        SELECT t.id, t.xid FROM ledger_transfer t
        WHERE t.id >= greatest(%(seen)s::bigint, e.after_id) + %(limit)s AND t.id <= coalesce(e.last_id, t.id)
        ORDER BY t.id LIMIT 1
    ) ahead ON true
    CROSS JOIN LATERAL (
        SELECT b.bound, least(b.bound, greatest(coalesce(ahead.xid, b.bound), %(xid)s::bigint + 1)) AS until,
            coalesce(ahead.id, 0) AS next_seen
    ) w
    WHERE e.number = %(epoch)s
"""

_EVENTS = """
    SELECT * FROM (
        SELECT t.xid, 0 AS source, t.id, 'movement' AS what, t.created_at AS at, 'transfer' AS noun, t.id AS subject,
            NULL AS number, t.kind AS name,
            CASE WHEN t.debits_customer THEN d.holder WHEN t.credits_customer THEN c.holder END AS customer, d.entity,
            d.currency, t.phase::text AS phase, t.amount_minor::bigint AS amount_minor,
            d.code AS debit, c.code AS credit, t.effective_on, t.deposit, t.cause, t.key
        FROM ledger_transfer t JOIN ledger_account d ON d.id = t.debit_account_id
        JOIN ledger_account c ON c.id = t.credit_account_id
        WHERE t.xid >= %(xid)s AND t.xid < %(until)s AND t.id > %(after_id)s AND t.id <= %(last_id)s
            AND (t.xid, 0, t.id) > (%(xid)s::bigint, %(source)s::integer, %(id)s::bigint)
        UNION ALL
        SELECT s.xid, 1, s.id, 'stage', s.created_at, s.noun, s.subject, coalesce(p.number, b.number, r.number),
            s.stage, u.number, coalesce(p.entity, b.entity, r.entity), coalesce(p.currency, b.currency, r.currency),
            NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
        FROM stage_event s LEFT JOIN customer u ON u.id = s.customer_id
        LEFT JOIN deposit p ON p.id = s.subject AND s.noun = 'deposit'
        LEFT JOIN bill b ON b.id = s.subject AND s.noun = 'bill'
        LEFT JOIN refund r ON r.id = s.subject AND s.noun = 'refund'
        WHERE s.epoch = %(epoch)s AND s.xid >= %(xid)s AND s.xid < %(until)s
            AND (s.xid, 1, s.id) > (%(xid)s::bigint, %(source)s::integer, %(id)s::bigint)
    ) e ORDER BY xid, source, id LIMIT %(limit)s
"""
