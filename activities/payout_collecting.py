"""Payment files are made: ready payouts of one account and bank day, sent in the book in the same transaction."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import psycopg
import structlog
from sqlalchemy import Engine
from sqlmodel import Session

from activities.bank_booking import LOCK_ACCOUNTS_OF_PAYOUTS
from activities.database import psycopg_of, rows_of
from activities.payees import LISTED_PAYEE
from activities.payout_owners import Told, lock_payouts, owners_moved, tell
from bankfiles.bank_text import Unwritable, bank_text
from bankfiles.pain001 import PayingAccount, PaymentOrder, Transfer, Unsendable, write_pain001
from prepay.ids import payment_file_workflow_id
from rules.bank_day import BankDays
from rules.payee import is_sepa, refuse_payee, written_payee
from rules.payment_file import DueAccount, RunState

MAX_PAYOUTS = 1000
"""Of one file: its customers' accounts are locked while it is made."""
MAX_PROBLEMS = 20

Connection = psycopg.Connection[Any]
log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Lot:
    """What goes into one file: payouts of an account, SEPA ones or others."""

    account: Any
    sepa: bool
    payouts: list[Any]


def collect(engine: Engine, now: datetime, *, at_once: bool) -> RunState:
    """Make the files that are due; all of what is ready where an operator wants it at once.

    Each file is a transaction of its own. What cannot be written stays ready, and is told.
    """
    files: list[str] = []
    problems: list[str] = []
    with Session(engine) as session, session.begin():
        accounts = _accounts(psycopg_of(session))
    for account in accounts:
        days = BankDays(account.currency, account.country, account.time_zone, account.cut_off)
        until = now if at_once else days.last_collection(now)
        after: int | None = 0
        while after is not None:
            with Session(engine) as session, session.begin():
                after, made = _collect_some(
                    psycopg_of(session), account, until, days.executes_on(now), after, problems
                )
                files += made
    with Session(engine) as session, session.begin():
        waiting = _waiting(psycopg_of(session), now)
    return RunState(
        accounts=waiting, files=tuple(files), problems=tuple(problems[:MAX_PROBLEMS]), as_of=datetime.now(UTC)
    )


def _accounts(connection: Connection) -> list[Any]:
    return rows_of(connection, _ACCOUNTS)


def _collect_some(
    connection: Connection, account: Any, until: datetime, day: date, after: int, problems: list[str]
) -> tuple[int | None, list[str]]:
    """Up to so many payouts as a file takes; where to go on, and the files made."""
    given = {"account": account.id, "until": until, "after": after, "limit": MAX_PAYOUTS}
    ids = [row[0] for row in connection.execute(_DUE, given).fetchall()]
    if not ids:
        return None, []
    lock_payouts(connection, ids)
    connection.execute(LOCK_ACCOUNTS_OF_PAYOUTS, {"payouts": ids})
    sendable = []
    for row in rows_of(connection, _HELD, {"payouts": ids}):
        why = row.hindered or refuse_payee(row, row.currency)
        if why:
            problems.append(f"Payout {row.id} stays: {why}")
        else:
            sendable.append(row)
    made = []
    for sepa in (True, False):
        lot = Lot(account, sepa, [r for r in sendable if is_sepa(r.currency, r.iban) is sepa])
        if lot.payouts:
            made += _make_file(connection, lot, day, problems)
    return (ids[-1] if len(ids) == MAX_PAYOUTS else None), made


def _make_file(connection: Connection, lot: Lot, day: date, problems: list[str]) -> list[str]:
    ids = [row.id for row in lot.payouts]
    row = connection.execute("SELECT now()").fetchone()
    assert row
    try:
        order = _order(lot, ids, day, row[0])
        content = write_pain001(order)
    except (Unsendable, Unwritable) as refusal:
        problems.append(f"Account {lot.account.code} cannot pay: {refusal}")
        log.warning("payment file not made", account=lot.account.code, payouts=len(ids))
        return []
    given = {
        "message": order.message_id,
        "account": lot.account.id,
        "version": order.version,
        "day": day,
        "content": content,
        "sha256": hashlib.sha256(content).hexdigest(),
        "payouts": ids,
        "count": len(ids),
        "sum": sum(row.amount_minor for row in lot.payouts),
    }
    made = connection.execute(_FILE, given).fetchone()
    assert made
    connection.execute(_SEND, given | {"file": made[0]})
    said = f"went to the bank in payment file {order.message_id}, to be paid on {day}."
    tell(connection, [Told(payout, f"payout {payout} sent", f"Payout {payout} {said}") for payout in ids])
    owners_moved(connection, ids)
    return [payment_file_workflow_id(made[0])]


