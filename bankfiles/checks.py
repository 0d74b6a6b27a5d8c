"""Whether what a bank says about its file agrees with what is in it: counts, sums, booked balances."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from bankfiles.answers import ANSWER_FORMATS, Answer, read_answers
from bankfiles.detect import detect, read, rewound
from bankfiles.entry import Direction, Entry, Event, Format, Quarantine, Statement, StatementEnd, Summary
from bankfiles.identity import Identities, Keyless
from bankfiles.refusals import BankFileError, Disagrees, Held
from prepay.money import to_decimal

MAX_QUARANTINED = 1_000
"""More unreadable entries than this, and the file is not sound."""
_SUMS = {"TtlCdtNtries": ":90C:", "TtlDbtNtries": ":90D:"}
_BALANCES = {Format.CAMT_053: "Bal", Format.MT940: ":60: and :62:", Format.BAI2: "010 and 015"}
"""Where a format states the booked balances."""


@dataclass(slots=True)
class Totals:
    """Sums of one currency, in minor units: of all entries, and of the booked ones that can be posted."""

    credit_minor: int = 0
    debit_minor: int = 0
    booked_credit_minor: int = 0
    booked_debit_minor: int = 0

    def add(self, entry: Entry | Quarantine) -> None:
        minor = entry.amount_minor or 0
        posts = minor if isinstance(entry, Entry) and entry.booked else 0
        if entry.direction is Direction.CREDIT:
            self.credit_minor += minor
            self.booked_credit_minor += posts
        else:
            self.debit_minor += minor
            self.booked_debit_minor += posts


@dataclass(slots=True)
class Survey:
    """What a file holds, and whether it may be used: `read`, `held` for a person, or `refused`."""

    outcome: str = "read"
    held_for: str = ""
    """`sums` where they disagree, `structure` where it is broken."""
    reason: str = ""
    format: str = ""
    version: str = ""
    statements: list[Statement] = field(default_factory=list)
    entries: int = 0
    parts: int = 0
    quarantined: list[Quarantine] = field(default_factory=list)
    totals: dict[str, Totals] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    answers: list[Answer] = field(default_factory=list)
    """Where the bank answers to payment files: these, and no statements."""


def survey(source: bytes | BinaryIO, take: Callable[[Event], None] | None = None) -> Survey:
    """Read a whole file; what it tells goes to `take`, with its keys. A bad file is an outcome here, no exception."""
    found = Survey()
    try:
        head, whole = rewound(source)
        detected = detect(head)
        if detected is not None and detected.format in ANSWER_FORMATS:
            _count_statuses(found, whole)
            return found
        for event in checked(read(whole, Identities if take else Keyless)):
            _count(found, event)
            if take:
                take(event)
    except BankFileError as error:
        found.outcome = "held" if isinstance(error, Held) else "refused"
        if isinstance(error, Held):
            found.held_for = "sums" if isinstance(error, Disagrees) else "structure"
        found.reason = str(error)
        found.problems = error.problems if isinstance(error, Disagrees) else (str(error),)
    return found


def _count_statuses(found: Survey, source: bytes | BinaryIO) -> None:
    found.answers = read_answers(source)
    found.format, found.version = found.answers[0].format, found.answers[0].version
    found.entries = sum(answer.statuses for answer in found.answers)


def _count(found: Survey, event: Event) -> None:
    if isinstance(event, Entry):
        found.entries += 1
        found.parts += len(event.parts)
        _add_to_totals(found, event)
    elif isinstance(event, Quarantine):
        found.entries += 1
        found.quarantined.append(event)
        if event.counts:
            _add_to_totals(found, event)
    elif isinstance(event, StatementEnd):
        found.statements[-1] = event.statement
    else:
        found.statements.append(event)
        found.format, found.version = found.format or event.format, found.version or event.version


def _add_to_totals(found: Survey, entry: Entry | Quarantine) -> None:
    totals = found.totals.get(entry.currency)
    if totals is None:
        totals = found.totals[entry.currency] = Totals()
    totals.add(entry)


def checked(events: Iterator[Event]) -> Iterator[Event]:
    """Pass the events on; raise Held at the end of the file when a statement disagrees with itself."""
    problems: list[str] = []
    check, pages = StatementCheck(), PagesCheck()
    quarantined = 0
    for event in events:
        yield event
        if isinstance(event, Entry):
            check.add(event)
        elif isinstance(event, Quarantine):
            check.add_unread(event)
            quarantined += 1
            if quarantined > MAX_QUARANTINED:
                raise Disagrees(
                    (f"More than {MAX_QUARANTINED} entries are unreadable: the file is not sound.",)
                )
        elif isinstance(event, StatementEnd):
            problems += check.problems(event)
            problems += pages.problems(event.statement)
            check = StatementCheck()
    if problems:
        raise Disagrees(tuple(problems))


class StatementCheck:
    """Adds up one statement, unreadable entries whose money is known included."""

    def __init__(self) -> None:
        self._all: dict[str, Sums] = defaultdict(Sums)
        self._booked: dict[str, Sums] = defaultdict(Sums)
        self._unknown: Quarantine | None = None
        self._undecided: Quarantine | None = None

    def add(self, entry: Entry | Quarantine) -> None:
        """An entry whose money is known."""
        self._all[entry.currency].add(entry)
        if entry.status == "BOOK":
            self._booked[entry.currency].add(entry)

    def add_unread(self, entry: Quarantine) -> None:
        if entry.known:
            self.add(entry)
        elif entry.counts:
            # Whether it is booked, nobody knows: balances cannot be checked, and totals may count it or not.
            self._all[entry.currency].add(entry)
            self._undecided = self._undecided or entry
        else:
            self._unknown = self._unknown or entry

    def problems(self, end: StatementEnd) -> Iterator[str]:
        """Each disagreement, one sentence."""
        statement = end.statement
        for problem in end.problems:
            yield f"{statement.path}, {problem}."
        bai2 = statement.format is Format.BAI2
        # BAI2 leaves it to the bank which balances it states, and its control totals prove the rest.
        chained = bai2 and statement.opening is not None and statement.closing is not None
        balanced = chained or (statement.format in _BALANCES and not bai2)
        unknown = self._unknown or (self._undecided if balanced else None)
        if unknown is not None and (balanced or (statement.summaries and not bai2)):
            yield (
                f"{unknown.reason}; what this entry moved is not known, "
                "so it cannot be told whether the rest of the statement is complete."
            )
            return
        if balanced:
            # A BAI2 report is final or interim as a whole, and so are its balances.
            yield from self._balances(statement, self._all if bai2 else self._booked)
        if bai2:
            yield from self._at_most(statement)
        elif len(self._all) <= 1:
            for summary in statement.summaries:
                yield from self._summary(statement, summary)

    def _balances(self, statement: Statement, sums: dict[str, "Sums"]) -> Iterator[str]:
        where = f"{statement.path}, line {statement.line}, {_BALANCES[statement.format]}"
        stated = {b.currency for b in statement.balances if b.code in ("OPBD", "PRCD", "CLBD", "ITBD")}
        for currency in sorted(stated | set(sums)):
            opening, closing = statement.opening_in(currency), statement.closing_in(currency)
            if opening is None or closing is None:
                # Some banks state only what is available: where that chains, the statement is complete as well.
                if currency not in sums or statement.available_moved(currency) == sums[currency].net_minor:
                    continue
                missing = "opening" if opening is None else "closing"
                yield f"{where}: expected the {missing} booked balance in {currency}, found none."
                continue
            net = sums.get(currency, Sums()).net_minor
            if opening.amount_minor + net != closing.amount_minor:
                expected, found = _decimal(opening.amount_minor + net, currency), closing.amount_minor
                yield (
                    f"{where}: expected a closing booked balance of {expected} "
                    f"(opening {_decimal(opening.amount_minor, currency)}, booked entries {_decimal(net, currency)}), "
                    f"found {_decimal(found, currency)}."
                )

    def _at_most(self, statement: Statement) -> Iterator[str]:
        # A bank may give details of some movements only, as the standard's own example does, but not of more.
        for summary in statement.summaries:
            # Some banks write the debits' total with a sign.
            total = None if summary.sum_minor is None else abs(summary.sum_minor)
            found = self._all.get(statement.currency, Sums()).of(summary.element)[1]
            if total is not None and found > total:
                yield (
                    f"{statement.path}, line {statement.line}, {summary.element}: expected entries of at most "
                    f"{_decimal(total, statement.currency)} as the bank states, "
                    f"found {_decimal(found, statement.currency)}."
                )

    def _summary(self, statement: Statement, summary: Summary) -> Iterator[str]:
        currency = next(iter(self._all), statement.currency)
        # Some banks total what is booked, others all that they show; an interim report shows nothing booked.
        interim, mt = statement.format is Format.MT942, statement.format in (Format.MT940, Format.MT942)
        candidates = [
            totals.get(currency, Sums()).of(summary.element)
            for totals in ((self._all,) if interim else (self._all, self._booked))
        ]
        stated = (summary.count, summary.sum_minor, summary.net_minor)
        if summary.floor_minor and self._below_floor(summary, candidates[0]):
            return
        if summary.element == "TtlNtries" and not mt:
            # Some banks give the net for the sum of all: 100.00 for 1000.00 in and 900.00 out.
            candidates += [(count, abs(net), net) for count, _, net in candidates]
        if any(all(s is None or s == f for s, f in zip(stated, found, strict=True)) for found in candidates):
            return
        names = ("entries", "sum", "net")
        for name, said, found in zip(names, stated, candidates[0], strict=True):
            if said is not None and said != found:
                plain = name == "entries"
                stated_text, found_text = (str(v) if plain else _decimal(v, currency) for v in (said, found))
                where = _SUMS[summary.element] if mt else f"TxsSummry/{summary.element}"
                yield (
                    f"{statement.path}, line {statement.line}, {where}: "
                    f"expected {name} {stated_text} as the bank states, found {found_text}."
                )

    def _below_floor(self, summary: Summary, found: tuple[int, int, int]) -> bool:
        """Whether what the bank counts beyond what it lists may all be below its floor limit."""
        if summary.count is None or summary.sum_minor is None:
            return False
        count, minor = summary.count - found[0], summary.sum_minor - found[1]
        return 0 < count <= minor < count * summary.floor_minor


class PagesCheck:
    """Whether the pages of a statement follow each other: what one carries forward, the next begins with."""

    def __init__(self) -> None:
        self._pages: dict[tuple[str, str, int], Statement] = {}

    def problems(self, statement: Statement) -> Iterator[str]:
        """Each disagreement with the pages before and after this one, as far as they have come; one sentence."""
        if statement.format is not Format.MT940 or not statement.sequence:
            return
        number = (statement.account, statement.sequence)
        self._pages[(*number, statement.page)] = statement
        before, after = (self._pages.get((*number, statement.page + step)) for step in (-1, 1))
        for first, second in ((before, statement), (statement, after)):
            if first is None or second is None:
                continue
            carried, brought = first.closing, second.opening
            if carried is None or brought is None or carried.on != brought.on:
                # Of another year, which numbers its statements anew.
                continue
            if carried.code == brought.code == "ITBD" and carried != brought:
                expected, found = (_decimal(b.amount_minor, b.currency) for b in (carried, brought))
                yield (
                    f"{second.path}, line {second.line}, :60M:: expected {expected} "
                    f"as carried forward by page {first.page}, found {found}."
                )


def _decimal(amount_minor: int, currency: str) -> str:
    return f"{to_decimal(amount_minor, currency)} {currency}"


@dataclass(slots=True)
class Sums:
    """Numbers and sums of one currency."""

    credits: int = 0
    debits: int = 0
    credit_minor: int = 0
    debit_minor: int = 0

    def add(self, entry: Entry | Quarantine) -> None:
        if entry.direction is Direction.CREDIT:
            self.credits += 1
            self.credit_minor += entry.amount_minor or 0
        else:
            self.debits += 1
            self.debit_minor += entry.amount_minor or 0

    @property
    def net_minor(self) -> int:
        return self.credit_minor - self.debit_minor

    def of(self, element: str) -> tuple[int, int, int]:
        """Number, sum and net of what a total of the bank's counts."""
        if element in ("TtlCdtNtries", "100"):
            return self.credits, self.credit_minor, self.credit_minor
        if element in ("TtlDbtNtries", "400"):
            return self.debits, self.debit_minor, -self.debit_minor
        return self.credits + self.debits, self.credit_minor + self.debit_minor, self.net_minor
