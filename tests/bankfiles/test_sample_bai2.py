"""What the BAI2 writer writes is what the reader reads, and what another program reads and adds up."""

import io
from datetime import date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mockbank import bai2 as mockbank

from bankfiles import survey
from bankfiles.sample import Batch, Payment, Sheet
from bankfiles.sample_bai2 import NotInBai2, write_bai2
from tests.bankfiles.bai2_files import ACCOUNT, written
from tests.bankfiles.camt_files import entries_of, only_entry

DAY = date(2026, 11, 23)
fields = st.text(alphabet="ABCDEFGHäöü&<>\"' 0123456789", max_size=30).map(str.strip)
texts = st.text(alphabet="ABCDEFGHäöü&<>\"',/ 0123456789", max_size=30).map(str.strip)
payments = st.builds(
    Payment,
    st.integers(min_value=1, max_value=10**12) | st.integers(min_value=-(10**6), max_value=-1),
    bank_reference=fields,
    structured=texts,
    free=st.lists(texts.filter(bool), max_size=3).map(tuple),
    end_to_end_id=fields,
    payer_name=fields,
    payee_account=st.sampled_from(["", "VA0001"]),
    value_on=st.none() | st.dates(date(2020, 1, 1), date(2030, 1, 1)),
    reversal=st.booleans(),
)


class TestWriteBai2:
    @given(st.lists(payments, max_size=5))
    def test_is_read_back_as_it_was(self, some: list[Payment]) -> None:
        data = written(some)
        assert survey(data).reason == ""
        for payment, entry in zip(some, entries_of(data), strict=True):
            (part,) = entry.parts
            assert (entry.signed_minor, entry.status) == (payment.amount_minor, payment.status)
            assert (entry.reversal, entry.bank_reference) == (payment.reversal, payment.bank_reference)
            assert (entry.booked_on, entry.value_on) == (DAY, payment.value_on or DAY)
            assert (part.payer_name, part.end_to_end_id) == (payment.payer_name, payment.end_to_end_id)
            assert (part.payer_account, part.payee_account) == (payment.payer_account, payment.payee_account)
            lines = tuple(filter(None, [payment.structured, *payment.free]))
            assert part.free[: len(lines)] == lines

    @given(st.lists(payments, max_size=5))
    def test_is_added_up_by_another_program_as_it_states(self, some: list[Payment]) -> None:
        text = written(some).decode()
        assert mockbank.trailers_agree(text) == []
        (statement,) = mockbank.statements(text)
        assert (statement.account, statement.currency, statement.opening) == (ACCOUNT, "EUR", 0)
        assert statement.closing == sum(payment.amount_minor for payment in some)
        assert [e.amount for e in statement.entries] == [abs(payment.amount_minor) for payment in some]

    def test_a_batch_is_one_entry(self) -> None:
        found = only_entry(written([Batch((Payment(500, "T1"), Payment(-200, "T2")), "B1")]))
        assert (found.signed_minor, found.bank_reference, len(found.parts)) == (300, "B1", 1)

    def test_a_sheet_is_a_group_with_an_account(self) -> None:
        stream = io.BytesIO()
        sheets = [
            Sheet("1", "EUR", [Payment(5)], opening_minor=-5),
            Sheet("2", "JPY", [Payment(-7, booked_on=date(2026, 11, 24))], "", "", 7, 0, date(2026, 11, 24)),
        ]
        write_bai2(stream, sheets)
        found = survey(stream.getvalue())
        assert (found.outcome, found.reason) == ("read", "")
        assert [(s.account, s.currency) for s in found.statements] == [("1", "EUR"), ("2", "JPY")]
        assert [b.on for s in found.statements for b in s.balances] == [DAY] * 2 + [date(2026, 11, 24)] * 2

    @pytest.mark.parametrize(
        ("payment", "reason"),
        [
            (Payment(1, "R,1"), "commas, slashes or line breaks in the bank reference: 'R,1'"),
            (Payment(1, end_to_end_id="E/1"), "commas, slashes or line breaks in the end-to-end id: 'E/1'"),
            (Payment(1, free=("one\ntwo",)), "line breaks in a text"),
            (Payment(1, status="PDNG"), "another status than BOOK in this report: 'PDNG'"),
            (Payment(1, booked_on=date(2026, 1, 1)), "another booking date than that of the report"),
        ],
    )
    def test_refuses_what_the_format_cannot_say(self, payment: Payment, reason: str) -> None:
        with pytest.raises(NotInBai2, match=reason):
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
        write_bai2(stream, [Sheet(ACCOUNT, "EUR", many(), closing_minor=total)])  # type: ignore[arg-type]
        assert stream.written_after[0] == 0
        assert stream.written_after[1] > 500_000
        assert survey(stream.getvalue()).totals["EUR"].booked_credit_minor == total


class TestMockBank:
    def test_writes_what_we_read(self) -> None:
        account = {
            "format": "nacha",
            "account_number": ACCOUNT,
            "currency": "USD",
            "id": "ACME",
        }
        arrived = {"incoming": True, "amount": 1234, "end_to_end_id": "E1", "reference": "RF18539007547034"}
        sent = {"amount": 234, "end_to_end_id": "E2", "msg_id": "M1", "creditor_name": "Globex, SARL"}
        text = mockbank.write_statement(
            account,
            DAY,
            7,
            5000,
            6000,
            [arrived | {"debtor_name": "ACME Inc"}, sent],
            created_at=datetime(2026, 11, 23, 18, 0),
        )
        found = survey(text.encode())
        assert (found.outcome, found.reason) == ("read", "")
        first, second = entries_of(text.encode())
        assert (first.signed_minor, first.status, first.bank_reference) == (1234, "BOOK", "E1")
        assert (first.parts[0].end_to_end_id, first.parts[0].free) == ("RF18539007547034", ("ACME Inc",))
        assert (second.signed_minor, second.parts[0].free) == (-234, ("Globex, SARL",))
