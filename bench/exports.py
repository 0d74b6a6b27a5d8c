"""Whether exporting many records needs more memory than exporting few: the peak of a process of its own for each."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bench.movements import CUSTOMER, moved
from bench.pgbench import BenchDatabase

FEW, MANY = 10_000, 1_000_000
MAX_RATIO = 1.1
ENDINGS = ("csv", "xlsx")


def measure(server: BenchDatabase, _rounds: int) -> list[dict[str, Any]]:
    """Both sizes in both formats, once."""
    found: list[dict[str, Any]] = []
    with (
        moved(server, "bench_export_few", FEW) as few,
        moved(server, "bench_export_many", MANY) as many,
        TemporaryDirectory() as folder,
    ):
        for ending in ENDINGS:
            small = _export(few, Path(folder) / f"few.{ending}")
            large = _export(many, Path(folder) / f"many.{ending}")
            found += _rows(ending, small, large)
    return found


def _export(database: BenchDatabase, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "bench.exports", database.app_url, str(path)]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    told: dict[str, float] = json.loads(ran.stdout)
    return told


def _rows(ending: str, small: dict[str, float], large: dict[str, float]) -> list[dict[str, Any]]:
    memory = {
        "name": f"peak memory, {MANY:,} records as {ending.upper()}",
        "ours": large["peak_mb"],
        "unit": "MB, less is better",
        "against": f"{FEW:,} records",
        "theirs": small["peak_mb"],
        "ratio": round(large["peak_mb"] / small["peak_mb"], 2),
        "goal": f"<= {MAX_RATIO}",
        "rounds": 1,
    }
    speed = {
        "name": f"{MANY:,} records as {ending.upper()}",
        "ours": round(large["records"] / large["seconds"]),
        "unit": "records/s",
        "against": "nothing",
        "theirs": None,
        "ratio": None,
        "goal": "printed",
        "rounds": 1,
    }
    return [memory, speed]


async def _run(url: str, path: Path) -> dict[str, float]:
    from prepay.client import PrepayClient
    from prepay.record_files import export_records

    began = perf_counter()
    async with await PrepayClient.connect(url) as client:
        records = await export_records(client, CUSTOMER, path)
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    peak = getrusage(RUSAGE_SELF).ru_maxrss / unit
    return {"records": records, "seconds": perf_counter() - began, "peak_mb": round(peak, 1)}


if __name__ == "__main__":
    print(json.dumps(asyncio.run(_run(sys.argv[1], Path(sys.argv[2])))))
