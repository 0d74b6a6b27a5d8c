"""All commands in one place: a module a noun."""

import typer

from cli import (
    bank,
    bench,
    bills,
    changes,
    customers,
    demo,
    deposits,
    explain,
    ledger,
    operators,
    orders,
    payers,
    receipts,
    records,
    report,
    screening,
    stack,
    virtual_accounts,
)

app = typer.Typer(
    name="prepay",
    help="Prepayment balances by bank transfer.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)

for room in (
    demo,
    stack,
    customers,
    operators,
    changes,
    payers,
    screening,
    receipts,
    virtual_accounts,
    deposits,
    orders,
    bills,
    records,
    explain,
    report,
    bank,
    ledger,
    bench,
):
    room.register(app)
