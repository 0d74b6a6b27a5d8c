"""The set-up file: written once, checked to the line and the field, all of it or nothing."""

import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg
import pytest

from activities.setup_file import SetupMistake, apply
from tests.conftest import Database

SETUP = Path(__file__).resolve().parents[2] / "examples" / "setup.toml"
TABLES = ("contracting_entity", "collection_account", "customer")

# A blank line and a comment before each table: a line counts as it stands in the file.
GOOD = """\
# Our company, its account, and one customer.

[[entity]]
code = "nimbus"
legal_name = "Nimbus Cloud GmbH"
address = [
    "Musterallee 12",
    "10115 Berlin",
]
country = "DE"
registration_id = "HRB 000000 B"
time_zone = "Europe/Berlin"
verify_phone = "+49 30 00000000"
verify_url = "https://nimbus.example/bank"

[[account]]
code = "nimbus-eur"
entity = "nimbus"
currency = "EUR"
holder = "Nimbus Cloud GmbH"
bank_name = "Mock Bank N.V."
bic = "MOCKNL2A"
iban = "NL07MOCK0000001001"
valid_from = 2026-01-01

[[customer]]
number = "C-1"
legal_name = "ACME GmbH"
address = ["Beispielstraße 5", "80331 München"]
country = "DE"
entity = "nimbus"
currencies = ["EUR", "USD"]
email = "finance@acme.example"
locale = "de-DE"
"""
SECOND_CUSTOMER = GOOD[GOOD.index("[[customer]]") :].replace("C-1", "C-2")
SECOND_ACCOUNT = GOOD[GOOD.index("[[account]]") : GOOD.index("[[customer]]")].replace(
    "nimbus-eur", "other-eur"
)

Setup = Callable[[str], dict[str, dict[str, int]]]


@pytest.fixture
def setup(database: Database, tmp_path: Path) -> Setup:
    """Write a file and apply it."""

    def write_and_apply(text: str) -> dict[str, dict[str, int]]:
        file = tmp_path / "setup.toml"
        file.write_bytes(text.encode("utf-8", "surrogateescape"))
        return apply(file, database.app_url)

    return write_and_apply


def rows(database: Database) -> list[int]:
    with psycopg.connect(database.app_url) as connection:
        counts = (connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone() for table in TABLES)
        return [count[0] for count in counts if count]


def mistake(setup: Setup, text: str) -> str:
    with pytest.raises(SetupMistake) as refused:
        setup(text)
    return str(refused.value).partition("setup.toml, ")[2]


