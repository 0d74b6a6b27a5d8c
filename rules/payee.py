"""Where money may be sent: what a bank refuses for certain is refused before anybody approves it."""

import re
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from schwifty import IBAN
from schwifty.exceptions import SchwiftyException

from bankfiles.bank_text import Unwritable, bank_text

MAX_NAME = 70
"""EPC SEPA rulebooks; other schemes take 140, and what a bank cuts off it does not say."""
MAX_TOWN = 35
MAX_ACCOUNT = 34

# As pain.001.001.03 has it; later versions take more, but a bank with a 0 or 1 there can be tested and not paid.
_BIC = re.compile(r"[A-Z]{6}[A-Z2-9][A-NP-Z0-9](?:[A-Z0-9]{3})?")
_ACCOUNT = re.compile(r"[A-Za-z0-9/?:().,'+ -]+")
_COUNTRY = re.compile(r"[A-Z]{2}")
_PURPOSE = re.compile(r"[A-Z]{4}")


class Clearing(NamedTuple):
    """How banks of a country are named without a BIC: ISO 20022 external clearing system code, and the shape."""

    code: str
    shape: str
    words: str


CLEARING: dict[str, Clearing] = {
    "AU": Clearing("AUBSB", r"\d{6}", "a BSB of 6 digits"),
    "CA": Clearing("CACPA", r"0\d{8}", "a routing number of 0 and 8 digits"),
    "CN": Clearing("CNAPS", r"\d{12}", "a CNAPS code of 12 digits"),
    "GB": Clearing("GBDSC", r"\d{6}", "a sort code of 6 digits"),
    "HK": Clearing("HKNCC", r"\d{3}", "a bank code of 3 digits"),
    "IN": Clearing("INFSC", r"[A-Z]{4}0[A-Z0-9]{6}", "an IFSC such as ABCD0123456"),
    "NZ": Clearing("NZNCC", r"\d{6}", "a bank and branch number of 6 digits"),
    "US": Clearing("USABA", r"\d{9}", "a routing number of 9 digits"),
    "ZA": Clearing("ZANCC", r"\d{6}", "a branch code of 6 digits"),
}
"""By the country of the payee. Elsewhere the BIC is needed."""

PURPOSE_NEEDED = frozenset({"AE", "BH", "CN", "IN", "JO", "KW", "MY", "QA"})
"""Countries whose banks stop a payment without a purpose: Ulster Bank, purpose of payment codes; PNC and Currencycloud
agree for most. Their central banks have codes of their own, which some banks want in the remittance: ask yours."""


class PayeeLike(Protocol):
    """A row of `models.Payee`, or what an operator has typed."""

    @property
    def name(self) -> str: ...
    @property
    def iban(self) -> str: ...
    @property
    def bic(self) -> str: ...
    @property
    def account_number(self) -> str: ...
    @property
    def clearing_code(self) -> str: ...
    @property
    def country(self) -> str: ...
    @property
    def town(self) -> str: ...
    @property
    def purpose(self) -> str: ...
    @property
    def charge_bearer(self) -> str: ...


@dataclass(frozen=True, slots=True)
class PayeeFields:
    """A payee that is no row yet."""

    name: str
    iban: str = ""
    bic: str = ""
    account_number: str = ""
    clearing_code: str = ""
    country: str = ""
    town: str = ""
    purpose: str = ""
    charge_bearer: str = ""


def is_iban(number: str) -> bool:
    """Whether it is a right IBAN."""
    return bool(IBAN(clean_number(number), allow_invalid=True).is_valid)


def clean_number(number: str) -> str:
    """Without spaces and in capitals."""
    return "".join(number.split()).upper()


def is_sepa(currency: str, iban: str) -> bool:
    """Whether a payment is a SEPA credit transfer: euro, to an IBAN of the SEPA zone."""
    return currency == "EUR" and bool(iban) and IBAN(clean_number(iban), allow_invalid=True).in_sepa_zone


def refuse_payee(payee: PayeeLike, currency: str) -> str | None:
    """Why a payment in that currency cannot be sent there, in one sentence; None where it can."""
    return (
        _refuse_name(payee)
        or _refuse_account(payee)
        or _refuse_bic(payee)
        or _refuse_codes(payee, currency)
        or _refuse_abroad(payee, currency)
    )


def _refuse_name(payee: PayeeLike) -> str | None:
    if not payee.name.strip():
        return "The payee's name is missing: give it as their bank knows it."
    return _refuse_text("name", payee.name, payee.country or payee.iban[:2], MAX_NAME)


def _refuse_text(what: str, text: str, country: str, longest: int) -> str | None:
    try:
        written = bank_text(text, country)
    except Unwritable as refusal:
        return f"The payee's {what}: {refusal}; ask them how their bank writes it."
    if not any(c.isalnum() for c in written):
        return f"The payee's {what} has neither letters nor digits."
    if len(written) > longest:
        return f"The payee's {what} has {len(written)} characters, and banks take {longest}: ask for the short form."
    return None


