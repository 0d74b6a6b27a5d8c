"""`prepay balance`, `notices` and `views`."""

import asyncio
from typing import Annotated
from urllib.parse import urlencode

import typer
from rich.markup import escape

from cli.output import Data, Json, amount, console, moment, print_json, print_table, use_stack

_RUNNING = " AND `ExecutionStatus`='Running'"  # runs that were terminated or reset keep their last stage
# Name, what it shows, and the query. Saved views live in the browser; links bring them there.
VIEWS = (
    ("Needs a person", "what waits for an operator", "`NeedsHuman`=true" + _RUNNING),
    (
        "Awaited deposits",
        "forms that nobody has paid yet",
        "`WorkflowType`='Deposit' AND `Stage`='issued'" + _RUNNING,
    ),
    (
        "Part paid",
        "deposits that wait for the rest",
        "`WorkflowType`='Deposit' AND `Stage`='part_paid'" + _RUNNING,
    ),
    (
        "Unpaid to the end",
        "deposits that expired or were cancelled",
        "`WorkflowType`='Deposit' AND `Stage` IN ('expired', 'cancelled')",
    ),
    (
        "Held bank files",
        "files that an operator must decide on",
        "`WorkflowType`='BankFile' AND `Stage`='held'" + _RUNNING,
    ),
    (
        "Bank files in alarm",
        "files that are posted, and lack a statement or a notified credit, or have an entry that could not be read",
        "`WorkflowType`='BankFile' AND `Stage`='alarm'" + _RUNNING,
    ),
    (
        "Payment files on their way",
        "files that the bank has not answered, or not booked all of",
        "`WorkflowType`='PaymentFile'" + _RUNNING,
    ),
    (
        "The bank is silent",
        "payment files of which people must ask the bank",
        "`WorkflowType`='PaymentFile' AND `NeedsHuman`=true" + _RUNNING,
    ),
    (
        "Payment run",
        "what is ready to be paid, and what stays",
        "`WorkflowType`='PaymentRun'" + _RUNNING,
    ),
    (
        "Reassignments to approve",
        "credits that one person wants to move, and another must approve",
        "`WorkflowType`='Reassignment' AND `Stage`='proposed'" + _RUNNING,
    ),
    (
        "Unread entries to approve",
        "what one person says an entry is that could not be read, and another must approve",
        "`WorkflowType`='Resolution' AND `Stage`='proposed'" + _RUNNING,
    ),
    (
        "Money without an owner",
        "booked money that nobody was credited with",
        "`WorkflowType`='Receipt' AND `Stage` IN ('unapplied', 'returning')" + _RUNNING,
    ),
    (
        "Receipts to approve",
        "money that one person wants to apply, and another must approve, or that should go back",
        "`WorkflowType`='Receipt' AND `WaitsForRole`='approver'" + _RUNNING,
    ),
    (
        "Aged money",
        "money that nobody has claimed for 75 days",
        "`WorkflowType`='Receipt' AND `Escalated`=true" + _RUNNING,
    ),
    (
        "Virtual accounts to decide",
        "applications that an operator must approve or reject, and accounts to review",
        "`WorkflowType`='VirtualAccountApplication' AND `WaitsForRole`='approver'" + _RUNNING,
    ),
    (
        "Virtual accounts without a number",
        "approved applications that wait for numbers of the bank's",
        "`WorkflowType`='VirtualAccountApplication' AND `Stage`='approved'" + _RUNNING,
    ),
    (
        "Refunds to approve",
        "refunds that an operator must approve or reject",
        "`WorkflowType`='Refund' AND `Stage`='in_review'" + _RUNNING,
    ),
    (
        "Refunds for a second person",
        "refunds that somebody has approved, and another must",
        "`WorkflowType`='Refund' AND `Stage`='in_review' AND `DecidedBy` IS NOT NULL" + _RUNNING,
    ),
    (
        "Refunds for a treasurer",
        "refunds that only a treasurer's approval is missing from",
        "`WorkflowType`='Refund' AND `WaitsForRole`='treasurer'" + _RUNNING,
    ),
    (
        "Refunds that wait for the customer",
        "refunds without bank details, and those that came back",
        "`WorkflowType`='Refund' AND `Stage` IN ('opened', 'returned')" + _RUNNING,
    ),
    (
        "Refunds overdue",
        "refunds that have waited for operators for five business days",
        "`WorkflowType`='Refund' AND `Escalated`=true" + _RUNNING,
    ),
    (
        "Overdue bills",
        "bills whose due date has passed",
        "`WorkflowType`='Bill' AND `Stage`='overdue'" + _RUNNING,
    ),
    (
        "Open bills",
        "bills that are not paid in full",
        "`WorkflowType`='Bill' AND `Stage` IN ('issued', 'part_paid', 'overdue')" + _RUNNING,
    ),
    (
        "Changes to approve",
        "master data that one person wants to change, and another must approve",
        "`WorkflowType`='Change' AND `Stage`='proposed'" + _RUNNING,
    ),
    (
        "Frozen money and customers",
        "what stands still until two compliance operators release it",
        "`WorkflowType`='Freeze' AND `Stage`='frozen'" + _RUNNING,
    ),
    ("Escalated", "what has waited for an operator too long", "`Escalated`=true" + _RUNNING),
    ("Refused bank files", "files that could not be used", "`WorkflowType`='BankFile' AND `Stage`='refused'"),
    ("Task failures", "workflows that the code cannot go on with", "`TemporalReportedProblems` IS NOT NULL"),
)
PERSONAL = (("Decided by {operator}", "what {operator} decided", "`DecidedBy`='{operator}'"),)


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command()(balance)
    app.command()(notices)
    app.command()(views)


