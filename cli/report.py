"""`prepay report use`: what deposits were meant for, and what their money went to."""

from collections import Counter
from typing import Annotated, Any

import typer

from cli.output import Data, Json, amount, print_json, print_table, use_stack

Row = dict[str, Any]


def register(app: typer.Typer) -> None:
    """Add the command."""
    report = typer.Typer(help="Reports over all customers, or one.", no_args_is_help=True)
    report.command("use")(use)
    app.add_typer(report, name="report")


def use(
    customer: Annotated[str | None, typer.Option(help="Of this customer only.")] = None,
    data: Data = None,
    as_json: Json = False,
) -> None:
    """By product: what deposits were meant for it, what of that went to it, and what went elsewhere."""
    use_stack(data)
    from activities.use_report import use_report
    from settings import settings

    rows = use_report(settings().database_url, customer)
    if as_json:
        print_json({"use": rows, "products": products(rows)})
        return
    print_table(
        "By product",
        ["Entity", "Product", "Meant for it", "Spent on it", "Difference"],
        [
            [
                r["entity"],
                r["product"],
                *(
                    amount(r[name], r["currency"])
                    for name in ("meant_minor", "spent_minor", "difference_minor")
                ),
            ]
            for r in products(rows)
        ],
        right=["Meant for it", "Spent on it", "Difference"],
    )
    cells = [
        [
            r["entity"],
            r["intended"] or "nothing said",
            r["went_to"] or "left",
            amount(r["amount_minor"], r["currency"]),
        ]
        for r in rows
    ]
    print_table("Where it went", ["Entity", "Meant for", "Went to", "Amount"], cells, right=["Amount"])


def products(rows: list[Row]) -> list[Row]:
    """For each product what was meant for it, what was spent on it, and how much more was spent than meant."""
    meant: Counter[tuple[str, str, str]] = Counter()
    spent: Counter[tuple[str, str, str]] = Counter()
    for row in rows:
        for counter, product in ((meant, row["intended"]), (spent, row["went_to"])):
            if product is not None:
                counter[row["entity"], row["currency"], product] += row["amount_minor"]
    return [
        {
            "entity": entity,
            "currency": currency,
            "product": product,
            "meant_minor": meant[entity, currency, product],
            "spent_minor": spent[entity, currency, product],
            "difference_minor": spent[entity, currency, product] - meant[entity, currency, product],
        }
        for entity, currency, product in sorted({*meant, *spent})
    ]
