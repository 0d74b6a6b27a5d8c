"""The story that `prepay demo` tells: five customers, a bank that is not ours, every step patient.

Whatever part is killed meanwhile, the story goes on when the part is back, and ends the same.
"""

import asyncio
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from cli.output import amount, console, errors
from cli.patience import PATIENCE_SECONDS, patiently
from cli.story_claim import claim_and_apply
from cli.story_refund import refund_twice
from cli.story_spend import await_payment, buy_something_else, issue_bill
from cli.story_statement import write_statement
from cli.story_virtual import pay_again, pay_to_own_number
from prepay.client import FormNotDrawn, PrepayClient
from prepay.ids import deposit_workflow_id
from prepay.temporal import connect_temporal

if TYPE_CHECKING:
    from embedded.bank import BankClient, Credit
    from embedded.stack import Stack
    from ledger.checks import CheckResult
    from prepay.records import DepositView

SETUP = Path(__file__).resolve().parent.parent / "examples" / "setup.toml"
_LISTED = "WorkflowType IN ('BankFile', 'Bill', 'Claim', 'Deposit', 'Receipt', 'Refund', 'VirtualAccountApplication')"
_SETTLED = {"active", "applied", "credited", "paid", "posted", "settled"}


@dataclass(frozen=True)
class Wish:
    """A customer's deposit, and how they pay it."""

    customer: str
    amount: str
    currency: str
    product: str
    note: str
    payer_name: str
    payer_iban: str
    how: str
    parts: tuple[int, ...]
    """Minor units of each transfer."""
    structured: bool = True


WISHES = (
    Wish(
        "C-1001", "1000.00", "EUR", "Compute", "Budget of the third quarter", "ACME GmbH", "NL26MOCK0000009001",
        "pays exactly", (100_000,),
    ),
    Wish(
        "C-2001", "5000.00", "USD", "Object storage", "首次充值", "启明示例有限公司", "NL96MOCK0000009002",
        "pays in two parts", (300_000, 200_000),
    ),
    Wish(
        "C-2002", "250000", "JPY", "Kubernetes", "", "Initech KK", "NL69MOCK0000009003",
        "breaks the reference over two lines, in lower case", (250_000,), structured=False,
    ),
)  # fmt: skip


@dataclass
class Run:
    """What one run of the demo has done so far."""

    started: float = field(default_factory=time.monotonic)
    deposits: list[tuple["DepositView", str]] = field(default_factory=list)
    """Each with its workflow's id."""
    forms: list[str] = field(default_factory=list)
    quiet: bool = False

    def say(self, line: str) -> None:
        """One step in a line, with the seconds since the start."""
        out = errors if self.quiet else console
        out.print(f"{time.monotonic() - self.started:6.1f} s  {line}", markup=False, soft_wrap=True)


async def tell(stack: "Stack", run: Run) -> dict[str, Any]:
    from activities.setup_file import apply
    from settings import settings

    await patiently(lambda: asyncio.to_thread(apply, SETUP, settings().database_url))
    run.say("Two contracting entities, their accounts and five customers are set up")
    bank = stack.bank.client
    await patiently(lambda: asyncio.to_thread(_open_accounts, bank))
    async with await PrepayClient.connect(settings().database_url) as client:
        for wish in WISHES:
            await _request(client, run, wish)
        await _write_forms(client, run, stack.data / "forms")
        for wish, (deposit, _) in zip(WISHES, run.deposits, strict=True):
            await _pay(bank, run, wish, deposit)
        sent = await _pay_unknown(bank, run)
        bill = await issue_bill(client, run)
        number = await pay_to_own_number(client, run, stack.inbox, sent)
        await await_payment(client, run, bill, "part_paid")
        await pay_again(run, stack.inbox, number, sent)
        await _await_credit(client, run)
        await buy_something_else(client, run, run.deposits[0][0])
        await await_payment(client, run, bill, "paid")
        [unapplied] = await patiently(partial(asyncio.to_thread, _unapplied_when_there))
        await claim_and_apply(client, run, unapplied["part"])
        await _tell_again(stack.inbox, run)
        await refund_twice(client, run, bank, stack.data / "forms")
        await _until_taken(stack.inbox)
        statement = await write_statement(client, run, stack.data / "forms")
        return {**await _result(client, run), "statement": statement}


def _open_accounts(bank: "BankClient") -> None:
    from activities.database import make_engine
    from activities.master_data import accounts_of
    from settings import settings

    engine = make_engine(settings().database_url, 1)
    for account in accounts_of(engine):
        bank.open_account(account.code, account.holder, account.iban, account.currency, account.bic)
    engine.dispose()


async def _request(client: "PrepayClient", run: Run, wish: Wish) -> None:
    request_id = str(uuid4())
    deposit = await patiently(
        lambda: client.request_deposit(
            wish.customer,
            wish.amount,
            wish.currency,
            product=wish.product,
            note=wish.note,
            request_id=request_id,
        )
    )
    run.deposits.append((deposit, deposit_workflow_id(wish.customer, request_id)))
    run.say(
        f"{wish.customer} asks to deposit {amount(deposit.amount_minor, deposit.currency)}: form {deposit.number}, "
        f"reference {deposit.reference_grouped}"
    )


async def _write_forms(client: "PrepayClient", run: Run, folder: Path) -> None:
    from documents.render import missing_libraries

    if missing := missing_libraries():
        run.say(f"The forms wait, the money does not: {' '.join(missing)}")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for number in [deposit.number for deposit, _ in run.deposits]:
        file = folder / f"{number}.pdf"
        try:
            pdf = await patiently(partial(client.form_pdf, number, PATIENCE_SECONDS))
        except FormNotDrawn as waiting:
            run.say(str(waiting))
            continue
        file.write_bytes(pdf)
        run.forms.append(str(file))
    run.say(f"{len(run.forms)} forms drawn: {folder}")


