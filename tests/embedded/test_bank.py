"""The embedded bank: money that we let arrive lies in the inbox as the bank writes it."""

import datetime
from collections.abc import Iterator
from pathlib import Path

import pytest

from embedded.bank import Bank, BankClient, BankRefused, open_day

IBAN = "DE89370400440532013000"


@pytest.fixture
def bank(tmp_path: Path) -> Iterator[Bank]:
    started = Bank(tmp_path / "bank", tmp_path / "in box", tmp_path / "outbox")
    started.start()
    yield started
    started.stop()


@pytest.fixture
def client(bank: Bank) -> BankClient:
    bank.client.open_account("DE-EUR", "Prepay GmbH", IBAN, "EUR")
    return bank.client


def files(bank: Bank) -> list[str]:
    return sorted(file.name for file in bank.inbox.iterdir())


class TestOpenAccount:
    def test_twice_is_once(self, client: BankClient) -> None:
        client.open_account("DE-EUR", "Prepay GmbH", IBAN, "EUR")
        assert [account["iban"] for account in client.accounts()] == [IBAN]

    def test_a_wrong_iban_is_refused_with_the_reason(self, client: BankClient) -> None:
        with pytest.raises(BankRefused, match=r"the account X: iban .* check digits"):
            client.open_account("X", "X GmbH", "DE00370400440532013000", "EUR")


class TestSendCredit:
    def test_the_notification_lies_in_the_inbox(self, bank: Bank, client: BankClient) -> None:
        credit = client.send_credit(IBAN, 118000, payer_name="ACME GmbH", reference="RF18539007547034")
        assert (credit.account, credit.amount_minor, credit.booked) == ("DE-EUR", 118000, True)
        assert credit.booked_on == credit.value_on <= datetime.datetime.now(datetime.UTC).date()
        assert files(bank) == ["camt.054.001.08-DE-EUR-1.xml"]
        text = (bank.inbox / files(bank)[0]).read_text()
        assert "<Ref>RF18539007547034</Ref>" in text
        assert '<Amt Ccy="EUR">1180.00</Amt>' in text

    def test_the_bank_breaks_a_note_over_lines(self, bank: Bank, client: BankClient) -> None:
        client.send_credit(IBAN, 100, note="for our deposit of this month RF18 5390 0754 7034", wrap=35)
        text = (bank.inbox / files(bank)[0]).read_text()
        assert "<Ustrd>for our deposit of this month RF18 </Ustrd><Ustrd>5390 0754 7034</Ustrd>" in text

    def test_to_an_account_it_does_not_hold_is_refused(self, client: BankClient) -> None:
        with pytest.raises(BankRefused, match="the payment: no account 'NOWHERE'"):
            client.send_credit("NOWHERE", 100)


class TestCloseDay:
    def test_brings_a_statement_of_our_account_and_of_no_other(self, bank: Bank, client: BankClient) -> None:
        client.send_credit(IBAN, 118000)
        today = client.today()
        assert client.close_day() == today + datetime.timedelta(days=1)
        statements = [name for name in files(bank) if name.startswith("camt.053")]
        assert statements == ["camt.053.001.08-DE-EUR-2.xml"]
        assert f"<Dt>{today}</Dt>" in (bank.inbox / statements[0]).read_text()


class TestRestart:
    def test_the_books_are_kept_and_nothing_is_written_twice(self, bank: Bank, client: BankClient) -> None:
        client.send_credit(IBAN, 118000)
        bank.stop()
        bank.start()
        assert [credit.amount_minor for credit in bank.client.credits()] == [118000]
        bank.client.release()
        assert files(bank) == ["camt.054.001.08-DE-EUR-1.xml"]


class TestOpenDay:
    @pytest.mark.parametrize(
        ("now", "clock"),
        [
            ("2026-11-20T10:30", ""),
            ("2026-11-21T10:30", "2026-11-20T10:30"),
            ("2026-11-22T23:59", "2026-11-20T23:59"),
            ("2026-11-23T00:00", ""),
        ],
        ids=["Friday", "Saturday", "Sunday", "Monday"],
    )
    def test_at_a_weekend_it_is_still_friday(self, now: str, clock: str) -> None:
        assert open_day(datetime.datetime.fromisoformat(now)) == clock
