"""A bank on this machine (`mock-bank`): money arrives in it, it takes our payment files and writes its answers."""

import datetime
import importlib.util
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embedded.process import Child, answers, free_port

HTTP_SECONDS = 10.0
SATURDAY = 5
# The latest hour it takes: what is sent today is booked today.
CUTOFF = "23:59"
EXAMPLES = {"ACME", "EURODIS", "GLOBEX", "INITECH"}


class BankMissing(RuntimeError):
    def __init__(self) -> None:
        super().__init__("The embedded bank (mock-bank) is not installed: run `make demo` once.")


class BankRefused(RuntimeError):
    def __init__(self, what: str, reason: str) -> None:
        super().__init__(f"The bank refused {what}: {reason}")


@dataclass(frozen=True)
class Credit:
    """Money that arrived: as the bank will report it."""

    id: int
    account: str
    amount_minor: int
    currency: str
    booked_on: datetime.date
    value_on: datetime.date
    booked: bool


class BankClient:
    """What a test or a demo asks of the bank, over HTTP."""

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")

    def open_account(self, code: str, name: str, iban: str, currency: str, bic: str = "") -> None:
        """Open an account of ours; one that is already open stays as it is."""
        if any(account["iban"] == iban.replace(" ", "") for account in self.accounts()):
            return
        body = {"id": code, "name": name, "iban": iban, "currency": currency, "bic": bic}
        self._call("POST", "/_mock/accounts", body, what=f"the account {code}")

    def accounts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._call("GET", "/_mock/accounts")
        return [account for account in found if not account["closed"]]

    def send_credit(
        self,
        account: str,
        amount_minor: int,
        *,
        payer_name: str = "",
        payer_iban: str = "",
        reference: str = "",
        note: str | Sequence[str] = (),
        wrap: int = 140,
        end_to_end_id: str = "",
        value_on: datetime.date | None = None,
    ) -> Credit:
        """Let money arrive in an account, named by its code or IBAN.

        `reference` is the structured creditor reference, `note` the free text, cut every `wrap` (35, 70 or
        140) characters. When this returns, the camt.054 lies in the pickup folder, unless the value date is
        ahead or the bank is closed today.
        """
        body: dict[str, Any] = {"account": account.replace(" ", ""), "amount": amount_minor, "wrap": wrap}
        body["debtor"] = {"name": payer_name, "iban": payer_iban}
        body["note"] = [note] if isinstance(note, str) and note else list(note)
        if reference:
            body["reference"] = reference
        if end_to_end_id:
            body["end_to_end_id"] = end_to_end_id
        if value_on:
            body["value_date"] = value_on.isoformat()
        return _credit(self._call("POST", "/_mock/credits", body, what="the payment"))

    def credits(self) -> list[Credit]:
        """All money that arrived or is on its way, newest first."""
        return [_credit(row) for row in self._call("GET", "/_mock/credits")]

    def today(self) -> datetime.date:
        return datetime.date.fromisoformat(self._call("GET", "/_mock/state")["clock"]["date"])

    def close_day(self) -> datetime.date:
        """End the bank's day: a camt.053 for each account. The bank is in its next day then, ahead of us."""
        tomorrow = self.today() + datetime.timedelta(days=1)
        self._call("POST", f"/_mock/advance?to={tomorrow.isoformat()}")
        return tomorrow

    def advance(self, day: datetime.date) -> None:
        """Let the bank's clock go on to a day: what is due until then is booked, returned and told."""
        self._call("POST", f"/_mock/advance?to={day.isoformat()}")

    def behave(self, account: str, behaviour: str, **parameters: Any) -> None:
        """How the bank treats an account from now on, such as `reject-file`; `accept` as usual."""
        change = {"behaviour": behaviour, "parameters": parameters}
        self._call("PATCH", f"/_mock/accounts/{account}", change, what=f"the behaviour {behaviour}")

    def balance(self, account: str) -> int:
        """What the bank says is on an account, in minor units."""
        return int(next(a for a in self.accounts() if a["id"] == account)["balance"])

    def take_files(self) -> int:
        """Let the bank look at once for our payment files; how many it took."""
        return int(self._call("POST", "/_mock/drop/scan")["scanned"])

    def payments(self) -> list[dict[str, Any]]:
        """Every payment that the bank got from us, as it stands, newest first."""
        found: list[dict[str, Any]] = self._call("GET", "/_mock/payments")
        return found

    def release(self) -> None:
        """Let the bank write what is due: it looks at its clock only when it is asked something."""
        self._call("GET", "/_mock/mailbox?leave")

    def close_account(self, code: str) -> None:
        """Close an account: the bank writes no statements of it any more."""
        self._call("PATCH", f"/_mock/accounts/{code}", {"closed": True}, what=f"closing the account {code}")

    def close_examples(self) -> None:
        """Close the accounts that the bank brings along: it would write statements of them."""
        for account in self.accounts():
            if account["id"] in EXAMPLES:
                self.close_account(account["id"])

    def _call(self, method: str, path: str, body: object = None, what: str = "the request") -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            self.url + path, data, {"Content-Type": "application/json"}, method=method
        )
        # No proxy: the bank is on this machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=HTTP_SECONDS) as response:
                return json.load(response)
        except urllib.error.HTTPError as error:
            answer = error.read().decode(errors="replace")
            reason = json.loads(answer).get("error", answer) if answer.startswith("{") else answer
            raise BankRefused(what, reason) from None


def _credit(row: dict[str, Any]) -> Credit:
    return Credit(
        id=row["id"],
        account=row["account_id"],
        amount_minor=row["amount"],
        currency=row["currency"],
        booked_on=datetime.date.fromisoformat(row["booking_date"]),
        value_on=datetime.date.fromisoformat(row["value_date"]),
        booked=row["booked_at"] is not None,
    )


def open_day(now: datetime.datetime) -> str:
    """The clock to start with: at a weekend the Friday before, so that money arrives at once; else none."""
    back = now.weekday() - SATURDAY + 1
    if back <= 0:
        return ""
    return (now - datetime.timedelta(days=back)).strftime("%Y-%m-%dT%H:%M")


class Bank:
    """The bank's process: its books in `data`, its files into `inbox`, ours from `outbox`."""

    def __init__(self, data: Path, inbox: Path, outbox: Path, port: int = 0) -> None:
        self.data = data.absolute()
        self.inbox = inbox.absolute()
        self.outbox = outbox.absolute()
        self.port = port
        self.log = self.data / "bank.log"
        self.child: Child | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def client(self) -> BankClient:
        return BankClient(self.url)

    def launch(self) -> None:
        for folder in (self.data, self.inbox, self.outbox):
            folder.mkdir(parents=True, exist_ok=True)
        self.port = self.port or free_port()
        self.child = Child("The bank", self._program(), self.log, folder=self.data)
        self.child.start()

    def wait(self) -> None:
        assert self.child
        self.child.wait_until(lambda: answers(self.port))
        self.client.close_examples()

    def start(self) -> None:
        self.launch()
        self.wait()

    def stop(self) -> None:
        if self.child:
            self.child.stop()

    def _program(self) -> list[str | Path]:
        if importlib.util.find_spec("mockbank") is None:
            raise BankMissing
        program: list[str | Path] = [sys.executable, "-m", "mockbank", "--quiet", "--port", str(self.port)]
        program += ["--db", self.data / "bank.db", "--pickup-dir", self.inbox]
        program += ["--drop-dir", self.outbox, "--cutoff", CUTOFF]
        clock = open_day(datetime.datetime.now(datetime.UTC))
        return [*program, "--clock", clock] if clock else program
