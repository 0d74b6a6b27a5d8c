"""`prepay bank resolve`: propose what an entry is that could not be read; a second person approves it in Temporal."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Data, Json, console, print_json, use_stack
from cli.records import workflow_link
from cli.session import acting, one_transaction

if TYPE_CHECKING:
    from activities.bank_resolving import Proposal

Option = str | None


def resolve(
    file: Annotated[
        int, typer.Argument(min=1, max=2**63 - 1, help="The file, as `prepay bank files` numbers it.")
    ],
    line: Annotated[str, typer.Argument(help="The line, or the element where several stand in one line.")],
    by: Annotated[str, typer.Option(help="Who says so.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    entry: Annotated[
        int | None, typer.Option(min=1, help="It is this entry, which another file brought.")
    ] = None,
    booked_on: Annotated[Option, typer.Option(help="Else what the line says: the day it was booked.")] = None,
    value_on: Annotated[Option, typer.Option(help="Its value date, where that is another day.")] = None,
    reference: Annotated[Option, typer.Option(help="The bank's own reference.")] = None,
    remittance: Annotated[Option, typer.Option(help="What the payer wrote, as it stands there.")] = None,
    payer: Annotated[Option, typer.Option(help="Who paid.")] = None,
    payer_account: Annotated[Option, typer.Option(help="From which account.")] = None,
    new: Annotated[
        bool, typer.Option("--new", help="It is none of the equal entries of other files.")
    ] = False,
    amount: Annotated[Option, typer.Option(help="Only where it cannot be read, such as 40.00.")] = None,
    currency: Annotated[Option, typer.Option(help="The same.")] = None,
    direction: Annotated[Option, typer.Option(help="The same: credit or debit.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Propose what an entry is that could not be read. Nothing is posted before another person approves it."""
    use_stack(data)
    facts: dict[str, Any] = {
        "entry": entry,
        "new": new,
        "booked_on": booked_on,
        "value_on": value_on,
        "reference": reference,
        "remittance": remittance,
        "payer": payer,
        "payer_account": payer_account,
        "amount": amount,
        "currency": currency,
        "direction": direction,
    }
    given = {name: value for name, value in facts.items() if value not in (None, False)}
    raw = {"file": file, "line": line, "by": by, "reason": reason, "facts": given}
    proposed = _propose(raw)
    link = workflow_link(proposed.workflow_id)
    if as_json:
        told = {**proposed._asdict(), "workflow_id": proposed.workflow_id, "money": str(proposed.money)}
        print_json({**told, "link": link})
        return
    console.print(
        f"{'Proposed' if proposed.new else 'Proposed already'}: line {line} of file {file} is "
        f"{words(proposed.facts)}, {proposed.money}. Nothing is posted yet: somebody else than {proposed.by} must send "
        f"`approve` (or anybody `refuse`) to {proposed.workflow_id}:",
        markup=False,
        soft_wrap=True,
    )
    console.print(link, markup=False, soft_wrap=True)


def _propose(raw: dict[str, Any]) -> "Proposal":
    from activities import bank_resolving
    from activities.bank_resolving_input import Resolve
    from prepay.wire import parse

    given = parse(Resolve, raw, "The proposal")
    with one_transaction() as session:
        return bank_resolving.propose(session, acting(session, given, "Resolution", "propose"))


def words(facts: dict[str, Any]) -> str:
    """What was proposed, in one line."""
    return ", ".join(
        name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {value}"
        for name, value in facts.items()
    )
