"""Where the fields of a camt message stand, in all its versions: tables of element names, and how they are gathered.

A table maps the local name of an element to a slot (its text goes there, the first that has one wins), to a table for
what is inside it, or to a function for what is neither.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from lxml import etree

from bankfiles.refusals import Unreadable

MAX_TEXT = 10_000
"""Characters of one text; remittance has 140 in a line."""
MAX_TAGS = 1_000
"""Tags that a plan remembers: the known ones of some versions, and what files hold beside."""
MAX_REPEATS = 1_000
"""How often a text may repeat in one transaction."""

Slots = dict[str, Any]
Take = Callable[[etree._Element, Slots], None]
Table = Mapping[str, "str | Take | Table"]


class Plan(dict[str, Any]):
    """A table whose keys are the tags of one file: looked up by local name the first time a tag is met."""

    def __init__(self, table: Table) -> None:
        super().__init__()
        self._by_name = {name: Plan(to) if isinstance(to, Mapping) else to for name, to in table.items()}

    def __missing__(self, tag: str) -> Any:
        to = self._by_name.get(tag.rpartition("}")[2])
        if len(self) >= MAX_TAGS:
            self.clear()
        self[tag] = to
        return to


def gather(children: Iterable[etree._Element], plan: Plan, slots: Slots) -> None:
    """Put what the plan wants of these elements into the slots; `element[:]` gives all inside an element."""
    for child in children:
        to = plan[child.tag]
        if to is None:
            continue
        if to.__class__ is str:
            if not slots.get(to):
                text = child.text or ""
                # Said twice, here and in `clean`: this is the innermost line of the reader.
                slots[to] = text.strip() if len(text) <= MAX_TEXT and text.isprintable() else clean(text)
        elif to.__class__ is Plan:
            gather(child[:], to, slots)
        else:
            to(child, slots)


def clean(text: str) -> str:
    """A text of the file in one line. Raises Unreadable when it is too long."""
    if len(text) > MAX_TEXT:
        raise Unreadable("a text", f"at most {MAX_TEXT} characters", f"{len(text)} characters")
    return text.strip() if text.isprintable() else " ".join(text.split())


def _name(element: etree._Element) -> str:
    return str(element.tag).rpartition("}")[2]


def once(slot: str) -> Take:
    """A value on which money hangs: plain text, and given once."""

    def take(element: etree._Element, slots: Slots) -> None:
        if slot in slots or len(element):
            # Kept for later: it makes this entry unreadable, and no other.
            slots[slot] = None
        else:
            slots[slot] = (element.text or "").strip()

    return take


def money(slot: str) -> Take:
    """An amount as it stands: its text and its currency."""

    def take(element: etree._Element, slots: Slots) -> None:
        if slot in slots or len(element):
            slots[slot] = None
        else:
            slots[slot] = ((element.text or "").strip(), element.get("Ccy", ""))

    return take


def many(slot: str) -> Take:
    """A text that may repeat."""

    def take(element: etree._Element, slots: Slots) -> None:
        texts = slots.setdefault(slot, [])
        if len(texts) >= MAX_REPEATS:
            raise Unreadable(_name(element), f"at most {MAX_REPEATS} of them", "more")
        text = clean(element.text or "")
        if text:
            texts.append(text)

    return take


def largest(slot: str) -> Take:
    """A count that each of several groups may give: where one has several, the whole has."""

    def take(element: etree._Element, slots: Slots) -> None:
        counted = clean(element.text or "")
        known, found = (text.lstrip("0") for text in (slots.get(slot, ""), counted))
        if slot not in slots or (len(found), found) > (len(known), known):
            slots[slot] = counted

    return take


def either(slot: str, inner: Table) -> Take:
    """A text in old versions, elements in newer ones."""
    plan = Plan(inner)

    def take(element: etree._Element, slots: Slots) -> None:
        if len(element):
            gather(element[:], plan, slots)
            # Inside there is something, if nothing that is known: it was not left out.
            slots.setdefault(slot, None)
        else:
            once(slot)(element, slots)

    return take


def group(slot: str, inner: Table) -> Take:
    """A structure that may repeat: a list of slots."""
    plan = Plan(inner)

    def take(element: etree._Element, slots: Slots) -> None:
        found: Slots = {}
        gather(element[:], plan, found)
        groups = slots.setdefault(slot, [])
        if len(groups) >= MAX_REPEATS:
            raise Unreadable(_name(element), f"at most {MAX_REPEATS} of them", "more")
        groups.append(found)

    return take


def _account(slot: str) -> Table:
    number = {"Id": slot}
    return {"Id": {"IBAN": slot, "Othr": number, "BBAN": slot, "UPIC": slot, "PrtryAcct": number}}


def _agent(slot: str) -> Table:
    names: Table = {
        "ClrSysMmbId": {"MmbId": slot},
        "Nm": slot,
        "NmAndAdr": {"Nm": slot},
        "Othr": {"Id": slot},
    }
    return {"FinInstnId": {"BICFI": slot, "BIC": slot, **names}}


def _party(slot: str) -> Table:
    return {"Nm": slot, "Pty": {"Nm": slot}, "Agt": {"FinInstnId": {"Nm": slot}}}


def _date(slot: str) -> Table:
    return {"Dt": slot, "DtTm": slot}


_CODE: Table = {
    "Domn": {"Cd": "domain", "Fmly": {"Cd": "family", "SubFmlyCd": "sub_family"}},
    "Prtry": {"Cd": "proprietary"},
}
_CHARGE: Table = {
    "Amt": money("amount"),
    "CdtDbtInd": once("direction"),
    "ChrgInclInd": "included",
}
_CHARGES: Table = {
    "TtlChrgsAndTaxAmt": money("total"),
    "Rcrd": group("records", _CHARGE),
    **_CHARGE,
}
_BATCH: Table = {
    "MsgId": "batch_message_id",
    "PmtInfId": "batch_payment_information_id",
    "NbOfTxs": largest("batch_count"),
}

_PAGINATION: Table = {"PgNb": "page", "LastPgInd": "last_page"}

GROUP_HEADER: Table = {"MsgId": "message_id", "CreDtTm": "created", "MsgPgntn": _PAGINATION}

_TOTALS: Table = {
    "NbOfNtries": "count",
    "Sum": "sum",
    "TtlNetNtryAmt": "net",
    "CdtDbtInd": "net_direction",
    "TtlNetNtry": {"Amt": "net", "CdtDbtInd": "net_direction"},
}

STATEMENT: Table = {
    "Id": "statement_id",
    "StmtPgntn": _PAGINATION,
    "RptPgntn": _PAGINATION,
    "NtfctnPgntn": _PAGINATION,
    "ElctrncSeqNb": "sequence",
    "LglSeqNb": "legal_sequence",
    "CreDtTm": "created",
    "CpyDplctInd": "copy",
    "Acct": {**_account("account"), "Ccy": "currency"},
    "RltdAcct": _account("related_account"),
    "Bal": group(
        "balances",
        {
            "Tp": {"CdOrPrtry": {"Cd": "code", "Prtry": "code"}, "Cd": "code"},
            "Amt": money("amount"),
            "CdtDbtInd": once("direction"),
            "Dt": _date("on"),
        },
    ),
    "TxsSummry": {
        "TtlNtries": group("TtlNtries", _TOTALS),
        "TtlCdtNtries": group("TtlCdtNtries", _TOTALS),
        "TtlDbtNtries": group("TtlDbtNtries", _TOTALS),
    },
}

TRANSACTION: Table = {
    "Refs": {
        "AcctSvcrRef": "bank_reference",
        "EndToEndId": "end_to_end_id",
        "InstrId": "instruction_id",
        "TxId": "transaction_id",
        "UETR": "uetr",
        "MsgId": "message_id",
        "PmtInfId": "payment_information_id",
    },
    "Amt": money("amount"),
    "CdtDbtInd": once("direction"),
    "AmtDtls": {
        "InstdAmt": {"Amt": money("instructed")},
        "TxAmt": {"Amt": money("transaction_amount")},
        "CntrValAmt": {"Amt": money("counter_value")},
    },
    "BkTxCd": _CODE,
    "Chrgs": group("charges", _CHARGES),
    "RltdPties": {
        "Dbtr": _party("payer_name"),
        "DbtrAcct": _account("payer_account"),
        "UltmtDbtr": _party("ultimate_payer"),
        "Cdtr": _party("payee_name"),
        "CdtrAcct": _account("payee_account"),
    },
    "RltdAgts": {"DbtrAgt": _agent("payer_bank"), "CdtrAgt": _agent("payee_bank")},
    "RmtInf": {
        "Ustrd": many("free"),
        "Strd": {
            "CdtrRefInf": {"Ref": many("structured"), "CdtrRef": many("structured")},
            "RfrdDocInf": {"Nb": many("free"), "RfrdDocNb": many("free")},
            "AddtlRmtInf": many("free"),
        },
        # Where no schema has it, and a bank in Denmark writes it.
        "AddtlRmtInf": many("free"),
    },
    "RtrInf": {"Rsn": {"Cd": "return_reason", "Prtry": "return_reason"}, "AddtlInf": many("return_text")},
    "AddtlTxInf": many("free"),
}

DETAILS: Table = {"Btch": _BATCH}

ENTRY: Table = {
    "NtryRef": "entry_reference",
    "Amt": money("amount"),
    "CdtDbtInd": once("direction"),
    "RvslInd": once("reversal"),
    "Sts": either("status", {"Cd": once("status"), "Prtry": once("status")}),
    "BookgDt": _date("booked"),
    "ValDt": _date("value"),
    "AcctSvcrRef": "bank_reference",
    "BkTxCd": _CODE,
    "AmtDtls": {"InstdAmt": {"Amt": money("instructed")}},
    "Chrgs": group("charges", _CHARGES),
    "Btch": _BATCH,
    "NtryDtls": DETAILS,
    "AddtlNtryInf": "note",
}
