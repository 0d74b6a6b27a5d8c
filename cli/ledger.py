"""`prepay ledger`: prove the book."""

import typer

from cli.output import Data, Json, console, print_json, use_stack


def register(app: typer.Typer) -> None:
    """Add the commands."""
    ledger = typer.Typer(help="The book.", no_args_is_help=True)
    ledger.command("check")(check)
    app.add_typer(ledger, name="ledger")


def check(data: Data = None, as_json: Json = False) -> None:
    """Recompute every invariant from the transfers; exit code 1 if one does not hold."""
    use_stack(data)
    import psycopg

    from ledger.checks import run_checks
    from settings import settings

    with psycopg.connect(settings().database_url) as connection:
        results = run_checks(connection)
    broken = sum(bool(result.breaches) for result in results)
    if as_json:
        print_json([{"name": r.name, "sentence": r.sentence, "breaches": r.breaches} for r in results])
    else:
        for result in results:
            mark = "[red]broken[/red]" if result.breaches else "[green]holds[/green] "
            console.print(f"{mark}  {result.sentence}")
            for row in result.breaches:
                console.print(f"        {row}", markup=False)
        console.print(f"{len(results)} invariants, {broken} broken.")
    if broken:
        raise typer.Exit(1)
