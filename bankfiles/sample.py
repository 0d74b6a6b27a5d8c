"""Writes camt files of any size with known content, for tests, benches and the demonstration: streaming, no judge."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from os import PathLike
from typing import BinaryIO
from xml.sax.saxutils import escape

from prepay.money import to_decimal

STATUS_CODE_FROM = 7
"""The version from which a status is an element of its own."""
PARTY_FROM = 8
"""The version from which a party stands inside `Pty`, and a bank's code is a BICFI."""


@dataclass(frozen=True, slots=True)
class Payment:
    """One booked movement; a debit has a negative amount."""

    amount_minor: int
    bank_reference: str = ""
    structured: str = ""
    free: tuple[str, ...] = ()
    end_to_end_id: str = "NOTPROVIDED"
    payer_name: str = "ACME GmbH"
    payer_account: str = "DE02120300000000202051"
    payer_bank: str = "BYLADEM1001"
    payee_account: str = ""
    status: str = "BOOK"
    booked_on: date = date(2026, 11, 23)
    value_on: date | None = None
    reversal: bool = False
    code: str = "PMNT/RCDT/ESCT"
    """The bank transaction code: domain, family, sub-family."""
    charges_minor: int = 0
    return_reason: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """Payments that the bank books as one entry; without `details` it keeps to itself which."""

    payments: tuple[Payment, ...]
    bank_reference: str = ""
    details: bool = True
    payment_information_id: str = ""
    """The payment file that a batch of debits is of."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A statement or notification of one account. `entries` may be a generator: it is read once, as it is written."""

    account: str
    currency: str
    entries: Iterable[Payment | Batch]
    statement_id: str = "STATEMENT-1"
    sequence: str = "1"
    opening_minor: int = 0
    closing_minor: int = 0
    created_on: date = date(2026, 11, 23)
    page: int = 0
    """Which page of its statement it is, from 1; 0 for a statement in one piece."""
    last_page: bool = True
    related_account: str = ""


_MESSAGES = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def write_camt(
    target: str | PathLike[str] | BinaryIO,
    sheets: Iterable[Sheet],
    *,
    format: str = "camt.054",
    version: int = 8,
    encoding: str = "UTF-8",
) -> None:
    """Write the sheets as one message. camt.053 states the sheet's opening and closing balances as given."""
    if isinstance(target, str | PathLike):
        with open(target, "wb") as stream:
            write_camt(stream, sheets, format=format, version=version, encoding=encoding)
        return
    pieces: list[str] = []
    for piece in _message(sheets, format, version, encoding):
        pieces.append(piece)
        if len(pieces) >= 1_000:
            target.write("".join(pieces).encode(encoding))
            pieces.clear()
    target.write("".join(pieces).encode(encoding))


def _message(sheets: Iterable[Sheet], format: str, version: int, encoding: str) -> Iterator[str]:
    message, statement = _MESSAGES[format]
    yield f'<?xml version="1.0" encoding="{encoding}"?>\n'
    yield f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:{format}.001.{version:02d}">\n<{message}>\n'
    yield "<GrpHdr><MsgId>MESSAGE-1</MsgId><CreDtTm>2026-11-23T06:00:00+01:00</CreDtTm></GrpHdr>\n"
    for sheet in sheets:
        yield f"<{statement}>\n"
        yield from _sheet(sheet, format, version)
        yield f"</{statement}>\n"
    yield f"</{message}>\n</Document>\n"


def _sheet(sheet: Sheet, format: str, version: int) -> Iterator[str]:
    yield f"<Id>{escape(sheet.statement_id)}</Id>{_pagination(sheet, format)}"
    yield f"<ElctrncSeqNb>{sheet.sequence}</ElctrncSeqNb>"
    yield f"<CreDtTm>{sheet.created_on}T06:00:00+01:00</CreDtTm>\n"
    yield f"<Acct>{_account(sheet.account)}<Ccy>{sheet.currency}</Ccy></Acct>\n"
    if sheet.related_account:
        yield f"<RltdAcct>{_account(sheet.related_account)}</RltdAcct>\n"
    if format == "camt.053":
        opens, closes = sheet.page <= 1, sheet.page == 0 or sheet.last_page
        opened_on = sheet.created_on - timedelta(days=opens)
        yield _balance("OPBD" if opens else "ITBD", sheet.opening_minor, sheet.currency, opened_on)
        yield _balance("CLBD" if closes else "ITBD", sheet.closing_minor, sheet.currency, sheet.created_on)
    for entry in sheet.entries:
        yield _entry(entry, sheet.currency, version)


def _pagination(sheet: Sheet, format: str) -> str:
    if not sheet.page:
        return ""
    element = f"{_MESSAGES[format][1]}Pgntn"
    return f"<{element}><PgNb>{sheet.page}</PgNb><LastPgInd>{str(sheet.last_page).lower()}</LastPgInd></{element}>"


