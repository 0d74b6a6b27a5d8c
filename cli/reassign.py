"""`prepay bank reassign`: propose that a credit goes where it belongs; a second person approves it in Temporal."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.output import Data, Json, console, print_json, use_stack
from cli.records import workflow_link
from cli.session import acting

if TYPE_CHECKING:
    from activities.reassignment_proposal import Proposed

MAX_ID = 2**63 - 1


def reassign(
    entry: Annotated[
        int, typer.Argument(metavar="ENTRY", min=1, max=MAX_ID, help="As `prepay bank entries` shows it.")
    ],
    to: Annotated[str, typer.Option(help="A deposit's number, or a customer's for the balance itself.")],
    by: Annotated[str, typer.Option(help="Who proposes it.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept.")],
    part: Annotated[
        int | None, typer.Option(min=1, max=MAX_ID, help="Of an entry that gave several parts.")
    ] = None,
    credit: Annotated[
        int | None, typer.Option(min=1, max=MAX_ID, help="Of a part that gave several credits.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Propose to move a credit that went to the wrong deposit or customer. Nothing moves before another approves it."""
    use_stack(data)
    raw = {"entry": entry, "to": to, "by": by, "reason": reason, "part": part, "credit": credit}
    proposed = _propose(raw)
    link = workflow_link(proposed.workflow_id)
    if as_json:
        print_json({**proposed._asdict(), "money": str(proposed.money), "link": link})
        return
    console.print(
        f"Proposed: {proposed.money} of entry {entry} go from {proposed.giver} to {proposed.taker}. Nothing has moved "
        f"yet: somebody else than {by.strip()} must send `approve` (or anybody `refuse`) to {proposed.workflow_id}:",
        markup=False,
        soft_wrap=True,
    )
    console.print(link, markup=False, soft_wrap=True)


def _propose(raw: dict[str, object]) -> "Proposed":
    from sqlmodel import Session

    from activities.database import make_engine
    from activities.reassignment_proposal import ReassignInput, propose
    from prepay.wire import parse
    from settings import settings

    given = parse(ReassignInput, raw, "The reassignment")
    engine = make_engine(settings().database_url, 1)
    try:
        with Session(engine) as session, session.begin():
            return propose(session, acting(session, given, "Reassignment", "propose"))
    finally:
        engine.dispose()
