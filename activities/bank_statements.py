"""The statements of a bank file: whose account each is about, and of which statement it is a page."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from sqlalchemy import or_, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import Session, col, func, select

from activities.bank_decisions import released_by_two
from bankfiles import Format, Statement
from models import BankFile, BankFileDelivery, BankStatement, CollectionAccount
from prepay.money import to_decimal
from rules.pages import MAX_DAYS, Page, statement_of, unmet

MAX_RELATED = 100


class MustWait(Exception):
    """The file is sound, and something must be set right or decided before it is posted; the message says what."""

    held_for: ClassVar[str]

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")


class AccountUnknown(MustWait):
    held_for = "account"

    def __init__(self, statement: Statement) -> None:
        which = f"in {statement.currency}" if statement.currency else "and of one currency"
        super().__init__(
            _where(statement),
            f"expected an account that an entity has set up, {which}, found {statement.account!r}. "
            "Add it by `prepay setup`, then two people release the file.",
        )


class SourceNotAllowed(MustWait):
    held_for = "source"

    def __init__(self, statement: Statement, account: CollectionAccount, sources: Sequence[str]) -> None:
        super().__init__(
            _where(statement),
            f"expected files about account {account.code} (row {account.id}) to come from "
            f"{' or '.join(account.sources)}, found one from {' and '.join(sources)}. Ask who brought it; two people "
            "may release it. It is posted by itself when the same file comes from where it should.",
        )


class SumsTooLarge(MustWait):
    held_for = "sums"

    def __init__(self, currency: str, minor: int, most_minor: int) -> None:
        most, found = (f"{to_decimal(sum_minor, currency)} {currency}" for sum_minor in (most_minor, minor))
        super().__init__("Entries", f"expected sums of at most {most}, as the book can hold, found {found}.")


class FormatsMixed(MustWait):
    held_for = "structure"

    def __init__(self, statement: Statement, account: CollectionAccount, before: Format) -> None:
        super().__init__(
            _where(statement),
            f"expected {before} about account {account.code}, as before in this file, found {statement.format}. Both "
            "may tell of the same money: discard it, and deliver each format in a file of its own.",
        )


class PagesDisagree(MustWait):
    held_for = "pages"

    def __init__(self, statement: Statement, page: Page, other: Page, file: int) -> None:
        if page.page > other.page:
            which, verb, expected, found = "an opening", "ends", other.closing_minor, page.opening_minor
        else:
            which, verb, expected, found = "a closing", "begins", other.opening_minor, page.closing_minor
        assert expected is not None
        assert found is not None
        currency = statement.currency
        super().__init__(
            f"{_where(statement)}, page {page.page}",
            f"expected {which} balance of {to_decimal(expected, currency)} {currency}, with which page {other.page} "
            f"in file {file} {verb}, found {to_decimal(found, currency)} {currency}. Ask the bank for its pages again. "
            "Two people release this file when those have been posted, or discard it.",
        )


def _where(statement: Statement) -> str:
    return f"{statement.path}, line {statement.line}"


def keep_statements(session: Session, file: BankFile, statements: Sequence[Statement]) -> None:
    """Write down each statement with its account, and its pages as one. Raises MustWait."""
    accounts = []
    for statement in statements:
        account = account_of(session, statement.account, statement.currency)
        if account is None:
            raise AccountUnknown(statement)
        accounts.append(account)
    _require_source(session, file.id or 0, statements, accounts)
    _require_one_format(statements, accounts)
    if any(statement.paged for statement in statements):
        # Pages that come at once must see one another.
        ids = sorted({account.id or 0 for account in accounts})
        owned = select(CollectionAccount.id).where(col(CollectionAccount.id).in_(ids))
        session.exec(owned.order_by(col(CollectionAccount.id)).with_for_update(key_share=True)).all()
    for statement, account in zip(statements, accounts, strict=True):
        _keep(session, file, statement, account)


def _require_one_format(statements: Sequence[Statement], accounts: Sequence[CollectionAccount]) -> None:
    """What one file tells of an account twice, nothing later would see."""
    formats: dict[int | None, Format] = {}
    for statement, account in zip(statements, accounts, strict=True):
        before = formats.setdefault(account.id, statement.format)
        if before is not statement.format:
            raise FormatsMixed(statement, account, before)


def _require_source(
    session: Session, file_id: int, statements: Sequence[Statement], accounts: Sequence[CollectionAccount]
) -> None:
    """Each account takes files from its sources only, unless two people have released this one."""
    sources = sources_of(session, file_id)
    for statement, account in zip(statements, accounts, strict=True):
        if account.sources and not set(account.sources) & set(sources):
            if released_by_two(session, file_id, SourceNotAllowed.held_for):
                return
            raise SourceNotAllowed(statement, account, sources)


def sources_of(session: Session, file_id: int) -> Sequence[str]:
    """Who has delivered the file, first come first."""
    deliveries = select(BankFileDelivery.delivered_by).where(BankFileDelivery.file_id == file_id)
    return session.exec(
        deliveries.order_by(col(BankFileDelivery.created_at), col(BankFileDelivery.delivered_by))
    ).all()


def account_of(session: Session, number: str, currency: str) -> CollectionAccount | None:
    """The account that a statement names; without a currency, when only one fits."""
    statement = select(CollectionAccount).where(
        CollectionAccount.bank_number == number.replace(" ", "").upper()
    )
    if currency:
        statement = statement.where(CollectionAccount.currency == currency)
    found = session.exec(statement.limit(2)).all()
    return found[0] if len(found) == 1 else None


def accounts_of(session: Session, file: int) -> list[int]:
    """The accounts that the statements of a file are about."""
    statement = select(BankStatement.account_id).where(BankStatement.file_id == file)
    return sorted(set(session.exec(statement)))


def counted_once(session: Session, file: int) -> str:
    """What to tell a person when equal payments of two statements were taken for one and are two, else nothing.

    Where a statement begins with the balance that another one ends with, what they share can only sum to nothing. Else
    it is money of both: what of it is in the book, by whatever told of it, is confirmed.
    """
    row = session.execute(_COUNTED_ONCE, {"file": file}).one_or_none()
    if row is None:
        return ""
    missing = f"{to_decimal(row.missing_minor, row.currency)} {row.currency}"
    return (
        f"posted, but {missing} of its statement {row.position + 1} was taken for equal money of statement "
        f"{row.other_position + 1} of file {row.other_file}, and by their balances one follows the other: so it is "
        "missing in the book. Compare both with the bank, and ask it for a notification (camt.054) that has both. Two "
        "people release this file when that has come; they discard it where the bank says that it told wrongly."
    )


# The newest few neighbours are enough, and OFFSET 0 keeps to one statement's entries at a time: a file may have
# thousands of statements, or a hundred thousand entries, and all of them new to the planner.
_COUNTED_ONCE = text("""
    WITH pair AS MATERIALIZED (
        SELECT s.file_id, s.position, s.currency, other.file_id AS other_file, other.position AS other_position
        FROM bank_statement s CROSS JOIN LATERAL (
            (SELECT id FROM bank_statement o
                WHERE o.account_id = s.account_id AND o.kind = s.kind AND o.closing_minor = s.opening_minor
                    AND abs(o.closing_on - s.closing_on) <= 3 AND o.id <> s.id ORDER BY id DESC LIMIT 3)
            UNION
            (SELECT id FROM bank_statement o
                WHERE o.account_id = s.account_id AND o.kind = s.kind AND o.opening_minor = s.closing_minor
                    AND abs(o.closing_on - s.closing_on) <= 3 AND o.id <> s.id ORDER BY id DESC LIMIT 3)
        ) next JOIN bank_statement other ON other.id = next.id
        WHERE s.file_id = :file AND s.kind NOT IN ('camt.052', 'camt.054', 'mt942')
    ), told AS (
        SELECT pair.*, e.digest, min(e.signed_minor) AS signed_minor,
            count(*) FILTER (WHERE side.here) AS here, count(*) FILTER (WHERE NOT side.here) AS there
        FROM pair CROSS JOIN LATERAL (
            VALUES (pair.file_id, pair.position, true), (pair.other_file, pair.other_position, false)
        ) side (file_id, position, here)
        CROSS JOIN LATERAL (
            SELECT split_part(identity_key, '.', 1) AS digest,
                CASE direction WHEN 'credit' THEN amount_minor ELSE -amount_minor END AS signed_minor
            FROM bank_sighting g JOIN bank_entry ON bank_entry.id = g.entry_id AND currency = pair.currency
            WHERE (g.file_id, g.statement) = (side.file_id, side.position) AND g.status = 'BOOK'
            OFFSET 0
        ) e
        GROUP BY 1, 2, 3, 4, 5, 6
    ), equal AS MATERIALIZED (
        SELECT *, sum(signed_minor * least(here, there)) OVER (PARTITION BY position, other_file, other_position)
            AS minor
        FROM told WHERE here > 0 AND there > 0
    ), missing AS MATERIALIZED (
        SELECT *, here + there - (
            SELECT count(*) FROM bank_entry
            WHERE identity_key = ANY (ARRAY(SELECT digest || '.' || n FROM generate_series(0, here + there - 1) n))
        ) AS count
        FROM equal
    ), confirmed AS (
        UPDATE bank_entry_part SET confirmed = true
        WHERE NOT confirmed AND entry_id = ANY (ARRAY(
            SELECT id FROM bank_entry WHERE status = 'BOOK' AND identity_key = ANY (ARRAY(
                SELECT digest || '.' || n FROM equal, generate_series(0, here + there - 1) n WHERE minor <> 0
            ))
        )) RETURNING missed_in
    ), rung AS (
        INSERT INTO outbox (workflow_id, version)
        SELECT DISTINCT 'bank-file-' || f.sha256, 1 FROM confirmed JOIN bank_file f ON f.id = missed_in
    )
    SELECT position, currency, other_position, other_file, abs(sum(signed_minor * count))::bigint AS missing_minor
    FROM missing WHERE count > 0 GROUP BY 1, 2, 3, 4 HAVING sum(signed_minor * count) <> 0
    ORDER BY position, other_file, other_position LIMIT 1
