"""What the reader of MT940 and MT942 takes from a file, and what it quarantines or holds."""

import io
from datetime import date

import pytest

from bankfiles import (
    Direction,
    Entry,
    Format,
    Instructed,
    Part,
    Quarantine,
    Refused,
    StatementEnd,
    Survey,
    mt,
    read,
    survey,
)
from tests.bankfiles.camt_files import entries_of, only_entry, only_quarantine, quarantined_of
from tests.bankfiles.mt_files import ACCOUNT, entry, interim, of, statement


def only_part(details: str, **options: str) -> Part:
    (part,) = only_entry(of(entry(details, **options))).parts
    return part


def held(data: bytes) -> str:
    found = survey(data)
    assert found.outcome == "held", found
    return found.reason


def sound(data: bytes) -> Survey:
    found = survey(data)
    assert (found.outcome, found.reason) == ("read", "")
    return found


class TestEntry:
    def test_has_amount_direction_dates_and_references(self) -> None:
        found = only_entry(of(entry(amount="1234,5", rest="NTRFOURS-17//BANK-9")))
        assert (found.amount_minor, found.currency, found.direction) == (123450, "EUR", Direction.CREDIT)
        assert (found.value_on, found.booked_on) == (date(2026, 11, 24), date(2026, 11, 23))
        assert (found.status, found.account, found.transaction_code) == ("BOOK", ACCOUNT, "NTRF")
        assert (found.bank_reference, found.parts[0].end_to_end_id) == ("BANK-9", "OURS-17")

    def test_says_where_it_stands(self) -> None:
        found = entries_of(of(entry("one\ntwo"), entry()) + of(entry()))
        assert [(e.ordinal, e.statement, e.path, e.line) for e in found] == [
            (0, 0, "MT940[1]/:61:[1]", 5),
            (1, 0, "MT940[1]/:61:[2]", 8),
            (2, 1, "MT940[2]/:61:[1]", 15),
        ]

    @pytest.mark.parametrize(
        ("mark", "signed_minor", "reversal"),
        [
            ("C", 10000, False),
            ("D", -10000, False),
            ("RC", -10000, True),
            ("RD", 10000, True),
            ("CR", 10000, False),
            ("DD", -10000, False),
            ("RCR", -10000, True),
            ("c", 10000, False),
        ],
    )
    def test_a_reversal_of_a_credit_is_a_debit(self, mark: str, signed_minor: int, reversal: bool) -> None:
        found = only_entry(of(entry(mark=mark)))
        assert (found.signed_minor, found.parts[0].signed_minor) == (signed_minor, signed_minor)
        assert found.reversal == reversal

    def test_the_currency_is_that_of_the_balance(self) -> None:
        data = of(entry(amount="100,"), opening="C261122JPY0,", closing="C261123JPY100,")
        assert (only_entry(data).amount_minor, only_entry(data).currency) == (100, "JPY")

    def test_without_an_entry_date_it_was_booked_on_its_value_date(self) -> None:
        for dates in ("261124", "261124    "):
            assert only_entry(of(entry(dates=dates))).booked_on == date(2026, 11, 24)

    def test_a_pointer_to_the_details_is_no_reference(self) -> None:
        for rest in ("NTRFNONREF", "NTRFEREF", "NTRFKREF+", "NTRF", "NTRFNONREF//", "NTRFNONREF//NONREF"):
            found = only_entry(of(entry(rest=rest)))
            assert (found.parts[0].end_to_end_id, found.keyed_by) == ("", "content")

    def test_the_end_to_end_id_of_the_details_comes_first(self) -> None:
        assert only_part("/EREF/E-1/", rest="NTRFOURS//R1").end_to_end_id == "E-1"

    def test_what_stands_behind_the_references_is_a_note(self) -> None:
        data = of(entry(rest="NTRFNONREF//R1\nACCOUNT FEE"))
        assert only_entry(data).note == "ACCOUNT FEE"

    def test_a_bank_reference_may_stand_in_a_line_of_its_own(self) -> None:
        assert only_entry(of(entry(rest="NTRFALONGREFERENCE1\n//BANK-9"))).bank_reference == "BANK-9"

    def test_an_amount_may_stand_in_a_line_of_its_own(self) -> None:
        assert only_entry(of(entry(amount="\n100,00"))).amount_minor == 10000

    def test_a_reference_that_is_filled_up_ends_before_the_name(self) -> None:
        found = only_entry(of(entry(rest="N0600733959555      ACME BV")))
        assert (found.transaction_code, found.parts[0].end_to_end_id, found.note) == (
            "N060", "0733959555", "ACME BV",
        )  # fmt: skip

    def test_the_account_in_the_second_line_is_the_other_partys(self) -> None:
        found = only_entry(of(entry("/ORDP//NAME/ACME BV/", rest="N102NONREF\nNL91ABNA0417164300")))
        (part,) = found.parts
        assert (part.payer_name, part.payer_account) == ("ACME BV", "NL91ABNA0417164300")
        assert found.detailed

    def test_an_account_for_a_reference_is_the_other_partys_and_the_name_follows(self) -> None:
        found = only_entry(of(entry("text", rest="NOVBNL91ABNA0417164300\nacme bv")))
        (part,) = found.parts
        assert (part.payer_name, part.payer_account) == ("acme bv", "NL91ABNA0417164300")
        assert (part.end_to_end_id, found.detailed) == ("", True)

    def test_of_a_debit_the_other_party_is_the_payee(self) -> None:
        data = of(entry("/NAME/ACME BV/IBAN/NL91ABNA0417164300", mark="D"), closing="D261123EUR100,00")
        (part,) = only_entry(data).parts
        assert (part.payee_name, part.payee_account) == ("ACME BV", "NL91ABNA0417164300")
        assert (part.payer_name, part.payer_account) == ("", "")

    def test_of_a_reversed_credit_the_other_party_was_the_payer(self) -> None:
        data = of(entry("/NAME/ACME BV/", mark="RC"), closing="D261123EUR100,00")
        assert only_entry(data).parts[0].payer_name == "ACME BV"

    def test_the_accounts_own_number_is_nobody_elses(self) -> None:
        data = of(entry("000>20text>310454545454"), account="TRIODOSBANK/0454545454")
        assert only_entry(data).parts[0].payer_account == ""

    def test_original_amount_and_charges_explain_a_short_payment(self) -> None:
        found = only_entry(of(entry(rest="NTRFNONREF//R1\n/OCMT/USD120,5/CHGS/EUR5,00/")))
        (part,) = found.parts
        assert part.instructed == Instructed(12050, "USD")
        assert [(c.amount_minor, c.currency, c.included) for c in part.charges] == [(500, "EUR", True)]

    def test_an_entry_of_zero_is_shown_and_is_no_money(self) -> None:
        data = of(entry(), entry(amount="0,00", rest="NDEFNONREF//\n/ABC/C 16233,92 BAI CD 025"))
        assert [(e.amount_minor, e.status, e.booked) for e in entries_of(data)] == [
            (10000, "BOOK", True),
            (0, "INFO", False),
        ]
        assert sound(data).entries == 2


