"""Writes payment files: pain.001.001.09, and .03 for banks that want it. One account, one day, one kind of payment.

Sources: ISO 20022 message definition reports of pain.001; EPC132-08, SEPA Credit Transfer C2PSP implementation
guidelines (SLEV, no BIC within SEPA); CGI-MP for other payments.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from lxml import etree

from bankfiles.bank_text import ALLOWED
from prepay.money import to_decimal

VERSIONS = ("pain.001.001.09", "pain.001.001.03")
MAX_TRANSFERS = 100_000
MAX_REMITTANCE = 140
MAX_ID = 35


class Unsendable(ValueError):
    """A bank would refuse the file or cut something off: it is not written."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(f"{where}: {why}")


@dataclass(frozen=True, slots=True)
class PayingAccount:
    """Our account that pays: ISO 20022 `Dbtr`, `DbtrAcct`, `DbtrAgt`."""

    holder: str
    currency: str
    iban: str = ""
    account_number: str = ""
    bic: str = ""


@dataclass(frozen=True, slots=True)
class Transfer:
    """One payment: ISO 20022 `CdtTrfTxInf`. Texts are in the banks' characters already."""

    end_to_end_id: str
    amount_minor: int
    currency: str
    name: str
    remittance: str
    iban: str = ""
    account_number: str = ""
    bic: str = ""
    clearing_system: str = ""
    clearing_code: str = ""
    country: str = ""
    town: str = ""
    purpose: str = ""
    charge_bearer: str = ""


@dataclass(frozen=True, slots=True)
class PaymentOrder:
    """What a file says; its one `PmtInf` is called as the message is."""

    message_id: str
    created_at: datetime
    execute_on: date
    account: PayingAccount
    transfers: Sequence[Transfer]
    sepa: bool
    version: str = VERSIONS[0]


