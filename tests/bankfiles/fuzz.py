"""Reads a million mutated files with each reader: `python -m tests.bankfiles.fuzz --files 1000000 --format mt940`.

What must hold for each file:

- Nothing is raised but our refusals (BankFileError).
- It takes at most a second of processor time, and the memory of the process stays under 256 MB.
- Each entry is sound in itself: a known way, an amount above zero unless it is only shown, parts that sum to it.
- No wrong sum is accepted. Two oracles say what is wrong; both count what was read and what was quarantined:

  1. Whatever the accidents, a file that is read agrees with itself: in each statement of camt.053, MT940 and BAI2
     the closing balance less the opening one is what its entries add up to, and no amount in it is unknown; in an
     MT942 without a floor limit the bank's totals are those of the entries. The sums are added up here again, and
     compared with the figures of the mutated file, as accidents may also change a balance.
  2. Where there was one accident, to one amount, one sign or one entry of a sound statement with balances or totals
     (in camt.052 and camt.054 the TxsSummry, in MT942 the :90C: and :90D:), or the file was cut off, the file is not
     read, or it is read with the credits, debits and number of entries of the truth. That is sound because each
     figure stands in the file twice, as an entry and in what the bank sums: one accident cannot change both alike.
     A cut is left out for MT942, whose totals stand at the end and may be missing; so is the currency of one entry,
     as totals of a camt.054 name none.

A file is made from its format and its seed alone (and the version of Python): each fault tells both.
"""

import argparse
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import NoReturn

from bankfiles import (
    ANSWER_FORMATS,
    BankFileError,
    Direction,
    Entry,
    Event,
    Format,
    Held,
    Quarantine,
    Statement,
    StatementEnd,
    checked,
    detect,
    read,
    read_answers,
)
from tests.bankfiles.fuzz_files import Mutant, Truth, mutant

FILES = 1_000_000
MAX_SECONDS = 1.0
MAX_MEMORY_BYTES = 256 * 1024**2
_HANG_SECONDS = 20
_ADDRESS_BYTES = 2 * 1024**3
"""So that a fault of memory ends here as a MemoryError, and not the machine."""
_BATCH = 500
_BATCHES_A_PROCESS = 40
_SHOWN_FAULTS = 10
_BALANCED = (Format.CAMT_053, Format.MT940, Format.BAI2)


@dataclass(slots=True)
class Fault:
    """What did not hold, and for which file."""

    format: Format
    seed: int
    what: str

    def __str__(self) -> str:
        return f'{self.what}: make fuzz ARGS="--format {self.format} --seed {self.seed} --files 1"'


@dataclass(slots=True)
class Result:
    """What became of some files of a format."""

    outcomes: Counter[str] = field(default_factory=Counter)
    slowest: tuple[float, int] = (0.0, 0)
    """Seconds of processor time, and the seed."""
    peak_bytes: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def files(self) -> int:
        return self.outcomes.total()

    def add(self, other: "Result") -> None:
        self.outcomes += other.outcomes
        self.slowest = max(self.slowest, other.slowest)
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)
        self.faults += other.faults


class WrongSum(AssertionError):
    """A file was accepted that does not agree with itself, or with the truth."""


class _Sums:
    """What entries and quarantined entries of one statement add up to."""

    def __init__(self) -> None:
        self.net: Counter[str] = Counter()
        self.booked: Counter[str] = Counter()
        self.count: Counter[tuple[str, str]] = Counter()
        self.minor: Counter[tuple[str, str]] = Counter()
        self.unknown = False

    def add(self, entry: Entry | Quarantine) -> None:
        if isinstance(entry, Quarantine) and not entry.known:
            self.unknown = True
            return
        minor, way, currency = entry.amount_minor or 0, entry.direction or "", entry.currency
        signed = minor if way is Direction.CREDIT else -minor
        self.net[currency] += signed
        self.booked[currency] += signed if entry.status == "BOOK" else 0
        self.count[currency, way] += 1
        self.minor[currency, way] += minor