class TestDetails:
    def test_of_several_fields_are_one_text(self) -> None:
        data = of(entry() + ":86:/EREF/E-1/\n:86:/ORDP//NAME/ACME BV/\n:86:/REMI/USTD//INVOICE 42/\n")
        (part,) = only_entry(data).parts
        assert (part.end_to_end_id, part.payer_name, part.free) == ("E-1", "ACME BV", ("INVOICE 42",))

    def test_before_the_first_entry_and_behind_the_balances_are_none_of_an_entrys(self) -> None:
        data = statement(":86:RF18\n", entry("own text"), last="62F").replace("-\n", ":86:SUM 1/100,00\n-\n")
        assert only_entry(data.encode()).parts[0].free == ("own text",)

    def test_a_time_over_two_lines_is_no_field(self) -> None:
        for time, minutes in (("12", "20:59"), ("2017-01-01T13", "12:11"), ("9", "25:00"), ("8", "28:01")):
            assert only_part(f"paid at {time}\n:{minutes} o'clock").free == (
                f"paid at {time}", f":{minutes} o'clock",
            )  # fmt: skip

    def test_a_field_behind_a_digit_is_a_field(self) -> None:
        second = statement(entry()).replace(":20:S-1", ":20:12")
        assert sound((statement(entry("text 7")) + second).encode()).entries == 2

    def test_fields_of_the_banks_own_are_notes(self) -> None:
        data = of(":NS:22INTERNAL\n", entry("text") + ":NS:23MORE\n:23E:EXTENSION\n")
        (found,) = entries_of(data)
        assert (found.parts[0].free, found.note) == (("text",), "23MORE; EXTENSION")


