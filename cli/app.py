"""All commands in one place: a module a noun."""

import typer

from cli import (
    bank,
    bench,
    changes,
    customers,
    demo,
    deposits,
    explain,
    ledger,
    operators,
    payers,
    payment_files,
    receipts,
    records,
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
    payment_files,
    screening,
    receipts,
    virtual_accounts,
    deposits,
    records,
    explain,
    bank,
    ledger,
    bench,
):
    room.register(app)
