"""What the BAI2 reader takes from a file, what it quarantines, and what holds a file."""

import io
import time
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankfiles import (
    Direction,
    Entry,
    Format,
    Quarantine,
    Statement,
    StatementEnd,
    bai2,
    bai2_records,
    read,
    survey,
)
from bankfiles.sample import Batch, Payment
from tests.bankfiles import camt_files
from tests.bankfiles.bai2_files import ACCOUNT, account, chained, detail, file, group, report, written
from tests.bankfiles.camt_files import entries_of, only_entry, quarantined_of


def reasons(data: bytes) -> tuple[str, ...]:
    found = survey(data)
    assert found.outcome == "held", found
    return found.problems


def tagging(data: bytes, sender: bytes = b"GSBI", record: bytes = b"01,") -> bytes:
    """As of a bank that tags the parties."""
    before, head, after = data.partition(record)
    return before + head + after.replace(b"122099999", sender, 1)


class TestEntry:
    def test_has_amount_direction_status_and_dates(self) -> None:
        found = only_entry(report(detail()))
        assert (found.amount_minor, found.currency, found.direction) == (10000, "USD", Direction.CREDIT)
        assert (found.status, found.reversal, found.transaction_code) == ("BOOK", False, "195")
        assert found.booked_on == found.value_on == date(2026, 11, 22)
        assert (found.account, found.bank_reference) == (ACCOUNT, "R1")

    def test_has_one_part_with_reference_and_text(self) -> None:
        (part,) = only_entry(report(detail(text="RF18 5390, 0754/7034"))).parts
        assert (part.amount_minor, part.direction) == (10000, Direction.CREDIT)
        assert (part.end_to_end_id, part.free) == ("C1", ("RF18 5390, 0754/7034",))

    def test_says_where_it_stands(self) -> None:
        data = file(group(account(), account(detail(), detail() + "\n88,more/", detail())))
        assert [(e.ordinal, e.path, e.line) for e in entries_of(data)] == [
            (0, "03[2]/16[1]", 6),
            (1, "03[2]/16[2]", 7),
            (2, "03[2]/16[3]", 9),
        ]

    @pytest.mark.parametrize(
        ("code", "way"),
        [
            ("101", None), ("108", "credit"), ("399", "credit"), ("400", None), ("409", "debit"), ("699", "debit"),
            ("721", "credit"), ("760", "debit"), ("827", "credit"), ("828", "debit"), ("830", None), ("015", None),
            ("890", None), ("919", None), ("920", "credit"), ("959", "credit"), ("960", "debit"), ("999", "debit"),
            ("1O8", None), ("", None), ("1951", None), ("١٩٥", None),
        ],
    )  # fmt: skip
    def test_goes_the_way_of_its_type_code(self, code: str, way: str | None) -> None:
        (found,) = [e for e in read(report(detail(code))) if isinstance(e, Entry | Quarantine)]
        assert (found.direction if isinstance(found, Entry) else None) == way

    @pytest.mark.parametrize(
        ("funds", "value_on"),
        [
            ("", 22), ("Z", 22), ("0", 22), ("1", 22), ("2", 22), ("z", 22),
            ("V,261125,", 25), ("V,261121,1030", 21), ("V,,", 22),
            ("S,5000,3000,2000", 22), ("S,,5000,5000", 22), ("D,0", 22), ("D,2,0,4000,3,6000", 22),
        ],
    )  # fmt: skip
    def test_has_a_value_date_where_its_funds_type_gives_one(self, funds: str, value_on: int) -> None:
        found = only_entry(report(detail(funds=funds)))
        assert (found.booked_on, found.value_on) == (date(2026, 11, 22), date(2026, 11, value_on))
        assert (found.bank_reference, found.parts[0].end_to_end_id) == ("R1", "C1")
        assert found.parts[0].free == ("order 1",)

    @pytest.mark.parametrize("code", ["252", "552"])
    def test_a_reversal_is_marked_and_keeps_its_direction(self, code: str) -> None:
        assert only_entry(report(detail(code))).reversal

    @pytest.mark.parametrize("code", ["257", "555"])
    def test_what_came_back_is_marked_as_returned(self, code: str) -> None:
        assert only_entry(report(detail(code))).parts[0].return_reason == code

    @pytest.mark.parametrize("sender", [(b"GSBI", b"01,"), (b"026015079", b"02,")])
    def test_has_the_parties_that_a_bank_tags_in_its_text(self, sender: tuple[bytes, bytes]) -> None:
        tags = "88,DBNM: ACME Inc/\n88,DACT: 00 123/\n88,DABA: 026015079/\n88,CRNM: Globex SARL/\n88,CACT: 77"
        (part,) = only_entry(tagging(report(detail() + "\n" + tags), *sender)).parts
        assert (part.payer_name, part.payer_account, part.payer_bank) == ("ACME Inc", "00123", "026015079")
        assert (part.payee_name, part.payee_account, part.credited_account) == ("Globex SARL", "77", "77")
        assert part.free[1:3] == ("DBNM: ACME Inc", "DACT: 00 123")

    def test_believes_no_tag_of_a_bank_that_writes_none(self) -> None:
        (part,) = only_entry(report(detail() + "\n88,DACT: 123/\n88,CACT: 77/")).parts
        assert (part.payer_account, part.credited_account) == ("", "")
        assert part.free == ("order 1", "DACT: 123", "CACT: 77")

    @pytest.mark.parametrize("rest", ["\n88,7890/", "\n88,REMI: x/\n88,CACT: 7890/", "\n7890/"])
    def test_believes_no_tag_that_is_not_all_in_one_record(self, rest: str) -> None:
        told = detail(text="DACT: 5") + "\n88,DBNM: ACME Inc/\n88,CACT: 123456" + rest
        (part,) = only_entry(tagging(report(told))).parts
        assert (part.payer_name, part.payer_account, part.credited_account) == ("ACME Inc", "", "")

    def test_that_says_nothing_of_who_paid_may_be_a_lump_sum(self) -> None:
        told = written([Payment(300, "R1"), Batch((Payment(100), Payment(200)), "R2")])
        assert [entry.detailed for entry in entries_of(told)] == [True, False]

    def test_believes_no_party_that_is_said_twice(self) -> None:
        told = detail() + "\n88,DACT: 1/\n88,DACT: 2/\n88,DBNM: ACME Inc/"
        (part,) = only_entry(tagging(report(told))).parts
        assert (part.payer_account, part.payer_name) == ("", "ACME Inc")


