"""MT940 as it is read here, beside the library `mt-940`, a tool of development, whatever stands in `:86:`."""

import logging
from collections.abc import Callable
from importlib.util import find_spec
from time import process_time
from typing import Any

from bankfiles import entries
from bench.pgbench import BenchDatabase

ENTRIES = 1_000
MAX_RATIO = 1.3

DETAILS = {
    "none": "",
    "free text": ":86:Payment of ACME Holding and Trading Company GmbH\nOrder {0} for prepayment\n",
    "numbered pieces": ":86:166?00GUTSCHRIFT?20EREF+INV-{0}?21SVWZ+Order {0} for prepay?22ment\n"
    "?30BYLADEM1001?31DE02120300000000202051?32ACME Holding and Trading Co?33mpany GmbH?34000\n",
    "code words": ":86:/EREF/INV-{0}/REMI/Order {0} for prepayment/\n",
    "code words of ABN AMRO": ":86:/TRTP/SEPA OVERBOEKING/IBAN/NL91ABNA0417164300/BIC/ABNANL2A/NAME\n"
    "/ACME BV/REMI/Order {0} for prepayment/EREF/NOTPROVIDED\n",
    "code words of ING": ":86:/EREF/INV-{0}//MARF/4444-{0}//CSID/NL53ZZZ341191060000//CN\n"
    "TP/NL91ABNA0417164300/ABNANL2A/ACME BV/UTRECHT//PURP/CD/GDDS//REMI/\nUSTD//Order {0} for prepayment/\n",
    "code words of Rabobank": ":86:/EREF/02-04-2026 {0}/ORDP//NAME/ACME BV/ADDR/Street 1 NL/REMI\n"
    "/Order {0} for prepayment/ISDT/2026-04-03\n",
}


def measure(_server: BenchDatabase, rounds: int) -> list[dict[str, Any]]:
    """CPU time of an entry in each kind of details: the best of rounds, as what else the machine does only adds."""
    return [_row(name, file(details), rounds) for name, details in DETAILS.items()]


def file(details: str) -> bytes:
    """A statement of so many credits of 100.00 EUR."""
    lines = (f":61:2611241123C100,00NTRFNONREF//R{n}\n{details.format(n)}" for n in range(ENTRIES))
    head = ":20:S-1\n:25:NL91ABNA0417164300\n:28C:1/1\n:60F:C261122EUR0,00\n"
    return f"{head}{''.join(lines)}:62F:C261123EUR{ENTRIES * 100},00\n-\n".encode()


def _row(name: str, data: bytes, rounds: int) -> dict[str, Any]:
    library = find_spec("mt940") is not None
    pairs = [(_cpu(_ours, data), _cpu(_library, data) if library else 0.0) for _ in range(max(rounds, 3))]
    ours, theirs = (min(column) / ENTRIES * 1e6 for column in zip(*pairs, strict=True))
    return {
        "name": f"MT940, {name}",
        "ours": round(ours, 1),
        "unit": "µs of CPU an entry, less is better",
        "against": "mt-940 alone" if library else "mt-940, which is not installed here",
        "theirs": round(theirs, 1) if library else None,
        "ratio": round(ours / theirs, 2) if library else None,
        "goal": f"<= {MAX_RATIO}",
        "rounds": rounds,
    }


def _cpu(read_all: Callable[[bytes], int], data: bytes) -> float:
    before = process_time()
    assert read_all(data) == ENTRIES
    return process_time() - before


def _ours(data: bytes) -> int:
    return sum(1 for _ in entries(data))


def _library(data: bytes) -> int:
    import mt940

    logging.getLogger("mt940").setLevel(logging.CRITICAL)
    return len(mt940.parse(data.decode(), options=mt940.Options.all()))