class TestStatement:
    def test_has_number_balances_and_day(self) -> None:
        (found,) = sound(of(entry(), number="00135/002", first="60M") + b"").statements
        assert (found.format, found.statement_id, found.account) == (Format.MT940, "S-1", ACCOUNT)
        assert (found.sequence, found.page, found.last_page) == ("135", 2, True)
        assert (found.currency, found.created_on, found.line) == ("EUR", date(2026, 11, 23), 1)
        assert [(b.code, b.amount_minor) for b in found.balances] == [("ITBD", 0), ("CLBD", 10000)]

    def test_has_other_balances_where_they_can_be_read(self) -> None:
        text = statement(entry()).replace("-\n", ":64:C261123EUR90,00\n:65:C261124EUR95,00\n:65:later\n-\n")
        (found,) = sound(text.encode()).statements
        assert [(b.code, b.amount_minor) for b in found.balances[2:]] == [("CLAV", 9000), ("FWAV", 9500)]

    def test_that_is_carried_forward_is_not_the_last_page(self) -> None:
        (found,) = sound(of(entry(), last="62M")).statements
        assert not found.last_page

    def test_an_overdrawn_balance_is_negative(self) -> None:
        found = sound(of(entry(), opening="D261122EUR100,00", closing="C261123EUR0,"))
        assert [b.amount_minor for b in found.statements[0].balances] == [-10000, 0]

    def test_may_be_one_of_several_of_any_account_and_currency(self) -> None:
        other = statement(account="NL91ABNA0417164300EUR", closing="C261122EUR0,00")
        third = statement(entry(), opening="C261122USD1,00", closing="C261123USD101,00")
        found = sound((statement(entry()) + other + third).encode())
        assert [s.account for s in found.statements] == [ACCOUNT, "NL91ABNA0417164300", ACCOUNT]
        assert {currency: t.credit_minor for currency, t in found.totals.items()} == {
            "EUR": 10000,
            "USD": 10000,
        }

    def test_is_told_before_its_entries_and_complete_at_its_end(self) -> None:
        head, _, end = list(read(of(entry())))
        assert isinstance(end, StatementEnd)
        assert (head.account, len(head.balances), len(end.statement.balances)) == (ACCOUNT, 1, 2)  # type: ignore[union-attr]

    @pytest.mark.parametrize(
        ("before", "after"),
        [
            ("", ""),
            ("{1:F01ABNANL2AXXXX0000000000}{2:O940ABNANL2AXXXXN}{3:}{4:\n", "-}{5:{CHK:123456789ABC}}\n"),
            ("{1:F01INGBNL2ABXXX0000000000}\n{2:I940INGBNL2AXXXN}\n{4:\n", "-}\n"),
            ("ABNANL2A\n940\nABNANL2A\n", ""),
            (":940:\n", ""),
            ("0000 01INGBNL2AXXXX00001\n940 00\n", "-XXX\n\n"),
            ("\x01", "\x03\x1a"),
            ("\ufeff", ""),
            ("\n \n", "\n"),
        ],
    )
    def test_stands_in_whatever_the_bank_puts_around_it(self, before: str, after: str) -> None:
        one = before + statement(entry("text")).removesuffix("-\n") + after
        found = sound((one + one).encode())
        assert (len(found.statements), found.entries) == (2, 2)

    def test_goes_on_in_a_page_that_begins_with_its_balance(self) -> None:
        more = f":60M:C261123EUR100,00\n{entry()}:62F:C261124EUR200,00\n-\n"
        found = sound(of(entry(), last="62M").removesuffix(b"-\n") + more.encode())
        assert [(s.statement_id, s.account, s.sequence, s.page) for s in found.statements] == [
            ("S-1", ACCOUNT, "1", 1),
            ("S-1", ACCOUNT, "1", 2),
        ]
        assert found.totals["EUR"].credit_minor == 20000
        assert "expected a :20: before it" in held(of(entry()).removesuffix(b"-\n") + more.encode())

    @pytest.mark.parametrize("number", ["1/1", "0"])
    @pytest.mark.parametrize("opening", ["C261123EUR500,00", "C261124EUR100,00", "C261123USD100,00", "none"])
    def test_goes_on_in_no_page_that_begins_with_another_balance(self, number: str, opening: str) -> None:
        more = f":60M:{opening}\n{entry()}:62F:{opening}\n-\n"
        page = of(entry(), last="62M", number=number).removesuffix(b"-\n")
        assert ":60M:: expected a :20: before it" in held(page + more.encode())

    def test_a_dash_does_not_end_it_before_its_balance(self) -> None:
        assert only_part("text\n-\nmore").free == ("text", "-", "more")

    def test_a_dash_that_ends_it_is_no_text(self) -> None:
        (found,) = entries_of(interim(entry("text")))
        assert found.parts[0].free == ("text",)

    def test_a_dash_may_stand_before_a_tag(self) -> None:
        text = statement(entry("text")).replace("\n:25:", "\n-:25:").replace("\n:61:", "\n-:61:")
        found = sound(text.encode())
        assert (found.statements[0].account, found.entries) == (ACCOUNT, 1)

    @pytest.mark.parametrize("before", ["-", " ", " -", "- ", "\0", "\u00a0"])
    def test_what_stands_before_a_tag_in_a_text_begins_no_entry(self, before: str) -> None:
        # They cancel each other out, so that the balances agree.
        forged = "{0}:61:2611241123C900,00NTRFX//F1\n{0}:61:2611241123D900,00NTRFX//F2"
        assert "line 7, :61:: expected it at the beginning of a line, found it inside" in held(
            of(entry(f"ORDER 17\n{forged.format(before)}"))
        )

    def test_lines_may_end_as_in_fints(self) -> None:
        data = ("\n" + statement(entry("166?20SVWZ+pay@@ment@home?32ACME GmbH"))).replace("\n", "@@").encode()
        sound(data)
        (part,) = only_entry(data).parts
        assert (part.free, part.payer_name) == (("payment@home",), "ACME GmbH")

    @pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
    def test_lines_end_in_any_way(self, end: str) -> None:
        data = statement(entry("one\ntwo"), entry(amount="0,")).replace("\n", end).encode()
        assert [e.line for e in entries_of(data)] == [5, 8]
        assert entries_of(data)[0].parts[0].free == ("one", "two")

    @pytest.mark.parametrize(
        "encoding", ["utf-8", "utf-8-sig", "latin-1", "cp1252", "utf-16", "utf-16-le", "utf-16-be"]
    )
    def test_is_in_utf_8_utf_16_or_latin_1(self, encoding: str) -> None:
        data = statement(entry("166?32Müller & Söhne?20Größe")).encode(encoding)
        (part,) = only_entry(data).parts
        assert (part.payer_name, part.free) == ("Müller & Söhne", ("Größe",))

    def test_a_stream_is_read_forward_only_in_pieces_of_any_size(self) -> None:
        class Slow(io.RawIOBase):
            def __init__(self, data: bytes) -> None:
                self.rest = data

            def readable(self) -> bool:
                return True

            def read(self, size: int = -1) -> bytes:
                piece, self.rest = self.rest[:7], self.rest[7:]
                return piece

        data = statement(entry("one\ntwo") * 40).replace("\n", "\r\n").encode() * 2
        assert list(read(Slow(data))) == list(read(data))  # type: ignore[arg-type]


