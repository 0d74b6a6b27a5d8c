"""What a failed activity tells Temporal: the kind of fault and its first line, never the row it was about."""

from typing import Any

from temporalio.exceptions import ApplicationError, FailureError
from temporalio.worker import ActivityInboundInterceptor, ExecuteActivityInput, Interceptor

MAX_CHARACTERS = 300


class Discreet(Interceptor):
    """PostgreSQL names the failing row in the lines after the first; histories must not hold names or accounts."""

    def intercept_activity(self, next: ActivityInboundInterceptor) -> ActivityInboundInterceptor:
        """Put the filter around every activity."""
        return _FirstLine(next)


class _FirstLine(ActivityInboundInterceptor):
    async def execute_activity(self, input: ExecuteActivityInput) -> Any:
        try:
            return await super().execute_activity(input)
        except FailureError:
            raise
        except Exception as error:
            first = (str(error).splitlines() or [""])[0][:MAX_CHARACTERS]
            raise ApplicationError(first, type=type(error).__name__) from None
