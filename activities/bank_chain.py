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
from rules.chain import MAX_DAYS_ALIKE, NUMBERS_BEFORE, Chain, Link, Step

WITHOUT_GAP = """
    p.awaits = 'statement' AND e.account_id IN (
        SELECT id FROM collection_account WHERE id = ANY(%(accounts)s) AND gap_statement_id IS NULL
    )
"""
"""The parts that need not wait for a statement any more, for `credit_waiting`."""


def lock_accounts(session: Session, accounts: Sequence[int]) -> None:
    """Nobody posts to these accounts, or links statements of theirs, until the end of the transaction."""
    session.execute(_LOCK, {"accounts": sorted(accounts)})


def chain(session: Session, accounts: Sequence[int]) -> None:
    """Link what can be linked, say which accounts lack a statement, and ring files that waited for one."""
    lock_accounts(session, accounts)
    for account in session.execute(_UNCHAINED, {"accounts": list(accounts)}).scalars().all():
        found = _load(session, account)
        found.grow()
        _keep(session, account, found)


def chain_by_entries(session: Session, file: int, accounts: Sequence[int]) -> None:
    """Link statements that overlap others in the middle, where by their entries nothing is missing.

    All entries of the file are kept: it is posted from now on. An entry is known by where it was seen, so nothing is
    linked while another file that the chain stands on is still being posted; that file links it then.
    """
    lock_accounts(session, accounts)
    session.execute(_POSTED, {"file": file})
    for account in session.execute(_UNCHAINED, {"accounts": list(accounts)}).scalars().all():
        while overlapping := session.execute(_OVERLAPPING, {"account": account}).mappings().first():
            found = _load(session, account)
            link = next(link for link in found.links if link.id == overlapping["id"])
            if overlapping["is_first"]:
                found.take_over(link)
            else:
                found.link(link)
            found.grow()
            _keep(session, account, found)


def let_follow(session: Session, file: int) -> None:
    """Two people have said that what is missing before the statements of this file will not come."""
    accounts = session.execute(_ACCOUNTS_OF, {"file": file}).scalars().all()
    lock_accounts(session, accounts)
    for account in accounts:
        found = _load(session, account)
        own = set(session.execute(_OF_FILE, {"file": file}).scalars())
        while gap := next((link for link in found.gaps() if link.id in own), None):
            before = found.last_before(gap)
            if before is not None and before.closing_minor == gap.opening_minor:
                # Only its number did not follow: this bank leaves numbers out.
                gap.skips = True
                found.link(gap)
            elif before is None:
                found.begin_before(gap)
            else:
                found.begin(gap, "gap", before.closing_minor)
            found.grow()
        _keep(session, account, found)


def gaps_of(session: Session, file: int) -> list[str]:
    """A sentence for each statement of this file before which another one is missing."""
    rows = {row.id: row for row in session.execute(_UNCHAINED_OF, {"file": file})}
    accounts = dict.fromkeys(row.account_id for row in rows.values())
    found = [(chained, gap) for chained in (_load(session, a) for a in accounts) for gap in chained.gaps()]
    return [_gap(rows[gap.id], _left_out(chained, gap)) for chained, gap in found if gap.id in rows]


def _left_out(chained: Chain, gap: Link) -> int | None:
    """The last number that came, where the balance does follow and only the number does not."""
    before = chained.last_before(gap)
    meets = before is not None and before.closing_minor == gap.opening_minor
    return chained.left_out_after(gap) if meets else None


def _gap(row: Any, last: int | None) -> str:
    missing = (
        f"the statement before it, by its number, has not come (the last is {last})"
        if last is not None
        else "the statement before it, which ends with this balance, has not come"
    )
    return (
        f"statement {row.position + 1} of the file (number {row.sequence or 'not given'}) of account {row.code} begins "
        f"with {to_decimal(row.opening_minor, row.currency)} {row.currency}, and {missing}: until it comes, nothing is "
        "credited by itself on this account"
    )


def _load(session: Session, account: int) -> Chain:
    return Chain([Link(*row) for row in session.execute(_LINKS, {"account": account})])


def _keep(session: Session, account: int, found: Chain) -> None:
    """Write down what linking has done; the book's bank account moves where a chain begins elsewhere."""
    names = ("id", "chained", "begins", "gap_from_minor", "skips")
    changed = [{name: getattr(link, name) for name in names} for link in found.changed.values()]
    if changed:
        session.execute(_CHANGE, changed)
    for step in found.steps:
        if step.moved_minor:
            _post(session, account, step)
    gap = next(iter(found.gaps()), None)
    session.execute(_GAP, {"account": account, "gap": gap.id if gap else None})
    session.execute(_RING, {"account": account})


def _post(session: Session, account: int, step: Step) -> None:
    given = {
        "account": account,
        "id": step.statement,
        "minor": step.moved_minor,
        "house": step.house,
        "on": step.on,
    }
    session.execute(_POST_STEP, given)


