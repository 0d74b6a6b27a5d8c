"""Payees: the payer of a payment as a payee, and bank details that somebody enters."""

from pydantic import ValidationError
from schwifty import IBAN
from sqlalchemy import text
from sqlmodel import Session

from activities.bank_matching import COMPARED_NAME
from prepay.refunds import PayeeInput
from rules.payee import refuse_payee


def payer_of(session: Session, part: int) -> int | None:
    """The payer of a payment as a payee; None where the bank does not say enough to pay it back."""
    row = session.execute(_PAYER, {"part": part}).mappings().one()
    try:
        payee = PayeeInput(name=row["payer_name"], **_account(row["payer_account"]))
    except ValidationError:
        return None
    if refuse_payee(payee, row["currency"]) is not None:
        return None
    values = payee.model_dump() | {"origin": "payer", "part": part, "by": "", "proof": None}
    return int(session.execute(_ADD, values).scalar_one())


def _account(number: str) -> dict[str, str]:
    iban = IBAN(number, allow_invalid=True)
    if iban.is_valid:
        return {"iban": str(iban), "country": iban.country_code}
    return {"account_number": number}


LISTED_PAYEE = f"""EXISTS (
    SELECT FROM screening_subject s WHERE s.ended_at IS NULL AND (s.kind, s.value) IN (
        ('account', y.iban), ('account', y.account_number), ('name', {COMPARED_NAME.format(name="y.name")})
    )
)"""
"""Whether the payee `y` is on the screening list: nobody is paid who is."""

_PAYER = text("""
    SELECT p.payer_name, p.payer_account, p.currency FROM bank_entry_part p WHERE p.id = :part
""")

_ADD = text("""
    INSERT INTO payee (name, iban, bic, account_number, clearing_code, bank_name, country, town, purpose, charge_bearer,
        origin, source_part_id, entered_by, proof_sha256)
    VALUES (:name, :iban, :bic, :account_number, :clearing_code, :bank_name, :country, :town, :purpose, :charge_bearer,
        :origin, :part, :by, :proof)
    RETURNING id
""")
