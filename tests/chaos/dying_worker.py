"""A worker that dies by kill -9 after an activity has done its work and before Temporal hears of it.

`PREPAY_TEST_DEATHS` names a folder: each activity that has a file of its name there kills the worker once, and takes
the file away. With a number behind it, such as `send_payment_file-1`, it dies right after that commit of one attempt.
"""

import asyncio
import os
import signal
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import psycopg
from temporalio.client import Client
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

import worker
from activities.failures import Discreet
from tests.chaos.hasty import Hasty

DEATHS = Path(os.environ["PREPAY_TEST_DEATHS"])


_commits: ContextVar[list[str]] = ContextVar("commits of this attempt")


def _die_at(name: str) -> None:
    mark = DEATHS / name
    if mark.exists():
        mark.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


class _Dies(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        name = str(getattr(input.fn, "__temporal_activity_definition").name)
        # The threads of activities share the list.
        _commits.set([name])
        done = await super().execute_activity(input)
        _die_at(name)
        return done


_commit = psycopg.Connection.commit


def _commit_and_die(connection: "psycopg.Connection[Any]") -> None:
    _commit(connection)
    if (commits := _commits.get(None)) is not None:
        commits.append("")
        _die_at(f"{commits[0]}-{len(commits) - 1}")


class HastyClient:
    """A client that starts workflows whose tasks are soon given up."""

    @staticmethod
    async def connect(*given: Any, **options: Any) -> Client:
        return await Client.connect(*given, **options, interceptors=[Hasty()])


class Mortal(Hasty, Discreet):
    """What the worker has, death, and short patience."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        return _Dies(super().intercept_activity(next))


if __name__ == "__main__":
    setattr(psycopg.Connection, "commit", _commit_and_die)  # noqa: B010
    setattr(worker, "Discreet", Mortal)  # noqa: B010  (what the worker wraps its activities in)
    setattr(worker, "Client", HastyClient)  # noqa: B010  (what its relay starts workflows by)
    asyncio.run(worker.main())
