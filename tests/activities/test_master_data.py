"""Entities, accounts and customers: what is accepted can be printed, and a customer has a balance in each currency."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import text
from sqlmodel import Session

from activities.database import psycopg_of
from activities.deposit_rows import form
from activities.master_data import NoEntity, put_account, put_customer, put_entity
from activities.master_data_input import AccountInput, CustomerInput, EntityInput
from documents.form import PaymentRequestForm
from ledger import bills, postings
from ledger.events import Credit, Receipt
from ledger.postings import balances
from prepay.wire import InputRefused, parse
from tests.conftest import Database, engine_of

# As long as each may be; one character more is refused.
ENTITY = {
    "code": "e" * 40,
    "legal_name": "龙" * 140,
    "address": ["W" * 70] * 5,
    "country": "DE",
    "registration_id": "W" * 70,
    "tax_id": "W" * 70,
    "time_zone": "Europe/Berlin",
    "verify_phone": "9" * 35,
    "verify_url": "https://" + "w" * 92,
}
ACCOUNT = {
    "code": "a" * 40,
    "entity": "e" * 40,
    "currency": "EUR",
    "holder": "W" * 140,
    "bank_name": "W" * 140,
    "bank_address": ["W" * 70] * 5,
    "bic": "DEUTDEFF500",
    "account_number": "9" * 34,
    "clearing_code": "W" * 70,
    "intermediary": "W" * 140,
    "valid_from": date(2026, 1, 1),
}
CUSTOMER = {
    "number": "C" * 32,
    "legal_name": "W" * 140,
    "address": ["W" * 70] * 5,
    "country": "CN",
    "entity": "e" * 40,
    "currencies": ["EUR", "JPY"],
    "email": "finance@acme.example",
    "locale": "zh-Hant-TW",
}
Table = tuple[type[Any], dict[str, Any]]
TABLES: list[Table] = [(EntityInput, ENTITY), (AccountInput, ACCOUNT), (CustomerInput, CUSTOMER)]
TEXTS = [
    (model, values, field)
    for model, values in TABLES
    for field in values
    if field not in {"country", "currency", "currencies", "time_zone", "locale", "valid_from", "email"}
]
TEXT_IDS = [f"{model.__name__}.{field}" for model, _, field in TEXTS]


def printed(entity: dict[str, Any], account: dict[str, Any], customer: dict[str, Any]) -> PaymentRequestForm:
    """The form of a deposit, from rows as the database would give them."""
    rows = [
        parse(model, values, "It").model_dump()
        for (model, _), values in zip(TABLES, (entity, account, customer), strict=True)
    ]
    issuer, pay_to, payer = rows
    whom = {
        **issuer,
        **pay_to,
        **{f"entity_{name}": issuer[name] for name in ("address", "country")},
        "entity_name": issuer["legal_name"],
        "kind": "collection",
        "customer": payer["number"],
        "customer_name": payer["legal_name"],
        "customer_address": payer["address"],
        "country": payer["country"],
        "locale": payer["locale"],
    }
    deposit = {
        "number": "D-2026-000001",
        "issued_at": datetime(2026, 11, 2, tzinfo=UTC),
        "expires_at": datetime(2026, 12, 2, tzinfo=UTC),
        "amount_minor": 100,
        "currency": "EUR",
        "product": "P" * 100,
        "note": "n" * 500,
        "reference": "RF18539007547034",
    }
    return form(whom, deposit)  # type: ignore[arg-type]


class TestLimits:
    def test_the_longest_values_can_be_printed(self) -> None:
        assert printed(ENTITY, ACCOUNT, CUSTOMER).pay_to.account_number == "9" * 34

    @pytest.mark.parametrize(("model", "values", "field"), TEXTS, ids=TEXT_IDS)
    def test_one_more_is_refused(self, model: type[Any], values: dict[str, Any], field: str) -> None:
        value = values[field]
        longer: list[Any] = [value + value[-1:]]
        if isinstance(value, list):
            longer.append([value[0] + "W"])
        for wrong in longer:
            with pytest.raises(InputRefused, match=f"`{field}"):
                parse(model, {**values, field: wrong}, "It")

    @settings(max_examples=50)
    @given(st.data())
    def test_whatever_is_accepted_can_be_printed(self, data: st.DataObject) -> None:
        _, values, field = data.draw(st.sampled_from(TEXTS))
        anything = st.text(st.characters(codec="utf-8"), max_size=12) | st.text(
            "DE0123456789 -/.:hts+", max_size=40
        )
        value = data.draw(st.lists(anything, max_size=6) if isinstance(values[field], list) else anything)
        tables = [{**kept, field: value} if kept is values else kept for _, kept in TABLES]
        try:
            made = printed(*tables)
        except InputRefused:
            return
        assert made.currency == "EUR"

    @pytest.mark.parametrize("country", ["XK", "TW", "DE"])
    def test_countries_that_banks_use(self, country: str) -> None:
        assert parse(CustomerInput, {**CUSTOMER, "country": country}, "It").country == country

    @pytest.mark.parametrize("country", ["EU", "ZZ", "UK", "de", "DEU", ""])
    def test_what_is_no_country(self, country: str) -> None:
        with pytest.raises(InputRefused, match=r"`country`: .* is no ISO 3166 country code such as DE"):
            parse(CustomerInput, {**CUSTOMER, "country": country}, "It")

    @pytest.mark.parametrize("zone", ["localtime", "Factory", "../etc/passwd", "Europe/Bonn", ""])
    def test_what_is_no_time_zone(self, zone: str) -> None:
        with pytest.raises(InputRefused, match=r"`time_zone`: .* is no time zone such as Europe/Berlin"):
            parse(EntityInput, {**ENTITY, "time_zone": zone}, "It")

    @pytest.mark.parametrize(
        "address",
        [
            "nobody",
            "a@b@c",
            "a b@c",
            "a,b@c",
            "<a@b>",
            "a@b\nc",
            "a..b@c",
            "a@b.",
            "a@\x00",
            "a@" + "b" * 254,
        ],
    )
    def test_what_is_no_address(self, address: str) -> None:
        with pytest.raises(InputRefused, match="`email`"):
            parse(CustomerInput, {**CUSTOMER, "email": address}, "It")

    @pytest.mark.parametrize("currency", ["eur", "EURO", "XXX", "XAU", ""])
    def test_what_is_no_currency(self, currency: str) -> None:
        with pytest.raises(InputRefused, match=r"`currencies\.0`.* is no ISO 4217 currency"):
            parse(CustomerInput, {**CUSTOMER, "currencies": [currency]}, "It")


@pytest.fixture
def session(database: Database) -> Iterator[Session]:
    engine = engine_of(database.app_url)
    with Session(engine) as session, session.begin():
        yield session


class TestPut:
    def test_a_customer_has_a_balance_in_each_currency(self, session: Session) -> None:
        put_entity(session, parse(EntityInput, ENTITY, "It"))
        assert put_account(session, parse(AccountInput, ACCOUNT, "It")) == "added"
        customer = parse(CustomerInput, CUSTOMER, "It")
        assert [put_customer(session, customer) for _ in range(2)] == ["added", "unchanged"]
        more = customer.model_copy(update={"currencies": ["EUR", "JPY", "USD"]})
        assert put_customer(session, more) == "changed"
        found = balances(psycopg_of(session), customer.number)
        assert sorted(balance.currency for balance in found) == ["EUR", "JPY", "USD"]
        assert {balance.available_minor for balance in found} == {0}
        with pytest.raises(
            NoEntity, match="`entity`: there is no contracting entity 'other'; set it up first"
        ):
            put_customer(session, customer.model_copy(update={"entity": "other"}))

    def test_whether_bills_are_paid_by_themselves_stays_where_nothing_is_said(self, session: Session) -> None:
        put_entity(session, parse(EntityInput, ENTITY, "It"))
        customer = parse(CustomerInput, CUSTOMER, "It")
        told = [customer.model_copy(update={"auto_pay": pays}) for pays in (False, None, False, True, None)]
        assert [(put_customer(session, one), _pays(session, one.number)) for one in told] == [
            ("added", False), ("unchanged", False), ("unchanged", False), ("changed", True), ("unchanged", True),
        ]  # fmt: skip

    def test_bills_that_are_open_are_settled_once_they_are_paid_by_themselves(self, session: Session) -> None:
        put_entity(session, parse(EntityInput, ENTITY, "It"))
        customer = parse(CustomerInput, {**CUSTOMER, "auto_pay": False}, "It")
        put_customer(session, customer)
        book = psycopg_of(session)
        place: dict[str, Any] = {"entity": customer.entity, "currency": "EUR", "amount_minor": 100}
        postings.receive_many(book, [Receipt(key="r", account="GIRO", **place)])
        postings.credit_many(book, [Credit(key="c", source="r", customer=customer.number, **place)])
        due, lines = date(2999, 1, 1), [bills.Line("Compute", 60)]
        bills.issue(book, number="I-1", customer=customer.number, currency="EUR", due_on=due, lines=lines)
        put_customer(session, customer.model_copy(update={"auto_pay": True}))
        bills.settle(book)
        assert session.execute(text("SELECT stage FROM bill")).scalar_one() == "paid"


def _pays(session: Session, number: str) -> bool:
    pays = text("SELECT auto_pay FROM customer WHERE number = :number")
    return bool(session.execute(pays, {"number": number}).scalar_one())