def write_pain001(order: PaymentOrder) -> bytes:
    """The file, the same bytes for the same order. Raises Unsendable."""
    _require(order)
    namespace = f"urn:iso:std:iso:20022:tech:xsd:{order.version}"
    root = etree.Element(f"{{{namespace}}}Document", nsmap={None: namespace})
    body = _sub(root, "CstmrCdtTrfInitn")
    count, total = str(len(order.transfers)), _total(order)
    header = _sub(body, "GrpHdr")
    _sub(header, "MsgId", order.message_id)
    _sub(header, "CreDtTm", order.created_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    _sub(header, "NbOfTxs", count)
    _sub(header, "CtrlSum", total)
    _sub(_sub(header, "InitgPty"), "Nm", order.account.holder)
    information = _sub(body, "PmtInf")
    _sub(information, "PmtInfId", order.message_id)
    _sub(information, "PmtMtd", "TRF")
    # Each payment is a booking of its own, so that anybody finds it on the statement.
    _sub(information, "BtchBookg", "false")
    _sub(information, "NbOfTxs", count)
    _sub(information, "CtrlSum", total)
    if order.sepa:
        _sub(_sub(_sub(information, "PmtTpInf"), "SvcLvl"), "Cd", "SEPA")
    day = _sub(information, "ReqdExctnDt")
    (day if _old(order) else _sub(day, "Dt")).text = order.execute_on.isoformat()
    _add_account(information, order)
    if order.sepa:
        _sub(information, "ChrgBr", "SLEV")
    for transfer in order.transfers:
        _add_transfer(information, order, transfer)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return written


def _require(order: PaymentOrder) -> None:
    if order.version not in VERSIONS:
        raise Unsendable(
            "The file", f"version {order.version!r} is not written; there is {' and '.join(VERSIONS)}"
        )
    if not 0 < len(order.transfers) <= MAX_TRANSFERS:
        raise Unsendable(
            "The file", f"it has {len(order.transfers)} payments, and takes 1 to {MAX_TRANSFERS}"
        )
    _require_text("MsgId", order.message_id, MAX_ID)
    _require_text("Dbtr/Nm", order.account.holder, 70)
    seen: set[str] = set()
    for number, transfer in enumerate(order.transfers, 1):
        where = f"CdtTrfTxInf[{number}]"
        _require_text(f"{where}/EndToEndId", transfer.end_to_end_id, MAX_ID)
        _require_text(f"{where}/Cdtr/Nm", transfer.name, 70)
        _require_text(f"{where}/RmtInf/Ustrd", transfer.remittance, MAX_REMITTANCE)
        if transfer.end_to_end_id in seen:
            raise Unsendable(f"{where}/EndToEndId", "another payment of the file has the same")
        if transfer.amount_minor <= 0 or transfer.currency != order.account.currency:
            raise Unsendable(f"{where}/Amt", f"it must be above zero and in {order.account.currency}")
        seen.add(transfer.end_to_end_id)


def _require_text(where: str, text: str, longest: int) -> None:
    # EPC217-08: an id neither begins nor ends with a slash, nor has two of them in a row.
    if not text.strip() or len(text) > longest or not ALLOWED.issuperset(text):
        raise Unsendable(where, f"it must be 1 to {longest} of the characters that banks take")
    if longest == MAX_ID and (text.startswith("/") or text.endswith("/") or "//" in text):
        raise Unsendable(where, "an id neither begins nor ends with a slash, nor has two in a row")


def _total(order: PaymentOrder) -> str:
    return to_decimal(sum(t.amount_minor for t in order.transfers), order.account.currency)


def _old(order: PaymentOrder) -> bool:
    return order.version.endswith(".03")


def _add_account(information: etree._Element, order: PaymentOrder) -> None:
    account = order.account
    _sub(_sub(information, "Dbtr"), "Nm", account.holder)
    held = _sub(information, "DbtrAcct")
    _add_number(held, account.iban, account.account_number)
    _sub(held, "Ccy", account.currency)
    bank = _sub(_sub(information, "DbtrAgt"), "FinInstnId")
    if account.bic:
        _sub(bank, "BIC" if _old(order) else "BICFI", account.bic)
    else:
        _sub(_sub(bank, "Othr"), "Id", "NOTPROVIDED")


def _add_transfer(information: etree._Element, order: PaymentOrder, transfer: Transfer) -> None:
    element = _sub(information, "CdtTrfTxInf")
    _sub(_sub(element, "PmtId"), "EndToEndId", transfer.end_to_end_id)
    amount = _sub(_sub(element, "Amt"), "InstdAmt", to_decimal(transfer.amount_minor, transfer.currency))
    amount.set("Ccy", transfer.currency)
    if not order.sepa:
        _sub(element, "ChrgBr", transfer.charge_bearer or "SHAR")
    _add_bank(element, order, transfer)
    creditor = _sub(element, "Cdtr")
    _sub(creditor, "Nm", transfer.name)
    if transfer.country:
        address = _sub(creditor, "PstlAdr")
        if transfer.town:
            _sub(address, "TwnNm", transfer.town)
        _sub(address, "Ctry", transfer.country)
    _add_number(_sub(element, "CdtrAcct"), transfer.iban, transfer.account_number)
    if transfer.purpose:
        _sub(_sub(element, "Purp"), "Cd", transfer.purpose)
    _sub(_sub(element, "RmtInf"), "Ustrd", transfer.remittance)


def _add_bank(element: etree._Element, order: PaymentOrder, transfer: Transfer) -> None:
    # Within SEPA the IBAN names the bank.
    if not (transfer.bic or transfer.clearing_code):
        return
    bank = _sub(_sub(element, "CdtrAgt"), "FinInstnId")
    if transfer.bic:
        _sub(bank, "BIC" if _old(order) else "BICFI", transfer.bic)
    if transfer.clearing_code:
        member = _sub(bank, "ClrSysMmbId")
        _sub(_sub(member, "ClrSysId"), "Cd", transfer.clearing_system)
        _sub(member, "MmbId", transfer.clearing_code)


def _add_number(parent: etree._Element, iban: str, number: str) -> None:
    held = _sub(parent, "Id")
    if iban:
        _sub(held, "IBAN", iban)
    else:
        _sub(_sub(held, "Othr"), "Id", number)


def _sub(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    child = etree.SubElement(parent, f"{{{etree.QName(parent).namespace}}}{name}")
    child.text = text
    return child
