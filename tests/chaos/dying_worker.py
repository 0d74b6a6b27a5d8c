"""A worker that dies by kill -9 after an activity has done its work and before Temporal hears of it.

`PREPAY_TEST_DEATHS` names a folder: each activity that has a file of its name there kills the worker once, and takes
the file away.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

from temporalio.client import Client
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput

import worker
from activities.failures import Discreet
from tests.chaos.hasty import Hasty

DEATHS = Path(os.environ["PREPAY_TEST_DEATHS"])


class _Dies(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        done = await super().execute_activity(input)
        mark = DEATHS / str(getattr(input.fn, "__temporal_activity_definition").name)
        if mark.exists():
            mark.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return done


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
    setattr(worker, "Discreet", Mortal)  # noqa: B010  (what the worker wraps its activities in)
    setattr(worker, "Client", HastyClient)  # noqa: B010  (what its relay starts workflows by)
    asyncio.run(worker.main())
