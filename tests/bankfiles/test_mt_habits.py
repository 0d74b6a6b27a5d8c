"""What banks write into `:86:`: a test a habit, with a text as that bank writes it."""

import time

import pytest

from bankfiles import Entry, entries
from bankfiles.mt_details import read_details, read_supplement
from bankfiles.mt_habits import HABITS
from tests.bankfiles.mt_files import of


def told(text: str) -> dict[str, object]:
    """What an `:86:` says, without what it does not say."""
    return {slot: value for slot, value in read_details(text.split("\n")).items() if value}


class TestNumberedPieces:
    def test_of_a_german_bank(self) -> None:
        text = (
            "166?00SEPA-GUTSCHRIFT?109310?20EREF+INV-2026-0101-00000001?2\n11234?22KREF+OURS?23BREF+B-1?24MREF+M-1"
            "?25SVWZ+Order 4711 for prepaym?26ent?30BYLADEM1001?31DE02120300000000202051?32ACME Holding and Tradi"
            "ng Co?33mpany GmbH?34000?60 and more"
        )
        assert told(text) == {
            "kind": "166",
            "note": ["SEPA-GUTSCHRIFT", "9310", "000", "MREF+M-1"],
            "end_to_end_id": "INV-2026-0101-000000011234",
            "payment_information_id": "OURS",
            "transaction_id": "B-1",
            "free": ["Order 4711 for prepayment", "and more"],
            "bank": "BYLADEM1001",
            "account": "DE02120300000000202051",
            "name": "ACME Holding and Trading Company GmbH",
        }  # fmt: skip

    @pytest.mark.parametrize("mark", ["?", "~", "<", ">", "^", "+", "|", "&", "@"])
    def test_begin_with_any_mark(self, mark: str) -> None:
        text = "020?00PRZELEW\n?20FAKTURA 17\n?21ÿ\n?3010901014\n?32GLOBEX SP. Z O.O.\n?38PL61109010140000071219812874"
        assert told(text.replace("?", mark)) == {
            "kind": "020",
            "note": ["PRZELEW"],
            "free": ["FAKTURA 17"],
            "bank": "10901014",
            "name": "GLOBEX SP. Z O.O.",
            "iban": "PL61109010140000071219812874",
        }

    @pytest.mark.parametrize("kind", ["166", "0510", "TBB", "SD95"])
    def test_have_a_code_of_the_bank_before_them(self, kind: str) -> None:
        expected = {"kind": kind, "note": ["PRZELEW"], "free": ["ORDER 17"], "name": "ACME"}
        assert told(f"{kind}+00PRZELEW+20ORDER 17+32ACME") == expected
        # Some banks write it into an `:86:` before.
        assert told(f"{kind}\n{kind}+00PRZELEW+20ORDER 17+32ACME") == expected

    @pytest.mark.parametrize(
        "text", ["TEL+3120 555", "+3120 555 ORDER", "ABC+20 percent", "2026+31 20", "150 150~20"]
    )
    def test_are_not_all_that_looks_like_them(self, text: str) -> None:
        assert told(text) == {"free": [text]}

    def test_of_ing_in_romania_have_the_account_behind_the_name(self) -> None:
        text = "035~20AMT RCD RON 1000,00~32ACME SRL          ~33RO4\n9AAAA1B31007593840000   ~25CVF 2026/17~26    ~60"
        assert told(text) == {
            "kind": "035",
            "free": ["AMT RCD RON 1000,00", "CVF 2026/17"],
            "name": "ACME SRL",
            "account": "RO49AAAA1B31007593840000",
        }

    @pytest.mark.parametrize("text", ["?31{0}?32ACME?33{1}", "?32{1}?31{0}", "?32ACME?33 AG?31{0}?32{1}"])
    def test_have_no_account_in_a_name_where_they_have_one(self, text: str) -> None:
        found = told("166?20ORDER" + text.format("DE02120300000000202051", "RO49AAAA1B31007593840000"))
        assert found["account"] == "DE02120300000000202051"

    @pytest.mark.parametrize("name", ["ACME HOLDING AND TRADING CO", "ACME  HOLDING AND TRADINGCO"])
    def test_have_no_account_in_a_name_that_goes_on(self, name: str) -> None:
        assert "account" not in told(f"166?20ORDER 17?32{name}?33RO49AAAA1B31007593840000")

    def test_of_brd_have_a_slash_for_nothing(self) -> None:
        found = told("000+20Plata+31RO49AAAA1B31007593840000\n+32ACME SRL+33/\n+23FACT 17")
        assert (found["name"], found["free"]) == ("ACME SRL", ["Plata", "FACT 17"])

    def test_have_zeros_for_no_account(self) -> None:
        assert told("166?20ORDER 17?310000000000?32ACME AG") == {
            "kind": "166",
            "free": ["ORDER 17"],
            "name": "ACME AG",
        }

    def test_of_ing_in_poland_tell_the_account_twice_and_the_address_behind_it(self) -> None:
        text = (
            "150~00B150PRZELEW\n~20FAKTURA 17\n~21\n~2961109010140000071219812874\n~3010901014\n~310000071219812874\n"
            "~32ACME SP. Z O.O.            \n~33        PROSTA 1\n~34150\n~38PL61109010140000071219812874\n"
            "~6200-001 WARSZAWA"
        )
        found = told(text)
        assert (found["free"], found["iban"]) == (["FAKTURA 17"], "PL61109010140000071219812874")
        assert found["note"] == ["B150PRZELEW", "61109010140000071219812874", "150", "00-001 WARSZAWA"]
        assert told(text.replace("38PL611", "38PL612"))["free"] == [
            "FAKTURA 17",
            "61109010140000071219812874",
            "00-001 WARSZAWA",
        ]

    def test_of_deutsche_bank_have_a_number_of_its_own_before_the_text(self) -> None:
        assert told(
            "171?00DIRECT DEBIT?68101/7?20SVWZ+INVOICE 17?30GENODEM1MSS?31DE02120300000000202051?32ACME GMBH"
        ) == {
            "kind": "171",
            "note": ["DIRECT DEBIT", "101/7"],
            "free": ["INVOICE 17"],
            "bank": "GENODEM1MSS",
            "account": "DE02120300000000202051",
            "name": "ACME GMBH",
        }

    def test_of_bph_tell_of_the_other_party_twice(self) -> None:
        text = (
            "020<00Przelew MultiCash<10404\n<20FAKTURA 17/2026<2661109010140000071219812874\n"
            "<27ACME SP. Z O.O. PROSTA 1\n<28 00-001 WARSZAWA\n<3010901014<310000071219812874\n"
            "<32ACME SP. Z O.O. PROSTA 1<33 00-001 WARSZAWA\n<34020<3861109010140000071219812874\n<61KOD 8\n<66DWMC"
        )
        assert told(text) == {
            "kind": "020",
            "note": [
                "Przelew MultiCash",
                "404",
                "61109010140000071219812874",
                "ACME SP. Z O.O. PROSTA 1",
                "00-001 WARSZAWA",
                "020",
                "DWMC",
            ],
            "free": ["FAKTURA 17/2026", "KOD 8"],
            "bank": "10901014",
            "account": "0000071219812874",
            "name": "ACME SP. Z O.O. PROSTA 1 00-001 WARSZAWA",
            "iban": "61109010140000071219812874",
        }

    def test_need_no_code_before_them(self) -> None:
        assert told("~00VC02~20text") == {"note": ["VC02"], "free": ["text"]}

    def test_have_known_numbers_all_else_is_text(self) -> None:
        assert told("166?20Is this really 335?960.4.11?21or not?") == {
            "kind": "166",
            "free": ["Is this really 335?960.4.11or not?"],
        }

    def test_a_piece_that_is_full_goes_on_in_the_next(self) -> None:
        lines = ["166?20" + "x" * 27, "?21" + "y" * 26, "?22z"]
        assert read_details(lines)["free"] == ["x" * 27 + "y" * 26, "z"]

    def test_name_the_other_party_behind_the_text_of_the_payer(self) -> None:
        text = "166?20pay ?31DE89370400440532013000?21more?31DE02120300000000202051?32ACME"
        found = told(text)
        assert (found["account"], found["name"]) == ("DE02120300000000202051", "ACME")
        assert found["free"] == ["pay", "more", "DE89370400440532013000"]

    def test_of_text_behind_the_other_party_name_nobody(self) -> None:
        text = "".join(f"?2{n}text" for n in range(10))
        found = told(f"166{text}?31DE02120300000000202051?60more?31DE89370400440532013000")
        assert found["account"] == "DE02120300000000202051"
        assert found["free"] == [*["text"] * 10, "more", "?31DE89370400440532013000"]

    def test_of_a_return_have_the_reason(self) -> None:
        found = told("159?00RETOURE?20EREF+E-1?21MTLG:Konto geschlossen?34914")
        assert (found["return_reason"], found["end_to_end_id"]) == ("914", "E-1")
        assert found["free"] == ["MTLG:Konto geschlossen"]
        assert "return_reason" not in told("166?00GUTSCHRIFT?34914")