_LOCK = text("SELECT id FROM collection_account WHERE id = ANY(:accounts) ORDER BY id FOR NO KEY UPDATE")

_NAMES = "'camt.053', 'mt940', 'bai2'"
_KINDS = f"({_NAMES})"
_BALANCED = f"s.opening_minor IS NOT NULL AND s.closing_minor IS NOT NULL AND s.kind IN {_KINDS}"

# Under the lock of its accounts: of files that end at the same time, the last one sees all others.
_POSTED = text("UPDATE bank_file SET posted_at = now() WHERE id = :file AND posted_at IS NULL")

_UNCHAINED = text(f"""
    SELECT DISTINCT s.account_id FROM bank_statement s
    WHERE s.account_id = ANY(:accounts) AND NOT s.chained AND {_BALANCED} ORDER BY 1
""")

# Of an account with many statements, all that `rules.chain` can look at: what is not linked or begins a chain, what
# ends on the days of these or later, or on the last days before, what begins alike, and the numbers before. In the
# order of the fields of `Link`.
_LINKS = text(f"""
    WITH kinds AS (SELECT unnest(ARRAY[{_NAMES}]) AS kind), loose AS MATERIALIZED (
        SELECT s.id, s.opening_minor, s.closing_on FROM bank_statement s
        WHERE s.account_id = :account AND NOT s.chained AND {_BALANCED}
    ), beginning AS MATERIALIZED (
        SELECT s.closing_on FROM bank_statement s
        WHERE s.account_id = :account AND (s.begins <> '' OR s.skips) AND {_BALANCED}
    ), since AS MATERIALIZED (
        SELECT min(closing_on) AS day FROM loose
    ), days AS MATERIALIZED (
        SELECT kind, closing_on FROM kinds CROSS JOIN (
            SELECT day AS closing_on FROM since UNION SELECT closing_on FROM beginning
        ) d WHERE closing_on IS NOT NULL
    ), wanted AS (
        SELECT id FROM loose
        UNION
        SELECT s.id FROM kinds CROSS JOIN since CROSS JOIN LATERAL (
            SELECT id FROM bank_statement
            WHERE (account_id, kind) = (:account, kinds.kind) AND closing_on >= since.day
        ) s
        UNION
        SELECT s.id FROM days CROSS JOIN LATERAL (
            SELECT max(closing_on) AS day FROM bank_statement
            WHERE (account_id, kind) = (:account, days.kind) AND closing_on < days.closing_on AND chained
                AND opening_minor IS NOT NULL
        ) before CROSS JOIN LATERAL (
            SELECT id FROM bank_statement
            WHERE (account_id, kind) = (:account, days.kind) AND closing_on IN (days.closing_on, before.day)
        ) s
        UNION
        SELECT s.id FROM kinds CROSS JOIN since CROSS JOIN LATERAL (
            SELECT id FROM bank_statement
            WHERE (account_id, kind) = (:account, kinds.kind) AND closing_on < since.day AND chained
                AND opening_minor IS NOT NULL
            ORDER BY closing_on DESC, coalesce(number, 0) DESC, page DESC, id DESC LIMIT {NUMBERS_BEFORE}
        ) s
        UNION
        SELECT s.id FROM (SELECT DISTINCT opening_minor FROM loose) alike CROSS JOIN since CROSS JOIN LATERAL (
            SELECT id FROM bank_statement
            WHERE (account_id, opening_minor) = (:account, alike.opening_minor)
                AND closing_on >= since.day - {MAX_DAYS_ALIKE}
        ) s
    )
    SELECT s.id, s.kind, s.number, s.page, s.opening_minor, s.opening_on, s.closing_minor, s.closing_on, s.chained,
        s.begins, s.gap_from_minor, s.skips
    FROM bank_statement s WHERE s.id IN (SELECT id FROM wanted) AND {_BALANCED} ORDER BY s.id
""")

_CHANGE = text("""
    UPDATE bank_statement SET chained = :chained, begins = :begins, gap_from_minor = :gap_from_minor, skips = :skips
    WHERE id = :id
""")

# A chain can begin elsewhere and come back: the number of the step makes the key.
_POST_STEP = text("""
    SELECT ledger_house_transfer('opening:' || CAST(:id AS bigint) || ':' || (
            SELECT count(*) FROM ledger_transfer t WHERE starts_with(t.key, 'opening:' || CAST(:id AS bigint) || ':')
        ), CASE WHEN :minor > 0 THEN 'bank:' || code ELSE :house END,
        CASE WHEN :minor > 0 THEN :house ELSE 'bank:' || code END,
        entity, currency, abs(CAST(:minor AS bigint)), :on, 'bank statement ' || CAST(:id AS bigint))
    FROM collection_account WHERE id = :account
""")

