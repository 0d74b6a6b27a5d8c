"""Short patience, so that a worker's death is noticed at once: it changes when Temporal tries again, not what."""

from datetime import timedelta
from typing import Any

from temporalio import client, worker
from temporalio.client import StartWorkflowInput, StartWorkflowUpdateWithStartInput
from temporalio.worker import (
    StartActivityInput,
    WorkflowInboundInterceptor,
    WorkflowInterceptorClassInput,
    WorkflowOutboundInterceptor,
)

TASK, ACTIVITY = timedelta(seconds=2), timedelta(seconds=4)


class Hasty(client.Interceptor, worker.Interceptor):
    """For the clients that start workflows, and for the worker."""

    def intercept_client(self, next: client.OutboundInterceptor) -> client.OutboundInterceptor:
        return _Starts(super().intercept_client(next))

    def workflow_interceptor_class(
        self, input: WorkflowInterceptorClassInput
    ) -> type[WorkflowInboundInterceptor] | None:
        return _Runs


class _Starts(client.OutboundInterceptor):
    async def start_workflow(self, input: StartWorkflowInput) -> Any:
        input.task_timeout = TASK
        return await super().start_workflow(input)

    async def start_update_with_start_workflow(self, input: StartWorkflowUpdateWithStartInput) -> Any:
        input.start_workflow_input.task_timeout = TASK
        return await super().start_update_with_start_workflow(input)


class _Runs(WorkflowInboundInterceptor):
    def init(self, outbound: WorkflowOutboundInterceptor) -> None:
        super().init(_Commands(outbound))


class _Commands(WorkflowOutboundInterceptor):
    def start_activity(self, input: StartActivityInput) -> Any:
        input.start_to_close_timeout = ACTIVITY
        input.heartbeat_timeout = None
        return super().start_activity(input)