class TestCodesWithPlus:
    def test_stand_in_text_of_any_bank(self) -> None:
        assert told("SVWZ+Order 17 EREF+E-1 ABWA+Globex SARL") == {
            "free": ["Order 17"],
            "end_to_end_id": "E-1",
            "ultimate_payer": "Globex SARL",
        }

    def test_the_first_of_each_counts(self) -> None:
        assert told("EREF+E-1\nSVWZ+text EREF+E-2") == {
            "end_to_end_id": "E-1",
            "free": ["text"],
            "note": ["EREF+E-2"],
        }

    def test_may_be_cut_by_the_width_of_a_piece(self) -> None:
        assert told("835?20" + "x" * 26 + "S?21VWZ+text")["free"] == ["x" * 26, "text"]


class TestCodeWords:
    def test_of_ing(self) -> None:
        text = (
            "/EREF/0000008668-001//MARF/00004444-001//CSID/NL53ZZZ341191060000\n//CNTP/NL91ABNA0417164300/ABNANL2A/"
            "ACME BV/UTRECHT//REM\nI/USTD//order 17 of 05/31/2017 00:00:00/"
        )
        assert told(text) == {
            "end_to_end_id": "0000008668-001",
            "note": ["MARF/00004444-001", "CSID/NL53ZZZ341191060000", "UTRECHT"],
            "account": "NL91ABNA0417164300",
            "bank": "ABNANL2A",
            "name": "ACME BV",
            "free": ["order 17 of 05/31/2017 00:00:00"],
        }
        assert told("/REMI/STRD/CUR/9001123412341234/")["structured"] == ["9001123412341234"]

    def test_of_rabobank(self) -> None:
        text = (
            "/EREF/02-04-2026 22:56/ORDP//NAME/ACME BV/ADDR/Street 1 NL/REMI//CDTRREFTP//CD/SCOR/ISSR/CUR/CDTRREF/"
            "1234567899874563/ISDT/2026-04-03"
        )
        assert told(text) == {
            "end_to_end_id": "02-04-2026 22:56",
            "ordering": "ACME BV",
            "note": ["ADDR/Street 1 NL", "ISDT/2026-04-03"],
            "structured": ["1234567899874563"],
        }
        found = told("/ACCW/NL91ABNA0417164300,ABNANL2A/ORDP//NAME/ACME BV/REMI/x")
        assert (found["note"], found["ordering"]) == (["ACCW/NL91ABNA0417164300,ABNANL2A"], "ACME BV")

    def test_of_abn_amro(self) -> None:
        text = (
            "/TRTP/SEPA OVERBOEKING/IBAN/NL91ABNA0417164300/BIC/ABNANL2A/NAME/\nACME BV/REMI/RF18539007547034"
            "/EREF/NOTPROVIDED"
        )
        assert told(text) == {
            "note": ["TRTP/SEPA OVERBOEKING"],
            "account": "NL91ABNA0417164300",
            "bank": "ABNANL2A",
            "name": "ACME BV",
            "free": ["RF18539007547034"],
            "end_to_end_id": "NOTPROVIDED",
        }

    def test_of_swift(self) -> None:
        found = told("/RTRN/AC04/ORDP/COMPUTERSYS INC.\n/REMI//INV/78541\n/OCMT/USD120,5/CHGS/EUR5,00/")
        assert (found["ordering"], found["free"]) == ("COMPUTERSYS INC.", ["INV/78541"])
        assert (found["instructed"], found["charges"]) == ("USD120,5", "EUR5,00")
        assert found["return_reason"] == "AC04"

    def test_of_danske_bank(self) -> None:
        found = told(
            "/RREF/R-1 /EREF/E-1 /ORDP//NAME/ACME AB/REMI/INV 17 /RCMT/EUR 100.000,00 /CHRG/DKK 4,00"
        )
        assert found == {
            "note": ["RREF/R-1", "RCMT/EUR 100.000,00"],
            "end_to_end_id": "E-1",
            "ordering": "ACME AB",
            "free": ["INV 17"],
            "charges": "DKK 4,00",
        }

    def test_of_hsbc_go_on_with_the_text_of_the_payer(self) -> None:
        assert told("/OCMT/USD120,5/\nINVOICES 17/18 AND 19\n/OGB/ANY BANK /ORDP/GLOBEX") == {
            "instructed": "USD120,5",
            "free": ["INVOICES 17/18 AND 19/OGB/ANY BANK", "/ORDP/GLOBEX"],
        }

    def test_of_asb(self) -> None:
        assert told("/BAI/399/MISCELLANEOUS CREDIT\n/ORDP/ACME LTD\n/ACNO/12-3011-0334122-37") == {
            "note": ["BAI/399/MISCELLANEOUS CREDIT"],
            "ordering": "ACME LTD",
            "account": "12-3011-0334122-37",
        }

    def test_of_knab_with_an_account_that_is_no_iban(self) -> None:
        assert told("/TRTP/SEPA/BBAN/90000014/NAME/ACME BV/REMI/x")["account"] == "90000014"

    @pytest.mark.parametrize("before", ["", "X"])
    @pytest.mark.parametrize("forged", ["/CNTP/NL20INGB0001234567", "/IBAN/NL20INGB0001234567/NAME/FORGED"])
    def test_in_the_reference_of_the_payer_name_nobody(self, before: str, forged: str) -> None:
        found = told(f"/EREF/{before}{forged}//CNTP/NL91ABNA0417164300/ABNANL2A/ACME BV///REMI/ORDER 17")
        assert (found["account"], found["name"]) == ("NL91ABNA0417164300", "ACME BV")
        found = told(f"/IBAN/NL91ABNA0417164300/BIC/ABNANL2A/NAME/ACME BV/EREF/X{forged}/REMI/ORDER 17")
        assert (found["account"], found["name"]) == ("NL91ABNA0417164300", "ACME BV")

    @pytest.mark.parametrize("forged", ["DACT/12345670", "X/IBAN/12345670", "X/NAME/FORGED", "X/ORDP/FORGED"])
    def test_in_the_reference_of_the_payer_name_nobody_by_another_word(self, forged: str) -> None:
        part = f"/EREF/{forged}\n/DBNM/ACME INC\n/DACT/12345678/DBIC/CITIUS33XXX\n/REMI/ORDER 17"
        (found,) = entries(of(f":61:260105C100,00NTRFNONREF\n:86:{part}\n"))
        assert isinstance(found, Entry)
        assert (found.parts[0].payer_name, found.parts[0].payer_account) == ("ACME INC", "12345678")

    def test_in_the_reference_of_the_payer_with_a_text_name_nobody(self) -> None:
        found = told(
            "/EREF/X/IBAN/NL20INGB0001234567/REMI//CNTP/NL91ABNA0417164300/ABNANL2A/ACME///REMI/USTD//T/"
        )
        assert "account" not in found

    @pytest.mark.parametrize(
        "text", ["/REMI//IBAN/NL20INGB0001234567", "/EREF/X/REMI/USTD//CNTP/NL20INGB0001234567/"]
    )
    def test_at_the_beginning_of_a_text_name_nobody(self, text: str) -> None:
        assert "account" not in told(text)

    def test_in_the_text_of_the_payer_name_nobody(self) -> None:
        found = told("/NAME/ACME BV/REMI/pay /IBAN/NL91ABNA0417164300/NAME/GLOBEX")
        assert found == {"name": "ACME BV", "free": ["pay", "/IBAN/NL91ABNA0417164300", "/NAME/GLOBEX"]}

    def test_of_which_none_is_known_are_text(self) -> None:
        assert told("/ABC/DEF/text") == {"free": ["/ABC/DEF/text"]}