class TestText:
    @pytest.mark.parametrize(
        ("record", "text"),
        [
            ("16,195,1,Z,R,C,one, two/three/", ("one, two/three",)),
            ("16,195,1,Z,R,C,padded          /   ", ("padded",)),
            ("16,195,1,Z,R,C,no slash", ("no slash",)),
            ("16,195,1,Z,R,C,/", ()),
            ("16,195,1,Z,R,C/", ()),
            ("16,195,1,Z,R,C/\n88,one, two/", ("one, two",)),
            ("16,195,1,Z,R,C,one\n88,two\n88,/three", ("one", "two", "/three")),
            ("16,195,1,S,0,0,1/\n88,R,C,one/", ("one",)),
            ("16,195,1,S,0,0,1/\n88,R,C/\n88,one/", ("one",)),
            ("16,195,1,V/\n88,261122,,R,C,one/", ("one",)),
            ("16,195,1,V,261122/\n88,,R,C,one/", ("one",)),
            ("16,195,1,V,261122/\n88,2400,R,C,one/", ("one",)),
            ("16,195,1,D,1/\n88,0,1,R,C,one/", ("one",)),
            ("16,195,1,Z,R,C,one\t\x0btwo/", ("one  two",)),
        ],
    )
    def test_runs_to_the_end_of_the_record(self, record: str, text: tuple[str, ...]) -> None:
        found = only_entry(file(group(account(record))))
        assert (found.bank_reference, found.parts[0].end_to_end_id) == ("R", "C")
        assert found.parts[0].free == text

    @pytest.mark.parametrize(
        ("fields", "references"),
        [("", ("", "")), ("Z", ("", "")), ("Z,", ("", "")), (",", ("", "")), ("V,261122,", ("", "")),
         ("Z,R", ("R", "")), ("Z,R,", ("R", "")), ("S,0,0,1", ("", "")), ("S,0,0,1,R", ("R", "")),
         ("D,1,0,1", ("", "")), ("V,261122", ("", ""))],
    )  # fmt: skip
    @pytest.mark.parametrize("text", ["order 1, thanks", "order 1", "order", "4711"])
    def test_of_a_record_that_ended_early_is_no_reference(
        self, fields: str, references: tuple[str, str], text: str
    ) -> None:
        found = only_entry(file(group(account(f"16,195,1{',' * (fields != '')}{fields}/\n88,{text}/"))))
        assert (found.bank_reference, found.parts[0].end_to_end_id) == references
        assert found.parts[0].free == (text,)

    def test_may_be_wrapped_without_a_continuation(self) -> None:
        wrapped = (
            report(detail(text="one")).replace(b"one/", b"one\n    two/\n88,three/").replace(b",3/", b",4/")
        )
        data = wrapped.replace(b",5/", b",6/").replace(b",7/", b",8/")
        assert only_entry(data).parts[0].free == ("one", "two", "three")
        assert survey(data).outcome == "read"

    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
    def test_is_read_in_every_encoding(self, encoding: str) -> None:
        data = report(detail(text="Müller & Söhne")).decode().encode(encoding)
        assert only_entry(data) == only_entry(report(detail(text="Müller & Söhne")))

    def test_cannot_bring_a_record_into_the_file(self) -> None:
        data = report(detail(text="x/ 16,195,999999,Z,R2,C,y"))
        assert [e.amount_minor for e in entries_of(data)] == [10000]


