"""How the client asks workflows: an update is answered, or one sentence says why not."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import (
    Client,
    WithStartWorkflowOperation,
    WorkflowUpdateFailedError,
    WorkflowUpdateRPCTimeoutOrCancelledError,
)
from temporalio.exceptions import ApplicationError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from prepay.errors import Refused, Unavailable

_Answer = TypeVar("_Answer")
_AGAIN = "Send the same request again."
REFUSALS = ("DepositRefused", "RefundRefused")
"""Types of failures that are answers: asked again, they stay."""


class Ended(Exception):
    """The workflow has ended; its row answers."""


class Asking:
    """Asks the workflows of one client; an answer is awaited for so many seconds."""

    def __init__(self, temporal: Client, answer_seconds: float) -> None:
        self._temporal = temporal
        self._seconds = answer_seconds

    async def answer(
        self, start: WithStartWorkflowOperation[Any, Any], request: Any, update_id: str, kind: type[_Answer]
    ) -> _Answer:
        """Start the workflow unless it runs, and wait for its answer.

        Raises WorkflowAlreadyStartedError where it has ended, Refused, Unavailable.
        """
        try:
            return await self._asked(
                lambda: self._temporal.execute_update_with_start_workflow(
                    "request",
                    request,
                    start_workflow_operation=start,
                    id=update_id,
                    result_type=kind,
                    rpc_timeout=timedelta(seconds=self._seconds),
                )
            )
        except WorkflowAlreadyStartedError:
            with suppress(WorkflowAlreadyStartedError):
                # The operation keeps the error too, and asyncio would report it.
                await start.workflow_handle()
            raise

    async def update(self, workflow_id: str, name: str, given: Any, kind: type[_Answer]) -> _Answer:
        """Ask a running workflow. Raises Ended where it runs no more, Refused, Unavailable."""
        return await self._asked(
            lambda: self._temporal.get_workflow_handle(workflow_id).execute_update(
                name, given, result_type=kind, rpc_timeout=timedelta(seconds=self._seconds)
            )
        )

    async def _asked(self, ask: Callable[[], Awaitable[_Answer]]) -> _Answer:
        try:
            return await ask()
        except WorkflowUpdateFailedError as error:
            cause = error.cause
            if isinstance(cause, ApplicationError) and cause.type in REFUSALS:
                raise Refused(cause.message) from None
            if isinstance(cause, ApplicationError) and cause.type == "AcceptedUpdateCompletedWorkflow":
                raise Ended from None
            raise Unavailable(f"It could not be done now: {cause}. {_AGAIN}") from error
        except WorkflowAlreadyStartedError:
            raise
        except (WorkflowUpdateRPCTimeoutOrCancelledError, TimeoutError):
            raise Unavailable(
                f"Nobody answered within {self._seconds:g} s: is a Prepay worker running, and does it "
                f"reach the database? {_AGAIN}"
            ) from None
        except (RPCError, RuntimeError) as error:
            if isinstance(error, RPCError) and error.status == RPCStatusCode.NOT_FOUND:
                raise Ended from None
            address = self._temporal.service_client.config.target_host
            raise Unavailable(f"Temporal does not answer at {address}. {_AGAIN}") from error