""")


def _keep(session: Session, file: BankFile, statement: Statement, account: CollectionAccount) -> None:
    opening, closing = (None, None) if statement.interim else (statement.opening, statement.closing)
    row: dict[str, Any] = {
        "file_id": file.id,
        "position": statement.position,
        "account_id": account.id,
        "kind": statement.format.value,
        "statement_id": statement.statement_id,
        "sequence": statement.sequence,
        "page": statement.page,
        "made_on": statement.created_on,
        "related_account": _related(statement),
        "currency": account.currency,
        "opening_minor": opening.amount_minor if opening else None,
        "opening_on": opening.on if opening else None,
        "closing_minor": closing.amount_minor if closing else None,
        "closing_on": (closing.on or statement.created_on or file.received_at.date()) if closing else None,
        "number": _number(statement.sequence),
    }
    insertion = insert(BankStatement).values(**row).on_conflict_do_nothing()
    kept = session.execute(insertion.returning(col(BankStatement.id))).scalar_one_or_none()
    if kept is not None and statement.paged:
        found = _pages_of(session, statement, row)
        session.execute(
            update(BankStatement).where(col(BankStatement.id) == kept).values(pages_of=found or kept)
        )


def _related(statement: Statement) -> str:
    related = statement.related_account.replace(" ", "").upper()
    return "" if related == statement.account.replace(" ", "").upper() else related[:MAX_RELATED]


def _number(sequence: str) -> int | None:
    """Zeros are what banks write that do not number."""
    return (
        int(sequence) or None if sequence.isascii() and sequence.isdigit() and len(sequence) <= 18 else None
    )


def _pages_of(session: Session, statement: Statement, row: dict[str, Any]) -> int | None:
    page = _page(row)
    known: dict[int, list[Page]] = {}
    files: dict[Page, int] = {}
    for other in _candidates(session, page, row):
        assert other.pages_of is not None
        files[_page(other.model_dump())] = other.file_id
        known.setdefault(other.pages_of, []).append(_page(other.model_dump()))
    found = statement_of(page, known)
    if found is None and (disagrees := unmet(page, known)):
        raise PagesDisagree(statement, page, disagrees, files[disagrees])
    return found


def _candidates(session: Session, page: Page, row: dict[str, Any]) -> Sequence[BankStatement]:
    same_number, same_id = col(BankStatement.sequence), col(BankStatement.statement_id)
    query = select(BankStatement).where(
        BankStatement.account_id == row["account_id"],
        BankStatement.kind == row["kind"],
        col(BankStatement.pages_of).is_not(None),
        or_(same_number == (page.sequence or None), same_id == (page.statement_id or None)),
        # The neighbours, and one page for all others of its statement: a statement may have thousands.
        or_(
            col(BankStatement.page).between(page.page - 1, page.page + 1),
            col(BankStatement.pages_of) == BankStatement.id,
        ),
    )
    on = page.closing_on or page.made_on
    if on is not None:
        ended = func.coalesce(BankStatement.closing_on, BankStatement.made_on, on)
        query = query.where(ended.between(on - timedelta(days=MAX_DAYS), on + timedelta(days=MAX_DAYS)))
    return session.exec(query.order_by(col(BankStatement.pages_of), col(BankStatement.id))).all()


def _page(row: dict[str, Any]) -> Page:
    names = ("statement_id", "page", "made_on", "opening_minor", "opening_on", "closing_minor", "closing_on")
    # Zeros are what banks write that do not number.
    return Page(sequence=row["sequence"].strip("0") and row["sequence"], **{n: row[n] for n in names})
