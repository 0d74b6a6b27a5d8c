"""What nobody may overlook: notified credits that the booked statement of their day lacks, and entries not read.

Money counts as confirmed only when a booked statement has it. The alarm stays with the file that raised it until a
later statement brings the money, or two people settle it. An entry that could not be read is in alarm with its file
until two people resolve it, or settle that it stays so.
"""

from collections.abc import Sequence

from sqlalchemy import text
from sqlmodel import Session

from prepay.money import to_decimal

SHOWN = 20


def find_missing(session: Session, file: int, accounts: Sequence[int]) -> None:
    """Raise the alarm, in the name of this file, for each notified credit whose day the statements have passed."""
    session.execute(_FIND, {"file": file, "accounts": list(accounts)})


def missing_of(session: Session, file: int) -> list[str]:
    """How many credits this file raised the alarm for, with their sum; then a sentence for each of the first few."""
    totals = [
        f"{row.credits} notified credits of {to_decimal(row.minor, row.currency)} {row.currency} are in no booked "
        "statement of their day"
        for row in session.execute(_MISSING_TOTALS, {"file": file})
        if row.credits > 1
    ]
    return totals + [
        f"entry {row.entry_id} of {to_decimal(row.amount_minor, row.currency)} {row.currency}, notified as booked on "
        f"{row.booked_on} on account {row.code}, is in no booked statement up to that day: ask the bank"
        for row in session.execute(_MISSING, {"file": file, "shown": SHOWN})
    ]


def settle_missing(session: Session, file: int) -> None:
    """Two people have looked into it."""
    session.execute(_SETTLE, {"file": file})


def unread_of(session: Session, file: int) -> list[str]:
    """A sentence for each entry of this file that could not be read and is not resolved; the first few."""
    return [
        f"entry in line {row.line} could not be read: {row.reason}; resolve it by `prepay bank resolve {file} "
        f"{row.line}`"
        for row in session.execute(_UNREAD, {"file": file, "shown": SHOWN})
    ]


def settle_unread(session: Session, file: int) -> None:
    """Two people let the file go on without what could not be read; it stays to be resolved."""
    session.execute(_SETTLE_UNREAD, {"file": file})


# Nothing can be said of days before the first statement, nor of those after the last.
_FIND = text("""
    UPDATE bank_entry_part p SET missed_in = :file
    FROM bank_entry e, (
        SELECT a.id, max(s.closing_on) AS until, (
            SELECT coalesce(b.opening_on, b.closing_on) FROM bank_statement b
            WHERE b.account_id = a.id AND b.begins = 'account'
        ) AS since
        FROM collection_account a JOIN bank_statement s ON s.account_id = a.id AND s.chained
        JOIN bank_file f ON f.id = s.file_id AND (f.stage IN ('posted', 'alarm') OR f.id = :file)
        WHERE a.id = ANY(:accounts) GROUP BY a.id
    ) told
    WHERE p.entry_id = e.id AND e.account_id = told.id AND e.status = 'BOOK'
        AND e.booked_on > told.since AND e.booked_on <= told.until
        AND p.direction = 'credit' AND p.state NOT IN ('shown', 'detailed')
        AND NOT p.confirmed AND NOT p.missed_settled AND NOT EXISTS (
            SELECT FROM bank_file f WHERE f.id = p.missed_in AND f.id <> :file AND f.stage = 'alarm')
""")

_OPEN = "p.missed_in = :file AND NOT p.confirmed AND NOT p.missed_settled"

_MISSING = text(f"""
    SELECT p.entry_id, p.amount_minor, p.currency, e.booked_on, a.code FROM bank_entry_part p
    JOIN bank_entry e ON e.id = p.entry_id JOIN collection_account a ON a.id = e.account_id
    WHERE {_OPEN} ORDER BY p.id LIMIT :shown
""")

_MISSING_TOTALS = text(f"""
    SELECT p.currency, count(*) AS credits, sum(p.amount_minor)::bigint AS minor FROM bank_entry_part p
    WHERE {_OPEN} GROUP BY 1 ORDER BY 1
""")

_SETTLE = text(f"UPDATE bank_entry_part p SET missed_settled = true WHERE {_OPEN}")

# Where the amount is zero, no money is missing.
_OPEN_UNREAD = "file_id = :file AND resolved_at IS NULL AND NOT settled AND amount_minor IS DISTINCT FROM 0"

_UNREAD = text(f"""
    SELECT line, reason FROM bank_quarantine WHERE {_OPEN_UNREAD} ORDER BY ordinal LIMIT :shown
""")

_SETTLE_UNREAD = text(f"UPDATE bank_quarantine SET settled = true WHERE {_OPEN_UNREAD}")
