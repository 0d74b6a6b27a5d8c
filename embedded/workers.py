"""Whether a worker of ours has begun to ask Temporal for work."""

import asyncio
import time
from collections.abc import Mapping

from temporalio.api.enums.v1 import TaskQueueType
from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import DescribeTaskQueueRequest
from temporalio.client import Client
from temporalio.envconfig import ClientConfig

from embedded.process import Child, DidNotStart
from embedded.temporal import in_own_loop
from prepay.ids import TASK_QUEUE

START_SECONDS = 60.0


def wait_for_worker(child: Child, environment: Mapping[str, str]) -> None:
    """Wait until the task queue has a poller that came after now, or say what the worker's log says."""
    since = time.time()
    if not in_own_loop(_polls(child, dict(environment), since)):
        raise DidNotStart(child.name, child.log, child.last_lines())


async def _polls(child: Child, environment: dict[str, str], since: float) -> bool:
    config = ClientConfig.load_client_connect_config(override_env_vars=environment)
    client = await Client.connect(**config)
    until = time.time() + START_SECONDS
    while child.running and time.time() < until:
        if await _newest_poll(client) > since:
            return True
        await asyncio.sleep(0.1)
    return False


async def _newest_poll(client: Client) -> float:
    request = DescribeTaskQueueRequest(
        namespace=client.namespace,
        task_queue=TaskQueue(name=TASK_QUEUE),
        task_queue_type=TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW,
    )
    answer = await client.workflow_service.describe_task_queue(request)
    return max((poller.last_access_time.ToMicroseconds() / 1e6 for poller in answer.pollers), default=0.0)