def _refuse_account(payee: PayeeLike) -> str | None:
    if bool(payee.iban.strip()) == bool(payee.account_number.strip()):
        return "Give either an IBAN or an account number, not both and not neither."
    if payee.iban:
        return _refuse_iban(payee)
    number = payee.account_number.strip()
    if len(number) > MAX_ACCOUNT or not _ACCOUNT.fullmatch(number) or number.startswith("/"):
        return f"The account number must be at most {MAX_ACCOUNT} plain letters, digits and - . / signs."
    if re.fullmatch(r"[A-Z]{2}\d{2}[A-Z0-9]{11,30}", clean_number(number)):
        return (
            "The account number looks like an IBAN: give it as the IBAN, so that its check digits are tested."
        )
    return None


def _refuse_iban(payee: PayeeLike) -> str | None:
    number = clean_number(payee.iban)
    try:
        IBAN(number)
    except SchwiftyException:
        return (
            "The IBAN is wrong: its country, length or check digits do not fit; compare it letter by letter."
        )
    return None


def _refuse_bic(payee: PayeeLike) -> str | None:
    bic = clean_number(payee.bic)
    if not bic:
        return None
    if not _BIC.fullmatch(bic):
        return "The BIC must have 8 or 11 characters, such as ABCDDEFF or ABCDDEFFXXX."
    if payee.iban and not _one_country(bic[4:6], clean_number(payee.iban)[:2]):
        return f"The BIC is of a bank in {bic[4:6]} and the IBAN of {clean_number(payee.iban)[:2]}: one is wrong."
    return None


# Where a BIC and an IBAN of the same bank name two territories (EPC409-09, list of SEPA scheme countries).
_FRENCH = {"FR", "GF", "GP", "MQ", "RE", "YT", "PM", "BL", "MF", "MC", "NC", "PF", "WF"}
_SHARED = (_FRENCH, {"GB", "GG", "JE", "IM"}, {"FI", "AX"}, {"ES", "IC", "EA"})


def _one_country(bic: str, iban: str) -> bool:
    return bic == iban or any({bic, iban} <= shared for shared in _SHARED)


def _refuse_codes(payee: PayeeLike, currency: str) -> str | None:
    if payee.country and not _COUNTRY.fullmatch(payee.country):
        return "The payee's country must be its ISO 3166 code of two capitals, such as DE."
    if payee.purpose and not _PURPOSE.fullmatch(payee.purpose):
        return "The purpose must be an ISO 20022 purpose code of four capitals, such as GDDS."
    if payee.charge_bearer not in ("", "SLEV", "SHAR", "DEBT", "CRED"):
        return "The charge bearer must be SHAR, DEBT or CRED, or SLEV for a SEPA payment."
    sepa = is_sepa(currency, payee.iban)
    if sepa and payee.charge_bearer not in ("", "SLEV"):
        return "A SEPA payment shares the charges (SLEV): leave the charge bearer empty."
    if not sepa and payee.charge_bearer == "SLEV":
        return "SLEV is for SEPA payments only: give SHAR, DEBT or CRED, or leave the charge bearer empty."
    return None


def _refuse_abroad(payee: PayeeLike, currency: str) -> str | None:
    """Outside SEPA the payee's bank must be named, and the payee's town and country."""
    if is_sepa(currency, payee.iban):
        return None
    if not payee.country or not payee.town.strip():
        return "The payee's town and country are missing: banks ask for them outside SEPA."
    if refused := _refuse_text("town", payee.town, payee.country, MAX_TOWN):
        return refused
    code = clean_number(payee.clearing_code).replace("-", "")
    if refused := _refuse_clearing(payee.country, code, named_by_bic=bool(payee.bic)):
        return refused
    if payee.country in PURPOSE_NEEDED and not payee.purpose:
        return f"Banks in {payee.country} need a purpose code: give the purpose, such as GDDS."
    return None


def _refuse_clearing(country: str, code: str, *, named_by_bic: bool) -> str | None:
    known = CLEARING.get(country)
    if not code:
        wanted = f"its BIC or {known.words}" if known else "its BIC"
        return None if named_by_bic else f"The payee's bank is not named: give {wanted}."
    if known is None:
        return f"No clearing codes are known for {country}: leave it empty and give the bank's BIC."
    if not re.fullmatch(known.shape, code) or (country == "US" and not _aba(code)):
        return f"The clearing code is wrong: a bank in {country} has {known.words}."
    return None


def _aba(code: str) -> bool:
    """ANSI X9: weights 3, 7, 1."""
    return sum(int(d) * w for d, w in zip(code, (3, 7, 1) * 3, strict=True)) % 10 == 0


def written_payee(payee: PayeeLike) -> dict[str, Any]:
    """The payee's fields as a payment file has them; the payee was not refused."""
    country = payee.country or clean_number(payee.iban)[:2]
    clearing = CLEARING.get(payee.country)
    code = clean_number(payee.clearing_code).replace("-", "") if clearing else ""
    return {
        "name": bank_text(payee.name, country),
        "iban": clean_number(payee.iban),
        "bic": clean_number(payee.bic),
        "account_number": payee.account_number.strip(),
        "clearing_system": clearing.code if clearing and code else "",
        "clearing_code": code,
        "country": payee.country,
        "town": bank_text(payee.town, country),
        "purpose": payee.purpose,
        "charge_bearer": payee.charge_bearer,
    }
