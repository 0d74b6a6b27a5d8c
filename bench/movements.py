"""A customer with as many movements as a bench asks for, written straight into the book's tables by their owner.

The posting functions would take an hour for five million. Totals are what they would have written; lots are left out.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta

import psycopg

import activities.setup_file
import migrations
from bench.bank_office import CURRENCY, ENTITY, SETUP
from bench.pgbench import BenchDatabase, fresh_database, settle
from ledger import postings

CUSTOMER = "C-1002"


@contextmanager
def moved(server: BenchDatabase, name: str, movements: int) -> Iterator[BenchDatabase]:
    """A database in which the customer has so many movements, all effective last month."""
    with fresh_database(server, name) as database:
        migrations.upgrade(database.owner_url)
        activities.setup_file.apply(SETUP, database.app_url)
        first, _ = last_month()
        with psycopg.connect(database.app_url) as connection:
            account = postings.open_customer(connection, customer=CUSTOMER, entity=ENTITY, currency=CURRENCY)
        with psycopg.connect(database.superuser_url) as connection:
            given = {"account": account, "movements": movements, "first": first}
            connection.execute(_MOVE, given)
            connection.execute(_TOTAL, given)
        settle(database)
        yield database


def last_month() -> tuple[date, date]:
    """Its first day and its last, UTC."""
    last = datetime.now(UTC).date().replace(day=1) - timedelta(days=1)
    return last.replace(day=1), last


# Each fourth is a credit of 4.00, the others are payments of 1.00.
_MOVE = b"""
    INSERT INTO ledger_transfer (debit_account_id, debits_customer, credit_account_id, credits_customer, amount_minor,
        effective_on, leg, phase, kind, key, request_hash, cause, deposit)
    SELECT CASE WHEN m.comes THEN u.id ELSE a.id END, NOT m.comes, CASE WHEN m.comes THEN a.id ELSE a.sales_id END,
        m.comes, CASE WHEN m.comes THEN 400 ELSE 100 END, %(first)s::date + (28 * n / %(movements)s)::int, 0, 'posted',
        CASE WHEN m.comes THEN 'credit' ELSE 'pay' END, 'bench-' || n, '', CASE WHEN NOT m.comes THEN 'order ' || n END,
        CASE WHEN m.comes THEN 'D-2026-' || lpad(n::text, 7, '0') END
    FROM generate_series(0, %(movements)s::bigint - 1) n CROSS JOIN LATERAL (SELECT n %% 4 = 0 AS comes) m
    JOIN ledger_account a ON a.id = %(account)s
    JOIN ledger_account u ON u.kind = 'unapplied' AND u.entity = a.entity AND u.currency = a.currency
"""

_TOTAL = b"""
    UPDATE ledger_account SET available_minor = s.credits - s.debits, debits_posted = s.debits FROM (
        SELECT coalesce(sum(amount_minor) FILTER (WHERE credits_customer), 0) AS credits,
            coalesce(sum(amount_minor) FILTER (WHERE debits_customer), 0) AS debits
        FROM ledger_transfer WHERE key LIKE 'bench-%%'
    ) s WHERE id = %(account)s
"""