async def _pay(bank: "BankClient", run: Run, wish: Wish, deposit: "DepositView") -> None:
    for part in wish.parts:
        text = f"prepayment for our account {deposit.reference.lower()}"
        await asyncio.to_thread(
            bank.send_credit,
            deposit.pay_to.code,
            part,
            payer_name=wish.payer_name,
            payer_iban=wish.payer_iban,
            reference=deposit.reference if wish.structured else "",
            note="" if wish.structured else text,
            wrap=35,
        )
    sums = " and ".join(amount(part, wish.currency) for part in wish.parts)
    run.say(f"{wish.customer} {wish.how}: {sums}")


async def _pay_unknown(bank: "BankClient", run: Run) -> "Credit":
    credit = await asyncio.to_thread(
        bank.send_credit,
        "nimbus-eu-eur",
        48_000,
        payer_name="Globex SARL",
        payer_iban="NL42MOCK0000009004",
        note="your invoice, thank you",
    )
    run.say(f"Globex SARL sends {amount(48_000, 'EUR')} without any reference")
    return credit


async def _await_credit(client: "PrepayClient", run: Run) -> None:
    """Until the rows say credited, and Temporal shows the same."""
    until = time.monotonic() + PATIENCE_SECONDS
    waiting = [deposit.number for deposit, _ in run.deposits]
    while waiting and time.monotonic() < until:
        for number in list(waiting):
            now = await patiently(partial(client.deposit, number))
            if now.stage == "credited":
                waiting.remove(number)
                run.say(
                    f"{now.number} is credited: {amount(now.credited_minor, now.currency)} for {now.customer}"
                )
        await asyncio.sleep(0.1)
    if waiting:
        raise RuntimeError(f"{', '.join(waiting)} was not credited within {PATIENCE_SECONDS:g} s")


async def _tell_again(inbox: Path, run: Run) -> None:
    from cli.story_again import stages, write_again
    from settings import settings

    url = settings().database_url
    files = await patiently(partial(asyncio.to_thread, write_again, url, inbox))
    run.say("The bank tells of the same money again, as an MT940, a BAI2 and a camt.053")
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = await patiently(partial(asyncio.to_thread, stages, url, files))
        if list(found.values()) == ["posted"] * len(files):
            run.say("All of it was known: nothing is credited twice")
            return
        if time.monotonic() > until:
            raise RuntimeError(f"Not all files were posted within {PATIENCE_SECONDS:g} s: {found}")
        await asyncio.sleep(0.1)


async def _until_taken(inbox: Path) -> None:
    """Until everything that the bank has written has been taken from the inbox."""
    until = time.monotonic() + PATIENCE_SECONDS
    while any(inbox.glob("*.xml")) and time.monotonic() < until:  # noqa: ASYNC110
        await asyncio.sleep(0.1)


async def _result(client: "PrepayClient", run: Run) -> dict[str, Any]:
    balances: dict[str, dict[str, int]] = {}
    for customer in sorted({wish.customer for wish in WISHES} | {"C-1002", "C-1003"}):
        found = await patiently(partial(client.balance, customer))
        balances[customer] = {balance.currency: balance.available_minor for balance in found}
    workflows = await patiently(partial(_workflows, run))
    waiting = await patiently(partial(asyncio.to_thread, _unapplied))
    checks = await patiently(partial(asyncio.to_thread, _check))
    return {
        "seconds": round(time.monotonic() - run.started, 1),
        "balances": balances,
        "unapplied": waiting,
        "workflows": workflows,
        "forms": run.forms,
        "invariants": len(checks),
        "breaches": sum(len(check.breaches) for check in checks),
    }


def _check() -> "list[CheckResult]":
    import psycopg

    from ledger.checks import run_checks
    from settings import settings

    with psycopg.connect(settings().database_url) as connection:
        return run_checks(connection)


def _unapplied_when_there() -> list[dict[str, Any]]:
    """The unattributed money came in a file of its own, perhaps the last to be posted."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := _unapplied()) and time.monotonic() < until:
        time.sleep(0.1)
    return found


def _unapplied() -> list[dict[str, Any]]:
    from cli.bank import unapplied

    return [
        {
            "entry": row["entry"],
            "part": row["part"],
            "account": row["account"],
            "amount_minor": row["amount_minor"],
            "currency": row["currency"],
            "payer_name": row["payer_name"],
            "remittance": row["remittance"],
            "reason": row["reason"],
        }
        for row in unapplied()
    ]


async def _workflows(run: Run) -> list[dict[str, str]]:
    """What Temporal lists, once its copy says what the rows say."""
    from prepay import attributes

    temporal = await connect_temporal()
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        newest: dict[str, dict[str, str]] = {}
        async for execution in temporal.list_workflows(_LISTED):  # the newest run of each comes first
            stage = execution.typed_search_attributes.get(attributes.STAGE) or ""
            found = {"id": execution.id, "type": execution.workflow_type, "stage": stage}
            newest.setdefault(execution.id, found)
        stages = [workflow["stage"] for workflow in newest.values()]
        # The claim is credited too.
        settled = stages.count("credited") > len(run.deposits) and set(stages) <= _SETTLED
        if settled or time.monotonic() > until:
            return sorted(newest.values(), key=lambda w: (w["type"], w["id"]))
        await asyncio.sleep(0.2)
