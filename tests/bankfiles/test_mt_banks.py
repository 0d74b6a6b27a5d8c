"""Statement lines as banks write them: whose account it is, how much, which way, when, and by which references."""

from datetime import date

import pytest

from bankfiles import Instructed, survey
from tests.bankfiles.camt_files import only_entry
from tests.bankfiles.mt_files import entry, of, statement

IBAN = "DE89370400440532013000"
JANUARY = date(2026, 1, 5)

# Bank, `:61:` without its tag, then: signed minor units, booking date, end-to-end id, bank's reference, note.
LINES = [
    ("ABN AMRO", "2601050105C10,5N196NONREF", 1050, JANUARY, "", "", ""),
    ("ASN and SNS", "260105    D65,00NIDBNL91ABNA0417164300\nacme bv", -6500, JANUARY, "", "", "NL91ABNA0417164300"),
    ("Bank Austria", "2601050105CR1000,00NTRFNONREF//1234-5", 100000, JANUARY, "", "1234-5", ""),
    ("Bank of America", "2601050104C500,00FCHK12345//987", 50000, date(2026, 1, 4), "12345", "987", ""),
    ("BIL", "2601050105DR5,NTRFOURS 11//MUL1\n/OCMT/EUR4,5//IACC/D3/", -500, JANUARY, "OURS 11", "MUL1", "IACC/D3"),
    ("Citi", "260105CD1,75NTRFNONREF//0000", 175, JANUARY, "", "0000", ""),
    ("Commerzbank", "2601050105CR23,45N062NONREF", 2345, JANUARY, "", "", ""),
    ("Commerzbank, a space", "2601050105D12,35 NRTIKREF+//2-1", -1235, JANUARY, "", "2-1", ""),
    ("Deutsche Bank", "2601050105RCR3,00NTRFKREF+//1-2", -300, JANUARY, "", "1-2", ""),
    ("Ecobank", "2601050105CF100,NTRFPAY-1//M01", 10000, JANUARY, "PAY-1", "M01", ""),
    ("Goldman Sachs", "2601050105CD10,00ASPHPAY-1", 1000, JANUARY, "PAY-1", "", ""),
    ("HypoVereinsbank", "2601050105RD3,00NSTONONREF", 300, JANUARY, "", "", ""),
    ("HSBC", "2601051231C70,00NTRFPAY-1//A1\nBANK CHARGE", 7000, date(2025, 12, 31), "PAY-1", "A1", "BANK CHARGE"),
    ("ING", "2601050105C100,00NTRFEREF//2601050000#1\n/TRCD/00100/", 10000, JANUARY, "", "2601050000#1", "TRCD/00100"),
    ("ING, in one line", "2601050105C1,00NTRFEREF//0000#1/TRCD/00100/", 100, JANUARY, "", "0000#1", "TRCD/00100"),
    ("ING, before SEPA", "260105D25,03NOV NONREF", -2503, JANUARY, "", "", ""),
    ("ING, with a space", "2601050105C50,00 NTRFNONREF//R-1", 5000, JANUARY, "", "R-1", ""),
    ("Knab", "2601050105D7,5NTRFNONREF//A4G08", -750, JANUARY, "", "A4G08", ""),
    ("mBank", "2601050105CN1000,00S07300000123//BR17", 100000, JANUARY, "00000123", "BR17", ""),
    ("Nordea", "2601050105C1,NMSC//F12\n/OCMT/SEK10,00", 100, JANUARY, "", "F12", ""),
    ("Penta, no type", "2601050105D20,00NONREF", -2000, JANUARY, "", "", ""),
    ("PKO", "2601050105DN0,99S020NONREF", -99, JANUARY, "", "", ""),
    ("PostFinance", "2601050105C8,00FGENNONREF//U1", 800, JANUARY, "", "U1", ""),
    ("Rabobank", "260105C000000001000,00N541EREF\nNL91ABNA0417164300", 100000, JANUARY, "", "", "NL91ABNA0417164300"),
    ("Sparkassen", "2601050105CR,50N166NONREF//", 50, JANUARY, "", "", ""),
    ("Sberbank", "2601050105DF2402,00S   X-1", -240200, JANUARY, "X-1", "", ""),
    ("Société Générale", "2601050105C 12,00NTRFNONREF", 1200, JANUARY, "", "", ""),
    ("Triodos", "260105D15,70NET NONREF", -1570, JANUARY, "", "", ""),
    ("UBS", "2601050105C1211.46NMSCNONREF//R-9", 121146, JANUARY, "", "R-9", ""),
    ("Volksbanken", "2602300301D9,90N808NONREF", -990, date(2026, 3, 1), "", "", ""),
    ("with a year", "260105260104C500,00NMSCPAY//INV", 50000, date(2026, 1, 4), "PAY", "INV", ""),
    ("Wise", f"2601050105C20,00NTRF{'A' * 16}//T-1\n{'x' * 60}", 2000, JANUARY, "A" * 16, "T-1", "x" * 60),
    ("Zenith, no type", "2601050105CN220000,00//192", 22000000, JANUARY, "", "192", ""),
]  # fmt: skip