class TestLines:
    @pytest.mark.parametrize("ending", [b"\r\n", b"\r", b"\n\n", b"   \n", b"\x00\x00\n"])
    def test_end_in_any_way(self, ending: bytes) -> None:
        plain = report(detail(), detail())
        data = plain.replace(b"\n", ending)
        assert [e._replace(line=0) for e in entries_of(data)] == [
            e._replace(line=0) for e in entries_of(plain)
        ]
        assert survey(data).outcome == "read"

    @pytest.mark.parametrize("between", [b"", b"    "])
    def test_may_not_be_there_at_all(self, between: bytes) -> None:
        plain = report(detail(), detail() + "\n88,more/", *[detail()] * 2_000)
        data = plain.replace(b"\n", between)
        assert [e._replace(line=0) for e in entries_of(data)] == [
            e._replace(line=0) for e in entries_of(plain)
        ]
        assert survey(data).outcome == "read"

    def test_are_read_in_pieces_of_any_size(self) -> None:
        class Slow(io.RawIOBase):
            def __init__(self, data: bytes) -> None:
                self.rest = data

            def read(self, size: int = -1) -> bytes:
                piece, self.rest = self.rest[:7], self.rest[7:]
                return piece

        data = report(*[detail() + "\n88,more/"] * 2_000)
        for same in (data, data.replace(b"\n", b"\r\n"), data.decode().encode("utf-16")):
            assert list(read(Slow(same))) == list(read(data))  # type: ignore[arg-type]