def balance(
    customer: Annotated[str, typer.Argument(help="The customer's number.")],
    data: Data = None,
    as_json: Json = False,
) -> None:
    """The balances of a customer."""
    use_stack(data)
    asyncio.run(_balance(customer, as_json))


async def _balance(customer: str, as_json: bool) -> None:
    from prepay.client import PrepayClient
    from settings import settings

    async with await PrepayClient.connect(settings().database_url) as client:
        found = await client.balance(customer)
    if as_json:
        print_json(found)
        return
    rows = [
        [
            b.entity,
            *(
                amount(m, b.currency)
                for m in (b.available_minor, b.held_minor, b.pending_minor, b.receivable_minor)
            ),
            b.lasts_until.isoformat() if b.lasts_until else "",
        ]
        for b in found
    ]
    columns = ["Entity", "Available", "Held", "Coming", "Owed to us", "At this month's pace until"]
    print_table(f"Balances of {customer}", columns, rows, right=columns[1:5])


def notices(
    customer: Annotated[str | None, typer.Option(help="Only this customer's.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10000, help="How many of the newest.")] = 50,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """What customers were told, and whether an e-mail went out."""
    use_stack(data)
    import psycopg
    from psycopg.rows import dict_row

    from settings import settings

    query = """
        SELECT n.created_at, c.number AS customer, n.kind, n.subject, n.body, n.sent_at, n.attempts, n.problem
        FROM notice n JOIN customer c ON c.id = n.customer_id
        WHERE %(customer)s::text IS NULL OR c.number = %(customer)s ORDER BY n.id DESC LIMIT %(limit)s
    """
    with psycopg.connect(settings().database_url, row_factory=dict_row) as connection:
        rows = connection.execute(query, {"customer": customer, "limit": limit}).fetchall()
    if as_json:
        print_json(rows)
        return
    cells = [
        [moment(r["created_at"]), r["customer"], r["subject"], moment(r["sent_at"]) or r["problem"] or "kept"]
        for r in rows
    ]
    print_table("Notices", ["Written (UTC)", "Customer", "Subject", "Sent"], cells)


def views(
    operator: Annotated[str | None, typer.Option(help="Also the personal views of this operator.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """Links that open saved views in the Temporal UI. Open each once: the browser keeps it."""
    use_stack(data)
    found = view_links(operator)
    if as_json:
        print_json(found)
        return
    for view in found:
        console.print(f"[bold]{escape(view['name'])}[/bold]: {escape(view['what'])}")
        console.print(view["link"], soft_wrap=True, markup=False)


def view_links(operator: str | None = None) -> list[dict[str, str]]:
    """Name, purpose and link of each saved view."""
    base = _workflows_link()
    wanted = [*VIEWS, *(_personal(operator) if operator else ())]
    return [
        {"name": name, "what": what, "link": f"{base}?{urlencode({'query': query, 'savedQuery': name})}"}
        for name, what, query in wanted
    ]


def workflow_link(workflow_id: str) -> str:
    """The page of a workflow in the Temporal UI."""
    return f"{_workflows_link()}/{workflow_id}"


def _workflows_link() -> str:
    from temporalio.envconfig import ClientConfig

    from settings import settings

    namespace = ClientConfig.load_client_connect_config().get("namespace", "default")
    return f"{settings().ui_url.rstrip('/')}/namespaces/{namespace}/workflows"


def _personal(operator: str) -> list[tuple[str, str, str]]:
    plain = operator.replace("'", "")
    return [
        (name.format(operator=plain), what.format(operator=plain), query.format(operator=plain))
        for name, what, query in PERSONAL
    ]