def judge(events: Iterable[Event], truth: Truth | None) -> str:
    """`read` or `quarantined`, for the events of a file that was accepted. Raises WrongSum."""
    sums, every, outcome = _Sums(), _Sums(), "read"
    ended: list[tuple[Statement, _Sums]] = []
    for event in events:
        if isinstance(event, StatementEnd):
            ended.append((event.statement, sums))
            sums = _Sums()
        elif isinstance(event, Entry | Quarantine):
            sums.add(event)
            every.add(event)
            if isinstance(event, Entry):
                _check_entry(event)
            else:
                outcome = "quarantined"
    for statement, found in ended:
        _check_statement(statement, found)
    if truth is not None:
        _check_truth(truth, every)
    return outcome


def _check_entry(entry: Entry) -> None:
    if entry.amount_minor <= 0 and entry.booked:
        raise WrongSum(f"{entry.path} is booked with an amount of {entry.amount_minor}")
    if any(part.currency != entry.currency for part in entry.parts):
        raise WrongSum(f"{entry.path} has a part in another currency")
    if sum(part.signed_minor for part in entry.parts) != entry.signed_minor:
        raise WrongSum(f"the parts of {entry.path} do not sum to it")


def _check_statement(statement: Statement, found: _Sums) -> None:
    bai2 = statement.format is Format.BAI2
    for currency in {balance.currency for balance in statement.balances} | set(found.net):
        opening, closing = statement.opening_in(currency), statement.closing_in(currency)
        if statement.format not in _BALANCED:
            continue
        if opening is None or closing is None:
            proved = bai2 or statement.available_moved(currency) == found.booked[currency]
            if found.net[currency] and not proved:
                raise WrongSum(f"{statement.path} is read without both of its balances")
        elif found.unknown:
            raise WrongSum(f"{statement.path} is read with an unknown amount")
        elif closing.amount_minor - opening.amount_minor != (found.net if bai2 else found.booked)[currency]:
            raise WrongSum(f"{statement.path} is read and does not chain")
    if statement.format is Format.MT942:
        for summary in statement.summaries:
            way = Direction.CREDIT if summary.element == "TtlCdtNtries" else Direction.DEBIT
            sums = found.count[statement.currency, way], found.minor[statement.currency, way]
            if not summary.floor_minor and (found.unknown or sums != (summary.count, summary.sum_minor)):
                raise WrongSum(f"{statement.path} is read with another total than the bank's")


def _check_truth(truth: Truth, found: _Sums) -> None:
    sums = Truth(
        found.minor["EUR", Direction.CREDIT], found.minor["EUR", Direction.DEBIT], found.count.total()
    )
    if sums != truth or found.unknown:
        raise WrongSum(f"{sums} was accepted, {truth} is true")


def outcome_of(data: bytes, truth: Truth | None = None) -> str:
    """What became of a file: read, quarantined, held or refused. Raises what must not happen."""
    try:
        detected = detect(data)
        if detected is not None and detected.format in ANSWER_FORMATS:
            read_answers(data)
            return "read"
        return judge(checked(read(data)), truth)
    except BankFileError as error:
        if not str(error).strip():
            raise AssertionError("a refusal that says nothing") from error
        return "held" if isinstance(error, Held) else "refused"


def batch(format: Format, seeds: range) -> Result:
    """Read the files of these seeds."""
    result = Result(peak_bytes=memory_bytes())
    for seed in seeds:
        file = mutant(format, seed)
        before = time.process_time()
        outcome, faults = _outcome(file)
        seconds, peak = time.process_time() - before, memory_bytes()
        if seconds > MAX_SECONDS:
            faults.append(f"took {seconds:.1f} s")
        # The peak of a process never falls: only the file that lifts it over the limit is told.
        if result.peak_bytes <= MAX_MEMORY_BYTES < peak:
            faults.append(f"took {peak // 1024**2} MB")
        result.outcomes[outcome] += 1
        result.slowest = max(result.slowest, (seconds, seed))
        result.peak_bytes = max(result.peak_bytes, peak)
        result.faults += [Fault(format, seed, f"{what} ({', '.join(file.accidents)})") for what in faults]
    return result