class TestCurrency:
    @pytest.mark.parametrize(
        ("of_account", "of_group", "currency"), [("JPY", "EUR", "JPY"), ("", "KWD", "KWD"), ("", "", "USD")]
    )
    def test_is_the_accounts_or_else_the_groups_or_else_that_of_a_us_bank(
        self, of_account: str, of_group: str, currency: str
    ) -> None:
        accounts = account(detail(amount="12345"), head=f"03,{ACCOUNT},{of_account}")
        found = only_entry(file(group(accounts, head=f"02,ACME,122099999,1,261122,2400,{of_group},2/")))
        assert (found.currency, found.amount_minor) == (currency, 12345)

    def test_of_a_bank_that_may_be_anywhere_is_not_guessed(self) -> None:
        head = "02,ACME,GLOBEX,1,261122,2400,,2/"
        data = file(
            group(account(detail(), head="03,1,"), head=head), head="01,GLOBEX,ACME,261123,0600,1,,,2/"
        )
        (reason,) = reasons(data)
        assert reason.startswith("03[1], line 3, currency: expected one here or in the 02 record")

    def test_that_is_none_holds_the_file(self) -> None:
        assert (
            "03 currency: expected an ISO 4217 currency in use, found 'XXQ'"
            in reasons(file(group(account(head="03,1,XXQ"))))[0]
        )


class TestStatus:
    @pytest.mark.parametrize(
        ("modifier", "status"), [("1", "PDNG"), ("2", "BOOK"), ("3", "PDNG"), ("4", "BOOK")]
    )
    def test_is_booked_in_a_final_report_only(self, modifier: str, status: str) -> None:
        head = f"02,ACME,122099999,1,261123,1200,,{modifier}/"
        assert only_entry(report(detail(), head=head)).status == status

    @pytest.mark.parametrize(
        ("as_of", "time", "items", "status"),
        [
            ("261123", "1200", "", "PDNG"),
            ("261123", "", "030,5,,", "PDNG"),
            ("261123", "2400", "", "BOOK"),
            ("261123", "9999", "", "BOOK"),
            ("261122", "", "", "BOOK"),
            ("261123", "1800", "015,10000,,", "BOOK"),
        ],
    )
    def test_without_a_modifier_is_booked_when_the_day_was_over(
        self, as_of: str, time: str, items: str, status: str
    ) -> None:
        head = f"02,ACME,122099999,1,{as_of},{time},,/"
        assert only_entry(report(detail(), items=items, head=head)).status == status

    def test_of_the_same_money_changes_and_its_key_does_not(self) -> None:
        payments = [Payment(100, "R1"), Payment(100), Payment(100), Payment(-7, value_on=date(2026, 11, 30))]
        interim = entries_of(written([replace(p, status="PDNG") for p in payments], interim=True))
        final = entries_of(written(payments))
        assert [e.key for e in interim] == [e.key for e in final]
        assert {e.status for e in interim} == {"PDNG"}


class TestKey:
    payments = st.builds(
        Payment,
        st.integers(1, 3),
        bank_reference=st.sampled_from(["R1", "R2", "R3"]),
        end_to_end_id=st.just(""),
    )

    @given(st.lists(payments, max_size=8))
    def test_is_that_of_the_same_money_in_a_camt_file(self, some: list[Payment]) -> None:
        camt = camt_files.written(some, "camt.053").replace(camt_files.ACCOUNT.encode(), ACCOUNT.encode())
        assert [e.key for e in entries_of(written(some))] == [e.key for e in entries_of(camt)]
        assert [e.parts[0].key for e in entries_of(written(some))] == [
            e.parts[0].key for e in entries_of(camt)
        ]

    def test_counts_equal_payments_of_an_account(self) -> None:
        data = report(*[detail(bank="", customer="")] * 3)
        assert len({e.key for e in entries_of(data)}) == 3
        assert {e.keyed_by for e in entries_of(data)} == {"content"}


