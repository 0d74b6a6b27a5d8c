"""The demo's bank tells of the same money again, in other formats: nothing is credited twice.

What the bank has notified is read back from the rows and written as an MT940, a BAI2 and a camt.053.
"""

from datetime import date
from hashlib import sha256
from io import BytesIO
from pathlib import Path
from typing import Any

from sqlalchemy import text

from bankfiles.sample import Payment, Sheet, write_camt
from bankfiles.sample_bai2 import write_bai2
from bankfiles.sample_mt import write_mt940

_BOOKED = text("""
    SELECT coalesce(nullif(a.iban, ''), a.account_number) AS account, e.currency, e.bank_reference, e.booked_on,
        e.value_on, p.amount_minor, p.structured_references, p.remittance, p.payer_name, p.payer_account
    FROM bank_entry e
    JOIN collection_account a ON a.id = e.account_id
    JOIN bank_entry_part p ON p.entry_id = e.id
    WHERE e.status = 'BOOK' AND e.direction = 'credit' AND e.amount_minor = p.amount_minor
    ORDER BY e.id
""")
_POSTED = text("SELECT sha256, stage FROM bank_file WHERE sha256 = ANY(:files)")


def write_again(url: str, inbox: Path) -> dict[str, str]:
    """Put the three files into the inbox; their names by their SHA-256."""
    sheets = _sheets(url)
    files = {
        "again.sta": _written(write_mt940, [s for s in sheets if s.currency == "EUR"]),
        "again.bai": _written(write_bai2, [s for s in sheets if s.currency == "USD"]),
        "again.xml": _written(lambda target, all_: write_camt(target, all_, format="camt.053"), sheets),
    }
    for name, content in files.items():
        # Whole at once: the worker looks into this folder all the time.
        (inbox / f"{name}.part").write_bytes(content)
        (inbox / f"{name}.part").rename(inbox / name)
    return {sha256(content).hexdigest(): name for name, content in files.items()}


def stages(url: str, files: dict[str, str]) -> dict[str, str]:
    """How far each of the files is, by name."""
    from activities.database import make_engine

    engine = make_engine(url, 1)
    try:
        with engine.connect() as connection:
            found = connection.execute(_POSTED, {"files": list(files)})
            return {files[digest]: stage for digest, stage in found}
    finally:
        engine.dispose()


def _written(write: Any, sheets: list[Sheet]) -> bytes:
    target = BytesIO()
    write(target, sheets)
    return target.getvalue()


def _sheets(url: str) -> list[Sheet]:
    from activities.database import make_engine

    engine = make_engine(url, 1)
    payments: dict[tuple[str, str, date], list[Payment]] = {}
    try:
        with engine.connect() as connection:
            for row in connection.execute(_BOOKED):
                payment = Payment(
                    amount_minor=row.amount_minor,
                    bank_reference=row.bank_reference,
                    structured="".join(row.structured_references[:1]),
                    free=() if row.structured_references else (row.remittance[:140],),
                    payer_name=row.payer_name,
                    payer_account=row.payer_account,
                    booked_on=row.booked_on,
                    value_on=row.value_on,
                )
                payments.setdefault((row.account, row.currency, row.booked_on), []).append(payment)
    finally:
        engine.dispose()
    return [
        Sheet(
            account=account,
            currency=currency,
            entries=entries,
            created_on=booked_on,
            closing_minor=sum(payment.amount_minor for payment in entries),
        )
        for (account, currency, booked_on), entries in payments.items()
    ]
