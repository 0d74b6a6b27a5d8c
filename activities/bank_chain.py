"""The statements of an account as a chain: each begins with the balance that another one ends with.

Where one does not, a statement is missing: nothing is credited by itself on that account until it comes, or until
two people say that it will not. The book's bank account is moved to the balance that the chain begins with, so that
it equals each closing balance from then on.
"""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text
from sqlmodel import Session

from prepay.money import to_decimal

WITHOUT_GAP = """
    p.awaits = 'statement' AND e.account_id IN (
        SELECT id FROM collection_account WHERE id = ANY(%(accounts)s) AND gap_statement_id IS NULL
    )
"""
"""The parts that need not wait for a statement any more, for `credit_waiting`."""


def lock_accounts(session: Session, accounts: Sequence[int]) -> None:
    """Nobody posts to these accounts, or links statements of theirs, until the end of the transaction."""
    session.execute(_LOCK, {"accounts": list(accounts)})


def chain(session: Session, accounts: Sequence[int]) -> None:
    """Link what can be linked, say which accounts lack a statement, and ring files that waited for one."""
    given = {"accounts": sorted(accounts)}
    lock_accounts(session, accounts)
    _step(session, _FIRST, {**given, "despite": None})
    linked = True
    while linked:
        linked = bool(session.execute(_EXTEND, given).all())
        linked |= _step(session, _BEGIN_EARLIER, given)
        linked |= _step(session, _BRIDGED, given)
    session.execute(_GAPS, given)
    session.execute(_RING, given)


def chain_by_entries(session: Session, accounts: Sequence[int]) -> None:
    """Link statements that overlap others in the middle, where by their entries nothing is missing.

    Their files have been posted: an entry is known by where it was seen.
    """
    given = {"accounts": sorted(accounts)}
    lock_accounts(session, accounts)
    while overlapping := session.execute(_OVERLAPPING, given).mappings().first():
        if overlapping["is_first"]:
            _step(session, _TAKE_OVER, {"statement": overlapping["id"]})
        else:
            session.execute(_LINK, {"statement": overlapping["id"]})
        chain(session, accounts)


def let_follow(session: Session, file: int) -> None:
    """Two people have said that what is missing before the statements of this file will not come."""
    accounts = session.execute(_GAP_ACCOUNTS, {"file": file}).scalars().all()
    given = {"accounts": sorted(accounts), "file": file}
    lock_accounts(session, accounts)
    session.execute(_NUMBERS_LEFT_OUT, given)
    for statement in session.execute(_GAP_STATEMENTS, given).scalars().all():
        _step(session, _FIRST, {**given, "despite": statement})
    _step(session, _FOLLOW, given)
    chain(session, accounts)


def gaps_of(session: Session, file: int) -> list[str]:
    """A sentence for each statement of this file before which another one is missing."""
    return [
        f"statement {row.position + 1} of the file (number {row.sequence or 'not given'}) of account {row.code} begins "
        f"with {to_decimal(row.opening_minor, row.currency)} {row.currency}, and "
        + (
            f"the statement before it, by its number, has not come (the last is {row.before})"
            if row.before is not None
            else "no statement that ends with this balance has come"
        )
        + ": until it comes, nothing is credited by itself on this account"
        for row in session.execute(_GAPS_OF, {"file": file})
    ]


def _step(session: Session, statement: Any, given: dict[str, Any]) -> bool:
    """Whether the beginning of a chain has moved; the book's bank account moves with it."""
    rows = session.execute(statement, given).mappings().all()
    for row in rows:
        if row["moved_minor"]:
            session.execute(_POST_STEP, dict(row))
    return bool(rows)


_LOCK = text("SELECT id FROM collection_account WHERE id = ANY(:accounts) ORDER BY id FOR NO KEY UPDATE")

_KINDS = "('camt.053', 'mt940', 'bai2')"
_BALANCED = f"s.opening_minor IS NOT NULL AND s.closing_minor IS NOT NULL AND s.kind IN {_KINDS}"

# Numbers count as well, where the bank has never left one out on this account.
_NUMBERS_FOLLOW = """
    (p.kind <> s.kind OR p.number IS NULL OR s.number IS NULL OR s.number - p.number <= 1 OR EXISTS (
        SELECT FROM bank_statement l WHERE l.account_id = s.account_id AND l.kind = s.kind AND l.skips))
"""
_FOLLOWS = f"p.closing_minor = s.opening_minor AND p.closing_on <= s.closing_on AND {_NUMBERS_FOLLOW}"
# The same days in another format or in another cut.
_BEGINS_ALIKE = """
    p.opening_minor = s.opening_minor AND (p.opening_on = s.opening_on OR p.closing_on = s.closing_on)
    AND abs(p.closing_on - s.closing_on) <= 31
"""

# The last of the same kind before it, where its balance does meet and only the number does not.
_LAST_NUMBER = """
    SELECT max(p.number) FROM bank_statement p WHERE p.account_id = s.account_id AND p.chained AND p.kind = s.kind
        AND p.closing_minor = s.opening_minor AND p.closing_on <= s.closing_on AND p.number < s.number - 1
"""