class TestOneBank:
    def test_citi(self) -> None:
        assert told("/PT/FT/BO/ACME INC/PY/INVOICE 17\n 2026") == {
            "note": ["PT/FT"],
            "free": ["INVOICE 17 2026"],
            "ordering": "ACME INC",
        }
        assert told("/PT/FT/BO/ACME INC/BE/GLOBEX LLC/PY/INVOICE 17") == {
            "note": ["PT/FT"],
            "free": ["INVOICE 17"],
            "ordering": "ACME INC",
            "beneficiary": "GLOBEX LLC",
        }

        assert told("/PT/DE/EI/INVOICE 17/BO/ACME INC") == {
            "note": ["PT/DE"],
            "free": ["INVOICE 17", "/BO/ACME INC"],
        }

    def test_goldman_sachs(self) -> None:
        assert told("EREF/PAY-1/PREF/RP/GS/BATCH-2") == {
            "end_to_end_id": "PAY-1",
            "payment_information_id": "RP/GS/BATCH-2",
        }
        assert told("PREF/ORDER 17 OF MAY") == {"free": ["PREF/ORDER 17 OF MAY"]}

    def test_uob(self) -> None:
        text = "TD?Inward PayNow?CREF?INV-17?ORDP?ACME PTE LTD?OB?DBS BA\nNK?BC?DBSSSGSGXXX?REMI?OTHR INV-17"
        assert told(text) == {
            "note": ["TD Inward PayNow", "OB DBS BANK"],
            "end_to_end_id": "INV-17",
            "name": "ACME PTE LTD",
            "bank": "DBSSSGSGXXX",
            "free": ["OTHR INV-17"],
        }

    def test_abn_amro_not_structured(self) -> None:
        text = (
            "SEPA OVERBOEKING                 IBAN: NL91ABNA0417164300\n"
            "BIC: ABNANL2A                    NAAM: ACME BV\n"
            "OMSCHRIJVING: ORDER 17 AND IBAN: NL20INGB0001234567\n"
            "KENMERK: 7541410"
        )
        assert told(text) == {
            "note": ["SEPA OVERBOEKING"],
            "account": "NL91ABNA0417164300",
            "bank": "ABNANL2A",
            "name": "ACME BV",
            "free": ["ORDER 17 AND", "IBAN: NL20INGB0001234567"],
            "end_to_end_id": "7541410",
        }

    def test_knab(self) -> None:
        assert told("ORDER 17\nREK: NL91ABNA0417164300/NAAM: ACME BV") == {
            "free": ["ORDER 17"],
            "account": "NL91ABNA0417164300",
            "name": "ACME BV",
        }

        assert told("ORDER 17 REK: \nREK: NL91ABNA0417164300/NAAM: ACME BV") == {
            "free": ["ORDER 17"],
            "account": "NL91ABNA0417164300",
            "name": "ACME BV",
        }
        assert told("ORDER 17 REK: NL91ABNA0417164300") == {"free": ["ORDER 17 REK: NL91ABNA0417164300"]}
        found = told(
            "770 PRZELEW; Z RACH.: 61109010140000071219812874; OD: ACME; TYT.: REK: NL20INGB0001234567"
        )
        assert found["account"] == "61109010140000071219812874"

    def test_triodos(self) -> None:
        text = "000>100417164300\n>20ACME BV UTRECHT FACTUUR 201>217 EN 18>310666666666"
        assert told(text) == {
            "kind": "000",
            "account": "0417164300",
            "free": ["ACME BV UTRECHT FACTUUR 2017 EN 18"],
            "note": ["0666666666"],
        }
        text = "000>100000000000\n>20ABNANL2A\n>21NL91ABNA0417164300\n>22ACME BV FACTUUR 17\n>310666666666"
        assert told(text) == {
            "kind": "000",
            "bank": "ABNANL2A",
            "iban": "NL91ABNA0417164300",
            "free": ["ACME BV FACTUUR 17"],
            "note": ["0000000000", "0666666666"],
        }
        text = "000>100000000000>20PREPAYMENT>21NL91 17>310666666666"
        assert told(text) == {
            "kind": "000",
            "free": ["PREPAYMENT", "NL91 17"],
            "note": ["0666666666"],
        }

    def test_komercijalna_banka_skopje(self) -> None:
        text = "/ORDP/300000001234567\n/ACME A/D - SKOPJE\n/00//026415102020\n/ORDER 17"
        assert told(text) == {
            "account": "300000001234567",
            "name": "ACME A/D - SKOPJE",
            "free": ["00//026415102020", "ORDER 17"],
        }
        assert told("/ORDP/12345678\n/REMI/ORDER 17") == {"ordering": "12345678", "free": ["ORDER 17"]}

    def test_mbank_collect(self) -> None:
        text = (
            "911 TRANSAKCJA COLLECT; ID IPH: XX000000000001; Z RACH.: \n61109010140000071219812874; OD: ACME SP. \n"
            "Z O.O.; TYT.: ORDER 17   ; \nTNR: 179171073864111.010001"
        )
        assert told(text) == {
            "kind": "911",
            "note": ["TRANSAKCJA COLLECT"],
            "credited_account": "XX000000000001",
            "account": "61109010140000071219812874",
            "name": "ACME SP. Z O.O.",
            "free": ["ORDER 17"],
            "transaction_id": "179171073864111.010001",
        }

    def test_mbank(self) -> None:
        text = (
            "770 PRZELEW KRAJOWY; Z RACH.: 61109010140000071219812874; OD: \nACME SP. Z O.O.; TYT.: ORDER 17; "
            "DATA STEMPLA: \n02.06.2026; TNR: 154961063737657.320001"
        )
        assert told(text) == {
            "kind": "770",
            "note": ["PRZELEW KRAJOWY", "DATA STEMPLA: 02.06.2026"],
            "account": "61109010140000071219812874",
            "name": "ACME SP. Z O.O.",
            "free": ["ORDER 17"],
            "transaction_id": "154961063737657.320001",
        }
        paid = told(
            " 944 Przelew krajowy; na rach.: 61109010140000071219812874; dla: ACME; tyt.: fv 17; TNR: 1.2"
        )
        assert (paid["account"], paid["name"], paid["free"]) == (
            "61109010140000071219812874",
            "ACME",
            ["fv 17"],
        )
        broken = told(
            "770 PRZELEW; Z \nRACH.: 61109010140000071219812874; \nOD: ACME; TYT.: ORDER 17; \nTNR: 1.2"
        )
        assert (broken["account"], broken["name"]) == ("61109010140000071219812874", "ACME")
        assert told("794 OPLATY GRUPOWE; TNR: 1.2") == {
            "kind": "794",
            "note": ["OPLATY GRUPOWE"],
            "transaction_id": "1.2",
        }

    def test_mbank_in_the_text_of_the_payer_names_nobody(self) -> None:
        found = told("770 PRZELEW; OD: ACME; TYT.: ORDER; Z RACH.: 61109010140000071219812874")
        assert found["free"] == ["ORDER", "; Z RACH.: 61109010140000071219812874"]
        assert "account" not in found

    def test_mbank_in_the_name_of_the_payer_is_no_virtual_account(self) -> None:
        found = told("770 PRZELEW; OD: ACME; ID IPH: XX000000000001; TYT.: ORDER")
        assert (found["name"], found["free"]) == ("ACME; ID IPH: XX000000000001", ["ORDER"])


