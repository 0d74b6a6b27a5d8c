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

A file is made from its format and its seed alone (and the version of Python): each fault tells both. So the proof can
be run in pieces, on several machines or days: the table tells the seeds that were read, and what comes of two pieces
is the sum of their lines. Most files have a few entries; one of LARGE_EVERY has hundreds, or up to 512 KiB.
"""

import argparse
import multiprocessing
import os
import resource
import signal
import sys
import time
from collections import Counter, defaultdict
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
    survey,
)
from tests.bankfiles.fuzz_files import Mutant, Truth, mutant

FILES = 1_000_000
MAX_SECONDS = 1.0
MAX_MEMORY_BYTES = 256 * 1024**2
_HANG_SECONDS = 20
_ADDRESS_BYTES = 2 * 1024**3
"""So that a fault of memory ends here as a MemoryError, and not the machine."""
_BATCH = 1_000
_BATCHES_A_PROCESS = 100
"""To begin a process and make its sound files takes as long as a thousand files."""
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

    seeds: tuple[int, int]
    """The first and the last."""
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    """Processor time to make and to read them."""
    slowest: tuple[float, int] = (0.0, 0)
    """Seconds of processor time, and the seed."""
    peak_bytes: int = 0
    faults: list[Fault] = field(default_factory=list)

    @property
    def files(self) -> int:
        return self.outcomes.total()

    def add(self, other: "Result") -> None:
        self.seeds = min(self.seeds[0], other.seeds[0]), max(self.seeds[1], other.seeds[1])
        self.outcomes += other.outcomes
        self.seconds += other.seconds
        self.slowest = max(self.slowest, other.slowest)
        self.peak_bytes = max(self.peak_bytes, other.peak_bytes)
        self.faults += other.faults


class WrongSum(AssertionError):
    """A file was accepted that does not agree with itself, or with the truth."""


class _Sums:
    """What entries and quarantined entries of one statement add up to."""

    def __init__(self) -> None:
        self.net: dict[str, int] = defaultdict(int)
        self.booked: dict[str, int] = defaultdict(int)
        self.count: dict[tuple[str, str], int] = defaultdict(int)
        self.minor: dict[tuple[str, str], int] = defaultdict(int)
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
    sums, every, outcome, wrong = _Sums(), _Sums(), "read", ""
    for event in events:
        if isinstance(event, StatementEnd):
            # Raised at the end only: until then the file may still be held.
            wrong = wrong or _wrong_in(event.statement, sums)
            sums = _Sums()
        elif isinstance(event, Entry | Quarantine):
            sums.add(event)
            if truth is not None:
                every.add(event)
            if isinstance(event, Entry):
                _check_entry(event)
            else:
                outcome = "quarantined"
    if wrong:
        raise WrongSum(wrong)
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


def _wrong_in(statement: Statement, found: _Sums) -> str:
    """What of a statement does not agree with its entries; empty when all does."""
    bai2, balanced = statement.format is Format.BAI2, statement.format in _BALANCED
    for currency in {balance.currency for balance in statement.balances} | set(found.net) if balanced else ():
        opening, closing = statement.opening_in(currency), statement.closing_in(currency)
        if opening is None or closing is None:
            proved = bai2 or statement.available_moved(currency) == found.booked[currency]
            # What is not booked posts nothing.
            if found.booked[currency] and not proved:
                return f"{statement.path} is read without both of its balances"
        elif found.unknown:
            return f"{statement.path} is read with an unknown amount"
        elif closing.amount_minor - opening.amount_minor != (found.net if bai2 else found.booked)[currency]:
            return f"{statement.path} is read and does not chain"
    if statement.format is Format.MT942:
        for summary in statement.summaries:
            way = Direction.CREDIT if summary.element == "TtlCdtNtries" else Direction.DEBIT
            sums = found.count[statement.currency, way], found.minor[statement.currency, way]
            if not summary.floor_minor and (found.unknown or sums != (summary.count, summary.sum_minor)):
                return f"{statement.path} is read with another total than the bank's"
    return ""


def _check_truth(truth: Truth, found: _Sums) -> None:
    sums = Truth(
        found.minor["EUR", Direction.CREDIT], found.minor["EUR", Direction.DEBIT], sum(found.count.values())
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
    result = Result((seeds[0], seeds[-1]), peak_bytes=memory_bytes())
    began = time.process_time()
    for seed in seeds:
        file = mutant(format, seed)
        outcome, faults, seconds = _outcome(file)
        peak = memory_bytes()
        if seconds > MAX_SECONDS:
            # Read once more, without the oracles: what else the machine does can only add to it.
            seconds = min(seconds, _reading_seconds(file))
        if seconds > MAX_SECONDS:
            faults.append(f"took {seconds:.1f} s")
        # The peak of a process never falls: only the file that lifts it over the limit is told.
        if result.peak_bytes <= MAX_MEMORY_BYTES < peak:
            faults.append(f"took {peak // 1024**2} MB")
        result.outcomes[outcome] += 1
        result.slowest = max(result.slowest, (seconds, seed))
        result.peak_bytes = max(result.peak_bytes, peak)
        result.faults += [Fault(format, seed, f"{what} ({', '.join(file.accidents)})") for what in faults]
    result.seconds = time.process_time() - began
    return result


def _outcome(file: Mutant) -> tuple[str, list[str], float]:
    """What became of it, what must not have happened, and the seconds of processor time."""
    # In processor time, and so that the timer of the tests' own runner stays what it is.
    signal.setitimer(signal.ITIMER_PROF, _HANG_SECONDS)
    began, faults = time.process_time(), []
    try:
        outcome = outcome_of(file.data, file.truth)
    except Exception as error:
        outcome, faults = "fault", [f"{type(error).__name__}: {str(error)[:200]}"]
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
    return outcome, faults, time.process_time() - began


def _reading_seconds(file: Mutant) -> float:
    began = time.process_time()
    survey(file.data, lambda event: None)
    return time.process_time() - began


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
    for format in dict.fromkeys(map(Format, options.format or Format)):
        began = time.monotonic()
        for result in fuzz(format, options.seed, options.files, options.processes):
            if format in results:
                results[format].add(result)
            else:
                results[format] = result
            files = results[format].files
            rate = files / (time.monotonic() - began)
            _show(f"{format}: {files:,} of {options.files:,} files, {rate:,.0f} a second")
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
        f"{'reader':10}{'seeds':>17}{'files':>11}{'read':>9}{'quarantined':>13}{'held':>9}{'refused':>9}"
        f"{'slowest':>11}{'peak':>9}{'files/CPU s':>13}{'faults':>8}"
    )
    for format, result in results.items():
        counts = [result.outcomes[outcome] for outcome in OUTCOMES]
        yield (
            f"{format:10}{'{}-{}'.format(*result.seeds):>17}{result.files:11,}{counts[0]:9,}{counts[1]:13,}"
            f"{counts[2]:9,}{counts[3]:9,}{result.slowest[0] * 1000:8.0f} ms{result.peak_bytes // 1024**2:6} MB"
            f"{result.files / max(result.seconds, 0.001):13,.0f}{len(result.faults):8,}"
        )
    for result in results.values():
        for fault in result.faults[:_SHOWN_FAULTS]:
            yield str(fault)
        if len(result.faults) > _SHOWN_FAULTS:
            yield f"… and {len(result.faults) - _SHOWN_FAULTS} more"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