class TestStatement:
    def test_has_account_balances_and_dates(self) -> None:
        items = "010,-500,,,015,+9500,,Z,040,-500,,,045,,,,100,10000,1,,400,0,0,V,261122,,072,7,,"
        total = -500 + 9500 - 500 + 10000 + 7 + 10000
        data = file(group(account(detail(), items=items, total=total)))
        first, _, last = read(data)
        assert isinstance(first, Statement)
        assert first == StatementEnd(first).statement == getattr(last, "statement", None)
        assert (first.format, first.account, first.currency) == (Format.BAI2, ACCOUNT, "USD")
        assert (first.created_on, first.line, first.message_id) == (date(2026, 11, 23), 3, "1")
        assert [(b.code, b.amount_minor, b.on) for b in first.balances] == [
            ("OPBD", -500, date(2026, 11, 22)),
            ("CLBD", 9500, date(2026, 11, 22)),
            ("OPAV", -500, date(2026, 11, 22)),
        ]
        assert [(s.element, s.sum_minor, s.count) for s in first.summaries] == [
            ("100", 10000, 1),
            ("400", 0, 0),
        ]
        assert survey(data).outcome == "read"

    @pytest.mark.parametrize(
        "items",
        [
            "010,5,,,015,5,,",
            "010,5,,,015,5",
            "010,5,,,015/\n88,5,,",
            "010,5,,/\n88,015,5,,",
            "010,5,,,,015,5,,,",
            "010,5,/\n88,015,5,,",
            ",,,,010,5,,,015,5,0,Z",
            "010,5,,D,1,0,5,015,5,,S,5,0,0",
            "010,5,,D,1/\n88,0,5,015,5,,V,261122,2400",
            "010,5,,V,261122/\n88,015,5,,V,261122",
            "010,5,,V,261122/\n88,2400,015,5,,",
        ],
    )
    def test_has_its_items_however_they_are_written(self, items: str) -> None:
        found = survey(file(group(account(items=items, total=10))))
        assert (found.outcome, found.reason) == ("read", "")
        assert [b.code for b in found.statements[0].balances] == ["OPBD", "CLBD"]

    def test_has_no_balances_without_end(self) -> None:
        found = survey(report(items="010,0,,," * 1_000))
        assert (found.outcome, found.statements[0].opening is None) == ("held", False)
        assert "03: expected at most 100 balances and totals, found 'more'" in found.reason
        assert len(found.statements[0].balances) < 1_000

    def test_comes_from_every_group_and_file(self) -> None:
        one = file(group(account(detail()), account()), group(account(detail("495"), head="03,2,EUR")))
        found = survey(one * 2)
        assert (found.outcome, found.entries) == ("read", 4)
        assert [(s.position, s.account) for s in found.statements] == [
            (0, ACCOUNT), (1, ACCOUNT), (2, "2"), (3, ACCOUNT), (4, ACCOUNT), (5, "2")
        ]  # fmt: skip

    def test_of_a_closed_account_is_empty(self) -> None:
        data = file(group("03,12345,/\n49,,2/\n".rstrip().replace("49,,", "49,0,"))).replace(
            b"49,0,", b"49,,"
        )
        assert survey(data).outcome == "read"


def test_spaces_around_fields_are_nothing() -> None:
    spaced = report(detail()).replace(b"01,122099999,ACME,261123,", b"01, 122099999 , ACME, 261123 ,")
    assert entries_of(spaced) == entries_of(report(detail()))
    assert survey(spaced).outcome == "read"


class TestRecordsOfOneLength:
    """As on tape: no lines, each record filled up to the length that the 01 record states."""

    @staticmethod
    def _blocked(data: bytes, length: int = 80) -> bytes:
        stated = data.replace(b",0600,1,,,2/", b",0600,1,80,,2/")
        return b"".join(line.ljust(length) for line in stated.splitlines())

    def test_a_text_without_a_slash_ends_with_its_record(self) -> None:
        data = report(
            detail(text="order 1").removesuffix("/"), detail("495", text="rent, May").removesuffix("/")
        )
        found = entries_of(self._blocked(data))
        assert [(e.amount_minor, e.parts[0].free) for e in found] == [
            (10000, ("order 1",)),
            (10000, ("rent, May",)),
        ]
        assert survey(self._blocked(data) + b"\n").outcome == "read"

    def test_across_what_is_read_at_once(self) -> None:
        data = self._blocked(report(*[detail(text="order 1").removesuffix("/")] * 2_000))
        assert len(entries_of(data)) == 2_000

    def test_another_length_than_stated_is_not_believed(self) -> None:
        assert survey(self._blocked(report(detail()), 90)).outcome == "read"


