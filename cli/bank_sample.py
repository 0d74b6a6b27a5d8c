"""`prepay bank sample`: bank files of any size whose truth is known."""

import sys
from contextlib import ExitStack
from datetime import datetime
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, TextIO

import typer

from cli.output import Json, amount, console, path_name

if TYPE_CHECKING:
    from bankfiles.sample_file import Wanted

TRUTH = ".truth.json"
MAX_ENTRIES = 10_000_000
MAX_SEED = 999_999


class Exists(ValueError):
    """A sample never takes the place of a file that may be a bank's."""

    def __init__(self, path: Path) -> None:
        super().__init__(f"There is a file {path_name(path)} already: name another, or delete it")


def sample(
    out: Annotated[Path, typer.Option(help="The file to write.", show_default=False)],
    format: Annotated[str, typer.Option(help="Such as camt.053 or bai2.")] = "camt.053",
    entries: Annotated[int, typer.Option(min=1, max=MAX_ENTRIES, help="How many.")] = 10,
    account: Annotated[str, typer.Option(help="The account they are booked on.")] = "DE89370400440532013000",
    currency: Annotated[str, typer.Option(help="ISO 4217.")] = "EUR",
    seed: Annotated[
        int, typer.Option(min=0, max=MAX_SEED, help="The same seed is the same money, in every format.")
    ] = 0,
    reference: Annotated[
        list[str] | None,
        typer.Option(
            help="A payment reference; give it several times. Else each payment has a random valid one."
        ),
    ] = None,
    references: Annotated[
        Path | None, typer.Option(help="A file with a payment reference in each line.", show_default=False)
    ] = None,
    debits: Annotated[int, typer.Option(min=0, max=100, help="How many of 100 entries are debits.")] = 0,
    on: Annotated[
        datetime,
        typer.Option(
            "--date", formats=["%Y-%m-%d"], help="The day they are booked on.", show_default="2026-11-23"
        ),
    ] = datetime(2026, 11, 23),
    as_json: Json = False,
) -> None:
    """Write a bank file to try Prepay with, and what it holds as JSON: beside it, or with --json here."""
    from bankfiles.sample_file import Wanted

    given = [*(reference or ()), *(_lines(references) if references else ())]
    wanted = Wanted(format, account, currency, entries, seed, on.date(), given, debits)
    truth = None if as_json else Path(f"{out}{TRUTH}")
    head = _write(wanted, out, truth)
    if truth is not None:
        (sums,) = head["totals"].values()
        credits, debited = (amount(sums[way], currency) for way in ("credit_minor", "debit_minor"))
        said = f"{path_name(out)}: {entries} entries, {credits} in, {debited} out; its truth is in {path_name(truth)}"
        console.print(said, markup=False, soft_wrap=True)


def _lines(path: Path) -> list[str]:
    return [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]


def _write(wanted: "Wanted", out: Path, truth: Path | None) -> dict[str, Any]:
    """Both files or none, and none that was there before. Without a path for the truth it goes to standard output."""
    from bankfiles.sample_file import write_sample

    with ExitStack() as undo:
        with ExitStack() as files:
            file = files.enter_context(_new(out, undo))
            told: TextIO = sys.stdout
            if truth is not None:
                told = files.enter_context(TextIOWrapper(files.enter_context(_new(truth, undo)), "utf-8"))
            head = write_sample(wanted, path_name(out), file, told)
        undo.pop_all()
    return head


def _new(path: Path, undo: ExitStack) -> BinaryIO:
    try:
        stream = path.open("xb")
    except FileExistsError:
        raise Exists(path) from None
    undo.callback(path.unlink)
    return stream