_EXTEND = text(f"""
    WITH RECURSIVE reached AS (
        SELECT s.id, s.account_id, s.kind, s.number, s.opening_minor, s.opening_on, s.closing_minor, s.closing_on
        FROM bank_statement s
        WHERE s.account_id = ANY(:accounts) AND NOT s.chained AND {_BALANCED} AND EXISTS (
            SELECT FROM bank_statement p WHERE p.account_id = s.account_id AND p.chained
                AND ({_FOLLOWS} OR {_BEGINS_ALIKE})
        )
        UNION
        SELECT s.id, s.account_id, s.kind, s.number, s.opening_minor, s.opening_on, s.closing_minor, s.closing_on
        FROM reached p JOIN bank_statement s ON s.account_id = p.account_id AND s.id <> p.id
            AND NOT s.chained AND {_BALANCED} AND ({_FOLLOWS} OR {_BEGINS_ALIKE})
    )
    UPDATE bank_statement s SET chained = true FROM reached WHERE s.id = reached.id RETURNING s.id
""")

# Of a statement in pages, the first: what another page begins with is no opening balance of the account.
_FIRST = text(f"""
    UPDATE bank_statement b SET chained = true, begins = 'account'
    FROM (
        SELECT DISTINCT ON (s.account_id) s.id FROM bank_statement s
        WHERE s.account_id = ANY(:accounts) AND {_BALANCED} AND (s.page = 1 OR s.id = :despite)
            AND NOT EXISTS (SELECT FROM bank_statement c WHERE c.account_id = s.account_id AND c.chained)
        ORDER BY s.account_id, s.closing_on, s.number, s.page, s.id
    ) earliest WHERE b.id = earliest.id
    RETURNING b.id, b.account_id, b.opening_minor AS moved_minor, coalesce(b.opening_on, b.closing_on) AS on_day,
        'opening' AS house
""")

# What ends where a chain begins is now its beginning.
_BEGIN_EARLIER = text(f"""
    WITH earlier AS (
        SELECT DISTINCT ON (b.id) b.id AS later_id, b.begins, b.gap_from_minor, s.id,
            s.opening_minor - b.opening_minor AS moved_minor
        FROM bank_statement b JOIN bank_statement s ON s.account_id = b.account_id AND NOT s.chained AND {_BALANCED}
            AND s.closing_minor = b.opening_minor AND s.closing_on <= b.closing_on
        WHERE b.account_id = ANY(:accounts) AND b.begins <> ''
        ORDER BY b.id, s.closing_on DESC, s.id
    ), later AS (
        UPDATE bank_statement b SET begins = '', gap_from_minor = NULL FROM earlier WHERE b.id = earlier.later_id
    )
    UPDATE bank_statement s SET chained = true, begins = earlier.begins, gap_from_minor = earlier.gap_from_minor
    FROM earlier WHERE s.id = earlier.id
    RETURNING s.id, s.account_id, earlier.moved_minor, coalesce(s.opening_on, s.closing_on) AS on_day,
        CASE s.begins WHEN 'account' THEN 'opening' ELSE 'unexplained' END AS house
""")

# The missing statement came after all: what had been booked in its place is taken back.
_BRIDGED = text("""
    WITH bridged AS (
        SELECT DISTINCT ON (b.id) b.id, p.id AS bridge_id, b.gap_from_minor - b.opening_minor AS moved_minor
        FROM bank_statement b JOIN bank_statement p ON p.account_id = b.account_id AND p.chained AND p.id <> b.id
            AND p.closing_minor = b.opening_minor AND p.closing_on <= b.closing_on
        WHERE b.account_id = ANY(:accounts) AND b.begins = 'gap' ORDER BY b.id, p.id
    )
    UPDATE bank_statement b SET begins = '', gap_from_minor = NULL FROM bridged WHERE b.id = bridged.id
    RETURNING bridged.bridge_id AS id, b.account_id, bridged.moved_minor,
        coalesce(b.opening_on, b.closing_on) AS on_day, 'unexplained' AS house
""")

_POST_STEP = text("""
    SELECT ledger_house_transfer('opening:' || CAST(:id AS bigint) || ':' || CAST(:moved_minor AS bigint),
        CASE WHEN :moved_minor > 0 THEN 'bank:' || code ELSE :house END,
        CASE WHEN :moved_minor > 0 THEN :house ELSE 'bank:' || code END,
        entity, currency, abs(CAST(:moved_minor AS bigint)), :on_day, 'bank statement ' || CAST(:id AS bigint))
    FROM collection_account WHERE id = :account_id
""")

_GAPS = text(f"""
    UPDATE collection_account a SET gap_statement_id = gap.id
    FROM (
        SELECT c.id AS account_id, (
            SELECT s.id FROM bank_statement s WHERE s.account_id = c.id AND NOT s.chained AND {_BALANCED}
            ORDER BY s.closing_on, s.number, s.page, s.id LIMIT 1
        ) AS id
        FROM collection_account c WHERE c.id = ANY(:accounts)
    ) gap
    WHERE a.id = gap.account_id AND a.gap_statement_id IS DISTINCT FROM gap.id
""")