class TestQuarantine:
    @pytest.mark.parametrize(
        ("record", "reason", "minor", "way"),
        [
            (detail(funds="X"), "funds type: expected 0, 1, 2, D, S, V or Z, found 'X'", 10000, "credit"),
            (
                detail(funds="V,261301,"),
                "value date: expected a date as YYMMDD, until 2079, found '261301'",
                10000,
                "credit",
            ),
            (detail(funds="V,991231,"), "value date: expected a date as YYMMDD, until 2079", 10000, "credit"),
            (detail(funds="D,x"), "number of distributions: expected digits", 10000, "credit"),
            (detail(funds="D,9999"), "number of distributions: expected at most 1000", 10000, "credit"),
            (detail(amount=""), "amount: expected an amount not below 0, found nothing", 0, "credit"),
            (detail("890", "500"), "type code: expected one of a credit or debit", 500, None),
            (
                detail("390"),
                "type code: expected one of a single movement, found '390: a total'",
                10000,
                "credit",
            ),
            (detail("1X5"), "type code: expected three digits, found '1X5'", 10000, None),
            (detail(amount="-700"), "amount: expected an amount not below 0, found '-700'", 700, "debit"),
            (detail("495", "-700"), "amount: expected an amount not below 0, found '-700'", 700, "credit"),
            (
                detail(text="x/\n88,DACT: " + "7" * 101),
                "account number: expected at most 100 characters",
                10000,
                "credit",
            ),
            (detail(bank="R" * 300), "bank reference: expected at most 200 characters", 10000, "credit"),
        ],
    )
    def test_says_why_and_what_is_known(self, record: str, reason: str, minor: int, way: str | None) -> None:
        data = tagging(report(detail(), record, detail()))
        found = only_quarantine_among(data)
        assert found.reason.startswith(f"03[1]/16[2]/{reason}")
        assert (found.path, found.line, found.ordinal) == ("03[1]/16[2]", 5, 1)
        assert (found.amount_minor, found.direction, found.currency, found.status) == (
            minor,
            way,
            "USD",
            "BOOK",
        )
        assert (survey(data).outcome, survey(data).entries) == ("read", 3)

    def test_of_an_unreadable_amount_holds_the_file_as_the_control_total_shows(self) -> None:
        data = report(detail(), detail(amount="70.00")).replace(b"49,10000", b"49,17000")
        data = data.replace(b"98,10000", b"98,17000").replace(b"99,10000", b"99,17000")
        assert only_quarantine_among(data).amount_minor is None
        assert reasons(data) == (
            "03[1], line 6, 49 control total: expected 17000 as the record states, found 10000 "
            "without the unreadable amount of line 5.",
        )

    def test_is_what_the_ledger_balances_lack(self) -> None:
        assert survey(chained(0, 14000, detail(), detail(amount="4000", funds="X"))).outcome == "read"
        assert survey(chained(0, 10000, detail(), detail(amount="4000", funds="X"))).outcome == "held"

    def test_of_an_unknown_direction_holds_an_account_with_balances(self) -> None:
        (reason,) = reasons(chained(0, 14000, detail(), detail("1X5", "4000")))
        assert "it cannot be told whether the rest of the statement is complete" in reason

    @pytest.mark.parametrize("record", [detail("890", ""), detail("890", "0"), detail(amount="0")])
    def test_is_not_for_what_moves_no_money(self, record: str) -> None:
        data = chained(0, 10000, detail(), record)
        assert [(e.amount_minor, e.status) for e in entries_of(data)] == [(10000, "BOOK"), (0, "INFO")]
        found = survey(data)
        assert (found.outcome, found.quarantined) == ("read", [])

    def test_of_a_record_without_end_keeps_nothing_of_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bai2_records, "MAX_CONTINUATIONS", 3)
        found = survey(report(detail() + "\n88,x/" * 4, detail()))
        assert (found.outcome, found.entries, len(found.quarantined)) == ("read", 2, 1)

    @given(
        st.lists(
            st.sampled_from([detail(), detail("495"), detail(funds="X"), detail("015"), detail("x", "y")])
        )
    )
    def test_and_entries_are_all_16_records(self, details: list[str]) -> None:
        data = report(*details)
        assert len(entries_of(data)) + len(quarantined_of(data)) == data.count(b"\n16,")