ACCOUNTS = [
    ("Deutsche Bank", "37040044/0532013000", "37040044/0532013000"),
    ("ING Bank Śląski", "/PL61109010140000071219812874", "PL61109010140000071219812874"),
    ("Rabobank", "NL91ABNA0417164300 EUR", "NL91ABNA0417164300"),
    ("ABN AMRO", "417164300", "417164300"),
    ("Knab", "0417164300", "0417164300"),
    ("Triodos", "TRIODOSBANK/0417164300", "TRIODOSBANK/0417164300"),
    ("Société Générale", "FR1420041010050500013M02606EUR", "FR1420041010050500013M02606"),
    ("Société Générale, a slash", "FR1420041010050500013M02606/EUR", "FR1420041010050500013M02606"),
    ("Raiffeisen", "//AT39364/12345678912/EUR", "AT39364/12345678912"),
    ("HSBC", "HBUKGB4B/GB29NWBK60161331926819", "GB29NWBK60161331926819"),
]


class TestStatementLine:
    @pytest.mark.parametrize(
        ("line", "minor", "booked_on", "end_to_end", "reference", "note"),
        [pytest.param(*row[1:], id=row[0]) for row in LINES],
    )
    def test_of(
        self, line: str, minor: int, booked_on: date, end_to_end: str, reference: str, note: str
    ) -> None:
        found = only_entry(of(f":61:{line}\n"))
        assert (found.signed_minor, found.booked_on) == (minor, booked_on)
        assert (found.parts[0].end_to_end_id, found.bank_reference) == (end_to_end, reference)
        assert found.note == note

    def test_of_lloyds_names_the_other_party_and_begins_the_text(self) -> None:
        line = f":61:260105C1,NMSCNONREF\n{'ACME TRADING LTD':18}    BGCINVOICE 1\n"
        part = only_entry(of(f"{line}:86:7-2026\nmore\n")).parts[0]
        assert (part.payer_name, part.free) == ("ACME TRADING LTD", ("INVOICE 17-2026", "more"))
        assert only_entry(of(line)).parts[0].free == ("INVOICE 1",)

    @pytest.mark.parametrize("between", ["", "/NAME/"])
    def test_that_names_the_orderer_and_the_beneficiary_names_the_other_one(self, between: str) -> None:
        def named(mark: str, *codes: str) -> tuple[str, str]:
            text = "".join(f"/{code}/{between}{code} LTD\n" for code in codes)
            part = only_entry(of(f":61:260105{mark}1,NTRFPAY-1\n:86:{text}/REMI/INVOICE 17\n")).parts[0]
            return part.payer_name, part.payee_name

        assert named("C", "ORDP", "BENM") == named("RC", "BENM", "ORDP") == ("ORDP LTD", "")
        assert named("D", "ORDP", "BENM") == named("RD", "BENM", "ORDP") == ("", "BENM LTD")
        assert (named("C", "BENM"), named("D", "ORDP")) == (("BENM LTD", ""), ("", "ORDP LTD"))

    @pytest.mark.parametrize("mark", ["C", "D", "RC", "RD"])
    def test_of_goldman_sachs_names_both_and_the_direction_tells_who_is_the_other_one(
        self, mark: str
    ) -> None:
        text = (
            "/EREF/PAY-1\n/DBNM/ACME INC\n/DACT/12345678/DBIC/CITIUS33XXX\n"
            "/CRNM/GLOBEX LLC\n/CACT/87654321/CBIC/GSCRUS33XXX\n/REMI/INVOICE 17\n/OPRP/Tag Payment"
        )
        part = only_entry(of(f":61:260105{mark}1,NTRFPAY-1\n:86:{text}\n")).parts[0]
        payer = (part.payer_name, part.payer_account, part.payer_bank)
        payee = (part.payee_name, part.payee_account, part.payee_bank)
        nobody = ("", "", "")
        paid_to_us = mark.endswith("C")
        assert payer == (("ACME INC", "12345678", "CITIUS33XXX") if paid_to_us else nobody)
        assert payee == (nobody if paid_to_us else ("GLOBEX LLC", "87654321", "GSCRUS33XXX"))
        assert (part.end_to_end_id, part.free) == ("PAY-1", ("INVOICE 17",))

    @pytest.mark.parametrize("kind", ["FPI", " DD", "TFRshort", "   BGC 12345"])
    def test_of_lloyds_that_is_not_full_begins_no_text(self, kind: str) -> None:
        line = f":61:260105D1,NMSCNONREF\n{'ACME TRADING LTD':18}    {kind}\n:86:text\n"
        assert only_entry(of(line)).parts[0].free == ("text",)

    def test_of_lloyds_names_nobody_by_what_the_payer_writes(self) -> None:
        line = f":61:260105C1,NMSCNONREF\n{'ACME TRADING LTD':18}    BGC/IBAN/GB2\n:86:9NWBK6016\n"
        part = only_entry(of(line)).parts[0]
        assert (part.payer_account, part.free) == ("", ("/IBAN/GB29NWBK6016",))

    def test_of_two_payments_are_two_although_they_begin_alike(self) -> None:
        for reference in ("26/PAYM/0001", "26/PAYM/0002"):
            assert only_entry(of(f":61:260105C1,NTRFEREF//{reference}\n")).bank_reference == reference

    def test_what_a_payer_writes_before_it_does_not_hide_the_banks_reference(self) -> None:
        found = only_entry(of(":61:2601050105C90,00NTRFA/OCMT/EUR1//R1\n"))
        assert found.bank_reference == "R1"

    @pytest.mark.parametrize("between", ["", "/"])
    @pytest.mark.parametrize("before", ["NONREF//B-1", "NONREF//B-1/", "NONREF", "NONREF/"])
    def test_may_hold_what_was_ordered_and_what_it_cost(self, before: str, between: str) -> None:
        told = f"/OCMT/EUR100,00{between}/CHGS/EUR10,00/"
        found = only_entry(of(f":61:2601050105C90,00NTRF{before}{told}\n"))
        assert found.bank_reference == ("B-1" if "B-1" in before else "")
        assert found.parts[0].end_to_end_id == ""
        assert found.parts[0].instructed == Instructed(10000, "EUR")
        assert [charge.amount_minor for charge in found.parts[0].charges] == [1000]