_RING = text("""
    INSERT INTO outbox (workflow_id, version)
    SELECT DISTINCT 'bank-file-' || f.sha256, 1 FROM bank_file f JOIN bank_statement s ON s.file_id = f.id
    WHERE f.stage = 'alarm' AND s.account_id = ANY(:accounts)
""")

_GAP_ACCOUNTS = text("""
    SELECT a.id FROM collection_account a JOIN bank_statement s ON s.id = a.gap_statement_id WHERE s.file_id = :file
""")

_GAP_STATEMENTS = text("""
    SELECT s.id FROM collection_account a JOIN bank_statement s ON s.id = a.gap_statement_id WHERE s.file_id = :file
""")

_GAPS_OF = text(f"""
    SELECT s.position, s.sequence, s.opening_minor, s.currency, a.code, ({_LAST_NUMBER}) AS before
    FROM collection_account a JOIN bank_statement s ON s.id = a.gap_statement_id
    WHERE s.file_id = :file ORDER BY s.position
""")

_NUMBERS_LEFT_OUT = text(f"""
    UPDATE bank_statement s SET skips = true FROM collection_account a
    WHERE a.gap_statement_id = s.id AND s.file_id = :file AND ({_LAST_NUMBER}) IS NOT NULL
""")

# The book's bank account is moved to where the statement begins; what that was stays unexplained, for a person.
_FOLLOW = text("""
    UPDATE bank_statement b SET chained = true, begins = 'gap', gap_from_minor = before.closing_minor
    FROM (
        SELECT s.id, (
            SELECT p.closing_minor FROM bank_statement p
            WHERE p.account_id = s.account_id AND p.chained AND p.closing_on <= s.closing_on
            ORDER BY p.closing_on DESC, p.number DESC NULLS LAST, p.page DESC, p.id DESC LIMIT 1
        ) AS closing_minor
        FROM collection_account a JOIN bank_statement s ON s.id = a.gap_statement_id
        WHERE s.file_id = :file AND NOT s.skips AND NOT s.chained
    ) before
    WHERE b.id = before.id AND before.closing_minor IS NOT NULL
    RETURNING b.id, b.account_id, b.opening_minor - before.closing_minor AS moved_minor,
        coalesce(b.opening_on, b.closing_on) AS on_day, 'unexplained' AS house
""")

# A statement that shares entries with the chain. With all that both tell of, each once, it ends right from where the
# chain begins; or the chain ends right from where it begins; or it tells nothing new.
_OVERLAPPING = text(f"""
    SELECT * FROM (
        SELECT s.id, s.closing_on, s.closing_minor = began.minor + told.minor AND ({_LAST_NUMBER}) IS NULL AS is_last,
            told.own > 0 AND told.own = told.shared AS is_known,
            s.opening_minor + told.minor IN (
                SELECT t.closing_minor FROM bank_statement t WHERE t.account_id = s.account_id
                    AND (t.chained OR t.id = s.id) AND t.closing_on >= (
                        SELECT max(l.closing_on) FROM bank_statement l WHERE l.account_id = s.account_id AND l.chained)
            ) AS is_first
        FROM bank_statement s CROSS JOIN LATERAL (
            SELECT coalesce(sum(opening_minor - coalesce(gap_from_minor, 0)), 0) AS minor FROM bank_statement b
            WHERE b.account_id = s.account_id AND b.begins <> ''
        ) began CROSS JOIN LATERAL (
            SELECT coalesce(sum(minor), 0) AS minor, count(*) FILTER (WHERE own) AS own,
                count(*) FILTER (WHERE own AND before) AS shared
            FROM (
                SELECT min(CASE e.direction WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS minor,
                    bool_or(t.chained) AS before, bool_or(t.id = s.id) AS own
                FROM bank_statement t JOIN bank_sighting g ON (g.file_id, g.statement) = (t.file_id, t.position)
                JOIN bank_entry e ON e.id = g.entry_id AND e.currency = s.currency
                WHERE t.account_id = s.account_id AND (t.chained OR t.id = s.id) AND t.kind IN {_KINDS}
                    AND g.status = 'BOOK'
                GROUP BY e.id
            ) entry
        ) told
        WHERE s.account_id = ANY(:accounts) AND NOT s.chained AND {_BALANCED} AND told.shared > 0
    ) s WHERE is_last OR is_known OR is_first ORDER BY closing_on, id LIMIT 1
""")

_LINK = text("UPDATE bank_statement SET chained = true WHERE id = :statement")

_TAKE_OVER = text("""
    WITH before AS (
        SELECT b.id, s.opening_minor - b.opening_minor AS moved_minor FROM bank_statement s
        JOIN bank_statement b ON b.account_id = s.account_id AND b.begins = 'account' WHERE s.id = :statement
    ), ended AS (
        UPDATE bank_statement b SET begins = '' FROM before WHERE b.id = before.id
    )
    UPDATE bank_statement s SET chained = true, begins = 'account' FROM before WHERE s.id = :statement
    RETURNING s.id, s.account_id, before.moved_minor, coalesce(s.opening_on, s.closing_on) AS on_day, 'opening' AS house
""")