class TestInterim:
    def test_is_shown_and_never_posted(self) -> None:
        data = interim(entry(), entry(mark="D", amount="30,00"))
        found = sound(data)
        assert [(e.status, e.signed_minor) for e in entries_of(data)] == [("PDNG", 10000), ("PDNG", -3000)]
        assert found.totals["EUR"].booked_credit_minor == 0
        (told,) = found.statements
        assert (told.format, told.path, told.created_on) == (Format.MT942, "MT942[1]", date(2026, 11, 23))

    def test_has_the_keys_that_the_statement_will_have(self) -> None:
        payments = [entry("one"), entry("two", rest="NTRFNONREF"), entry("two", rest="NTRFNONREF")]
        shown, booked = entries_of(interim(*payments)), entries_of(of(*payments))
        assert [e.key for e in shown] == [e.key for e in booked]
        assert [e.parts[0].key for e in shown] == [e.parts[0].key for e in booked]

    def test_knows_expected_money(self) -> None:
        data = interim(entry(mark="EC"), entry(mark="ED"))
        assert [e.signed_minor for e in entries_of(data)] == [10000, -10000]

    def test_may_stand_beside_booked_statements(self) -> None:
        found = sound(interim(entry()) + of(entry()))
        assert [s.format for s in found.statements] == [Format.MT942, Format.MT940]