class TestApply:
    def test_each_row_is_added(self, setup: Setup, database: Database) -> None:
        assert setup(GOOD) == {"entity": {"added": 1}, "account": {"added": 1}, "customer": {"added": 1}}
        assert rows(database) == [1, 1, 1]

    def test_again_it_changes_nothing(self, database: Database) -> None:
        first = apply(SETUP, database.app_url)
        second = apply(SETUP, database.app_url)
        assert first == {
            "entity": {"added": 2},
            "account": {"added": 3},
            "pool": {"added": 1},
            "eligibility": {"added": 4},
            "refund_policy": {"added": 1},
            "operator": {"added": 5},
            "customer": {"added": 5},
        }
        assert second == {kind: {"unchanged": count["added"]} for kind, count in first.items()}

    def test_the_same_said_in_another_way_is_unchanged(self, setup: Setup) -> None:
        setup(GOOD)
        other = (
            GOOD.replace('"NL07MOCK0000001001"', '"nl07 mock 0000 0010 01"')
            .replace('"ACME GmbH"', '"  ACME GmbH "')
            .replace("de-DE", "de_DE")
            .replace("\n", "\r\n")
        )
        assert setup("\ufeff" + other)["customer"] == {"unchanged": 1}

    def test_what_changed_is_changed(self, setup: Setup) -> None:
        setup(GOOD)
        moved = GOOD.replace("Musterallee 12", "Musterallee 13").replace(
            '["EUR", "USD"]', '["EUR", "USD", "JPY"]'
        )
        done = setup(moved)
        assert done == {"entity": {"changed": 1}, "account": {"unchanged": 1}, "customer": {"changed": 1}}

    def test_sources_of_an_account_may_be_changed(self, setup: Setup, database: Database) -> None:
        for sources in ('["inbox"]', '["inbox", "portal"]', "[]"):
            setup(GOOD.replace("2026-01-01", f"2026-01-01\nsources = {sources}"))
            with psycopg.connect(database.app_url) as connection:
                found = connection.execute("SELECT sources FROM collection_account").fetchall()
            assert found == [(json.loads(sources),)]
        assert setup(GOOD)["account"] == {"unchanged": 1}

    def test_what_an_entity_does_with_payers_and_short_payments(
        self, setup: Setup, database: Database
    ) -> None:
        query = b"SELECT payer_policy, missing_payer_policy, short_tolerance FROM contracting_entity"

        def kept() -> object:
            with psycopg.connect(database.app_url) as connection:
                return connection.execute(query).fetchone()

        setup(GOOD)
        assert kept() == ("credit", "credit", {})
        policies = 'payer_policy = "flag"\nmissing_payer_policy = "hold"\nverify_url'
        tolerance = 'short_tolerance = { EUR = "10.00", JPY = "1000" }\n'
        said = GOOD.replace("verify_url", tolerance + policies)
        assert setup(said)["entity"] == {"changed": 1}
        assert setup(said)["entity"] == {"unchanged": 1}
        assert kept() == ("flag", "hold", {"EUR": 1000, "JPY": 1000})
        assert setup(GOOD)["entity"] == {"changed": 1}
        assert kept() == ("credit", "credit", {})

    def test_an_empty_file_holds_nothing(self, setup: Setup) -> None:
        assert setup("") == {}

    def test_entities_of_an_earlier_file_are_known(self, setup: Setup, database: Database) -> None:
        setup(GOOD)
        assert setup(SECOND_CUSTOMER)["customer"] == {"added": 1}
        assert rows(database) == [1, 1, 2]

    def test_two_at_once_add_each_row_once(self, database: Database) -> None:
        with ThreadPoolExecutor(4) as threads:
            done = list(threads.map(lambda _: apply(SETUP, database.app_url)["customer"], range(4)))
        assert sorted(map(str, done)) == ["{'added': 5}"] + ["{'unchanged': 5}"] * 3


