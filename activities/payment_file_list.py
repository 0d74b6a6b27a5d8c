"""Payment files as people look them up; accounts and names are for the command line only."""

from typing import Any

from sqlalchemy import text
from sqlmodel import Session


class NoSuchPaymentFile(ValueError):
    """The number is no payment file's."""

    def __init__(self, file: int) -> None:
        super().__init__(f"There is no payment file {file}; `prepay payment-file list` lists them")


def page(session: Session, before: int | None, limit: int) -> list[dict[str, Any]]:
    """The newest files, or those before one."""
    rows = session.execute(_LIST, {"before": before, "limit": limit}).mappings()
    return [dict(row) for row in rows]


def one(session: Session, file: int) -> dict[str, Any]:
    """A file with its payouts and what was decided about it. Raises NoSuchPaymentFile."""
    row = session.execute(_ONE, {"file": file}).mappings().one_or_none()
    if row is None:
        raise NoSuchPaymentFile(file)
    payouts = [dict(p) for p in session.execute(_PAYOUTS, {"file": file}).mappings()]
    decisions = [dict(d) for d in session.execute(_DECISIONS, {"file": file}).mappings()]
    return {**row, "payout_rows": payouts, "decisions": decisions}


def content(session: Session, file: int) -> bytes:
    """The bytes that went to the bank. Raises NoSuchPaymentFile."""
    found = session.execute(_CONTENT, {"file": file}).scalar_one_or_none()
    if found is None:
        raise NoSuchPaymentFile(file)
    return bytes(found)


_COLUMNS = """
    f.id AS file, f.message_id, a.code AS account, a.currency, f.version, f.execute_on, f.payouts, f.sum_minor, f.stage,
    f.reason, f.sha256, f.asked, f.resent, f.collected_at, f.sent_at, f.answered_at, f.ended_at
"""
_LIST = text(f"""
    SELECT {_COLUMNS} FROM payment_file f JOIN collection_account a ON a.id = f.account_id
    WHERE CAST(:before AS bigint) IS NULL OR f.id < :before ORDER BY f.id DESC LIMIT :limit
""")
_ONE = text(f"""
    SELECT {_COLUMNS} FROM payment_file f JOIN collection_account a ON a.id = f.account_id WHERE f.id = :file
""")
_PAYOUTS = text("""
    SELECT p.id AS payout, p.end_to_end_id, coalesce(r.number, 'receipt ' || b.part_id) AS of, p.amount_minor,
        y.name AS payee, coalesce(nullif(y.iban, ''), y.account_number) AS account, p.stage, p.reason_code, p.reason,
        p.fee_minor
    FROM payout p JOIN payee y ON y.id = p.payee_id LEFT JOIN refund r ON r.id = p.refund_id
    LEFT JOIN receipt_return b ON b.id = p.return_id WHERE p.file_id = :file ORDER BY p.id
""")
_DECISIONS = text("""
    SELECT d.created_at, d.operator, d.signal, p.end_to_end_id, d.reason FROM payment_file_decision d
    LEFT JOIN payout p ON p.id = d.payout_id WHERE d.file_id = :file ORDER BY d.id
""")
_CONTENT = text("SELECT content FROM payment_file WHERE id = :file")
