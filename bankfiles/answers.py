"""What banks answer to payment files: pain.002 (status reports) and pacs.004 (payments that come back), any version.

Read as tolerantly as statements are: namespaces and versions do not matter, what is not needed is not looked at.
Sources: ISO 20022 message definition reports of pain.002 and pacs.004; EPC130-08 for what SEPA banks fill in.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from lxml import etree

from bankfiles.entry import Format
from bankfiles.refusals import Broken, TooLarge
from bankfiles.xmlsource import XmlSource, elements

ANSWERS = {
    "CstmrPmtStsRpt": Format.PAIN_002,
    "PmtRtr": Format.PACS_004,
    # The first versions have the name of the message itself.
    "pain.002.001.01": Format.PAIN_002,
    "pain.002.001.02": Format.PAIN_002,
    "pacs.004.001.01": Format.PACS_004,
}
"""The element that holds a message of that kind."""
ANSWER_FORMATS = frozenset(ANSWERS.values())
MAX_STATUSES = 10_000
MAX_TEXT = 500
MAX_ID = 35

REJECTED = "RJCT"
TAKEN = frozenset({"ACTC", "ACCP", "ACSP", "ACSC", "ACCC", "ACWC", "ACWP", "PATC", "PART"})
"""External payment status codes of a bank that has taken it; RCVD and PDNG say nothing yet."""


@dataclass(frozen=True, slots=True)
class Status:
    """What the bank says of one payment, of a batch, or of the whole file; empty where it says nothing."""

    line: int
    code: str = ""
    """External status code; of a pacs.004 always `RJCT`: the payment comes back."""
    reason: str = ""
    """External reason code, the first one that is given."""
    text: str = ""
    end_to_end_id: str = ""
    batch_id: str = ""


@dataclass(slots=True)
class Answer:
    """One report about one file of ours."""

    format: Format
    version: str
    message_id: str = ""
    """The file of ours: `OrgnlMsgId`."""
    group: Status | None = None
    batches: list[Status] = field(default_factory=list)
    payments: list[Status] = field(default_factory=list)

    @property
    def statuses(self) -> int:
        """How many there are."""
        return len(self.payments) + len(self.batches) + (self.group is not None)


_PIECES = ("OrgnlGrpInf", "OrgnlGrpInfAndSts", "OrgnlPmtInfAndSts", "TxInfAndSts", "TxInf", *ANSWERS)


def is_answer(format: str) -> bool:
    """Whether files of that format, with its version or without, are answers to payment files."""
    return format[:8] in ANSWER_FORMATS


def read_answers(source: bytes | BinaryIO) -> list[Answer]:
    """The reports of a file. Raises Refused, and Held where its structure is broken."""
    found: list[Answer] = []
    for document in XmlSource(source).documents():
        found += _reports(document)
    if not found:
        raise Broken(1, "expected a status report or a payment return, found none")
    return found


def _reports(document: XmlSource) -> Iterator[Answer]:
    answer = Answer(Format.PAIN_002, "")
    batch: list[Status] = []
    for count, element in enumerate(elements(document, _PIECES)):
        name = _name(element)
        if count > MAX_STATUSES:
            raise TooLarge("The file", f"{MAX_STATUSES} statuses")
        if name in ANSWERS:
            answer.format, answer.version = ANSWERS[name], _version(element)
            yield answer
            answer = Answer(Format.PAIN_002, "")
        elif name in ("OrgnlGrpInf", "OrgnlGrpInfAndSts"):
            # pacs.004 may name the file in each payment instead.
            answer.message_id = answer.message_id or next(
                (_text(child) for child in element if _name(child) == "OrgnlMsgId"), ""
            )
            answer.group = answer.group or _status(element, document, "GrpSts")
        elif name == "OrgnlPmtInfAndSts":
            one = _status(element, document, "PmtInfSts")
            answer.batches.append(one)
            answer.payments += [_with_batch(payment, one.batch_id) for payment in batch]
            batch = []
        else:
            _take(answer, batch, element, document)
        if name not in ANSWERS and name != "OrgnlGrpInf":
            element.clear(keep_tail=False)
        document.progress()


def _take(answer: Answer, batch: list[Status], element: etree._Element, document: XmlSource) -> None:
    status = _status(element, document, "TxSts")
    parent = element.getparent()
    around = "" if parent is None else _name(parent)
    # What a return holds comes back; of a report it counts what is said, whatever its elements are called.
    if ANSWERS.get(around) is Format.PACS_004:
        status = Status(
            status.line, REJECTED, status.reason, status.text, status.end_to_end_id, status.batch_id
        )
    # Older versions have the payments beside their batch, each naming it.
    (batch if around == "OrgnlPmtInfAndSts" else answer.payments).append(status)


def _with_batch(status: Status, batch_id: str) -> Status:
    return Status(
        status.line,
        status.code,
        status.reason,
        status.text,
        status.end_to_end_id,
        status.batch_id or batch_id,
    )


def _status(element: etree._Element, document: XmlSource, code: str) -> Status:
    told: dict[str, str] = {}
    texts: list[str] = []
    for child in element:
        name = _name(child)
        if name in ("StsRsnInf", "RtrRsnInf"):
            _gather_reason(child, told, texts)
        elif name in (code, "OrgnlEndToEndId", "OrgnlPmtInfId"):
            told.setdefault(name, _text(child))
    return Status(
        line=document.line_offset + (element.sourceline or 0),
        code=told.get(code, "")[:4].upper(),
        reason=told.get("reason", "")[:MAX_ID].upper(),
        text=" ".join(texts)[:MAX_TEXT],
        end_to_end_id=told.get("OrgnlEndToEndId", "")[:MAX_ID],
        batch_id=told.get("OrgnlPmtInfId", "")[:MAX_ID],
    )


def _gather_reason(element: etree._Element, told: dict[str, str], texts: list[str]) -> None:
    """The first reason that is given; the first versions call it `StsRsn` or `RtrRsn`."""
    for child in element:
        name = _name(child)
        if name in ("Rsn", "StsRsn", "RtrRsn") and len(child):
            told.setdefault("reason", _text(child[0]))
        elif name in ("AddtlInf", "AddtlStsRsnInf", "AddtlRtrRsnInf"):
            texts.append(_text(child))


def _name(element: etree._Element) -> str:
    # Not by QName: it refuses names that a broken file may have.
    return str(element.tag).rpartition("}")[2]


def _text(element: etree._Element) -> str:
    return " ".join((element.text or "").split())


def _version(element: etree._Element) -> str:
    """As the namespace names it."""
    namespace = str(element.tag).partition("}")[0]
    return namespace.rpartition(":")[2][:20] if ":xsd:" in namespace else ""
