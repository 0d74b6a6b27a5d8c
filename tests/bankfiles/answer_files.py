"""Status reports and payment returns as banks write them."""

from collections.abc import Sequence

Said = tuple[str, str, str]
"""EndToEndId, status, reason code."""


def pain002(
    message_id: str,
    payments: Sequence[Said] = (),
    group: str = "",
    reason: str = "",
    batch: str = "",
    version: str = "10",
    text: str = "",
) -> bytes:
    """A status report about a payment file."""
    told = f"<AddtlInf>{text}</AddtlInf>" if text else ""
    status = f"<GrpSts>{group}</GrpSts>{_why(reason, told)}" if group else ""
    each = "".join(
        f"<TxInfAndSts><OrgnlEndToEndId>{name}</OrgnlEndToEndId><TxSts>{code}</TxSts>{_why(why, told)}</TxInfAndSts>"
        for name, code, why in payments
    )
    batched = f"<PmtInfSts>{batch}</PmtInfSts>{_why(reason, told)}" if batch else ""
    information = (
        f"<OrgnlPmtInfAndSts><OrgnlPmtInfId>{message_id}</OrgnlPmtInfId>{batched}{each}</OrgnlPmtInfAndSts>"
        if each or batch
        else ""
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.{version}">'
        "<CstmrPmtStsRpt><GrpHdr><MsgId>B-1</MsgId><CreDtTm>2026-11-26T12:00:00Z</CreDtTm></GrpHdr>"
        f"<OrgnlGrpInfAndSts><OrgnlMsgId>{message_id}</OrgnlMsgId><OrgnlMsgNmId>pain.001.001.09</OrgnlMsgNmId>{status}"
        f"</OrgnlGrpInfAndSts>{information}</CstmrPmtStsRpt></Document>\n"
    ).encode()


def pacs004(message_id: str, payments: Sequence[tuple[str, str]]) -> bytes:
    """Payments that come back, each with its reason."""
    each = "".join(
        f"<TxInf><OrgnlEndToEndId>{name}</OrgnlEndToEndId><RtrRsnInf><Rsn><Cd>{code}</Cd></Rsn></RtrRsnInf></TxInf>"
        for name, code in payments
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.09">'
        "<PmtRtr><GrpHdr><MsgId>B-2</MsgId></GrpHdr>"
        f"<OrgnlGrpInf><OrgnlMsgId>{message_id}</OrgnlMsgId></OrgnlGrpInf>{each}</PmtRtr></Document>\n"
    ).encode()


def _why(code: str, told: str) -> str:
    return f"<StsRsnInf><Rsn><Cd>{code}</Cd></Rsn>{told}</StsRsnInf>" if code else ""
