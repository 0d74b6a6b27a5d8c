"""`prepay bank read`: what bank files hold, without a database and without keeping anything."""

import stat
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from cli.output import Json, amount, console, errors, path_name, print_json, print_table

if TYPE_CHECKING:
    from bankfiles import Survey, Totals

Found = dict[str, Any]
ANSWER = ("file", "format", "version", "outcome", "reason", "statements", "entries", "totals")
"""What programs are told of each file; people see every disagreement and unreadable entry beside it."""


class Unusable(ValueError):
    """There is no file to read at a path."""


class NoFile(Unusable):
    def __init__(self, path: Path) -> None:
        super().__init__(f"There is no file {path_name(path)}.")


class IsFolder(Unusable):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path_name(path)} is a folder: name the files in it.")


class NoRegularFile(Unusable):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path_name(path)} is no regular file: save what it gives, and name that.")


class IsEmpty(Unusable):
    def __init__(self, path: Path) -> None:
        super().__init__(f"{path_name(path)} is empty: ask for it again.")


class NotReadable(Unusable):
    def __init__(self, path: Path, error: OSError) -> None:
        what = "you have no permission for it" if isinstance(error, PermissionError) else error.strerror
        super().__init__(f"{path_name(path)} cannot be read: {what}.")


def read(
    paths: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Files as the bank sent them.")],
    as_json: Json = False,
) -> None:
    """Show what bank files hold; nothing is stored, and no Prepay need be running.

    Exit code 1 when a file is held or refused.
    """
    found = []
    for path in paths:
        with errors.status(f"Reading {escape(path_name(path))} …"):
            found.append(_read(path))
    if as_json:
        print_json([{key: file[key] for key in ANSWER} for file in found])
    else:
        _print(found)
    if any(file["outcome"] != "read" for file in found):
        raise typer.Exit(1)


def _read(path: Path) -> Found:
    from bankfiles import Survey

    try:
        format, survey = _survey(path)
    except Unusable as reason:
        format, survey = "", Survey(outcome="refused", reason=str(reason))
    return {
        "file": path_name(path),
        "format": survey.format or format,
        "version": survey.version,
        "outcome": survey.outcome,
        "reason": survey.reason or _quarantine(survey),
        "problems": list(survey.problems),
        "statements": len(survey.statements),
        "entries": survey.entries,
        "totals": {currency: _sums(totals) for currency, totals in sorted(survey.totals.items())},
        "quarantined": [{"line": q.line, "path": q.path, "reason": q.reason} for q in survey.quarantined],
    }


def _quarantine(survey: "Survey") -> str:
    """What is said of a file that is read although entries of it wait for a person."""
    if not survey.quarantined:
        return ""
    count, first = len(survey.quarantined), survey.quarantined[0]
    waiting = "1 entry is unreadable and waits" if count == 1 else f"{count} entries are unreadable and wait"
    where = "" if f"line {first.line}," in first.reason else f"line {first.line}, "
    return f"{waiting} for a person: {where}{first.reason}."


def _survey(path: Path) -> "tuple[str, Survey]":
    """The format by the first bytes, and what the file holds. Raises Unusable."""
    from bankfiles import detect, survey
    from bankfiles.xmlsource import HEAD_BYTES

    try:
        _check(path)
        with path.open("rb") as stream:
            detected = detect(stream.read(HEAD_BYTES))
            stream.seek(0)
            return (detected.format.value if detected else ""), survey(stream)
    except (FileNotFoundError, NotADirectoryError):
        raise NoFile(path) from None
    except OSError as error:
        raise NotReadable(path, error) from None


def _check(path: Path) -> None:
    # Before it is opened: opening a pipe may wait for ever.
    found = path.stat()
    if stat.S_ISDIR(found.st_mode):
        raise IsFolder(path)
    if not stat.S_ISREG(found.st_mode):
        raise NoRegularFile(path)
    if found.st_size == 0:
        raise IsEmpty(path)


def _sums(totals: "Totals") -> dict[str, int]:
    return {
        "credit_minor": totals.credit_minor,
        "debit_minor": totals.debit_minor,
        "booked_credit_minor": totals.booked_credit_minor,
    }


def _print(found: list[Found]) -> None:
    columns = ["File", "Format", "Outcome", "Statements", "Entries", "Unreadable", "Credit", "Debit"]
    cells = [
        [
            file["file"],
            file["version"] or file["format"],
            file["outcome"],
            str(file["statements"]),
            str(file["entries"]),
            str(len(file["quarantined"])),
            *(_amounts(file, sums) for sums in ("credit_minor", "debit_minor", "booked_credit_minor")),
            file["reason"],
        ]
        for file in found
    ]
    print_table(
        "Bank files", [*columns, "Booked credit", "Reason"], cells, right=[*columns[3:], "Booked credit"]
    )
    for file in found:
        _print_unreadable(file)


def _amounts(file: Found, sums: str) -> str:
    return ", ".join(amount(totals[sums], currency) for currency, totals in file["totals"].items())


def _print_unreadable(file: Found) -> None:
    if len(file["problems"]) > 1:
        console.print(f"Disagreements in {file['file']}", style="bold", markup=False, soft_wrap=True)
        for problem in file["problems"]:
            console.print(f"  {problem}", markup=False, soft_wrap=True)
        console.print()
    if file["quarantined"]:
        cells = [[str(entry["line"]), entry["path"], entry["reason"]] for entry in file["quarantined"]]
        print_table(f"Entries of {file['file']} that could not be read", ["Line", "Element", "Why"], cells)
