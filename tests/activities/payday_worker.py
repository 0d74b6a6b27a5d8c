"""The worker's part of a payday, in a process of its own: a step for each line, until somebody kills it."""

import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import activities.inbox
from activities.bank_files import BankFiles
from activities.database import make_engine
from activities.payouts import Payouts
from settings import Settings


def serve(line: "Connection[Any, Any]", url: str, inbox: Path, outbox: Path) -> None:
    """Take the name of a step and what it is given; answer what came of it."""
    # The bank writes its files elsewhere and renames them: they are complete.
    activities.inbox.SETTLED_SECONDS = 0.0
    engine = make_engine(url, 4)
    files, payouts = BankFiles(engine), Payouts(engine, Settings(outbox=outbox))

    def take_in() -> None:
        for path in inbox.glob("camt.053*"):
            if "nimbus" not in path.name:
                path.unlink()
        while any(path.suffix == ".xml" for path in inbox.iterdir()):
            activities.inbox.take_in(engine, inbox)
            time.sleep(0.05)

    steps: dict[str, Callable[..., Any]] = {
        "take_in": take_in,
        "read": files.read,
        "post": files.post,
        "collect": payouts.collect,
        "send": payouts.send,
        "decide": payouts.decide,
    }
    while True:
        name, given = line.recv()
        line.send(steps[name](*given))