class TestQuarantine:
    @pytest.mark.parametrize(
        ("broken", "reason"),
        [
            (entry(dates="2613241123"), "value date: expected a day written YYMMDD, found '261324'"),
            (entry(dates="2611241323"), "entry date: expected a day written MMDD, or none, found '1323'"),
            (entry(dates="26O1241123"), "value date: expected a day written YYMMDD, found '26O124'"),
            (entry(rest="NTRF" + "x" * 201), "references: expected at most 200 characters, found 'xxx"),
            (
                entry(rest="NTRFNONREF\n//" + "x" * 201),
                "bank reference: expected at most 200 characters, found 'xxx",
            ),
            (
                entry("166?20order 17?31" + "7" * 60 + "\n" + "7" * 60 + "?32ACME GmbH"),
                "account number: expected at most 100 characters, found '777",
            ),
            (
                entry("x" * 6_000 + "\n" + "y" * 6_000),
                "text: expected at most 10000 characters, found 'more'",
            ),
            (entry() + ":86:\n" * 10_001, "text: expected at most 10000 characters, found 'more'"),
        ],
    )
    def test_keeps_what_is_known_of_the_money(self, broken: str, reason: str) -> None:
        data = of(entry(), broken, entry(amount="5,"), closing="C261123EUR205,00")
        found = only_one_quarantined(data)
        assert found.reason.startswith(f"MT940[1]/:61:[2], line 6, {reason}")
        assert (found.ordinal, found.line, found.known) == (1, 6, True)
        assert (found.amount_minor, found.currency, found.direction) == (10000, "EUR", Direction.CREDIT)
        assert sound(data).entries == 3

    @pytest.mark.parametrize(
        "amount",
        ["", ",", "abc", "1.000,00", "1.000", "1,005", "1e3", "-5,00", "1 000,00", "1,0,0", "٣,00", "1,00.0"],
    )
    def test_an_amount_that_is_none_is_never_read_as_another(self, amount: str) -> None:
        found = only_quarantine(of(entry(amount=amount)))
        assert (found.known, found.amount_minor) == (False, None)
        assert "what this entry moved is not known" in held(of(entry(amount=amount)))

    @pytest.mark.parametrize("lost", ["29C5,32NTRFNONREF", "29RC5.32NTRFNONREF", "29C000000005,32NMSC"])
    def test_an_amount_behind_what_is_lost_is_never_read_as_another(self, lost: str) -> None:
        assert only_quarantine(of(f":61:2611241123C{lost}\n")).amount_minor is None

    @pytest.mark.parametrize("rest", ["", "N", "123", "/R1"])
    def test_a_line_that_is_cut_off_is_unreadable(self, rest: str) -> None:
        assert not only_quarantine(of(entry(rest=rest))).known

    def test_leaves_the_rest_of_an_interim_report(self) -> None:
        data = interim(entry(), entry(amount="1,005"))
        assert [q.ordinal for q in quarantined_of(data)] == [1]
        assert sound(data).entries == 2


def only_one_quarantined(data: bytes) -> Quarantine:
    (found,) = quarantined_of(data)
    return found


