"""What people type of a line has the key that a reader would have given it."""

from dataclasses import replace
from datetime import date

import pytest

from bankfiles import Direction, Entry
from bankfiles.sample import Payment
from bankfiles.typed import Typed, typed_entry
from tests.bankfiles.camt_files import ACCOUNT, only_entry, written

PAID = Payment(4_000, "R-40", free=("the fortieth",), value_on=date(2026, 11, 24))
LINE = Typed(
    ordinal=0,
    statement=0,
    path="Ntfctn[1]/Ntry[1]",
    line=1,
    account=ACCOUNT,
    amount_minor=4_000,
    currency="EUR",
    direction=Direction.CREDIT,
    status="BOOK",
    booked_on=PAID.booked_on,
    value_on=date(2026, 11, 24),
    bank_reference="R-40",
)


def keys(entry: Entry) -> tuple[str, ...]:
    return (entry.key, entry.keyed_by, *(part.key for part in entry.parts))


class TestKey:
    def test_by_the_banks_reference_whatever_else_is_typed(self) -> None:
        assert keys(typed_entry(LINE)) == keys(only_entry(written([PAID])))

    def test_by_the_content_where_all_of_it_is_typed(self) -> None:
        paid = replace(PAID, bank_reference="")
        line = replace(LINE, bank_reference="", remittance="The Fortieth", payer_account=paid.payer_account)
        assert keys(typed_entry(line)) == keys(only_entry(written([paid])))

    @pytest.mark.parametrize(
        "changed",
        [
            {"amount_minor": 4_001},
            {"direction": Direction.DEBIT},
            {"value_on": date(2026, 11, 25)},
            {"bank_reference": "R-41"},
            {"account": "NL07MOCK0000001001"},
        ],
    )
    def test_of_other_money_is_another(self, changed: dict[str, object]) -> None:
        assert keys(typed_entry(replace(LINE, **changed))) != keys(typed_entry(LINE))  # type: ignore[arg-type]


class TestDetails:
    @pytest.mark.parametrize(
        ("told", "detailed"),
        [({}, False), ({"payer_name": "ACME GmbH"}, True), ({"payer_account": "1"}, True)],
    )
    def test_without_a_payer_it_may_be_a_lump_sum(self, told: dict[str, str], detailed: bool) -> None:
        assert typed_entry(replace(LINE, **told)).detailed is detailed  # type: ignore[arg-type]