def only_quarantine_among(data: bytes) -> Quarantine:
    (found,) = quarantined_of(data)
    return found


class TestTrailers:
    data = file(group(account(detail(), detail("495") + "\n88,more/"), account()), group(account(detail())))

    def test_that_agree_are_read(self) -> None:
        assert survey(self.data).outcome == "read"

    @pytest.mark.parametrize(
        ("right", "wrong", "reason"),
        [
            ("49,20000,5/", "49,20001,5/", "03[1], line 7, 49 control total: expected 20001"),
            ("49,20000,5/", "49,20000,6/", "03[1], line 7, 49 number of records: expected 6"),
            ("49,20000,5/", "49,20000/", "03[1], line 7, 49 number of records: expected 0"),
            ("49,20000,5/", "49,2O000,5/", "03[1], line 7, 49 control total: expected digits"),
            ("98,20000,2,9/", "98,20001,2,9/", "03[2], line 10, 98 control total: expected 20001"),
            ("98,20000,2,9/", "98,20000,1,9/", "03[2], line 10, 98 number of accounts: expected 1"),
            ("98,20000,2,9/", "98,20000,2,8/", "03[2], line 10, 98 number of records: expected 8"),
            ("99,30000,2,16/", "99,30001,2,16/", "03[3], line 16, 99 control total: expected 30001"),
            ("99,30000,2,16/", "99,30000,3,16/", "03[3], line 16, 99 number of groups: expected 3"),
            ("99,30000,2,16/", "99,30000,2,15/", "03[3], line 16, 99 number of records: expected 15"),
        ],
    )
    def test_that_disagree_hold_the_file(self, right: str, wrong: str, reason: str) -> None:
        assert self.data.count(right.encode()) == 1
        data = self.data.replace(right.encode(), wrong.encode())
        assert any(problem.startswith(reason) for problem in reasons(data))
        assert survey(data).entries == 3

    def test_find_every_entry_that_is_missing_or_too_many(self) -> None:
        lines = self.data.splitlines(keepends=True)
        for at, line in enumerate(lines):
            assert survey(b"".join(lines[:at] + lines[at + 1 :])).outcome != "read"
            assert survey(b"".join([*lines[:at], line, *lines[at:]])).outcome == "held"


class TestBalances:
    def test_that_chain_are_read(self) -> None:
        assert survey(chained(1000, 7000, detail(), detail("495", "4000"))).outcome == "read"

    def test_that_do_not_chain_hold_the_file(self) -> None:
        assert reasons(chained(1000, 7000, detail())) == (
            "03[1], line 3, 010 and 015: expected a closing booked balance of 110.00 USD "
            "(opening 10.00 USD, booked entries 100.00 USD), found 70.00 USD.",
        )

    def test_of_an_interim_report_chain_with_what_it_shows(self) -> None:
        head = "02,ACME,122099999,1,261122,1200,,1/"
        assert survey(report(detail(), items="010,0,,,015,10000,,", head=head)).outcome == "read"
        assert survey(report(detail(), items="010,0,,,015,20000,,", head=head)).outcome == "held"

    def test_may_be_left_out(self) -> None:
        assert survey(report(detail(), items="015,5,,")).outcome == "read"

    def test_details_may_be_fewer_than_the_totals_and_not_more(self) -> None:
        assert survey(report(detail(), items="100,25000,3,,400,500,1,")).outcome == "read"
        assert survey(report(detail("495"), items="100,,,,400,-10000,1,")).outcome == "read"
        assert reasons(report(detail("495"), items="100,25000,3,,400,500,1,")) == (
            "03[1], line 3, 400: expected entries of at most 5.00 USD as the bank states, found 100.00 USD.",
        )