def _outcome(file: Mutant) -> tuple[str, list[str]]:
    # In processor time, and so that the timer of the tests' own runner stays what it is.
    signal.setitimer(signal.ITIMER_PROF, _HANG_SECONDS)
    try:
        return outcome_of(file.data, file.truth), []
    except Exception as error:
        return "fault", [f"{type(error).__name__}: {str(error)[:200]}"]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def memory_bytes() -> int:
    """The most memory this process has had."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _hangs(signum: int, frame: object) -> NoReturn:
    raise TimeoutError(f"not read after {_HANG_SECONDS} s")


def _begin() -> None:
    signal.signal(signal.SIGPROF, _hangs)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":
        resource.setrlimit(resource.RLIMIT_AS, (_ADDRESS_BYTES, _ADDRESS_BYTES))


def fuzz(format: Format, seed: int, files: int, processes: int) -> Iterator[Result]:
    """Read so many files from a seed on, and tell after each batch."""
    batches = [range(first, min(first + _BATCH, seed + files)) for first in range(seed, seed + files, _BATCH)]
    # Processes of their own, so that the memory is that of the reader alone.
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes, _begin, maxtasksperchild=_BATCHES_A_PROCESS) as pool:
        yield from pool.imap_unordered(partial(batch, format), batches)


def main(arguments: list[str]) -> int:
    """The command; 1 when there was a fault."""
    parser = argparse.ArgumentParser("make fuzz", description="Mutated bank files for each reader.")
    parser.add_argument("--files", type=int, default=FILES, help="for each reader")
    parser.add_argument("--format", action="append", choices=[str(format) for format in Format])
    parser.add_argument("--seed", type=int, default=1, help="of the first file; the next has the next")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args(arguments)
    results: dict[Format, Result] = {}
    for format in map(Format, options.format or Format):
        whole, began = results.setdefault(format, Result()), time.monotonic()
        for result in fuzz(format, options.seed, options.files, options.processes):
            whole.add(result)
            rate = whole.files / (time.monotonic() - began)
            _show(f"{format}: {whole.files:,} of {options.files:,} files, {rate:,.0f} a second")
    _show("")
    for line in table(results):
        print(line)
    return 1 if any(result.faults for result in results.values()) else 0


def _show(progress: str) -> None:
    if sys.stderr.isatty():
        print(f"\r\033[K{progress}", end="", file=sys.stderr, flush=True)
    elif progress.partition(":")[0]:
        print(progress, file=sys.stderr)


OUTCOMES = ("read", "quarantined", "held", "refused")


def table(results: dict[Format, Result]) -> Iterator[str]:
    """A line for each reader, then each fault with how to repeat it."""
    yield (
        f"{'reader':10}{'files':>10}{'read':>9}{'quarantined':>13}{'held':>9}{'refused':>9}"
        f"{'slowest':>11}{'peak':>9}{'faults':>8}"
    )
    for format, result in results.items():
        counts = [result.outcomes[outcome] for outcome in OUTCOMES]
        yield (
            f"{format:10}{result.files:10,}{counts[0]:9,}{counts[1]:13,}{counts[2]:9,}{counts[3]:9,}"
            f"{result.slowest[0] * 1000:8.0f} ms{result.peak_bytes // 1024**2:6} MB{len(result.faults):8,}"
        )
    for result in results.values():
        for fault in result.faults[:_SHOWN_FAULTS]:
            yield str(fault)
        if len(result.faults) > _SHOWN_FAULTS:
            yield f"… and {len(result.faults) - _SHOWN_FAULTS} more"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
