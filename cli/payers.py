"""`prepay payer`: which accounts pay for a customer, and whose money waits for a person."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Data, Json, console, moment, print_json, print_table, use_stack
from cli.session import acting, one_transaction

if TYPE_CHECKING:
    from activities.payers import LinkInput, PauseInput

Customer = Annotated[str, typer.Argument(help="The customer's number.")]
Account = Annotated[str, typer.Argument(help="The payer's IBAN, or the number that the bank tells.")]
Entity = Annotated[str, typer.Option(help="The contracting entity's code.")]
By = Annotated[str, typer.Option(help="Who says so.")]
Reason = Annotated[str, typer.Option(help="Why; it is kept.")]


def register(app: typer.Typer) -> None:
    """Add the commands."""
    payer = typer.Typer(help="Accounts that customers pay from.", no_args_is_help=True)
    payer.command("link")(link)
    payer.command("unlink")(unlink)
    payer.command("pause")(pause)
    payer.command("resume")(resume)
    payer.command("list")(list_payers)
    app.add_typer(payer, name="payer")


def link(
    customer: Customer, account: Account, by: By, reason: Reason, data: Data = None, as_json: Json = False
) -> None:
    """Propose that an account pays for a customer; once another operator approves it, what waited is credited."""
    use_stack(data)
    from cli.changes import propose, tell

    given = _link_input(customer, account, by, reason)
    tell(propose({"payer_link": [given.model_dump()]}, by, reason), by, as_json)


def unlink(
    customer: Customer, account: Account, by: By, reason: Reason, data: Data = None, as_json: Json = False
) -> None:
    """End a link; it stays in the list."""
    use_stack(data)
    from activities import payers

    given = _link_input(customer, account, by, reason)
    with one_transaction() as session:
        given = acting(session, given, "Payer", "unlink")
        payers.unlink(session, given)
    told = {"account": given.account, "customer": customer, "done": "unlinked"}
    _say(f"Account {given.account} is no longer linked to customer {customer}", told, as_json)


def pause(
    account: Account, entity: Entity, by: By, reason: Reason, data: Data = None, as_json: Json = False
) -> None:
    """Let money from an account wait for a person, whatever it could be matched by."""
    use_stack(data)
    from activities import payers

    given = _pause_input(account, entity, by, reason)
    with one_transaction() as session:
        given = acting(session, given, "Payer", "pause")
        now = payers.pause(session, given)
    done = "paused" if now.new else "unchanged"
    before = "" if now.new else f" already, by {now.by} on {moment(now.at)} UTC; nothing changed"
    told = {"account": given.account, "entity": entity, "done": done, "by": now.by, "at": now.at}
    _say(f"Account {given.account} is paused at {entity}{before}", told, as_json)


def resume(
    account: Account, entity: Entity, by: By, reason: Reason, data: Data = None, as_json: Json = False
) -> None:
    """End a pause; it stays in the list. Money that waited for it is matched."""
    use_stack(data)
    from activities import payers

    given = _pause_input(account, entity, by, reason)
    with one_transaction() as session:
        given = acting(session, given, "Payer", "resume")
        payers.resume(session, given)
    told = {"account": given.account, "entity": entity, "done": "resumed"}
    _say(f"Account {given.account} is no longer paused at {entity}", told, as_json)


def list_payers(
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """All links and pauses, ended ones last, with who and when."""
    use_stack(data)
    from activities import payers

    with one_transaction() as session:
        found = payers.payers(session, customer)
    if as_json:
        print_json(found)
        return
    links = [[r["customer"], r["entity"], r["account"], *_said(r, "linked")] for r in found["links"]]
    print_table("Links", ["Customer", "Entity", "Account", "Linked (UTC)", "Ended (UTC)"], links)
    pauses = [[r["entity"], r["account"], *_said(r, "paused")] for r in found["pauses"]]
    print_table("Pauses", ["Entity", "Account", "Paused (UTC)", "Ended (UTC)"], pauses)


def _said(row: dict[str, Any], verb: str) -> tuple[str, str]:
    begun = f"{moment(row[f'{verb}_at'])}, {row[f'{verb}_by']}: {row['reason']}"
    ended = f"{moment(row['ended_at'])}, {row['ended_by']}: {row['ended_reason']}" if row["ended_at"] else ""
    return begun, ended


def _say(sentence: str, told: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(told)
    else:
        console.print(sentence, markup=False, soft_wrap=True)


def _link_input(customer: str, account: str, by: str, reason: str) -> "LinkInput":
    from activities.payers import LinkInput
    from prepay.wire import parse

    raw = {"customer": customer, "account": account, "by": by, "reason": reason}
    return parse(LinkInput, raw, "The link")


def _pause_input(account: str, entity: str, by: str, reason: str) -> "PauseInput":
    from activities.payers import PauseInput
    from prepay.wire import parse

    raw = {"entity": entity, "account": account, "by": by, "reason": reason}
    return parse(PauseInput, raw, "The pause")