def _balance(code: str, minor: int, currency: str, on: date) -> str:
    return (
        f"<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp>{_amount(minor, currency)}"
        f"<Dt><Dt>{on}</Dt></Dt></Bal>\n"
    )


def _amount(minor: int, currency: str) -> str:
    indicator = "CRDT" if minor >= 0 else "DBIT"
    return f'<Amt Ccy="{currency}">{to_decimal(abs(minor), currency)}</Amt><CdtDbtInd>{indicator}</CdtDbtInd>'


def _entry(entry: Payment | Batch, currency: str, version: int) -> str:
    payments = entry.payments if isinstance(entry, Batch) else (entry,)
    first, minor = payments[0], sum(payment.amount_minor for payment in payments)
    status = f"<Cd>{first.status}</Cd>" if version >= STATUS_CODE_FROM else first.status
    reversal = "<RvslInd>true</RvslInd>" if first.reversal else ""
    reference = f"<AcctSvcrRef>{escape(entry.bank_reference)}</AcctSvcrRef>" if entry.bank_reference else ""
    batch = _batch(entry) if isinstance(entry, Batch) else ""
    domain, family, sub_family = first.code.split("/")
    told = isinstance(entry, Payment) or entry.details
    details = (
        "".join(_transaction(p, currency, version, isinstance(entry, Batch)) for p in payments)
        if told
        else ""
    )
    return (
        f"<Ntry>{_amount(minor, currency)}{reversal}<Sts>{status}</Sts>"
        f"<BookgDt><Dt>{first.booked_on}</Dt></BookgDt><ValDt><Dt>{first.value_on or first.booked_on}</Dt></ValDt>"
        f"{reference}<BkTxCd><Domn><Cd>{domain}</Cd>"
        f"<Fmly><Cd>{family}</Cd><SubFmlyCd>{sub_family}</SubFmlyCd></Fmly></Domn></BkTxCd>"
        f"<NtryDtls>{batch}{details}</NtryDtls></Ntry>\n"
    )


def _batch(entry: Batch) -> str:
    of = entry.payment_information_id
    named = f"<PmtInfId>{escape(of)}</PmtInfId>" if of else ""
    return f"<Btch>{named}<NbOfTxs>{len(entry.payments)}</NbOfTxs></Btch>"


def _transaction(payment: Payment, currency: str, version: int, of_batch: bool) -> str:
    name = f"<Nm>{escape(payment.payer_name)}</Nm>"
    party = f"<Pty>{name}</Pty>" if version >= PARTY_FROM else name
    bic = "BICFI" if version >= PARTY_FROM else "BIC"
    own = (
        f"<AcctSvcrRef>{escape(payment.bank_reference)}</AcctSvcrRef>"
        if of_batch and payment.bank_reference
        else ""
    )
    structured = f"<Strd><CdtrRefInf><Ref>{escape(payment.structured)}</Ref></CdtrRefInf></Strd>"
    remittance = "".join(f"<Ustrd>{escape(line)}</Ustrd>" for line in payment.free)
    charges = _charges(payment.charges_minor, currency) if payment.charges_minor else ""
    reason = f"<RtrInf><Rsn><Cd>{payment.return_reason}</Cd></Rsn></RtrInf>"
    returned = reason if payment.return_reason else ""
    payee = f"<CdtrAcct>{_account(payment.payee_account)}</CdtrAcct>" if payment.payee_account else ""
    return (
        f"<TxDtls><Refs>{own}<EndToEndId>{escape(payment.end_to_end_id)}</EndToEndId></Refs>"
        f"{_amount(payment.amount_minor, currency)}{charges}"
        f"<RltdPties><Dbtr>{party}</Dbtr><DbtrAcct>{_account(payment.payer_account)}</DbtrAcct>{payee}</RltdPties>"
        f"<RltdAgts><DbtrAgt><FinInstnId><{bic}>{payment.payer_bank}</{bic}></FinInstnId></DbtrAgt></RltdAgts>"
        f"<RmtInf>{remittance}{structured if payment.structured else ''}</RmtInf>{returned}</TxDtls>"
    )


def _charges(minor: int, currency: str) -> str:
    return (
        f'<Chrgs><Rcrd><Amt Ccy="{currency}">{to_decimal(minor, currency)}</Amt><CdtDbtInd>DBIT</CdtDbtInd>'
        "<ChrgInclInd>true</ChrgInclInd></Rcrd></Chrgs>"
    )


def _account(number: str) -> str:
    iban = len(number) > 14 and number[:2].isalpha() and number[2:4].isdigit()
    return f"<Id><IBAN>{number}</IBAN></Id>" if iban else f"<Id><Othr><Id>{escape(number)}</Id></Othr></Id>"
