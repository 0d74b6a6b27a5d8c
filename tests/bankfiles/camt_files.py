"""Small camt files written by hand, element by element, for the tests of the reader."""

import io
from collections.abc import Iterable

from bankfiles import Entry, Event, Quarantine, read
from bankfiles.sample import Batch, Payment, Sheet, write_camt

ACCOUNT = "DE89370400440532013000"
_MESSAGES = {
    "camt.052": ("BkToCstmrAcctRpt", "Rpt"),
    "camt.053": ("BkToCstmrStmt", "Stmt"),
    "camt.054": ("BkToCstmrDbtCdtNtfctn", "Ntfctn"),
}


def entry(inside: str = "", *, amount: str = "100.00", currency: str = "EUR", way: str = "CRDT") -> str:
    """A booked entry; `inside` comes after its status."""
    return (
        f'<Ntry><Amt Ccy="{currency}">{amount}</Amt><CdtDbtInd>{way}</CdtDbtInd><Sts>BOOK</Sts>'
        f"<BookgDt><Dt>2026-11-23</Dt></BookgDt><ValDt><Dt>2026-11-24</Dt></ValDt>{inside}</Ntry>"
    )


def transaction(inside: str = "", *, amount: str = "", currency: str = "EUR", way: str = "") -> str:
    money = f'<Amt Ccy="{currency}">{amount}</Amt>' if amount else ""
    indicator = f"<CdtDbtInd>{way}</CdtDbtInd>" if way else ""
    return f"<TxDtls>{money}{indicator}{inside}</TxDtls>"


def details(*transactions: str) -> str:
    return f"<NtryDtls>{''.join(transactions)}</NtryDtls>"


def balance(code: str, amount: str, *, currency: str = "EUR", way: str = "CRDT") -> str:
    return (
        f'<Bal><Tp><CdOrPrtry><Cd>{code}</Cd></CdOrPrtry></Tp><Amt Ccy="{currency}">{amount}</Amt>'
        f"<CdtDbtInd>{way}</CdtDbtInd><Dt><Dt>2026-11-23</Dt></Dt></Bal>"
    )


def statement(*inside: str, format: str = "camt.054", account: str = ACCOUNT) -> str:
    element = _MESSAGES[format][1]
    head = f"<Id>S-1</Id><CreDtTm>2026-11-23T06:00:00</CreDtTm><Acct><Id><IBAN>{account}</IBAN></Id></Acct>"
    return f"<{element}>{head}{''.join(inside)}</{element}>"


def document(*statements: str, format: str = "camt.054", version: str = "08") -> str:
    message = _MESSAGES[format][0]
    namespace = f"urn:iso:std:iso:20022:tech:xsd:{format}.001.{version}"
    header = "<GrpHdr><MsgId>M-1</MsgId></GrpHdr>"
    return f'<Document xmlns="{namespace}"><{message}>{header}{"".join(statements)}</{message}></Document>'


def notification(*entries: str) -> bytes:
    """A camt.054 of these entries."""
    return document(statement(*entries)).encode()


def booked_statement(opening: str, closing: str, *inside: str) -> bytes:
    """A camt.053 with these booked balances."""
    balances = balance("OPBD", opening), balance("CLBD", closing)
    return document(statement(*balances, *inside, format="camt.053"), format="camt.053").encode()


def written(entries: Iterable[Payment | Batch], format: str = "camt.054", **options: object) -> bytes:
    """What the sample writer makes of these, as one statement whose balances chain."""
    kept = list(entries)
    payments = [p for e in kept for p in (e.payments if isinstance(e, Batch) else (e,))]
    closing = sum(p.amount_minor for p in payments if p.status == "BOOK")
    stream = io.BytesIO()
    sheet = Sheet(ACCOUNT, "EUR", kept, closing_minor=closing)
    write_camt(stream, [sheet], format=format, **options)  # type: ignore[arg-type]
    return stream.getvalue()


def entries_of(data: bytes) -> list[Entry]:
    return [event for event in read(data) if isinstance(event, Entry)]


def quarantined_of(data: bytes) -> list[Quarantine]:
    return [event for event in read(data) if isinstance(event, Quarantine)]


def only_entry(data: bytes) -> Entry:
    (found,) = _entries_and_quarantined(read(data))
    assert isinstance(found, Entry), found
    return found


def only_quarantine(data: bytes) -> Quarantine:
    (found,) = _entries_and_quarantined(read(data))
    assert isinstance(found, Quarantine), found
    return found


def _entries_and_quarantined(events: Iterable[Event]) -> list[Entry | Quarantine]:
    return [event for event in events if isinstance(event, Entry | Quarantine)]
