"""What the MT940 writer writes is what the reader reads, and what another program reads too."""

import io
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bankfiles import Entry, Format, survey
from bankfiles.sample import Batch, Payment, Sheet
from bankfiles.sample_mt import NotInMt940, write_mt940
from prepay.money import to_decimal
from tests.bankfiles.camt_files import entries_of, only_entry
from tests.bankfiles.mt_files import ACCOUNT, written

DAY = date(2026, 11, 23)
references = st.text(alphabet="ABCDEFGH 0123456789", max_size=16).map(str.strip)
names = st.text(alphabet="ABCDEFGHäöü&-:,.{}' 0123456789", max_size=50).map(str.strip)
payments = st.builds(
    Payment,
    st.integers(min_value=1, max_value=10**12) | st.integers(min_value=-(10**6), max_value=-1),
    bank_reference=references,
    structured=names,
    free=st.lists(names.filter(bool), max_size=3).map(tuple),
    end_to_end_id=st.text(alphabet="ABCDEFGH-0123456789", max_size=35),
    payer_name=names,
    booked_on=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    reversal=st.booleans(),
)


def lists(days: int) -> st.SearchStrategy[list[Payment]]:
    """Payments booked at most so many days from their value date."""
    delays = st.integers(-days, days).map(timedelta)
    return st.lists(
        st.builds(lambda p, delay: replace(p, value_on=p.booked_on + delay), payments, delays), max_size=5
    )


def tight(text: str) -> str:
    return "".join(text.split())


class TestWriteMt940:
    @given(lists(180))
    def test_is_read_back_as_it_was(self, some: list[Payment]) -> None:
        data = written(some)
        assert survey(data).reason == ""
        for payment, entry in zip(some, entries_of(data), strict=True):
            (part,) = entry.parts
            assert (entry.signed_minor, entry.reversal) == (payment.amount_minor, payment.reversal)
            assert (entry.booked_on, entry.value_on) == (payment.booked_on, payment.value_on)
            assert entry.bank_reference == payment.bank_reference
            assert part.end_to_end_id == payment.end_to_end_id
            assert tight("".join(part.free)) == tight("".join([payment.structured, *payment.free]))
            name, account, bank = self._other(entry)
            assert tight(name) == tight(payment.payer_name)
            assert (account, bank) == (payment.payer_account, payment.payer_bank)

    def _other(self, entry: Entry) -> tuple[str, str, str]:
        (part,) = entry.parts
        if (entry.amount_minor > 0) and (entry.signed_minor > 0) != entry.reversal:
            return part.payer_name, part.payer_account, part.payer_bank
        return part.payee_name, part.payee_account, part.payee_bank

    # It takes another year's entry date for this year's when they are months apart.
    @given(lists(30))
    def test_is_read_by_another_program_as_it_was(self, some: list[Payment]) -> None:
        mt940 = pytest.importorskip("mt940")
        data = written(some)
        theirs = mt940.parse(data, options=mt940.Options.all())
        assert len(theirs) == len(some)
        for payment, read in zip(some, theirs, strict=True):
            assert read.data["amount"].amount == Decimal(to_decimal(payment.amount_minor, "EUR"))
            assert (read.data["date"], read.data["entry_date"]) == (payment.value_on, payment.booked_on)
            assert (read.data.get("bank_reference") or "") == payment.bank_reference

    def test_a_batch_is_one_entry_without_details(self) -> None:
        found = only_entry(written([Batch((Payment(500, "T1"), Payment(-200, "T2")), "B1")]))
        assert (found.signed_minor, found.bank_reference, found.detailed) == (300, "B1", False)

    def test_an_interim_report_has_sums_and_no_balances(self) -> None:
        data = written([Payment(500, "R1", status="PDNG"), Payment(-200, status="PDNG")], interim=True)
        found = survey(data)
        assert (found.outcome, found.format, found.entries) == ("read", Format.MT942, 2)
        assert b":90D:1EUR2,00\r\n:90C:1EUR5,00\r\n" in data

    def test_a_sheet_is_a_statement(self) -> None:
        stream = io.BytesIO()
        sheets = [
            Sheet("1", "EUR", [Payment(5)], opening_minor=-5),
            Sheet("2", "JPY", [Payment(-7)], "S-2", "2", 7, 0, date(2026, 11, 24)),
        ]
        write_mt940(stream, sheets, encoding="latin-1")
        found = survey(stream.getvalue())
        assert (found.outcome, found.reason) == ("read", "")
        assert [(s.account, s.currency, s.sequence) for s in found.statements] == [
            ("1", "EUR", "1"),
            ("2", "JPY", "2"),
        ]
        assert [s.created_on for s in found.statements] == [DAY, date(2026, 11, 24)]

    @pytest.mark.parametrize(
        ("payment", "reason"),
        [
            (Payment(1, "R" * 17), "a bank reference of more than 16 printable characters"),
            (Payment(1, free=("why?",)), "question marks and line breaks: 'SVWZ.why?'"),
            (Payment(1, free=("one\ntwo",)), "question marks and line breaks"),
            (Payment(1, free=("x" * 400,)), "a text of so many characters"),
            (Payment(1, payer_name="x" * 55), "so long a name"),
            (Payment(1, payee_account="VA1"), "the credited account: 'VA1'"),
            (Payment(1, status="PDNG"), "another status than BOOK in this message: 'PDNG'"),
            (Payment(1, value_on=date(2027, 11, 23)), "a booking date half a year from the value date"),
        ],
    )
    def test_refuses_what_the_format_cannot_say(self, payment: Payment, reason: str) -> None:
        with pytest.raises(NotInMt940, match=reason.replace("?", r"\?")):
            written([payment])

    def test_takes_entries_one_by_one(self) -> None:
        class Counting(io.BytesIO):
            written_after: list[int] = []

        stream = Counting()

        def many() -> object:
            for n in range(1, 5_001):
                if n in (1, 5_000):
                    stream.written_after.append(stream.tell())
                yield Payment(n)

        total = 5_000 * 5_001 // 2
        write_mt940(stream, [Sheet(ACCOUNT, "EUR", many(), closing_minor=total)])  # type: ignore[arg-type]
        assert stream.written_after[0] == 0
        assert stream.written_after[1] > 500_000
        assert survey(stream.getvalue()).totals["EUR"].booked_credit_minor == total
