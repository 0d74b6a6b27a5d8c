"""What banks answer to payment files, as it is read: by local names, whatever the version."""

import pytest

from bankfiles import Format, detect, read_answers, survey
from bankfiles.refusals import Broken, HasDoctype
from tests.bankfiles.answer_files import pacs004, pain002


class TestStatusReport:
    def test_of_each_payment_with_its_reason(self) -> None:
        (answer,) = read_answers(
            pain002("PP-1", [("E-1", "ACCP", ""), ("E-2", "RJCT", "AC04")], group="PART")
        )
        assert (answer.message_id, answer.format, answer.version) == (
            "PP-1",
            Format.PAIN_002,
            "pain.002.001.10",
        )
        assert answer.group is not None
        assert answer.group.code == "PART"
        said = [(p.end_to_end_id, p.code, p.reason, p.batch_id) for p in answer.payments]
        assert said == [("E-1", "ACCP", "", "PP-1"), ("E-2", "RJCT", "AC04", "PP-1")]

    def test_of_the_whole_file(self) -> None:
        (answer,) = read_answers(pain002("PP-1", group="RJCT", reason="FF01", text="line 3"))
        assert answer.group is not None
        assert (answer.group.code, answer.group.reason, answer.group.text) == ("RJCT", "FF01", "line 3")

    def test_without_a_namespace_or_in_a_prefix(self) -> None:
        plain = pain002("PP-1", [("E-1", "RJCT", "RC01")])
        bare = plain.replace(b' xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.10"', b"")
        assert read_answers(bare)[0].payments == read_answers(plain)[0].payments

    def test_an_old_one_has_the_payments_beside_the_batch(self) -> None:
        old = (
            b"<Document><CstmrPmtStsRpt><OrgnlGrpInfAndSts><OrgnlMsgId>PP-1</OrgnlMsgId></OrgnlGrpInfAndSts>"
            b"<TxInfAndSts><OrgnlPmtInfId>PP-1</OrgnlPmtInfId><OrgnlEndToEndId>E-1</OrgnlEndToEndId>"
            b"<TxSts>RJCT</TxSts></TxInfAndSts></CstmrPmtStsRpt></Document>"
        )
        (answer,) = read_answers(old)
        assert [(p.end_to_end_id, p.batch_id) for p in answer.payments] == [("E-1", "PP-1")]

    def test_the_first_versions_have_other_names(self) -> None:
        old = (
            b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pain.002.001.02"><pain.002.001.02><GrpHdr/>'
            b"<OrgnlGrpInfAndSts><OrgnlMsgId>PP-1</OrgnlMsgId><GrpSts>PART</GrpSts></OrgnlGrpInfAndSts>"
            b"<TxInfAndSts><OrgnlPmtInfId>PP-1</OrgnlPmtInfId><OrgnlEndToEndId>E-1</OrgnlEndToEndId>"
            b"<TxSts>RJCT</TxSts><StsRsnInf><StsRsn><Cd>AC01</Cd></StsRsn><AddtlStsRsnInf>Unknown</AddtlStsRsnInf>"
            b"</StsRsnInf></TxInfAndSts></pain.002.001.02></Document>"
        )
        (answer,) = read_answers(old)
        assert (answer.format, answer.version, answer.message_id) == (
            Format.PAIN_002,
            "pain.002.001.02",
            "PP-1",
        )
        said = [(p.end_to_end_id, p.code, p.reason, p.text) for p in answer.payments]
        assert said == [("E-1", "RJCT", "AC01", "Unknown")]
        assert (survey(old).outcome, survey(old).version) == ("read", "pain.002.001.02")

    def test_what_it_accepts_is_never_taken_for_a_return(self) -> None:
        odd = (
            b"<Document><CstmrPmtStsRpt><OrgnlPmtInf><TxInf><OrgnlEndToEndId>E-1</OrgnlEndToEndId>"
            b"<TxSts>ACSC</TxSts></TxInf></OrgnlPmtInf></CstmrPmtStsRpt></Document>"
        )
        (answer,) = read_answers(odd)
        assert [(p.end_to_end_id, p.code) for p in answer.payments] == [("E-1", "ACSC")]

    def test_several_of_them_in_one_file(self) -> None:
        answers = read_answers(pain002("PP-1", group="ACCP") + pain002("PP-2", group="RJCT", reason="FF01"))
        assert [answer.message_id for answer in answers] == ["PP-1", "PP-2"]


class TestPaymentReturn:
    def test_each_payment_with_its_reason(self) -> None:
        (answer,) = read_answers(pacs004("PP-1", [("E-1", "MD07"), ("E-2", "AC04")]))
        assert answer.format is Format.PACS_004
        assert [(p.end_to_end_id, p.code, p.reason) for p in answer.payments] == [
            ("E-1", "RJCT", "MD07"),
            ("E-2", "RJCT", "AC04"),
        ]

    def test_the_first_version_has_other_names(self) -> None:
        old = (
            b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:pacs.004.001.01"><pacs.004.001.01><GrpHdr/>'
            b"<OrgnlGrpInf><OrgnlMsgId>PP-1</OrgnlMsgId></OrgnlGrpInf><TxInf><OrgnlEndToEndId>E-1</OrgnlEndToEndId>"
            b"<RtrRsnInf><RtrRsn><Cd>AC04</Cd></RtrRsn><AddtlRtrRsnInf>Closed</AddtlRtrRsnInf></RtrRsnInf></TxInf>"
            b"</pacs.004.001.01></Document>"
        )
        (answer,) = read_answers(old)
        assert (answer.format, answer.message_id) == (Format.PACS_004, "PP-1")
        said = [(p.end_to_end_id, p.code, p.reason, p.text) for p in answer.payments]
        assert said == [("E-1", "RJCT", "AC04", "Closed")]


class TestKind:
    @pytest.mark.parametrize(
        ("content", "version"),
        [(pain002("P", group="ACCP"), "pain.002.001.10"), (pacs004("P", [("E", "AC04")]), "pacs.004.001.09")],
    )
    def test_by_what_is_inside(self, content: bytes, version: str) -> None:
        detected = detect(content)
        assert detected is not None
        assert detected.version == version
        assert (survey(content).outcome, survey(content).version) == ("read", version)


class TestBroken:
    def test_a_file_that_ends_early_is_held(self) -> None:
        content = pain002("PP-1", [("E-1", "RJCT", "AC04")])
        found = survey(content[:-60])
        assert (found.outcome, found.held_for) == ("held", "structure")

    def test_a_document_type_is_refused(self) -> None:
        with pytest.raises(HasDoctype):
            read_answers(b"<!DOCTYPE x><Document/>")

    def test_a_file_without_a_report_is_broken(self) -> None:
        with pytest.raises(Broken):
            read_answers(b"<Document><Other/></Document>")
