"""Codes of banks and what they certainly say; a row a code."""

import pytest

from bankfiles.entry import Direction, Format
from rules.entry_kinds import Kind, kind_of

IN, OUT = Direction.CREDIT, Direction.DEBIT
CAMT, MT, BAI2 = Format.CAMT_053, Format.MT940, Format.BAI2
FEE, INTEREST, SWEEP = Kind.FEE, Kind.INTEREST, Kind.SWEEP

ISO_20022 = [
    (OUT, "ACMT/MDOP/CHRG", FEE),
    (OUT, "ACMT/ADOP/CHRG", FEE),
    (OUT, "ACMT/MDOP/FEES", FEE),
    (OUT, "ACMT/MDOP/COMM", FEE),
    (OUT, "ACMT/MDOP/COME", FEE),
    (OUT, "ACMT/MDOP/COMI", FEE),
    (OUT, "ACMT/MDOP/COMT", FEE),
    (OUT, "PMNT/MDOP/FEES", FEE),
    (OUT, "PMNT/ICDT/CHRG", FEE),
    (OUT, "PMNT/CCRD/CHRG", FEE),
    (OUT, "CAMT/CAPL/FEES", FEE),
    (IN, "ACMT/MCOP/CHRG", FEE),
    (IN, "ACMT/MCOP/INTR", INTEREST),
    (OUT, "ACMT/MDOP/INTR", INTEREST),
    (IN, "CAMT/CAPL/INTR", INTEREST),
    (OUT, "PMNT/MDOP/INTR", INTEREST),
    (OUT, "CAMT/ACCB/ZABA", SWEEP),
    (IN, "CAMT/ACCB/ZABA", SWEEP),
    (OUT, "CAMT/ACCB/SWEP", SWEEP),
    (IN, "CAMT/ACCB/TOPG", SWEEP),
    (OUT, "CAMT/CAPL/XBRD", SWEEP),
    (OUT, "CAMT/CAPL/NTAV", SWEEP),
    (OUT, "CAMT/CAPL/OTHR", SWEEP),
    (OUT, "PMNT/ICCN/COAT", SWEEP),
    (IN, "PMNT/RCCN/COAT", SWEEP),
    (OUT, "PMNT/ICCN/ICCT", SWEEP),
    (IN, "PMNT/RCCN/XICT", SWEEP),
    # On its way to us, a customer's payment.
    (IN, "PMNT/RCDT/CHRG", None),
    (IN, "PMNT/MCOP/INTR", None),
    (IN, "PMNT/RCDT/ESCT", None),
    (OUT, "PMNT/ICDT/ESCT", None),
    (IN, "PMNT/RCDT/COAT", None),
    (OUT, "PMNT/CCRD/POSD", None),
    (OUT, "CAMT/ACCB/DSBR", None),
    (OUT, "ACMT/MDOP/TAXE", None),
    (OUT, "ACMT/MDOP/OTHR", None),
    (IN, "SECU/CORP/INTR", None),
    (OUT, "ACMT/CHRG", None),
    (OUT, "", None),
]

SWIFT = [
    (OUT, "NCHG", FEE),
    (OUT, "FCHG", FEE),
    (OUT, "NCOM", FEE),
    (OUT, "NBNK", FEE),
    (OUT, "NINT", INTEREST),
    (IN, "NINT", INTEREST),
    (OUT, "NCMS", SWEEP),
    (IN, "NCMT", SWEEP),
    (IN, "NCMZ", SWEEP),
    # Charges stand beside payments too.
    (IN, "NCHG", None),
    (IN, "NCOM", None),
    (OUT, "NTRF", None),
    (IN, "NTRF", None),
    (OUT, "NMSC", None),
    (OUT, "NDIV", None),
    (OUT, "NCHK", None),
    (OUT, "S103", None),
    (OUT, "N093", None),
    (OUT, "NGT", None),
]

