"""Pools of numbers and rules of eligibility: checked, added once, and never changed."""

from datetime import date
from typing import Any

import pytest
from schwifty import IBAN
from sqlmodel import Session

from activities.master_data import MasterDataRefused, put_account
from activities.master_data_input import AccountInput
from activities.virtual_account_setup import (
    EligibilityInput,
    PoolInput,
    put_eligibility,
    put_pool,
    rules,
    with_check_digits,
)
from prepay.wire import InputRefused, parse
from tests.activities.test_bank_files import ACCOUNT, Desk, desk
from tests.activities.virtual_desk import no_pool

__all__ = ["desk", "no_pool"]

RANGE = {"scheme": "iban", "prefix": "NLMOCK", "first": "0009000001", "last": "0009000003"}


def put(desk: Desk, **values: Any) -> str:
    raw = {"code": "first", "account": "nimbus-eu-eur", **values}
    with Session(desk.engine) as session, session.begin():
        return put_pool(session, parse(PoolInput, raw, "[[pool]]"))


class TestCheckDigits:
    def test_an_iban_is_valid(self) -> None:
        for body in ("0009000001", "0009000099", "0000000000"):
            assert IBAN(with_check_digits("iban", "NLMOCK", body)).is_valid

    def test_luhn(self) -> None:
        assert with_check_digits("luhn", "", "7992739871") == "79927398713"

    def test_none(self) -> None:
        assert with_check_digits("none", "V", "0001") == "V0001"


class TestPool:
    def test_a_range_is_added_once(self, desk: Desk) -> None:
        assert [put(desk, **RANGE) for _ in range(2)] == ["added", "unchanged"]
        assert put(desk, **{**RANGE, "last": "0009000004"}) == "changed"
        rows = desk.rows("SELECT bank_number, stage FROM virtual_account ORDER BY id")
        assert [row["stage"] for row in rows] == ["free"] * 4
        assert all(IBAN(str(row["bank_number"])).is_valid for row in rows)

    def test_a_list_is_added_as_banks_name_them(self, desk: Desk) -> None:
        assert put(desk, numbers=["nl76 mock 0009 0000 01", "va 17"]) == "added"
        query = "SELECT bank_number, iban, account_number FROM virtual_account ORDER BY id"
        assert [tuple(row.values()) for row in desk.rows(query)] == [
            ("NL76MOCK0009000001", "NL76MOCK0009000001", ""),
            ("VA17", "", "VA17"),
        ]

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"numbers": ["NL77MOCK0009000001"]}, "`numbers`: it is no valid IBAN"),
            ({"numbers": ["V1"], "scheme": "iban"}, "`numbers`: it is no valid IBAN"),
            ({**RANGE, "first": "1", "last": "3"}, "`prefix`: it is no valid IBAN"),
            ({"numbers": [ACCOUNT]}, "one of its numbers is that of collection account 'nimbus-eu-eur'"),
            ({"numbers": ["V1"], "account": "nobodys"}, "there is no collection account 'nobodys'"),
        ],
    )
    def test_what_cannot_be_a_virtual_account(self, desk: Desk, values: dict[str, Any], said: str) -> None:
        with pytest.raises(MasterDataRefused, match=said):
            put(desk, **values)

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({}, "give either `numbers`, or a range"),
            ({**RANGE, "numbers": ["V1"]}, "give either `numbers`, or a range"),
            ({**RANGE, "prefix": ""}, "the `prefix` of an IBAN begins with two letters"),
            ({**RANGE, "prefix": "N7MOCK"}, "the `prefix` of an IBAN begins with two letters"),
            ({**RANGE, "last": "0008000000"}, "the lower one first"),
            ({**RANGE, "last": "0009010001"}, "a range has at most 10,000 numbers"),
            ({"numbers": ["V1", "V1"]}, "V1 is in the list twice"),
        ],
    )
    def test_what_is_no_pool(self, desk: Desk, values: dict[str, Any], said: str) -> None:
        with pytest.raises(InputRefused, match=said):
            put(desk, **values)

    def test_a_number_leads_to_one_account(self, desk: Desk) -> None:
        put(desk, numbers=["V1"])
        with pytest.raises(MasterDataRefused, match="are in the pool of account 'nimbus-eu-eur' already"):
            put(desk, numbers=["V1"], account="nimbus-sg-usd")

    def test_a_number_of_the_pool_is_no_account_for_all(self, desk: Desk) -> None:
        put(desk, numbers=["V1"])
        raw = {"code": "other", "entity": "nimbus-eu", "currency": "EUR", "holder": "H", "bank_name": "B"}
        with Session(desk.engine) as session, session.begin():
            given = parse(AccountInput, {**raw, "account_number": "V1", "valid_from": date(2026, 1, 1)}, "It")
            with pytest.raises(MasterDataRefused, match="the number is a virtual account's"):
                put_account(session, given)


class TestEligibility:
    RAW = {
        "entity": "*",
        "country": "IN",
        "allowed": True,
        "reason": "as agreed",
        "valid_from": date(2026, 1, 1),
    }

    def put(self, desk: Desk, **values: Any) -> str:
        with Session(desk.engine) as session, session.begin():
            return put_eligibility(
                session, parse(EligibilityInput, {**self.RAW, **values}, "[[eligibility]]")
            )

    def test_a_rule_is_added_once_and_read_back(self, desk: Desk) -> None:
        assert [self.put(desk), self.put(desk)] == ["added", "unchanged"]
        with Session(desk.engine) as session:
            assert [rule._asdict() for rule in rules(session)] == [self.RAW]

    def test_it_never_changes(self, desk: Desk) -> None:
        self.put(desk)
        with pytest.raises(MasterDataRefused, match="rules never change; give it a newer `valid_from`"):
            self.put(desk, allowed=False)
        assert self.put(desk, allowed=False, valid_from=date(2026, 6, 1)) == "added"

    @pytest.mark.parametrize("values", [{"country": "XX"}, {"entity": "Not A Code"}, {"allowed": "yes"}])
    def test_what_is_no_rule(self, desk: Desk, values: dict[str, Any]) -> None:
        with pytest.raises(InputRefused):
            self.put(desk, **values)
