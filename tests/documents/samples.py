"""The parts of the forms that these tests make; every name is invented."""

from collections.abc import Callable

from stdnum.iso7064 import mod_97_10

from documents.form import FormCustomer, Issuer, PaymentRequestForm, PayToAccount

MakeForm = Callable[..., PaymentRequestForm]

ISSUER = Issuer(
    legal_name="Nordwind Handels GmbH",
    address=("Speicherstraße 12", "20457 Hamburg"),
    country="DE",
    registration_id="HRB 104 512",
    tax_id="DE 812 345 678",
    verify_phone="+49 40 555 0199",
    verify_url="https://nordwind.example/bank-details",
)
CUSTOMER = FormCustomer(
    number="C-10042", legal_name="ACME GmbH", address=("Musterweg 5", "10115 Berlin"), country="DE"
)
EURO_ACCOUNT = PayToAccount(
    kind="collection",
    holder="Nordwind Handels GmbH",
    bank_name="Musterbank AG",
    bank_address=("Am Markt 1", "60311 Frankfurt am Main"),
    bic="COBADEFFXXX",
    iban="DE89370400440532013000",
)
VIRTUAL_ACCOUNT = PayToAccount(
    kind="virtual",
    holder="Nordwind Trading Limited",
    bank_name="Harbour Bank Limited",
    bank_address=("1 Quay Road", "Hong Kong"),
    bic="ABCDHKHHXXX",
    account_number="741-123456-888",
    clearing_code="HK 999",
    intermediary="Example Bank N.A., New York, EXAMUS33",
)


def payment_reference(body: str) -> str:
    """An ISO 11649 reference around the body."""
    return f"RF{mod_97_10.calc_check_digits(body + 'RF')}{body}"
