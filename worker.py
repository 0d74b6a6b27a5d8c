"""The composition root: settings → client → activities → workers. Nothing else wires."""

import asyncio
import contextlib
import gc
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import structlog
from sqlalchemy import Engine
from temporalio.client import (
    Client,
    Schedule,
    ScheduleActionStartWorkflow,
    ScheduleAlreadyRunningError,
    ScheduleIntervalSpec,
    ScheduleOverlapPolicy,
    SchedulePolicy,
    ScheduleSpec,
)
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import PollerBehaviorAutoscaling, Worker

from activities.attestation import Attestations
from activities.bank_files import BankFiles
from activities.bills import Bills
from activities.changes import Changes
from activities.claims import Claims
from activities.database import make_engine
from activities.deposits import Deposits
from activities.documents import Documents
from activities.failures import Discreet
from activities.inbox import watch_inbox
from activities.notices import Notices
from activities.outbox import Outbox
from activities.payouts import Payouts
from activities.reassignment import Reassignments
from activities.receipts import Receipts
from activities.refunds import Refunds
from activities.resolution import Resolutions
from activities.screening import Freezes
from activities.statements import Statements
from activities.sweep import Upkeep
from activities.virtual_accounts import VirtualAccounts
from documents.pool import Renderer
from prepay.ids import DOCUMENTS_TASK_QUEUE, TASK_QUEUE
from sandbox import workflow_runner
from settings import Settings, settings
from workflows.bank_file import BankFile
from workflows.bill import Bill
from workflows.change import Change
from workflows.claim import Claim
from workflows.deposit import Deposit
from workflows.freeze import Freeze
from workflows.payment_file import PaymentFile
from workflows.payment_run import PaymentRun
from workflows.reassignment import Reassignment
from workflows.receipt import Receipt
from workflows.refund import Refund
from workflows.relay import Relay
from workflows.resolution import Resolution
from workflows.statement import Statement
from workflows.sweep import Sweep
from workflows.virtual_account import VirtualAccountApplication

GRACE = timedelta(seconds=10)
WORKFLOWS = [
    BankFile,
    Bill,
    Change,
    Claim,
    Deposit,
    Freeze,
    PaymentFile,
    PaymentRun,
    Reassignment,
    Receipt,
    Refund,
    Relay,
    Resolution,
    Statement,
    Sweep,
    VirtualAccountApplication,
]
SCHEDULES: dict[str, tuple[Any, timedelta]] = {
    "relay": (Relay, timedelta(seconds=10)),
    "sweep": (Sweep, timedelta(minutes=1)),
    "payment-run": (PaymentRun, timedelta(minutes=1)),
}

log = structlog.get_logger()


async def connect(options: Settings) -> Client:
    """A client for Temporal by its own settings (`TEMPORAL_ADDRESS`, `TEMPORAL_PROFILE`, …)."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    runtime = None
    if options.metrics_address:
        metrics = PrometheusConfig(bind_address=options.metrics_address)
        runtime = Runtime(telemetry=TelemetryConfig(metrics=metrics))
    return await Client.connect(**config, data_converter=pydantic_data_converter, runtime=runtime)


def engine_for(options: Settings) -> Engine:
    """The connections of a worker."""
    # A bank file takes two: a chunk is kept while the one before it is posted.
    return make_engine(options.database_url, 2 * options.activity_threads)


def make_workers(client: Client, engine: Engine, options: Settings, renderer: Renderer) -> list[Worker]:
    """The worker of the lifecycles, and the one that draws documents."""
    rooms: list[Any] = [
        Attestations(engine, client, options),
        Deposits(engine, options),
        BankFiles(engine),
        Bills(engine),
        Changes(engine),
        Freezes(engine),
        Reassignments(engine),
        Resolutions(engine),
        Payouts(engine, options),
        Receipts(engine),
        Refunds(engine),
        Claims(engine),
        VirtualAccounts(engine),
        Statements(engine),
        Notices(engine, options),
        Outbox(engine, client),
        Upkeep(engine, client, options),
    ]
    # Otherwise the SDK takes a second at each start to digest all code that is loaded.
    build = f"prepay-{version('prepay')}"
    polling = PollerBehaviorAutoscaling(initial=2, maximum=16)
    lifecycles = Worker(
        client,
        task_queue=TASK_QUEUE,
        workflows=WORKFLOWS,
        activities=[activity for room in rooms for activity in room.all()],
        activity_executor=ThreadPoolExecutor(options.activity_threads, "activity"),
        max_concurrent_activities=options.activity_threads,
        max_concurrent_local_activities=options.activity_threads,
        workflow_runner=workflow_runner(),
        build_id=build,
        interceptors=[Discreet()],
        workflow_task_poller_behavior=polling,
        activity_task_poller_behavior=polling,
        graceful_shutdown_timeout=GRACE,
    )
    drawing = Worker(
        client,
        task_queue=DOCUMENTS_TASK_QUEUE,
        activities=Documents(engine, renderer).all(),
        build_id=build,
        interceptors=[Discreet()],
        max_concurrent_activities=renderer.processes,
        graceful_shutdown_timeout=GRACE,
    )
    return [lifecycles, drawing]


async def ensure_schedules(client: Client) -> None:
    """The relay, the sweep and the payment run go by schedule: whoever ends a run, the next one starts by itself."""
    for name, (workflow, every) in SCHEDULES.items():
        schedule = Schedule(
            action=ScheduleActionStartWorkflow(workflow.run, id=name, task_queue=TASK_QUEUE),
            spec=ScheduleSpec(intervals=[ScheduleIntervalSpec(every=every)]),
            policy=SchedulePolicy(overlap=ScheduleOverlapPolicy.SKIP, catchup_window=timedelta(minutes=1)),
        )
        with contextlib.suppress(ScheduleAlreadyRunningError):
            await client.create_schedule(name, schedule, trigger_immediately=True)


def settle() -> None:
    """What is loaded now stays for good, so the search for garbage need not look at it again."""
    gc.collect()
    gc.freeze()


async def main() -> None:
    """Work until SIGTERM or Ctrl-C."""
    options = settings()
    if not options.database_url:
        sys.exit("PREPAY_DATABASE_URL is not set: name the database, or start everything with `prepay up`.")
    stop = asyncio.Event()
    for one in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(one, stop.set)
    client = await connect(options)
    async with contextlib.AsyncExitStack() as stack:
        renderer = await stack.enter_async_context(Renderer())
        for worker in make_workers(client, engine_for(options), options, renderer):
            await stack.enter_async_context(worker)
        await ensure_schedules(client)
        if options.inbox:
            inbox = asyncio.create_task(watch_inbox(make_engine(options.database_url, 2), options.inbox))
            stack.callback(inbox.cancel)
        settle()
        log.info("worker started", task_queue=TASK_QUEUE, namespace=client.namespace)
        await stop.wait()


if __name__ == "__main__":
    asyncio.run(main())