class TestOther:
    @pytest.mark.parametrize(
        ("account", "number", "payer"),
        [
            ("NL44RABO0123456789", "0417164300", "0417164300"),
            ("NL44RABO0123456789", "P004500018", "P004500018"),
            ("NL44RABO0123456789", "0000000000", ""),
            ("NL91ABNA0417164300", "0417164301", ""),
        ],
    )
    def test_of_rabobank_before_sepa(self, account: str, number: str, payer: str) -> None:
        data = of(f":61:260105C100,00N122NONREF\n{number}\n:86:/ORDP//NAME/ACME BV\n", account=account)
        assert only_entry(data).parts[0].payer_account == payer

    def test_of_rabobank_is_not_what_the_payer_writes_into_a_reference(self) -> None:
        def payer(line: str, name: str = "/ORDP//NAME/ACME BV") -> str:
            text = f"/EREF/X/IBAN/NL91ABNA0417164300{name}/REMI/ORDER 17"
            data = of(f":61:260105C100,00N654{line}\n:86:{text}\n", account="NL44RABO0123456789")
            return only_entry(data).parts[0].payer_account

        assert payer("EREF//140021\nNL20INGB0001234567") == "NL20INGB0001234567"
        assert payer("EREF//140021\n0000000000", name="") == ""
        data = of(":61:260105C100,00N654A  0417164300//140021\n", account="NL44RABO0123456789")
        assert only_entry(data).parts[0].payer_account == ""


class TestAccount:
    @pytest.mark.parametrize(("text", "account"), [pytest.param(*row[1:], id=row[0]) for row in ACCOUNTS])
    def test_of(self, text: str, account: str) -> None:
        assert survey(of(entry(), account=text)).statements[0].account == account

    def test_with_a_bic_in_25p(self) -> None:
        data = statement(entry()).replace(f":25:{IBAN}", f":25P:{IBAN}\nCOBADEFFXXX")
        assert survey(data.encode()).statements[0].account == IBAN
