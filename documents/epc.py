"""The EPC QR code that a banking app scans to fill in a SEPA transfer (EPC069-12)."""

import io
from decimal import Decimal

from documents.fonts import printable
from documents.form import PaymentRequestForm
from prepay.money import to_decimal

MAX_CENTS = 99_999_999_999
MAX_NAME = 70
_UTF_8 = 1


def epc_png(form: PaymentRequestForm) -> bytes | None:
    """The QR code as a PNG; none where the payment is not in EUR to a SEPA IBAN within the EPC's limits."""
    from schwifty import IBAN
    from segno import helpers

    account = form.pay_to
    if form.currency != "EUR" or not account.iban or not IBAN(account.iban).in_sepa_zone:
        return None
    if form.amount_minor > MAX_CENTS or len(account.holder) > MAX_NAME:
        return None
    code = helpers.make_epc_qr(
        name=printable(account.holder),
        iban=account.iban,
        amount=Decimal(to_decimal(form.amount_minor, form.currency)),
        reference=form.reference,
        bic=account.bic or None,
        encoding=_UTF_8,
    )
    png = io.BytesIO()
    code.save(png, kind="png", border=0)
    return png.getvalue()