# What stands in the good file, what is written instead, and the line and the words that say so.
MISTAKES = [
    ('country = "DE"\nregistration', 'country = DE\nregistration', 10, "this is no TOML: Invalid value"),
    ("[[account]]", "[[account", 16, "this is no TOML: "),
    ('locale = "de-DE"\n', 'locale = "de-DE', 34, "this is no TOML: "),
    ("ACME", "AC\udcffME", 28, "it is not written in UTF-8"),
    ("[[account]]", "[[acount]]", 16, "`acount` is not known; there are [[entity]], [[account]], "),
    ("# Our", "version = 1\n# Our", 1, "`version` is not known; there are [[entity]], "),
    ("[[customer]]", "[customer]", 26, "write [[customer]] in double brackets"),
    ("bic =", "bik =", 22, "[[account]] is refused: `bik` is not known (known: code, "),
    ('holder = "Nimbus Cloud GmbH"\n', "", 16, "[[account]] is refused: `holder` is missing."),
    ('"Nimbus Cloud GmbH"\naddress', "7\naddress", 5, "[[entity]] is refused: `legal_name` must be text in quotes."),
    ('"Nimbus Cloud GmbH"\naddress', '""\naddress', 5, "[[entity]] is refused: `legal_name`"),
    ("10115 Berlin", "10115\\tBerlin", 6, "[[entity]] is refused: `address.1`: character 6 (U+0009) is a control"),
    ('code = "nimbus"', 'code = "Nimbus"', 4, "[[entity]] is refused: `code`: 'Nimbus' is no code: small letters"),
    ('country = "DE"\nregi', 'country = "EU"\nregi', 10, "[[entity]] is refused: `country`: 'EU' is no ISO 3166"),
    ("Europe/Berlin", "Europe/Bonn", 12, "[[entity]] is refused: `time_zone`: 'Europe/Bonn' is no time zone such as"),
    ("https://", "http://", 14, "[[entity]] is refused: `verify_url`: write an address that begins with https://"),
    ("+49 30", "+4９ 30", 13, "[[entity]] is refused: `verify_phone`: write at most 35 plain characters"),
    ("NL07", "NL08", 23, "[[account]] is refused: `iban`: it is no valid IBAN: Invalid checksum digits."),
    ("MOCKNL2A", "MOCK", 22, "[[account]] is refused: `bic`: it is no valid BIC: "),
    ('currency = "EUR"', 'currency = "EURO"', 19, "[[account]] is refused: `currency`: 'EURO' is no ISO 4217"),
    ('"nimbus"\ncurrency ', '"other"\ncurrency ', 18, "`entity`: there is no contracting entity 'other'; set it up"),
    ("iban =", 'account_number = "1"\niban =', 23, "[[account]] is refused: `account_number`: give either an `iban`"),
    ('iban = "NL07MOCK0000001001"\n', "", 16, "[[account]] is refused: `account_number`: give either an `iban` or"),
    ('iban = "NL07MOCK0000001001"', 'account_number = "-"', 23, "[[account]] is refused: `account_number`: write at"),
    ("2026-01-01", "20260101", 24, "[[account]] is refused: `valid_from`"),
    ("2026-01-01", "2026-01-01\nvalid_to = 2025-12-31", 25, "[[account]] is refused: `valid_to`: 2025-12-31 is before"),
    ("2026-01-01", '2026-01-01\nsources = ["me@x"]', 25, "[[account]] is refused: `sources.0`: 'me@x' is no source"),
    ("2026-01-01", '2026-01-01\nsources = ["a", "a"]', 25, "[[account]] is refused: `sources`: a is in the list twice"),
    ('"C-1"', '"C 1"', 27, "[[customer]] is refused: `number`"),
    ('"nimbus"\ncurrencies', '"other"\ncurrencies', 31, "`entity`: there is no contracting entity 'other'; set it up"),
    ('"USD"', '"EUR"', 32, "[[customer]] is refused: `currencies`: EUR is in the list twice."),
    ('["EUR", "USD"]', "[]", 32, "[[customer]] is refused: `currencies`"),
    ("finance@acme", "finance at acme", 33, "[[customer]] is refused: `email`: 'finance at acme.example' is no e-mail"),
    ("finance@acme", "finance..x@acme", 33, "[[customer]] is refused: `email`: "),
    ("de-DE", "german", 34, "[[customer]] is refused: `locale`: 'german' is no locale such as en"),
]  # fmt: skip

# The same for what may stand in an entity's table, at its end.
POLICY_MISTAKES = [
    ('payer_policy = "keep"', "`payer_policy`: 'keep' is no policy; there are credit, flag, hold."),
    ("missing_payer_policy = 1", "`missing_payer_policy` must be text in quotes."),
    ('short_tolerance = "1"', "`short_tolerance`: write amounts in quotes by currency, such as { EUR ="),
    ("short_tolerance = { EUR = 1.00 }", "`short_tolerance`: write amounts in quotes by currency, such as"),
    ('short_tolerance = { EURO = "1" }', "`short_tolerance`: 'EURO' is no ISO 4217 currency code such as"),
    ('short_tolerance.EUR = "1,5"', "`short_tolerance`: the amount '1,5' in EUR is refused: write digits"),
    ('short_tolerance.JPY = "1.5"', "`short_tolerance`: the amount '1.5' in JPY is refused: JPY has 0"),
    ('short_tolerance.EUR = "-1"', "`short_tolerance`: the amount '-1' in EUR is refused: it is negative."),
    (
        '[entity.short_tolerance]\nEUR = "0"',
        "`short_tolerance`: the amount '0' in EUR is refused: it is zero.",
    ),
]


