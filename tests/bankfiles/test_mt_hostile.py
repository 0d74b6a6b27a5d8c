"""What a payer writes is a payer's: no account, no return, no reference of the bank and no balance comes of it."""

import pytest

from bankfiles import Entry
from tests.bankfiles.camt_files import only_entry
from tests.bankfiles.mt_files import entry, of

REAL, FORGED = "DE02120300000000202051", "DE02500105170137075030"


def read(details: str, **options: str) -> Entry:
    return only_entry(of(entry(details, **options)))


class TestReturn:
    @pytest.mark.parametrize(
        "text",
        [
            "/EREF/W7-1/ORDP//NAME/ACME BV/REMI/order 17 /RTRN/AC04/",
            "/ORDP//NAME/ACME BV/EREF/W7-1/REMI/USTD//RTRN/AC04/",
            "/EREF/W7-1/RTRN/AC04//CNTP/NL91ABNA0417164300/ABNANL2A/ACME BV///REMI/order 17",
            "166?20EREF+W7-1?34914?30BYLADEM1001?31DE02120300000000202051?32ACME GMBH",
        ],
    )
    def test_is_not_what_a_payer_calls_one(self, text: str) -> None:
        (part,) = read(text).parts
        assert (part.end_to_end_id, part.return_reason) == ("W7-1", "")

    def test_is_what_the_bank_says_before_the_reference(self) -> None:
        text = "/RTRN/MS03//EREF/W7-1//CNTP/NL91ABNA0417164300/ABNANL2A/ACME BV///REMI/USTD//RTRN/AC04/"
        assert read(text).parts[0].return_reason == "MS03"

    @pytest.mark.parametrize(("kind", "reason"), [("N593", "AC04"), ("NRTI", "AC04"), ("N541", "")])
    def test_is_what_stands_behind_the_reference_where_the_line_says_so(self, kind: str, reason: str) -> None:
        found = read("/EREF/W7-1/TRCD/593/RTRN/AC04/BENM//NAME/ACME BV/REMI/x", rest=f"{kind}EREF//R1")
        assert found.parts[0].return_reason == reason
        assert "RTRN/AC04" in found.note

    def test_has_the_reason_that_the_bank_gives_last(self) -> None:
        text = f"159?00RETURN?20EREF+W7-1 pay ?34901?21more?30BYLADEM1001?31{REAL}?32ACME GMBH?34914"
        assert read(text).parts[0].return_reason == "914"


