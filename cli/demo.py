"""`prepay demo`: deposits all the way, on real parts, narrated line by line."""

import asyncio
import shutil
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Data, Json, amount, console, errors, print_json, print_table

if TYPE_CHECKING:
    from embedded.bank import BankClient
    from embedded.stack import Stack
    from prepay.client import PrepayClient
    from prepay.records import DepositView

SETUP = Path(__file__).resolve().parent.parent / "examples" / "setup.toml"
CREDIT_SECONDS = 120.0
FORM_SECONDS = 120.0


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
    deposits: list["DepositView"] = field(default_factory=list)
    forms: list[str] = field(default_factory=list)
    quiet: bool = False

    def say(self, line: str) -> None:
        """One step in a line, with the seconds since the start."""
        out = errors if self.quiet else console
        out.print(f"{time.monotonic() - self.started:6.1f} s  {line}", markup=False, soft_wrap=True)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(demo)


def demo(
    leave: Annotated[
        bool, typer.Option("--exit", help="Stop everything at the end; keep only the forms.")
    ] = False,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Customers ask for forms, pay by a bank that is not ours, and find the money on their balances."""
    from embedded.discover import default_data
    from embedded.stack import Stack

    run = Run(quiet=as_json)
    temporary = leave and data is None
    folder = Path(tempfile.mkdtemp(prefix="prepay-demo-")) if temporary else data or default_data() / "demo"
    stack = Stack(folder, say=run.say)
    try:
        run.say(f"Starting PostgreSQL, Temporal, a bank and a worker in {folder}")
        stack.start()
        result = asyncio.run(_story(stack, run))
        if as_json:
            print_json(result)
        if not leave:
            run.say("Everything stays up. Press Ctrl-C to stop it.")
            stack.run()
    finally:
        stack.stop()
        if temporary:
            _keep_only_forms(folder)
    if result["breaches"]:
        raise typer.Exit(1)


def _keep_only_forms(folder: Path) -> None:
    for path in folder.iterdir():
        if path.name != "forms":
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    with suppress(OSError):
        folder.rmdir()


async def _story(stack: "Stack", run: Run) -> dict[str, Any]:
    import os

    os.environ.update(stack.environment)
    supervision = asyncio.create_task(stack.supervise())
    try:
        return await _tell(stack, run)
    finally:
        supervision.cancel()
        with suppress(asyncio.CancelledError):
            await supervision


async def _tell(stack: "Stack", run: Run) -> dict[str, Any]:
    from activities.setup_file import apply
    from prepay.client import PrepayClient
    from settings import settings

    done = await asyncio.to_thread(apply, SETUP, settings().database_url)
    run.say(f"Two contracting entities, their accounts and four customers: {done['customer']}")
    bank = stack.bank.client
    await asyncio.to_thread(_open_accounts, bank)
    async with await PrepayClient.connect(settings().database_url) as client:
        for wish in WISHES:
            await _request(client, run, wish)
        await _write_forms(client, run, stack.data / "forms")
        for wish, deposit in zip(WISHES, run.deposits, strict=True):
            await _pay(bank, run, wish, deposit)
        await _pay_unknown(bank, run)
        await _await_credit(client, run)
        result = await _result(client, run)
    _show(run, result, stack.data)
    return result


def _open_accounts(bank: "BankClient") -> None:
    from activities.database import make_engine
    from activities.master_data import accounts_of
    from settings import settings

    engine = make_engine(settings().database_url, 1)
    for account in accounts_of(engine):
        bank.open_account(account.code, account.holder, account.iban, account.currency, account.bic)
    engine.dispose()


async def _request(client: "PrepayClient", run: Run, wish: Wish) -> None:
    deposit = await client.request_deposit(
        wish.customer, wish.amount, wish.currency, product=wish.product, note=wish.note
    )
    run.deposits.append(deposit)
    run.say(
        f"{wish.customer} asks to deposit {amount(deposit.amount_minor, deposit.currency)}: form {deposit.number}, "
        f"reference {deposit.reference_grouped}"
    )


async def _write_forms(client: "PrepayClient", run: Run, folder: Path) -> None:
    from documents.render import missing_libraries
    from prepay.client import FormNotDrawn

    if missing := missing_libraries():
        run.say(f"The forms wait, the money does not: {' '.join(missing)}")
        return
    folder.mkdir(parents=True, exist_ok=True)
    for deposit in run.deposits:
        file = folder / f"{deposit.number}.pdf"
        try:
            file.write_bytes(await client.form_pdf(deposit.number, FORM_SECONDS))
        except FormNotDrawn as waiting:
            run.say(str(waiting))
            continue
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


async def _pay_unknown(bank: "BankClient", run: Run) -> None:
    await asyncio.to_thread(
        bank.send_credit,
        "nimbus-eu-eur",
        48_000,
        payer_name="Globex SARL",
        payer_iban="NL42MOCK0000009004",
        note="your invoice, thank you",
    )
    run.say(f"Globex SARL sends {amount(48_000, 'EUR')} without any reference")


async def _await_credit(client: "PrepayClient", run: Run) -> None:
    """Until the rows say credited, and Temporal shows the same."""
    until = time.monotonic() + CREDIT_SECONDS
    waiting = list(run.deposits)
    while waiting and time.monotonic() < until:
        for deposit in list(waiting):
            now = await client.deposit(deposit.number)
            if now.stage == "credited":
                waiting.remove(deposit)
                run.say(
                    f"{now.number} is credited: {amount(now.credited_minor, now.currency)} for {now.customer}"
                )
        await asyncio.sleep(0.1)
    if waiting:
        raise RuntimeError(
            f"{', '.join(d.number for d in waiting)} was not credited within {CREDIT_SECONDS:g} s"
        )


async def _result(client: "PrepayClient", run: Run) -> dict[str, Any]:
    import psycopg

    from cli.bank import unapplied
    from ledger.checks import run_checks
    from settings import settings

    balances: dict[str, dict[str, int]] = {}
    for customer in sorted({wish.customer for wish in WISHES} | {"C-1002"}):
        balances[customer] = {b.currency: b.available_minor for b in await client.balance(customer)}
    workflows = await _workflows(run)
    waiting = await asyncio.to_thread(_unapplied_when_there, unapplied)
    with psycopg.connect(settings().database_url) as connection:
        checks = run_checks(connection)
    return {
        "seconds": round(time.monotonic() - run.started, 1),
        "balances": balances,
        "unapplied": waiting,
        "workflows": workflows,
        "forms": run.forms,
        "invariants": len(checks),
        "breaches": sum(len(check.breaches) for check in checks),
    }


def _unapplied_when_there(unapplied: Any) -> list[dict[str, Any]]:
    """The unattributed money came in a file of its own, perhaps the last to be posted."""
    until = time.monotonic() + CREDIT_SECONDS
    while not (found := unapplied()) and time.monotonic() < until:
        time.sleep(0.1)
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
        for row in found
    ]


async def _workflows(run: Run) -> list[dict[str, str]]:
    """What Temporal lists, once its copy says what the rows say."""
    from prepay import attributes
    from settings import settings
    from worker import connect

    temporal = await connect(settings())
    until = time.monotonic() + CREDIT_SECONDS
    while True:
        found = [
            {
                "id": execution.id,
                "type": execution.workflow_type,
                "stage": execution.typed_search_attributes.get(attributes.STAGE) or "",
            }
            async for execution in temporal.list_workflows("WorkflowType IN ('Deposit', 'BankFile')")
        ]
        stages = [w["stage"] for w in found]
        settled = stages.count("credited") >= len(run.deposits) and set(stages) <= {"credited", "posted"}
        if settled or time.monotonic() > until:
            return sorted(found, key=lambda w: (w["type"], w["id"]))
        await asyncio.sleep(0.2)


def _show(run: Run, result: dict[str, Any], folder: Path) -> None:
    from cli.records import view_links
    from settings import settings

    if run.quiet:
        return
    rows = [
        [c, amount(minor, currency)]
        for c, found in result["balances"].items()
        for currency, minor in found.items()
    ]
    print_table("Balances", ["Customer", "Available"], rows, right=["Available"])
    for entry in result["unapplied"]:
        said = amount(entry["amount_minor"], entry["currency"])
        run.say(f"Unapplied: {said} from {entry['payer_name']}: {entry['reason']}")
    run.say(f"prepay ledger check: {result['invariants']} invariants, {result['breaches']} broken")
    for deposit, wish in zip(run.deposits, WISHES, strict=True):
        run.say(f"{wish.customer} in the Temporal UI: {_link(settings().ui_url, deposit)}")
    run.say(f"All that needs a person: {view_links()[0]['link']}")
    run.say(f"To look further: prepay --help, with --data {folder}")


def _link(ui_url: str, deposit: "DepositView") -> str:
    return f"{ui_url}/namespaces/default/workflows?query=%60Customer%60%3D%22{deposit.customer}%22"