class TestMistake:
    def test_it_names_line_and_field_and_nothing_is_written(self, setup: Setup, database: Database) -> None:
        for right, wrong, line, said in MISTAKES:
            assert GOOD.count(right) == 1
            assert mistake(setup, GOOD.replace(right, wrong)).startswith(f"line {line}: {said}")
        assert rows(database) == [0, 0, 0]

    def test_an_entitys_policies(self, setup: Setup, database: Database) -> None:
        for written, said in POLICY_MISTAKES:
            told = mistake(setup, GOOD.replace("\n\n[[account]]", f"\n{written}\n[[account]]"))
            assert told.startswith(f"line 15: [[entity]] is refused: {said}")
        assert rows(database) == [0, 0, 0]

    def test_the_line_is_that_of_the_table_with_the_mistake(self, setup: Setup, database: Database) -> None:
        text = GOOD + "\n" + SECOND_CUSTOMER.replace("de-DE", "german") + "\n" + SECOND_CUSTOMER
        assert mistake(setup, text).startswith("line 44: [[customer]] is refused: `locale`")
        assert rows(database) == [0, 0, 0]

    def test_a_number_in_the_file_twice(self, setup: Setup, database: Database) -> None:
        text = GOOD + "\n" + SECOND_CUSTOMER.replace("C-2", "C-1")
        assert mistake(setup, text) == "line 37: `number`: 'C-1' stands in this file twice; keep one of them"
        assert rows(database) == [0, 0, 0]

    def test_several_are_told_at_once(self, setup: Setup) -> None:
        said = mistake(setup, GOOD.replace("finance@acme.example", "none").replace("de-DE", "german"))
        assert "`email`" in said
        assert "`locale`" in said

    def test_a_customer_written_in_one_line(self, setup: Setup) -> None:
        assert mistake(setup, 'customer = [{ number = "C-1" }]').startswith(
            "line 1: [[customer]] is refused: "
        )


class TestAccountThatIsThere:
    def test_its_details_never_change(self, setup: Setup) -> None:
        setup(GOOD)
        for field, right, wrong in [
            ("iban", "NL07MOCK0000001001", "NL70MOCK0000002001"),
            ("bic", "MOCKNL2A", "DEUTDEFF"),
            ("bank_name", "Mock Bank N.V.", "Other Bank N.V."),
            ("holder", 'holder = "Nimbus Cloud GmbH"', 'holder = "Nimbus GmbH"'),
            ("currency", 'currency = "EUR"', 'currency = "USD"'),
            ("valid_from", "2026-01-01", "2026-02-01"),
        ]:
            line = GOOD[: GOOD.index(right)].count("\n") + 1
            said = mistake(setup, GOOD.replace(right, wrong))
            assert said.startswith(
                f"line {line}: `{field}`: account 'nimbus-eur' was set up with another value"
            )
            assert said.endswith("end it with `valid_to` and add a new account")

    def test_its_end_is_taken(self, setup: Setup, database: Database) -> None:
        setup(GOOD)
        ended = GOOD.replace("2026-01-01", "2026-01-01\nvalid_to = 2027-12-31")
        assert setup(ended)["account"] == {"changed": 1}
        assert setup(ended)["account"] == {"unchanged": 1}
        assert setup(GOOD)["account"] == {"changed": 1}

    def test_a_second_one_with_its_number_and_currency_is_refused(self, setup: Setup) -> None:
        said = mistake(setup, GOOD + "\n" + SECOND_ACCOUNT)
        assert said.startswith("line 43: `iban`: account 'nimbus-eur' has this number in EUR already")

    def test_one_number_may_take_several_currencies(self, setup: Setup) -> None:
        second = SECOND_ACCOUNT.replace('currency = "EUR"', 'currency = "USD"')
        assert setup(GOOD + "\n" + second)["account"] == {"added": 2}