class TestAccount:
    @pytest.mark.parametrize("forged", ["?38{0}", "?31{0}?38{0}", "?38{0}?31{0}", "?21x?38{0}?22y"])
    def test_in_a_text_is_not_believed_before_the_banks(self, forged: str) -> None:
        details = f"166?00CREDIT?20order 17{forged.format(FORGED)}?30BYLADEM1001?31{REAL}?32ACME GMBH"
        (part,) = read(details).parts
        assert part.payer_account == REAL
        assert FORGED in part.free

    @pytest.mark.parametrize(
        "text", ["pay ?60more", "pay ?31{0}?60more", "pay ?38{0}?60more?29?60", "?29?60more"]
    )
    def test_of_the_bank_is_believed_behind_text_that_a_payer_numbers(self, text: str) -> None:
        details = f"166?20{text.format(FORGED)}?30BYLADEM1001?31{REAL}?32ACME GMBH"
        assert read(details).parts[0].payer_account == REAL

    @pytest.mark.parametrize("bank", ["/ORDP//NAME/ACME AB", "/ORDP/ACME AB", "/DBNM/ACME AB"])
    @pytest.mark.parametrize(
        "forged",
        ["/IBAN/{0}", "X/ACNO/{0}", "X/CNTP/{0}/B/N", "/DACT/{0}", "/ORDP/N/ACNO/{0}", "/DBNM/N/DACT/{0}"],
    )
    def test_in_a_reference_is_not_believed_where_the_bank_names_the_payer_alone(
        self, forged: str, bank: str
    ) -> None:
        details = f"/EREF/{forged.format('NO9386011117947')}{bank}/REMI/order 17"
        (part,) = read(details).parts
        assert (part.payer_account, part.payer_name) == ("", "ACME AB")

    def test_behind_both_names_is_believed(self) -> None:
        details = f"/EREF/E-1/ORDP/ACME AB/ACNO/{REAL}/BENM/GLOBEX AB/REMI/order 17"
        assert read(details).parts[0].payer_account == REAL

    @pytest.mark.parametrize("bank", ["?31?32ACME GMBH", "?310000000000?32ACME GMBH"])
    @pytest.mark.parametrize("forged", ["?38{0}", "?31{0}", "?31{0}?38{0}"])
    def test_in_a_text_is_not_believed_where_the_bank_tells_none(self, forged: str, bank: str) -> None:
        (part,) = read(f"166?00CREDIT?20order 17{forged.format(FORGED)}?30BYLADEM1001{bank}").parts
        assert (part.payer_account, part.payer_name) == ("", "ACME GMBH")

    def test_of_ing_in_poland_stands_behind_the_number(self) -> None:
        text = f"166?20order 17?30BYLADEM1001?310532013000?32ACME GMBH?38{REAL}"
        assert read(text).parts[0].payer_account == REAL

    @pytest.mark.parametrize(
        ("account", "mark", "virtual"),
        [
            ("PL45114011370000310211001001", "C", "XX000000000001"),
            ("45114011370000310211001001", "C", "XX000000000001"),
            ("PL45114011370000310211001001", "D", ""),
            ("PL61109010140000071219812874", "C", ""),
            (REAL, "C", ""),
        ],
    )
    def test_that_is_virtual_is_named_by_mbank_alone(self, account: str, mark: str, virtual: str) -> None:
        details = "911 TRANSAKCJA COLLECT; ID IPH: XX000000000001; OD: ACME; TYT.: ORDER 17"
        data = of(entry(details, mark=mark), account=account)
        assert only_entry(data).parts[0].credited_account == virtual


class TestReference:
    """Of the customer, in `:61:`."""

    @pytest.mark.parametrize(
        ("rest", "end_to_end", "reference"),
        [
            ("A//B//R1", "A//B", "R1"),
            ("A//OCMT/EUR1//R1", "A//OCMT/EUR1", "R1"),
            ("PAY///INV-1", "PAY", "/INV-1"),
            ("OURS//R1/OCMT/EUR4,5//IACC/D3/", "OURS", "R1"),
            ("NONREF//R1\n//R2", "", "R1"),
            ("OURS\n//R1\n//R2", "OURS", "R1"),
            ("OURS\nACCOUNT FEE\n//R2", "OURS", ""),
        ],
    )
    def test_is_no_reference_of_the_bank(self, rest: str, end_to_end: str, reference: str) -> None:
        found = read("text", rest=f"NTRF{rest}")
        assert (found.parts[0].end_to_end_id, found.bank_reference) == (end_to_end, reference)

    @pytest.mark.parametrize("iban", ["BE68539007547034", "NO9386011117947"])
    def test_of_the_length_of_one_is_no_account(self, iban: str) -> None:
        (part,) = read("text", rest=f"NTRF{iban}//R1\nACCOUNT FEE").parts
        assert (part.end_to_end_id, part.payer_account, part.payer_name) == (iban, "", "")

    @pytest.mark.parametrize("bank", ["SNSB", "ASNB", "RBRB"])
    def test_is_the_account_where_the_bank_writes_it_there(self, bank: str) -> None:
        data = of(entry("text", rest="NOVBBE68539007547034\n//acme bv"), account=f"NL91{bank}0417164300")
        found = only_entry(data)
        (part,) = found.parts
        assert (part.end_to_end_id, part.payer_account, part.payer_name) == (
            "",
            "BE68539007547034",
            "//acme bv",
        )
        assert found.bank_reference == ""

    @pytest.mark.parametrize("account", [REAL, "NL44RABO0123456789"])
    def test_with_an_account_behind_spaces_names_nobody(self, account: str) -> None:
        data = of(entry("text", rest=f"NTRFA  {FORGED}//R1"), account=account)
        assert only_entry(data).parts[0].payer_account == ""