GERMAN = [
    (OUT, "NMSC+804", FEE),
    (OUT, "NMSC+805", FEE),
    (IN, "NMSC+805", INTEREST),
    (OUT, "N024+805", FEE),
    (OUT, "NMSC+806", FEE),
    (OUT, "NCHG+807", FEE),
    (OUT, "NCHG+808", FEE),
    (IN, "NCHG+808", FEE),
    (OUT, "NCOM+809", FEE),
    (OUT, "NCHG+008", FEE),
    (IN, "NMSC+814", INTEREST),
    (OUT, "NMSC+814", INTEREST),
    (IN, "NMSC+815", INTEREST),
    (OUT, "NMSC+817", INTEREST),
    (OUT, "NCMZ+833", SWEEP),
    (IN, "NTRF+833", SWEEP),
    (OUT, "NTRF+834", SWEEP),
    (OUT, "NMSC+820", None),
    (OUT, "NMSC+835", None),
    (OUT, "NTRF+116", None),
    (IN, "NTRF+166", None),
    (IN, "NMSC+899", None),
]

BAI = [
    (OUT, "524", FEE),
    (OUT, "564", FEE),
    (OUT, "567", FEE),
    (OUT, "661", FEE),
    (OUT, "698", FEE),
    (IN, "398", FEE),
    (IN, "354", INTEREST),
    (IN, "359", INTEREST),
    (OUT, "654", INTEREST),
    (OUT, "659", INTEREST),
    (IN, "346", INTEREST),
    (IN, "355", INTEREST),
    (IN, "275", SWEEP),
    (IN, "277", SWEEP),
    (IN, "278", SWEEP),
    (OUT, "575", SWEEP),
    (OUT, "577", SWEEP),
    (OUT, "578", SWEEP),
    (IN, "347", SWEEP),
    (OUT, "656", SWEEP),
    (IN, "195", None),
    (IN, "142", None),
    (IN, "145", None),
    (IN, "206", None),
    (IN, "399", None),
    (OUT, "451", None),
    (OUT, "495", None),
    (OUT, "506", None),
    (OUT, "699", None),
    (OUT, "999", None),
]


class TestCertain:
    @pytest.mark.parametrize(("direction", "code", "kind"), ISO_20022)
    def test_iso_20022(self, direction: Direction, code: str, kind: Kind | None) -> None:
        assert kind_of(direction, code, CAMT) is kind

    @pytest.mark.parametrize(("direction", "code", "kind"), SWIFT)
    def test_swift(self, direction: Direction, code: str, kind: Kind | None) -> None:
        assert kind_of(direction, code, MT, "NL") is kind

    @pytest.mark.parametrize(("direction", "code", "kind"), GERMAN)
    def test_german_business_codes(self, direction: Direction, code: str, kind: Kind | None) -> None:
        assert kind_of(direction, code, MT, "DE") is kind

    @pytest.mark.parametrize(("direction", "code", "kind"), BAI)
    def test_bai2(self, direction: Direction, code: str, kind: Kind | None) -> None:
        assert kind_of(direction, code, BAI2) is kind


class TestWhoseCode:
    """The same characters say nothing in another bank's mouth."""

    @pytest.mark.parametrize("country", ["PL", "CZ", ""])
    def test_german_codes_are_certain_in_germany_only(self, country: str) -> None:
        assert kind_of(OUT, "NMSC+808", MT, country) is None
        assert kind_of(OUT, "NCHG+808", MT, country) is FEE

    def test_german_banks_write_them_into_camt_too(self) -> None:
        assert kind_of(OUT, "NMSC+808+9310+000", CAMT, "DE") is FEE
        assert kind_of(OUT, "NMSC+808+9310+000", CAMT, "PL") is None

    def test_three_digits_are_bai2_in_bai2_only(self) -> None:
        assert kind_of(OUT, "698", BAI2) is FEE
        assert kind_of(OUT, "698", CAMT) is None
        assert kind_of(OUT, "698", MT, "DE") is None

    def test_a_banks_own_words_are_not_interpreted(self) -> None:
        assert kind_of(OUT, "BANK CHARGES", CAMT, "DE") is None
        assert kind_of(OUT, "NCHG", CAMT, "DE") is None


def test_every_kind_has_words_and_a_house_account() -> None:
    assert {kind.value: kind.words for kind in Kind} == {
        "bank-fees": "a fee of the bank's",
        "interest": "interest",
        "company": "a transfer between our own accounts",
    }
