"""`prepay ledger`: prove the book."""

import typer

from cli.output import Data, Json, console, print_json, use_stack


def register(app: typer.Typer) -> None:
    """Add the commands."""
    ledger = typer.Typer(help="The book.", no_args_is_help=True)
    ledger.command("check")(check)
    ledger.command("rebase")(rebase)
    app.add_typer(ledger, name="ledger")


def check(data: Data = None, as_json: Json = False) -> None:
    """Recompute every invariant from the transfers; exit code 1 if one does not hold."""
    use_stack(data)
    import psycopg

    from ledger.checks import CheckResult, run_checks
    from ledger.seals import missing
    from settings import settings

    with psycopg.connect(settings().database_url) as connection:
        results = run_checks(connection)
        if seals := settings().seals:
            problem = missing(connection, seals)
            breaches = [{"problem": problem}] if problem else []
            results.append(
                CheckResult("kept-seal", "The newest seal kept outside is in the database.", breaches)
            )
    broken = sum(bool(result.breaches) for result in results)
    if as_json:
        print_json([{"name": r.name, "sentence": r.sentence, "breaches": r.breaches} for r in results])
    else:
        for result in results:
            mark = "[red]broken[/red]" if result.breaches else "[green]holds[/green] "
            console.print(f"{mark}  {result.sentence}", soft_wrap=True)
            for row in result.breaches:
                console.print(f"        {row}", markup=False, soft_wrap=True)
        console.print(f"{len(results)} invariants, {broken} broken.")
    if broken:
        raise typer.Exit(1)


def rebase(data: Data = None, as_json: Json = False) -> None:
    """After a restore of the database, as its owner: seal what is left and start an epoch of seals."""
    use_stack(data)
    import psycopg

    from ledger.seals import rebase as start_epoch
    from settings import settings

    url = settings().database_owner_url
    if not url:
        raise ValueError(
            "PREPAY_DATABASE_OWNER_URL is not set: only the owner of the tables may start an epoch"
        )
    with psycopg.connect(url) as connection:
        seal = start_epoch(connection)
    if as_json:
        print_json(seal)
    elif seal is not None:
        console.print(
            f"Seal {seal.id} closes epoch {seal.epoch}; seals count anew from transfer {seal.last_id + 1}."
        )
