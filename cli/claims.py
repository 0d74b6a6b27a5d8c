"""`prepay receipt claim`: a customer looks for a transfer; claims are made and shown, proofs written to files."""

import asyncio
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack
from cli.session import one_transaction

if TYPE_CHECKING:
    from prepay.claims import ClaimView

MAX_ID = 2**63 - 1


class NoProof(ValueError):
    """The customer sent none."""

    def __init__(self, claim: int) -> None:
        super().__init__(f"Claim {claim} came without a proof")


class _MakesByDefault(TyperGroup):
    """`claim CUSTOMER …` makes one; a name of a command is that command."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        return super().resolve_command(ctx, args if args and args[0] in self.commands else ["make", *args])


claims = typer.Typer(
    cls=_MakesByDefault,
    no_args_is_help=True,
    help="Transfers that customers look for: `claim CUSTOMER …` makes one.",
)


@claims.command()
def make(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    sum_: Annotated[str, typer.Option("--amount", help="A plain decimal, such as 1000.00.")],
    currency: Annotated[str, typer.Option(help="ISO 4217.")],
    paid_on: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="When they paid.")],
    payer: Annotated[str, typer.Option(help="Who paid, as the bank knows them.")] = "",
    payer_account: Annotated[str, typer.Option(help="The account that paid.")] = "",
    bank_reference: Annotated[str, typer.Option(help="What their bank calls the transfer.")] = "",
    proof: Annotated[
        Path | None, typer.Option(exists=True, dir_okay=False, help="A PDF, PNG or JPEG of up to 10 MB.")
    ] = None,
    request_id: Annotated[str | None, typer.Option(help="The same again is the same claim.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say that a customer has paid and does not find the money; one of payer and reference must tell which it is."""
    use_stack(data)
    given = {
        "paid_on": paid_on.date(),
        "payer_name": payer,
        "payer_account": payer_account,
        "bank_reference": bank_reference,
        "proof": proof.read_bytes() if proof else None,
        "request_id": request_id,
    }
    view = asyncio.run(_make(customer, sum_, currency, given))
    if as_json:
        print_json({**view.model_dump(mode="json"), "where": view.where})
        return
    said = amount(view.amount_minor, view.currency)
    console.print(f"Claim {view.claim} of {customer} over {said}: {view.where}", markup=False, soft_wrap=True)


async def _make(customer: str, sum_: str, currency: str, given: dict[str, Any]) -> "ClaimView":
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        return await client.claim_receipt(customer, sum_, currency, **given)


@claims.command()
def show(
    claim: Annotated[int, typer.Argument(min=1, max=MAX_ID, help="The claim's number.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Where a transfer is, and all that the customer said of it."""
    use_stack(data)
    found = asyncio.run(_show(claim))
    if as_json:
        print_json(found)
        return
    facts = {
        "Where": found["where"],
        "Customer": found["customer"],
        "Amount": amount(found["amount_minor"], found["currency"]),
        "Paid on": str(found["paid_on"]),
        "Payer": found["payer_name"],
        "Payer's account": found["payer_account"],
        "Bank's reference": found["bank_reference"],
        "Proof": found["proof_sha256"] or "none",
        "Stage": found["stage"],
        "Receipt": str(found["receipt"] or ""),
        "Made (UTC)": moment(found["created_at"]),
    }
    print_table(f"Claim {claim}", ["", " "], [[name, value] for name, value in facts.items() if value])


async def _show(claim: int) -> dict[str, Any]:
    import activities.receipt_list
    from prepay.client import PrepayClient
    from settings import settings

    with one_transaction() as session:
        found = activities.receipt_list.claim(session, claim)
    async with await PrepayClient.connect(settings().database_url) as client:
        view = await client.claim(found["customer"], claim)
    return {**found, "where": view.where}


@claims.command("list")
def list_claims(
    before: Annotated[int, typer.Option(min=1, max=MAX_ID, help="Go on before this claim.")] = MAX_ID,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many of the newest.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Claims, the newest first."""
    use_stack(data)
    import activities.receipt_list

    with one_transaction() as session:
        found = activities.receipt_list.claims(session, before, limit)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            str(row["claim"]),
            row["customer"],
            amount(row["amount_minor"], row["currency"]),
            str(row["paid_on"]),
            row["stage"],
            str(row["receipt"] or ""),
            row["answer"],
        ]
        for row in found
    ]
    columns = ["Claim", "Customer", "Amount", "Paid on", "Stage", "Receipt", "Answer"]
    print_table("Claims", columns, rows, right=["Amount"])


@claims.command()
def proof(
    claim: Annotated[int, typer.Argument(min=1, max=MAX_ID, help="The claim's number.")],
    file: Annotated[Path, typer.Argument(help="Where it is written; a file that exists is left alone.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Write the proof of a claim to a file, as the customer sent it: open it with care."""
    use_stack(data)
    import activities.receipt_list

    with one_transaction() as session:
        found = activities.receipt_list.proof(session, claim)
    if found is None:
        raise NoProof(claim)
    kind, content = found
    with file.open("xb") as target:
        target.write(content)
    if as_json:
        print_json({"file": str(file), "kind": kind, "bytes": len(content)})
        return
    console.print(f"{file}: {kind.upper()}, {len(content):,} bytes", markup=False, soft_wrap=True)
