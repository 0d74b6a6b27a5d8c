"""Payouts that are ready to be paid, as a ticket leaves them when it is approved."""

import itertools
from dataclasses import dataclass
from typing import Any

import psycopg

from ledger import postings

PAYEE = ("ACME GmbH", "DE02120300000000202051")
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Ready:
    """A payout and its ticket."""

    payout: int
    refund: int
    end_to_end_id: str
    amount_minor: int


def ready_payout(
    connection: "psycopg.Connection[Any]",
    customer: str,
    amount_minor: int,
    payee: tuple[str, str] = PAYEE,
    account: str = "nimbus-eu-eur",
    ready: str = "now() - interval '5 days'",
    **fields: str,
) -> Ready:
    """An approved ticket of one payout, with its money on hold. The caller commits."""
    number = next(_numbers)
    given: dict[str, Any] = {
        "account": account,
        "customer": customer,
        "amount": amount_minor,
        "number": number,
    }
    given |= {"name": payee[0], "iban": payee[1], "hold": f"refund:{number}", "label": f"R-2026-{number:06d}"}
    found = connection.execute(_PLACE, given).fetchone()
    assert found
    place = {"entity": found[0], "currency": found[1]}
    postings.reserve_refund(
        connection, key=given["hold"], customer=customer, amount_minor=amount_minor, **place
    )
    connection.execute(_REFUND, given | place)
    approve(connection, number)
    columns = "".join(f", {name}" for name in fields)
    values = "".join(f", %({name})s" for name in fields)
    who = f"INSERT INTO payee (name, iban, origin{columns}) VALUES (%(name)s, %(iban)s, 'entered'{values}) RETURNING id"
    row = connection.execute(who.encode(), given | fields).fetchone()
    assert row
    query = _PAYOUT.format(ready=ready)
    made = connection.execute(query.encode(), given | place | {"payee": row[0]}).fetchone()
    assert made
    # Another one of the customer may be open now.
    connection.execute("UPDATE refund SET stage = 'sent' WHERE id = %s", (number,))
    return Ready(made[0], number, f"{given['label']}-1", amount_minor)


def approve(connection: "psycopg.Connection[Any]", refund: int) -> None:
    """One person has approved what is there, and one is enough."""
    given = {"refund": refund, "event": next(_numbers)}
    for statement in _APPROVE:
        connection.execute(statement, given)


_APPROVE = (
    """
    WITH attested AS (
        INSERT INTO attestation (workflow_id, run_id, event_id, signal, payload, sent_at, operator_id, standing)
        SELECT 'a test', 'payouts', %(event)s, 'approve', '{}', now(), id, 'claim' FROM operator
        WHERE name = 'Second Operator' RETURNING id
    )
    INSERT INTO refund_approval (refund_id, content_hash, operator, reason, attestation_id)
    SELECT %(refund)s, 'content ' || %(event)s, 'Second Operator', 'a test', id FROM attested
    """,
    "UPDATE refund SET stage = 'approved', approved_hash = 'content ' || %(event)s WHERE id = %(refund)s",
)

_PLACE = "SELECT entity, currency FROM collection_account WHERE code = %(account)s"

_REFUND = """
    INSERT INTO refund (id, number, workflow_id, customer_id, entity, currency, request_id, content_hash, amount_minor,
        reason, stage, people)
    SELECT %(number)s, %(label)s, 'refund-' || %(label)s, c.id, %(entity)s, %(currency)s, %(label)s, 'a test',
        %(amount)s, 'a test', 'in_review', 1
    FROM customer c WHERE c.number = %(customer)s
"""

_PAYOUT = """
    INSERT INTO payout (end_to_end_id, refund_id, entity, currency, amount_minor, hold_key, account_id, payee_id, stage,
        ready_at)
    SELECT %(label)s || '-1', %(number)s, %(entity)s, %(currency)s, %(amount)s, %(hold)s, a.id, %(payee)s, 'ready',
        {ready}
    FROM collection_account a WHERE a.code = %(account)s RETURNING id
"""