class TestHeld:
    def test_without_its_closing_balance(self) -> None:
        cut = statement(entry()).partition(":62F:")[0].encode()
        assert held(cut).startswith(
            "MT940[1], line 1, :62F:: expected the balance, found none: the statement is not complete."
        )
        assert held(cut + of(entry())).startswith("MT940[1], line 1, :62F:: expected the balance")

    def test_without_its_opening_balance(self) -> None:
        data = statement(entry()).replace(":60F:C261122EUR0,00\n", "").encode()
        assert ":60F:: expected the balance, found none" in held(data)
        assert survey(data).entries == 1

    def test_when_its_currency_is_no_more_and_says_only_that(self) -> None:
        data = statement(entry()).replace("EUR", "DEM").encode()
        expected = "currency: expected an ISO 4217 currency in use, found 'DEM'"
        assert only_quarantine(data).reason == f"MT940[1]/:61:[1], line 5, {expected}"
        assert all(expected in problem for problem in survey(data).problems)

    def test_when_its_opening_balance_is_unreadable_and_its_entries_are_read(self) -> None:
        data = statement(entry()).replace("EUR0,00", "EURO,00").encode()
        assert held(data).startswith("MT940[1], line 4, :60F:: balance: expected a balance such as")
        assert only_entry(data).amount_minor == 10000

    def test_when_the_text_block_is_not_closed(self) -> None:
        data = b"{1:F01ABNANL2AXXXX0000000000}{4:\n" + interim(entry())
        assert "expected -} at the end of the text block, found none: the file is cut off" in held(data)

    def test_when_the_balances_do_not_agree(self) -> None:
        assert held(of(entry(), closing="C261123EUR101,00")) == (
            "MT940[1], line 1, :60: and :62:: expected a closing booked balance of 100.00 EUR "
            "(opening 0.00 EUR, booked entries 100.00 EUR), found 101.00 EUR."
        )

    def test_when_the_balances_are_in_two_currencies(self) -> None:
        data = of(closing="C261123USD0,00")
        assert held(data) == "MT940[1], line 1, :62F:: expected a balance in EUR as in :60F:, found USD."

    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            ("C261122EUR0,00", "C261122EURO,00", ":60F:: balance: expected a balance such as"),
            ("C261122EUR0,00", "C261122DEM0,00", ":60F:: currency: expected an ISO 4217 currency in use, found 'DEM'"),
            (ACCOUNT, "1" * 101, ":25:: account: expected at most 100 characters"),
            (f":25:{ACCOUNT}\n", "", ":25:: expected the account's IBAN or number, found nothing"),
            (":28C:1/1\n", ":25:123\n", ":25:: account: expected one, found 'another'"),
            (":28C:1/1\n", ":60F:C261122EUR0,00\n", ":60F:: balance: expected one opening balance"),
            ("-\n", ":62F:C261123EUR100,00\n", ":62F:: balance: expected one closing balance"),
            (":20:S-1\n", "", ":25:: expected a :20: before it, found none"),
            (":62F:", entry(amount="5,00") + "junk :61:2611241123C1,00NTRF\n:62F:", "found it inside"),
        ],
    )  # fmt: skip
    def test_when_its_structure_is_broken(self, old: str, new: str, reason: str) -> None:
        found = survey(statement(entry()).replace(old, new).encode())
        assert found.outcome == "held"
        assert any(reason in problem for problem in found.problems), found.problems

    def test_when_an_entry_stands_behind_the_balance(self) -> None:
        data = of(entry()) + entry(amount="5,00").encode()
        assert "line 8, :61:: expected no entry behind the closing balance, found one" in held(data)
        assert survey(data).entries == 2

    def test_when_an_entry_stands_before_any_statement(self) -> None:
        assert survey(entry().encode() + of(entry())).entries == 2
        assert ":61:: expected a :20: before it, found none" in held(entry().encode() + of(entry()))


class TestLimits:
    def test_a_line_without_end_is_refused(self) -> None:
        with pytest.raises(Refused, match="A line of the file is larger"):
            list(read(of(entry("x" * 200_000))))

    def test_too_many_statements_are_refused(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(mt, "MAX_STATEMENTS", 3)
        with pytest.raises(Refused, match="The number of statements"):
            list(read(of(entry()) * 4))

    def test_a_text_of_100_lines_is_read(self) -> None:
        assert len(only_part("\n".join(["line"] * 100)).free) == 100

    def test_nothing_of_it_is_a_bank_file(self) -> None:
        with pytest.raises(Refused, match="MT940"):
            list(read(b"hello"))


class TestManyEntries:
    def test_are_read_one_by_one(self) -> None:
        class Endless(io.RawIOBase):
            read_bytes = 0

            def read(self, size: int = -1) -> bytes:
                piece = entry("text").encode() * 1_000
                self.read_bytes += len(piece)
                return (
                    piece if self.read_bytes > len(piece) else statement(entry()).split(":62F:")[0].encode()
                )

        stream = Endless()
        events = read(stream)  # type: ignore[arg-type]
        for _ in range(1_000):
            assert not isinstance(next(events), Quarantine)
        assert isinstance(next(events), Entry)
        assert stream.read_bytes < 1_000_000


@pytest.mark.parametrize(
    "line", [":28C:99/7", ":64:C261123EUR1,00", ":21:X", ":13D:2611231200+0100", ":34F:EUR9,"]
)
def test_a_payers_line_that_begins_as_a_field_of_the_statement_is_text(line: str) -> None:
    data = of(entry(f"INVOICE\n{line}\nTHANKS"), entry(amount="0,"))
    assert entries_of(data)[0].parts[0].free == ("INVOICE", line, "THANKS")
    (told,) = sound(data).statements
    assert (told.sequence, told.page, len(told.balances), told.format) == ("1", 1, 2, Format.MT940)


def test_the_text_block_may_end_in_the_line_of_the_balance() -> None:
    text = statement(entry()).removesuffix("\n-\n")
    assert sound(f"{{1:F01}}{{2:O940}}{{4:\n{text}-}}{{5:{{CHK:1}}}}\n".encode()).entries == 1
