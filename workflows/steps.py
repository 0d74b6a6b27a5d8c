"""One step in the database: a local activity while the database answers, a patient normal one when not."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

from temporalio import workflow
from temporalio.common import RetryPolicy
from temporalio.exceptions import ActivityError, ApplicationError, FailureError

_Result = TypeVar("_Result")

# A failing local activity blocks its workflow (queries too), so it is given up soon. The time limit holds only
# for one that hangs: one that fails at once would be tried again for ever without a limit of attempts.
_QUICK = timedelta(seconds=3)
_QUICK_RETRIES = RetryPolicy(initial_interval=timedelta(milliseconds=100), maximum_attempts=3)
_PATIENT_RETRIES = RetryPolicy(initial_interval=timedelta(seconds=1), maximum_interval=timedelta(seconds=30))


async def step(activity: Callable[..., _Result], arg: Any, summary: str) -> _Result:
    """Run a short idempotent step. Raises ApplicationError only for a refusal; waits out everything else."""
    try:
        return await _quickly(activity, arg)
    except FailureError as error:
        _raise_refusal(error)
    try:
        return await workflow.execute_activity_method(
            activity,
            arg,
            start_to_close_timeout=timedelta(seconds=30),
            retry_policy=_PATIENT_RETRIES,
            summary=summary,
        )
    except ActivityError as error:
        _raise_refusal(error)
        raise


async def _quickly(activity: Callable[..., _Result], arg: Any) -> _Result:
    return await workflow.execute_local_activity_method(
        activity, arg, schedule_to_close_timeout=_QUICK, retry_policy=_QUICK_RETRIES
    )


def _raise_refusal(error: FailureError) -> None:
    # A failed local activity comes without the ActivityError around it.
    failure = error.cause if isinstance(error, ActivityError) else error
    if isinstance(failure, ApplicationError) and failure.non_retryable:
        raise failure
