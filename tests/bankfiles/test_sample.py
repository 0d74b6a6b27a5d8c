"""What the sample writer writes is what the reader reads, and a file of any size is written as a stream."""

import io
from datetime import date

from hypothesis import given
from hypothesis import strategies as st

from bankfiles import survey
from bankfiles.identity import named
from bankfiles.sample import Batch, Payment, Sheet, write_camt
from tests.bankfiles.camt_files import ACCOUNT, entries_of, written

names = st.text(alphabet="ABCDEFGHäöü&<>\"' 0123456789", max_size=30).map(str.strip)
payments = st.builds(
    Payment,
    st.integers(min_value=1, max_value=10**12) | st.integers(min_value=-(10**6), max_value=-1),
    bank_reference=names,
    structured=names,
    free=st.lists(names.filter(bool), max_size=3).map(tuple),
    end_to_end_id=names,
    payer_name=names,
    payee_account=st.sampled_from(["", "VA0001"]),
    status=st.sampled_from(["BOOK", "PDNG", "INFO"]),
    booked_on=st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    reversal=st.booleans(),
)


class TestWriteCamt:
    @given(
        st.lists(payments, max_size=5),
        st.sampled_from(["camt.053", "camt.054"]),
        st.sampled_from([2, 4, 8, 13]),
    )
    def test_is_read_back_as_it_was(self, some: list[Payment], format: str, version: int) -> None:
        data = written(some, format, version=version)
        assert survey(data).outcome == "read"
        for payment, entry in zip(some, entries_of(data), strict=True):
            (part,) = entry.parts
            assert (entry.signed_minor, entry.status) == (payment.amount_minor, payment.status)
            assert (entry.reversal, entry.bank_reference) == (payment.reversal, payment.bank_reference)
            assert (entry.booked_on, entry.value_on) == (payment.booked_on, payment.booked_on)
            # A name of zeros alone is a filler.
            assert (part.payer_name, part.end_to_end_id) == (named(payment.payer_name), payment.end_to_end_id)
            assert (part.free, "".join(part.structured)) == (payment.free, payment.structured)
            assert part.credited_account == (payment.payee_account if payment.amount_minor > 0 else "")

    def test_a_batch_is_one_entry(self) -> None:
        batch = Batch((Payment(500, "T1"), Payment(-200, "T2")), "B1")
        (entry,) = entries_of(written([batch]))
        assert (entry.signed_minor, [p.signed_minor for p in entry.parts]) == (300, [500, -200])

    def test_takes_entries_one_by_one(self) -> None:
        class Counting(io.BytesIO):
            written_after: list[int] = []

        stream = Counting()

        def many() -> object:
            for n in range(1, 5_001):
                if n in (1, 5_000):
                    stream.written_after.append(stream.tell())
                yield Payment(n)

        write_camt(stream, [Sheet(ACCOUNT, "EUR", many())])  # type: ignore[arg-type]
        assert stream.written_after[0] == 0
        assert stream.written_after[1] > 1_000_000
        assert survey(stream.getvalue()).totals["EUR"].credit_minor == 5_000 * 5_001 // 2

    def test_a_page_states_where_it_stands_and_the_balances_between(self) -> None:
        stream = io.BytesIO()
        page = Sheet(
            ACCOUNT, "EUR", [Payment(5)], opening_minor=10, closing_minor=15, page=2, last_page=False
        )
        write_camt(stream, [page], format="camt.053")
        (told,) = survey(stream.getvalue()).statements
        assert (told.page, told.last_page, told.paged) == (2, False, True)
        assert [b.code for b in told.balances] == ["ITBD", "ITBD"]
        assert (told.opening, told.closing) == (told.balances[0], told.balances[1])