def _order(lot: Lot, ids: Sequence[int], day: date, now: datetime) -> PaymentOrder:
    account = lot.account
    # No payout is ever in two files, so this name is no other file's.
    digest = hashlib.sha256(" ".join(map(str, ids)).encode()).hexdigest()
    return PaymentOrder(
        message_id=f"PP{day:%Y%m%d}-{digest[:16].upper()}",
        created_at=now,
        execute_on=day,
        account=PayingAccount(
            holder=bank_text(account.holder, account.country),
            currency=account.currency,
            iban=account.iban.replace(" ", ""),
            account_number=account.account_number,
            bic=account.bic.replace(" ", ""),
        ),
        transfers=[
            Transfer(
                end_to_end_id=row.end_to_end_id,
                amount_minor=row.amount_minor,
                currency=row.currency,
                remittance=row.remittance,
                **written_payee(row),
            )
            for row in lot.payouts
        ],
        sepa=lot.sepa,
        version=account.payment_version,
    )


def _waiting(connection: Connection, now: datetime) -> tuple[DueAccount, ...]:
    return tuple(
        DueAccount(
            account=row.code,
            currency=row.currency,
            ready=row.ready,
            sum_minor=row.sum_minor,
            collects_at=BankDays(row.currency, row.country, row.time_zone, row.cut_off).next_collection(now),
        )
        for row in rows_of(connection, _WAITING)
    )


_ACCOUNT = "a.id, a.code, a.currency, a.holder, a.iban, a.account_number, a.bic, a.cut_off, a.payment_version"
_ACCOUNTS = f"""
    SELECT {_ACCOUNT}, n.country, n.time_zone FROM collection_account a JOIN contracting_entity n ON n.code = a.entity
    WHERE a.id IN (SELECT account_id FROM payout WHERE stage = 'ready') ORDER BY a.id
"""

_DUE = """
    SELECT id FROM payout
    WHERE stage = 'ready' AND account_id = %(account)s AND id > %(after)s AND coalesce(not_before <= now(), true)
        AND greatest(coalesce(ready_at, created_at), not_before) <= %(until)s
    ORDER BY id LIMIT %(limit)s
"""

# What is still ready, now that it is locked, and why it cannot go all the same.
_HELD = f"""
    SELECT p.id, p.end_to_end_id, p.amount_minor, p.currency, y.name, y.iban, y.bic, y.account_number, y.clearing_code,
        y.country, y.town, y.purpose, y.charge_bearer,
        coalesce(r.number, 'Return of payment ' || p.end_to_end_id) AS remittance,
        CASE
            WHEN w.remaining_minor IS DISTINCT FROM p.amount_minor THEN 'the book does not hold its money any more.'
            WHEN EXISTS (
                SELECT FROM ledger_balance b
                WHERE b.customer = c.number AND b.entity = p.entity AND b.currency = p.currency
                    AND b.receivable_minor > 0
            ) THEN 'the customer owes us money.'
            WHEN EXISTS (SELECT FROM money_freeze f WHERE f.customer_id = c.id AND f.ended_at IS NULL)
                THEN 'the customer is frozen.'
            WHEN EXISTS (
                SELECT FROM money_freeze f WHERE f.ended_at IS NULL AND f.part_id IN (
                    SELECT m.part_id FROM payout_money m WHERE m.payout_id = p.id
                    UNION ALL SELECT b.part_id FROM receipt_return b WHERE b.id = p.return_id
                )
            ) THEN 'its money is frozen.'
            WHEN {LISTED_PAYEE} THEN 'its payee is on the screening list.'
            ELSE ''
        END AS hindered
    FROM payout p JOIN payee y ON y.id = p.payee_id
    LEFT JOIN refund r ON r.id = p.refund_id LEFT JOIN customer c ON c.id = r.customer_id
    LEFT JOIN ledger_transfer h ON h.key = p.hold_key AND h.leg = 0 LEFT JOIN ledger_pending w ON w.id = h.id
    WHERE p.id = ANY (%(payouts)s) AND p.stage = 'ready' ORDER BY p.id
"""

_FILE = """
    INSERT INTO payment_file (message_id, account_id, version, execute_on, content, sha256, payouts, sum_minor)
    VALUES (%(message)s, %(account)s, %(version)s, %(day)s, %(content)s, %(sha256)s, %(count)s, %(sum)s) RETURNING id
"""

_SEND = """
    WITH sent AS (
        SELECT p.id, (ledger_payout_sent('sent:' || p.id, p.hold_key, NULL, 'payment file ' || %(file)s)).transfer_id
        FROM (SELECT id, hold_key FROM payout WHERE id = ANY (%(payouts)s) ORDER BY id) p
    )
    UPDATE payout p SET stage = 'sent', file_id = %(file)s, sent_at = now() FROM sent WHERE p.id = sent.id
"""

_WAITING = """
    SELECT a.code, a.currency, n.country, n.time_zone, a.cut_off, count(*) AS ready,
        sum(p.amount_minor)::bigint AS sum_minor
    FROM payout p JOIN collection_account a ON a.id = p.account_id JOIN contracting_entity n ON n.code = a.entity
    WHERE p.stage = 'ready' GROUP BY a.id, n.code ORDER BY a.code LIMIT 50
"""