_GAP = text("""
    UPDATE collection_account SET gap_statement_id = :gap
    WHERE id = :account AND gap_statement_id IS DISTINCT FROM CAST(:gap AS bigint)
""")

_RING = text("""
    INSERT INTO outbox (workflow_id, version)
    SELECT DISTINCT 'bank-file-' || f.sha256, 1 FROM bank_file f JOIN bank_statement s ON s.file_id = f.id
    WHERE f.stage = 'alarm' AND s.account_id = :account
""")

_ACCOUNTS_OF = text(f"""
    SELECT DISTINCT s.account_id FROM bank_statement s WHERE s.file_id = :file AND {_BALANCED} ORDER BY 1
""")

_OF_FILE = text("SELECT id FROM bank_statement WHERE file_id = :file")

_UNCHAINED_OF = text(f"""
    SELECT s.id, s.account_id, s.position, s.sequence, s.opening_minor, s.currency, a.code
    FROM bank_statement s JOIN collection_account a ON a.id = s.account_id
    WHERE s.file_id = :file AND NOT s.chained AND {_BALANCED} ORDER BY s.position
""")

# A statement that shares entries with the chain. With all that both tell of, each once, it ends right from where the
# chain begins; or the chain ends right from where it begins; or it tells nothing new. Where that is told in another
# grouping, it begins where a chained one begins and ends where one ends, and nothing between is known to be missing.
_OVERLAPPING = text(f"""
    WITH told AS MATERIALIZED (
        SELECT e.id, min(CASE e.direction WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END) AS minor
        FROM bank_statement t JOIN bank_sighting g ON (g.file_id, g.statement) = (t.file_id, t.position)
        JOIN bank_entry e ON e.id = g.entry_id AND e.currency = t.currency
        WHERE t.account_id = :account AND t.chained AND t.kind IN {_KINDS} AND g.status = 'BOOK' GROUP BY e.id
    ), whole AS MATERIALIZED (
        SELECT coalesce(sum(minor), 0) AS minor FROM told
    ), began AS MATERIALIZED (
        SELECT coalesce(sum(opening_minor - coalesce(gap_from_minor, 0)), 0) AS minor FROM bank_statement
        WHERE account_id = :account AND begins <> ''
    ), ends AS MATERIALIZED (
        SELECT array_agg(closing_minor) AS minor, max(closing_on) AS on_day FROM bank_statement
        WHERE account_id = :account AND chained
            AND closing_on = (SELECT max(closing_on) FROM bank_statement WHERE account_id = :account AND chained)
    )
    SELECT * FROM (
        SELECT s.id, s.closing_on, s.closing_minor = began.minor + whole.minor + own.new_minor AS is_last,
            own.count = own.shared OR EXISTS (
                SELECT FROM bank_statement t WHERE t.account_id = :account AND t.chained
                    AND (t.closing_minor, t.closing_on) = (s.closing_minor, s.closing_on)
            ) AND EXISTS (
                SELECT FROM bank_statement t WHERE t.account_id = :account AND t.chained
                    AND t.opening_minor = s.opening_minor AND t.closing_on <= s.closing_on
            ) AND NOT EXISTS (
                SELECT FROM bank_statement t WHERE t.account_id = :account AND t.begins = 'gap'
            ) AS is_known,
            s.opening_minor + whole.minor + own.new_minor = ANY (ends.minor || CASE WHEN s.closing_on >= ends.on_day
                THEN ARRAY[s.closing_minor] ELSE '{{}}' END) AS is_first
        FROM bank_statement s JOIN bank_file f ON f.id = s.file_id AND f.posted_at IS NOT NULL
        CROSS JOIN whole CROSS JOIN began CROSS JOIN ends CROSS JOIN LATERAL (
            SELECT count(*) AS count, count(told.id) AS shared, coalesce(sum(CASE WHEN told.id IS NULL THEN
                CASE e.direction WHEN 'credit' THEN e.amount_minor ELSE -e.amount_minor END END), 0) AS new_minor
            FROM (
                SELECT DISTINCT g.entry_id FROM bank_sighting g
                WHERE (g.file_id, g.statement) = (s.file_id, s.position) AND g.status = 'BOOK'
            ) seen JOIN bank_entry e ON e.id = seen.entry_id AND e.currency = s.currency
            LEFT JOIN told ON told.id = e.id
        ) own
        WHERE s.account_id = :account AND NOT s.chained AND {_BALANCED} AND own.shared > 0
            AND NOT EXISTS (
                SELECT FROM bank_statement t JOIN bank_file f ON f.id = t.file_id
                WHERE t.account_id = :account AND t.chained AND f.posted_at IS NULL AND f.stage IN ('read', 'held')
            )
    ) s WHERE is_last OR is_known OR is_first ORDER BY closing_on, id LIMIT 1
""")
