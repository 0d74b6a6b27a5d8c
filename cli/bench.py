"""`prepay bench`: each bench measures ours and what it is compared with, in turn, in one run."""

import importlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.output import Json, console, errors, print_json, print_table

if TYPE_CHECKING:
    from bench.pgbench import BenchDatabase

BENCHES = (
    "payments",
    "orders",
    "last_cent",
    "bills",
    "bulk_credits",
    "bank_files",
    "mt940",
    "growth",
    "receipts",
    "lifecycles",
    "forms",
    "records",
    "statements",
    "exports",
)


def register(app: typer.Typer) -> None:
    """Add the command."""
    app.command()(bench)


def bench(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help=f"Of {', '.join(BENCHES)}.")
    ] = None,
    rounds: Annotated[int, typer.Option(min=1, max=50, help="Rounds of each.")] = 3,
    as_json: Json = False,
) -> None:
    """Measure, on a PostgreSQL and a Temporal of its own; prints medians and ratios, judges nothing."""
    unknown = set(names or ()) - set(BENCHES)
    if unknown:
        raise ValueError(f"There is no bench {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    results: list[dict[str, Any]] = []
    with _server() as server:
        for name in names or BENCHES:
            errors.print(f"Measuring {name} …")
            results += importlib.import_module(f"bench.{name}").measure(server, rounds)
    if as_json:
        print_json(results)
        return
    rows = [
        [
            r["name"],
            f"{r['ours']:,.4g} {r['unit']}",
            r["against"],
            f"{r['theirs']:,.4g} {r['unit']}" if r["theirs"] is not None else "",
            f"{r['ratio']:.2f}" if r["ratio"] is not None else "",
            str(r["goal"]),
            str(r["rounds"]),
        ]
        for r in results
    ]
    columns = ["Bench", "Ours", "Against", "Theirs", "Ratio", "Goal", "Rounds"]
    print_table("Medians", columns, rows, right=["Ours", "Theirs", "Ratio"])
    console.print("A ratio is ours divided by theirs, both measured in this run.")


@contextmanager
def _server() -> "Iterator[BenchDatabase]":
    """A PostgreSQL of its own, with durable commits and sized as in production."""
    from bench.pgbench import BenchDatabase
    from embedded.postgres import Postgres

    with tempfile.TemporaryDirectory(prefix="prepay-bench-") as folder:
        postgres = Postgres(Path(folder) / "postgres", settings=_sized())
        postgres.start()
        try:
            yield BenchDatabase(postgres.url("app"), postgres.url("owner"), postgres.url("superuser"))
        finally:
            postgres.stop()


def _sized() -> dict[str, str]:
    """A quarter of the memory for shared buffers, as PostgreSQL's manual advises, up to 4 GiB."""
    quarter = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 4
    return {"shared_buffers": f"{min(quarter // 1024**2, 4096)}MB", "max_wal_size": "4GB"}
