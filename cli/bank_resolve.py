"""`prepay bank resolve`: what an entry is that could not be read, by two people."""

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Data, Json, console, print_json, use_stack
from cli.session import acting, acts_as_with, one_transaction

if TYPE_CHECKING:
    from activities.bank_resolving import Proposal, Resolved

Option = str | None


class ApproveOrPropose(ValueError):
    """Approving adds nothing."""

    def __init__(self) -> None:
        super().__init__("--approve takes --by and nothing else: what the entry is has been proposed")


def resolve(
    file: Annotated[
        int, typer.Argument(min=1, max=2**63 - 1, help="The file, as `prepay bank files` numbers it.")
    ],
    line: Annotated[str, typer.Argument(help="The line, or the element where several stand in one line.")],
    by: Annotated[str, typer.Option(help="Who says so.")],
    reason: Annotated[Option, typer.Option(help="Why; it is kept.")] = None,
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
    proposal: Annotated[
        int | None, typer.Option("--approve", min=1, help="As another person, carry this proposal out.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Say what an entry is that could not be read; it is posted when another person approves it."""
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
    place = {"file": file, "line": line, "by": by}
    given = {name: value for name, value in facts.items() if value not in (None, False)}
    if proposal is None:
        _propose({**place, "reason": reason, "facts": given}, as_json)
    elif given or reason is not None:
        raise ApproveOrPropose
    else:
        _approve({**place, "proposal": proposal}, as_json)


def _propose(raw: dict[str, Any], as_json: bool) -> None:
    from activities import bank_resolving
    from activities.bank_resolving_input import Resolve
    from prepay.wire import parse

    given = parse(Resolve, {name: value for name, value in raw.items() if value is not None}, "The proposal")
    with one_transaction() as session:
        proposed = bank_resolving.propose(session, acting(session, given, "BankEntry", "propose"))
    if as_json:
        print_json({"done": "proposed" if proposed.new else "unchanged", **_told(proposed)})
        return
    place = f"{given.file} {shlex.quote(given.line)}"
    already = "" if proposed.new else " already"
    console.print(
        f"Proposal {proposed.id} stands{already}: line {given.line} of file {given.file} is {words(proposed.facts)}. "
        f"Another person has it carried out by `prepay bank resolve {place} --by NAME --approve {proposed.id}`",
        markup=False,
        soft_wrap=True,
    )


def _told(proposed: "Proposal") -> dict[str, Any]:
    return {"proposal": proposed.id, "by": proposed.by, "at": proposed.at, "facts": proposed.facts}


def _approve(raw: dict[str, Any], as_json: bool) -> None:
    from activities import bank_resolving
    from activities.bank_resolving_input import Approve
    from prepay.wire import parse

    given = parse(Approve, raw, "The approval")
    with one_transaction() as session:
        money = bank_resolving.money_of(session, given)
        by = acts_as_with(session, given.by, "BankEntry", "approve", money)
        resolved = bank_resolving.approve(session, given.model_copy(update={"by": by}))
    if as_json:
        print_json({"done": "resolved" if resolved.new else "unchanged", **_who(resolved)})
        return
    already = "" if resolved.new else " already; nothing changed"
    console.print(
        f"Line {given.line} of file {given.file} is entry {resolved.entry}, as {resolved.by} proposed and "
        f"{resolved.approved_by} approved{already}",
        markup=False,
        soft_wrap=True,
    )


def _who(resolved: "Resolved") -> dict[str, Any]:
    return {"entry": resolved.entry, "by": resolved.by, "approved_by": resolved.approved_by}


def words(facts: dict[str, Any]) -> str:
    """What was proposed, in one line."""
    return ", ".join(
        name.replace("_", " ") if value is True else f"{name.replace('_', ' ')} {value}"
        for name, value in facts.items()
    )
