"""From the gathered fields of a camt statement's head to a `Statement`, with what is wrong with it."""

from datetime import date

from bankfiles.camt_fields import Slots
from bankfiles.camt_values import account_number, amount, day, direction
from bankfiles.entry import Balance, Direction, Format, Statement, Summary
from bankfiles.refusals import Unreadable
from prepay.money import AmountRefused, CurrencyRefused, to_minor

MAX_PAGE = 100_000

_BOOKED = frozenset({"OPBD", "PRCD", "CLBD", "ITBD"})
"""The balances that prove a statement complete."""
_BAI2_CODES = {"010": "OPBD", "015": "CLBD", "040": "OPAV", "045": "CLAV"}
"""What North American banks write for them, as in their BAI2 files."""


class StatementHead:
    """The head of one statement: gathered in pieces, as its elements may stand before and after the entries."""

    def __init__(self, position: int, format: Format, version: str, message: Slots, line: int) -> None:
        self.position, self.format, self.version, self.line = position, format, version, line
        self.message, self.slots = message, Slots()
        self.problems: list[str] = []

    def statement(self, entry_currency: str = "") -> Statement:
        """What is known so far; what is wrong with it is in `problems`."""
        self.problems.clear()
        get = self.slots.get
        account = account_number(get("account", ""))
        if not account:
            self._problem("Acct/Id", "the account's IBAN or number", "")
        currency = get("currency", "")
        return Statement(
            self.position,
            self.format,
            self.version,
            self.message.get("message_id", ""),
            get("statement_id", ""),
            account,
            currency,
            get("sequence", "") or get("legal_sequence", ""),
            self._page(),
            self._either("last_page", "true").lower() in ("true", "1", "yes"),
            get("copy", ""),
            self._created(),
            account_number(get("related_account", "")),
            self.line,
            self._balances(),
            self._summaries(currency or entry_currency),
        )

    def _problem(self, element: str, expected: str, found: object) -> None:
        self.problems.append(
            f"line {self.line}, {element}: expected {expected}, found {found or 'nothing'!r}"
        )

    def _either(self, slot: str, default: str) -> str:
        text: str = self.slots.get(slot) or self.message.get(slot) or default
        return text

    def _page(self) -> int:
        text = self._either("page", "1")
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 6 else 1

    def _created(self) -> date | None:
        try:
            return day("CreDtTm", self._either("created", ""))
        except Unreadable:
            return None

    def _balances(self) -> tuple[Balance, ...]:
        found = []
        for slots in self.slots.get("balances", ()):
            written = slots.get("code", "")
            code = _BAI2_CODES.get(written, written)
            try:
                minor, currency = amount("Bal/Amt", slots.get("amount", ("", "")))
                # Central banks leave the direction out, as nobody is overdrawn there. The entries prove it: they do not
                # lead from one overdraft to another by the same amounts, and the statement before has the last word.
                way = direction("Bal/CdtDbtInd", slots.get("direction", "CRDT"))
                on = day("Bal/Dt", slots.get("on", ""))
            except Unreadable as reason:
                # Nothing hangs on the others, nor on those of a report or a notification.
                if self.format is Format.CAMT_053 and code in _BOOKED:
                    self.problems.append(f"line {self.line}, {reason}")
                continue
            found.append(Balance(code, minor if way is Direction.CREDIT else -minor, currency, on))
        return tuple(found)

    def _summaries(self, currency: str) -> tuple[Summary, ...]:
        names = ("TtlNtries", "TtlCdtNtries", "TtlDbtNtries")
        given = [(name, slots) for name in names for slots in self.slots.get(name, ())]
        return tuple(self._summary(name, slots, currency) for name, slots in given)

    def _summary(self, name: str, slots: Slots, currency: str) -> Summary:
        net = self._total(name, "TtlNetNtryAmt", slots.get("net"), currency)
        if net is not None and (slots.get("net_direction") == "DBIT" or slots["net"].startswith("-")):
            net = -net
        count = slots.get("count")
        if count is not None and not (count.isascii() and count.isdigit() and len(count) <= 15):
            self._problem(f"TxsSummry/{name}/NbOfNtries", "a number", count)
            count = None
        total = self._total(name, "Sum", slots.get("sum"), currency)
        return Summary(name, None if count is None else int(count), total, net)

    def _total(self, name: str, element: str, text: str | None, currency: str) -> int | None:
        # These totals carry no currency of their own; where the account has none stated they cannot be read.
        if text is None or not currency:
            return None
        try:
            # Without signs by the standard; some banks write the debits' sum with one.
            return to_minor(text.removeprefix("-"), currency)
        except (AmountRefused, CurrencyRefused):
            self._problem(f"TxsSummry/{name}/{element}", f"an amount of {currency}", text[:40])
            return None