class TestHeld:
    @pytest.mark.parametrize(
        ("old", "new", "reason"),
        [
            (
                b"\n02,",
                b"\n98,0,0,2/\n02,",
                "Line 2: the file is broken or cut off (expected a 02 or 99 record",
            ),
            (
                b"\n16,",
                b"\n99,",
                "Line 4: the file is broken or cut off (expected a 16 or 49 record, found a 99",
            ),
            (
                b"\n16,",
                b"\n17,",
                "Line 4: the file is broken or cut off (expected a record such as 16, found '17,",
            ),
            (
                b",261122,",
                b",2611221,",
                "Line 2: the file is broken or cut off (02 as-of date: expected a date",
            ),
            (b"\n99,10000,1,7/\n", b"\n", "expected a 02 or 99 record, found the end of the file"),
            (
                b"99999,1,26",
                b"99999,2,26",
                "group status: expected 1 (update), found '2', a group that takes back",
            ),
            (
                b"99999,1,26",
                b"99999,3,26",
                "group status: expected 1 (update), found '3', a group that corrects",
            ),
            (
                b"99999,1,26",
                b"99999,4,26",
                "group status: expected 1 (update), found '4', a group that is a test",
            ),
            (b",,2/\n03", b",,5/\n03", "02 as-of-date modifier: expected 1 to 4, found '5'"),
            (b"0123456789", b"7" * 101, "account number: expected at most 100 characters, found '777"),
            (b"0123456789", b"", "account number: expected the bank's number of the account, found nothing"),
            (b"USD,/", b"USD,010,5.00,,/", "010 amount: expected digits without a decimal point"),
        ],
    )
    def test_says_where_and_why(self, old: bytes, new: bytes, reason: str) -> None:
        data = report(detail())
        assert data.count(old) == 1
        assert any(reason in problem for problem in reasons(data.replace(old, new)))

    def test_a_file_without_an_account(self) -> None:
        assert "expected an account in the file, found none" in reasons(file())[0]

    def test_any_number_of_groups_without_accounts_at_once(self) -> None:
        head, trailer = report(detail()).rsplit(b"99,", 1)
        empty = b"02,ACME,122099999,1,261122,2400,,2/\n98,1,1,5/\n"
        before = time.process_time()
        found = survey(head + empty * 20_000 + b"99," + trailer)
        assert time.process_time() - before < 2
        assert (found.outcome, len(found.problems)) == ("held", bai2.MAX_PROBLEMS)

    def test_a_group_without_an_account_that_disagrees(self) -> None:
        data = file(group()).replace(b"98,0,0,2/", b"98,5,0,2/")
        assert "98 control total: expected 5 as the record states, found 0" in reasons(data)[0]

    @given(st.integers(0, 400))
    def test_a_file_that_is_cut_off_anywhere(self, at: int) -> None:
        data = written([Payment(100, "R1", free=("order 1",)), Payment(-50)]).rstrip().removesuffix(b"/")
        assert survey(data[: min(at, len(data) - 1)]).outcome != "read"


class TestRefused:
    def test_another_version(self) -> None:
        found = survey(report(detail()).replace(b",1,,,2/", b",1,,,3/"))
        assert (found.outcome, found.reason) == (
            "refused",
            "The file says that it is version '3' of BAI, which is not read here: ask the bank for version 2.",
        )

    @pytest.mark.parametrize("long", [b"x" * 20_000, b"x\n" * 10_000, b"y" * 2_000_000])
    def test_a_line_without_end(self, long: bytes) -> None:
        found = survey(report(detail(text="LONG")).replace(b"LONG/", long))
        assert (found.outcome, found.reason[:4]) == ("refused", "One ")

    def test_more_statements_than_any_bank_has_accounts(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(bai2, "MAX_STATEMENTS", 3)
        assert survey(file(group(*[account()] * 3))).outcome == "read"
        assert survey(file(group(*[account()] * 4))).outcome == "refused"