class TestFreeText:
    def test_is_kept_line_by_line(self) -> None:
        assert told("one  line\n\nanother\n") == {"free": ["one line", "another"]}

    def test_a_line_that_is_full_goes_on_in_the_next(self) -> None:
        assert read_details(["x" * 65, "y", "z"])["free"] == ["x" * 65 + "y", "z"]

    def test_may_be_missing(self) -> None:
        assert told("") == {}


class TestSupplement:
    def test_is_a_note_with_code_words(self) -> None:
        found = read_supplement(("ACCOUNT FEE", "/TRCD/00100/", "/OCMT/USD1,5/"))
        assert found == {
            "note": ["ACCOUNT FEE", "TRCD/00100"],
            "free": [],
            "structured": [],
            "instructed": "USD1,5",
        }


class TestHabits:
    def test_have_names_of_their_own(self) -> None:
        assert len({habit.whose for habit in HABITS}) == len(HABITS)

    @pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.whose[:20])
    @pytest.mark.parametrize(
        "filling", ["?20", "/NAME/", "/", "?", "; ", " ", "REK: ", "IBAN: ", "911 ;", "EREF+"]
    )
    def test_take_no_time_for_any_text(self, habit: object, filling: str) -> None:
        before = time.process_time()
        read_details(
            [start + filling * 3_000 for start in ("166?20", "/REMI/", "SEPA X", "911 x; ID IPH: ", "")]
        )
        assert time.process_time() - before < 0.5
