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
    export,
    ledger,
    movements,
    operators,
    orders,
    payers,
    payment_files,
    receipts,
    records,
    refunds,
    report,
    screening,
    stack,
    statements,
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
    payment_files,
    screening,
    receipts,
    virtual_accounts,
    deposits,
    refunds,
    orders,
    bills,
    records,
    movements,
    statements,
    explain,
    report,
    bank,
    ledger,
    export,
    bench,
):
    room.register(app)
