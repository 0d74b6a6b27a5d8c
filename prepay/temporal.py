"""How the client finds Temporal."""

import logging
from functools import cache

from temporalio.client import Client
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.envconfig import ClientConfig
from temporalio.runtime import LogForwardingConfig, LoggingConfig, Runtime, TelemetryConfig, TelemetryFilter


@cache
def _runtime() -> Runtime:
    """Temporal's core logs by Python's logging: standard output is for what programs asked for."""
    forwarding = LogForwardingConfig(logger=logging.getLogger("temporalio"))
    levels = TelemetryFilter(core_level="ERROR", other_level="ERROR")
    return Runtime(telemetry=TelemetryConfig(logging=LoggingConfig(filter=levels, forwarding=forwarding)))


async def connect_temporal() -> Client:
    """A client for Temporal by its own settings, which connects when it is first used."""
    config = ClientConfig.load_client_connect_config()
    config.setdefault("target_host", "localhost:7233")
    # Balances and records need no Temporal, so nobody waits for it before it is needed.
    return await Client.connect(
        **config, data_converter=pydantic_data_converter, lazy=True, runtime=_runtime()
    )
