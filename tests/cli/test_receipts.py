"""`prepay receipt`: pages and counts of money without an owner, all that the bank said, and claims."""

import json
from pathlib import Path

import pytest

from bankfiles.sample import Payment
from tests.activities.test_bank_files import Desk
from tests.cli.conftest import Cli
from tests.conftest import Database, engine_of
from tests.workflows.claims import PDF

CLAIM = ("--amount", "100.00", "--currency", "EUR", "--paid-on", "2026-11-22")


@pytest.fixture
def desk(set_up: Database) -> Desk:
    """Three receipts that nobody can attribute."""
    engine = engine_of(set_up.app_url)
    desk = Desk(set_up, engine)
    desk.pay(
        *(Payment(10_000 + n, f"R-{n}", free=("your invoice",), payer_name="ACME Gmbh") for n in range(3))
    )
    return desk


class TestList:
    def test_goes_on_where_a_page_ended(self, prepay: Cli, desk: Desk) -> None:
        first = json.loads(prepay("receipt", "list", "--limit", 2, "--json").out)
        numbers = [row["receipt"] for row in first["receipts"]]
        rest = json.loads(prepay("receipt", "list", "--after", numbers[-1], "--json").out)
        assert len({*numbers, *(row["receipt"] for row in rest["receipts"])}) == 3
        [counted] = rest["counts"]
        assert (counted["entity"], counted["receipts"], counted["amount_minor"]) == ("nimbus-eu", 3, 30_003)

    def test_people_read_what_the_payer_wrote_and_how_much_it_is_in_all(
        self, prepay: Cli, desk: Desk
    ) -> None:
        said = prepay("receipt", "list").out
        assert "your invoice" in said
        assert "300.03 EUR" in said

    def test_can_be_of_an_entity_a_currency_and_an_age(self, prepay: Cli, desk: Desk) -> None:
        for given in (("--entity", "nimbus-sg"), ("--currency", "USD"), ("--age", 1)):
            assert json.loads(prepay("receipt", "list", *given, "--json").out)["receipts"] == []


class TestShow:
    def test_tells_all_that_the_bank_said_and_whose_it_may_be(self, prepay: Cli, desk: Desk) -> None:
        number = desk.issue().number
        done = prepay("receipt", "show", 1, "--json")
        found = json.loads(done.out)
        assert found["payer_account"] == Payment(1).payer_account
        assert found["remittance"] == "your invoice"
        assert found["link"].endswith("/workflows/receipt-1")
        [best] = [one for one in found["candidates"] if one["deposit"] == number]
        assert best["customer"] == "C-1001"
        assert any(reason.startswith("its payer has a similar name (") for reason in best["reasons"])
        assert any("this amount is awaited" in reason for reason in best["reasons"])
        assert "Payer's account" in prepay("receipt", "show", 1).out

    def test_of_none_says_so(self, prepay: Cli, desk: Desk) -> None:
        done = prepay("receipt", "show", 99)
        assert (done.code, done.err) == (
            1,
            "prepay: There is no receipt 99; `prepay receipt list` lists them.\n",
        )


class TestClaim:
    def test_is_made_shown_and_its_proof_written(self, prepay: Cli, desk: Desk, tmp_path: Path) -> None:
        (tmp_path / "proof.exe").write_bytes(PDF)
        by = ("--payer", "ACME GmbH", "--proof", tmp_path / "proof.exe")
        made = prepay("receipt", "claim", "C-1002", *CLAIM, *by)
        assert (made.code, made.err) == (0, "")
        assert made.out.startswith("Claim 1 of C-1002 over 100.00 EUR: No payment that fits has come yet")
        shown = json.loads(prepay("receipt", "claim", "show", 1, "--json").out)
        assert (shown["customer"], shown["payer_name"], shown["stage"]) == ("C-1002", "ACME GmbH", "waiting")
        assert "ACME GmbH" in prepay("receipt", "claim", "show", 1).out
        assert [row["claim"] for row in json.loads(prepay("receipt", "claim", "list", "--json").out)] == [1]
        written = prepay("receipt", "claim", "proof", 1, tmp_path / "out.pdf")
        assert written.code == 0
        assert (tmp_path / "out.pdf").read_bytes() == PDF
        again = prepay("receipt", "claim", "proof", 1, tmp_path / "out.pdf")
        assert again.err == f"prepay: {tmp_path / 'out.pdf'}: File exists.\n"

    def test_that_cannot_be_found_is_refused_in_a_sentence(self, prepay: Cli, desk: Desk) -> None:
        done = prepay("receipt", "claim", "C-1002", *CLAIM)
        assert done.code == 1
        assert "give one of `payer_name`, `payer_account` and `bank_reference`" in done.err
        assert done.err.count("\n") == 1
