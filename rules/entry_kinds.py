"""Which house account a bank entry that is nobody's payment posts against, by the bank's code of the transaction.

Only codes whose published meaning leaves no doubt are here. A credit that is taken for the bank's own would be hidden
from the customer who paid it, so where a code stands beside payments as well, only a debit is certain. What nothing
is certain of waits for a person.

Sources: ISO 20022 External Code Sets, bank transaction codes (domain, family, sub-family); SWIFT User Handbook,
category 9, field 61, subfield 6; Deutsche Kreditwirtschaft, DFÜ-Abkommen, Anlage 3, Geschäftsvorfallcodes; BAI, Cash
Management Balance Reporting Specifications, version 2, appendix A.
"""

import re
from enum import StrEnum

from bankfiles.entry import Direction, Format


class Kind(StrEnum):
    """What an entry is; the value is the house account."""

    FEE = "bank-fees"
    INTEREST = "interest"
    SWEEP = "company"

    @property
    def words(self) -> str:
        """As people read it."""
        return _WORDS[self]


_WORDS = {
    Kind.FEE: "a fee of the bank's",
    Kind.INTEREST: "interest",
    Kind.SWEEP: "a transfer between our own accounts",
}

# The generic sub-families, which every family has.
_ISO_GENERIC = {
    **dict.fromkeys(("CHRG", "COME", "COMI", "COMM", "COMT", "FEES"), Kind.FEE),
    "INTR": Kind.INTEREST,
}
_ISO_ACCOUNT = frozenset({"ACMT", "CAMT"})
# Account balancing and cash pooling; cash concentration, received and issued.
_ISO_BALANCING = ("NTAV", "OTHR", "SWEP", "TOPG", "XBRD", "ZABA")
_ISO_OWN = frozenset(
    [f"CAMT/{family}/{code}" for family in ("ACCB", "CAPL") for code in _ISO_BALANCING]
    + [f"PMNT/{family}/{code}" for family in ("ICCN", "RCCN") for code in ("COAT", "ICCT", "XICT")]
)

_SWIFT = {
    # Charges; commission; bank fees of securities.
    **dict.fromkeys(("CHG", "COM", "BNK"), Kind.FEE),
    "INT": Kind.INTEREST,
    # Sweeping, topping, zero balancing.
    **dict.fromkeys(("CMS", "CMT", "CMZ"), Kind.SWEEP),
}
_GERMAN = {
    # Standing orders, postage, expenses, charges, commissions.
    **dict.fromkeys(("804", "806", "807", "808", "809"), Kind.FEE),
    # Interest, capitalised interest, interest corrected.
    **dict.fromkeys(("814", "815", "817"), Kind.INTEREST),
    # Cash concentrating: the main account, a subsidiary account.
    **dict.fromkeys(("833", "834"), Kind.SWEEP),
}
_SETTLEMENT = "805"
"""The account's periodic settlement, fees and interest in one sum."""

_BAI2 = {
    # Commission, overdraft fee, return item fee, account analysis fee, miscellaneous fees; a fee paid back.
    **dict.fromkeys(("524", "564", "567", "661", "698", "398"), Kind.FEE),
    # Interest and its adjustment, in and out; of a sweep, of an investment.
    **dict.fromkeys(("354", "359", "654", "659", "346", "355"), Kind.INTEREST),
    # Zero-balance account: balance, transfer, adjustment, in and out; principal of a sweep, in and out.
    **dict.fromkeys(("275", "277", "278", "575", "577", "578", "347", "656"), Kind.SWEEP),
}

_MT = re.compile(
    r"[NF](?P<swift>[A-Z]{3})(?:\+(?P<business>[0-9]{3})(?![0-9]).*)?|[NF][0-9]{3}\+(?P<only>[0-9]{3})"
)
"""Of an MT statement; as a proprietary code of camt, German banks add the booking's number."""


def kind_of(direction: Direction, transaction_code: str, format: Format, country: str = "") -> Kind | None:
    """What an entry certainly is by its `transaction_code`; None where that says nothing certain.

    `country` is that of the account's IBAN: the same three digits mean one thing in Germany, another in Poland.
    """
    if format is Format.BAI2:
        return _BAI2.get(transaction_code)
    if format in (Format.MT940, Format.MT942):
        return _of_mt(direction, transaction_code, country)
    if "+" in transaction_code:
        return _of_mt(direction, transaction_code, country) if country == "DE" else None
    return _of_iso(direction, transaction_code)


def _of_iso(direction: Direction, code: str) -> Kind | None:
    if code in _ISO_OWN:
        return Kind.SWEEP
    domain, _, rest = code.partition("/")
    kind = _ISO_GENERIC.get(rest.partition("/")[2])
    if domain in _ISO_ACCOUNT or (domain == "PMNT" and direction is Direction.DEBIT):
        return kind
    return None


def _of_mt(direction: Direction, code: str, country: str) -> Kind | None:
    found = _MT.fullmatch(code)
    if found is None:
        return None
    business = (found["business"] or found["only"] or "") if country == "DE" else ""
    if business == _SETTLEMENT:
        # Nothing but interest can make it a credit.
        return Kind.FEE if direction is Direction.DEBIT else Kind.INTEREST
    if business in _GERMAN:
        return _GERMAN[business]
    kind = _SWIFT.get(found["swift"] or "")
    return None if kind is Kind.FEE and direction is Direction.CREDIT else kind
