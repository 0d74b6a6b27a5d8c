"""kill -9 of a part of a running demo, at many moments: its end is the same."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from documents.render import missing_libraries

ROOT = Path(__file__).resolve().parents[2]
PREPAY = [sys.executable, "-c", "import cli; cli.main()"]
STARTED = "contracting entities"
WHOM = ("worker", "postgres", "temporal")
# Seconds after the stack is up: the requests come at once, then the forms, the payments, the credits.
MOMENTS = [n * 0.9 for n in range(20)]


def _pids(data: Path, whom: str) -> list[int]:
    """The processes of a part, as the stack has written them down."""
    marks = {"worker": "worker.py", "postgres": "postgres", "temporal": "start-dev"}
    try:
        known = json.loads((data / "processes.json").read_text())
    except FileNotFoundError:
        return []  # the demo was quicker, and has stopped its parts
    return [int(pid) for pid, (_, *program) in known.items() if any(marks[whom] in word for word in program)]


def _kill(data: Path, whom: str) -> int:
    killed = 0
    for pid in _pids(data, whom):
        try:
            os.kill(pid, signal.SIGKILL)
            killed += 1
        except ProcessLookupError:
            continue
    return killed


def _demo(data: Path, kills: list[tuple[float, str]]) -> dict[str, Any]:
    """Run the demo, kill at those moments after its start, and return what it printed."""
    program = [*PREPAY, "demo", "--exit", "--json", "--data", str(data)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for name in ("PREPAY_DATABASE_URL", "TEMPORAL_ADDRESS"):
        environment.pop(name, None)
    process = subprocess.Popen(
        program, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stderr is not None
    said = []
    for line in process.stderr:
        said.append(line)
        if STARTED in line:
            break
    began = time.monotonic()
    for moment, whom in sorted(kills):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        if process.poll() is None:
            _kill(data, whom)
    output, errors = process.communicate(timeout=240)
    assert process.returncode == 0, "".join(said) + errors
    result: dict[str, Any] = json.loads(output)
    return result


def _end(result: dict[str, Any]) -> dict[str, Any]:
    """What must be the same: all but times, ids and places, and what the bank says of a day that it has ended.

    It ends one, with a statement of each of its three accounts, where the payout is due on a later day.
    """
    files = [w["stage"] for w in result["workflows"] if w["type"] == "BankFile"]
    assert len(files) in (FILES, FILES + 3)
    return {
        "balances": result["balances"],
        "unapplied": [(entry["amount_minor"], entry["reason"]) for entry in result["unapplied"]],
        "files": set(files),
        "workflows": sorted((w["type"], w["stage"]) for w in result["workflows"] if w["type"] != "BankFile"),
        "forms": len(result["forms"]),
        "breaches": result["breaches"],
    }


FILES = 13
EXPECTED = {
    "balances": {
        "C-1001": {"EUR": 5_000},
        "C-1002": {"EUR": 48_000},
        "C-1003": {"EUR": 5_000},
        "C-2001": {"USD": 500_000},
        "C-2002": {"JPY": 250_000},
    },
    "unapplied": [],
    "files": {"posted"},
    "workflows": [
        ("Bill", "paid"),
        ("Claim", "credited"),
        *[("Deposit", "credited")] * 3,
        ("Receipt", "applied"),
        ("Refund", "settled"),
        ("VirtualAccountApplication", "active"),
    ],
    "forms": 0 if missing_libraries() else 3,
    "breaches": 0,
}


@pytest.mark.timeout(300)
def test_each_part_killed_once_in_one_run(tmp_path: Path) -> None:
    kills = [(0.4, "worker"), (2.0, "postgres"), (4.0, "temporal")]
    assert _end(_demo(tmp_path / "stack", kills)) == EXPECTED


@pytest.mark.chaos
@pytest.mark.timeout(300)
@pytest.mark.parametrize("moment", MOMENTS)
def test_killed_at_any_moment(tmp_path: Path, moment: float) -> None:
    whom = WHOM[MOMENTS.index(moment) % len(WHOM)]
    assert _end(_demo(tmp_path / "stack", [(moment, whom)])) == EXPECTED
