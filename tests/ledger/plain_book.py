"""The book's rules in plain Python, without a database: what the state machine compares the real one with."""

from dataclasses import dataclass, field


@dataclass(eq=False)
class Lot:
    source: str
    amount: int
    left: int
    reserved: int = 0
    live: bool = True

    @property
    def free(self) -> int:
        return self.left - self.reserved


@dataclass(eq=False)
class Use:
    """A spending and the lots that carry it, in the order of use."""

    amount: int
    carried: list[tuple[Lot, int]] = field(default_factory=list)

    def of(self, lot: Lot) -> int:
        return sum(amount for used, amount in self.carried if used is lot)


@dataclass(eq=False)
class Hold:
    left: int
    lots: list[tuple[Lot, int]] = field(default_factory=list)


@dataclass(eq=False)
class Bill:
    """A bill, and what each of its lines lacks."""

    number: str
    lacks: list[int]
    payments: list[tuple[str, int]] = field(default_factory=list)
    void: bool = False

    @property
    def open(self) -> int:
        return 0 if self.void else sum(self.lacks)

    def split(self, amount: int) -> None:
        """In proportion to what each line lacks; a unit each of what rounding left to those that lack most."""
        total = sum(self.lacks)
        parts = [lacks * amount // total for lacks in self.lacks]
        largest = sorted(range(len(parts)), key=lambda n: -self.lacks[n])
        for n in largest[: amount - sum(parts)]:
            parts[n] += 1
        self.lacks = [lacks - part for lacks, part in zip(self.lacks, parts, strict=True)]


@dataclass(eq=False)
class Purse:
    """One customer's money in one currency with one entity."""

    posted: int = 0
    pending_in: int = 0
    owed: int = 0
    lots: list[Lot] = field(default_factory=list)
    uses: dict[str, Use] = field(default_factory=dict)
    repayments: list[Use] = field(default_factory=list)
    used: list[Use] = field(default_factory=list)
    """Spendings and repayments, in the order in which they came."""
    holds: dict[str, Hold] = field(default_factory=dict)
    refunds: dict[str, Hold] = field(default_factory=dict)
    bills: list[Bill] = field(default_factory=list)

    @property
    def held(self) -> int:
        return sum(hold.left for hold in (*self.holds.values(), *self.refunds.values()))

    @property
    def available(self) -> int:
        return self.posted - self.held

    def credit(self, source: str, amount: int) -> None:
        self.lots.append(Lot(source, amount, amount))
        self.posted += amount

    def use(self, amount: int) -> Use:
        self.used.append(Use(amount))
        return self.used[-1]

    def carry(self, use: Use, amount: int) -> None:
        for lot in sorted(self.lots, key=lambda lot: lot.live):
            part = min(amount, lot.free)
            if part:
                lot.left -= part
                use.carried.append((lot, part))
                amount -= part
        assert amount == 0

    def spend(self, key: str, amount: int) -> None:
        self.uses[key] = self.use(amount)
        self.carry(self.uses[key], amount)
        self.posted -= amount

    def pay_bill(self, bill: Bill, amount: int) -> None:
        key = f"{bill.number}:{len(bill.payments)}"
        self.spend(key, amount)
        bill.split(amount)
        bill.payments.append((key, amount))

    def settle(self) -> None:
        """What is available pays the open bills, the oldest first."""
        for bill in self.bills:
            part = 0 if self.owed else min(self.available, bill.open)
            if part:
                self.pay_bill(bill, part)

    def void_bill(self, bill: Bill) -> None:
        for key, amount in reversed(bill.payments):
            self.give_back(key, amount)
        bill.void = True

    def repay(self, without_lot: int = 0) -> int:
        amount = min(self.available, self.owed)
        if amount:
            use = self.use(amount)
            self.repayments.append(use)
            self.carry(use, amount - without_lot)
            self.posted -= amount
            self.owed -= amount
        return amount

    @staticmethod
    def uncarry(use: Use, amount: int, given: list[Lot]) -> int:
        """Give lots back what they carried of a use, the last one first; answer what none of them takes."""
        seen: list[Lot] = []
        for lot, _ in reversed(use.carried):
            if lot.live and lot not in seen:
                seen.append(lot)
        for lot in seen:
            part = min(amount, use.of(lot))
            if part:
                lot.left += part
                given.append(lot)
                use.carried.insert(0, (lot, -part))
                amount -= part
        return amount

    def give_back(self, key: str, amount: int) -> tuple[int, list[Lot]]:
        """Money comes back: answers what of it repaid, and the lots that got some."""
        given: list[Lot] = []
        self.posted += amount
        missing = self.uncarry(self.uses[key], amount, given)
        without_lot = min(missing, self.owed)
        missing -= without_lot
        for use in reversed(self.repayments):
            missing = self.uncarry(use, missing, given)
        assert missing == 0
        return self.repay(without_lot), given

    def reserve(self, key: str, amount: int, lots: list[Lot]) -> None:
        self.refunds[key] = hold = Hold(amount)
        for lot in lots:
            part = min(amount, lot.free if lot.live else 0)
            if part:
                lot.reserved += part
                hold.lots.append((lot, part))
                amount -= part
        assert amount == 0

    def unreserve(self, key: str) -> Hold:
        hold = self.refunds.pop(key)
        for lot, part in hold.lots:
            lot.reserved -= part
        return hold

    def send(self, key: str, sent: str) -> None:
        hold = self.unreserve(key)
        self.uses[sent] = self.use(hold.left)
        self.uses[sent].carried = list(hold.lots)
        for lot, part in hold.lots:
            lot.left -= part
        self.posted -= hold.left

    def withdraw(self, lot: Lot) -> tuple[int, int]:
        """Take a whole lot: what comes from the balance, and what becomes owed."""
        for key in [key for key, hold in self.refunds.items() if any(held is lot for held, _ in hold.lots)]:
            self.unreserve(key)
        from_balance = min(lot.amount, self.available)
        from_lot = min(lot.left, from_balance)
        movable = from_balance - from_lot
        lot.live, lot.left = False, lot.left - from_lot
        for use in self.used:
            carried = use.of(lot)
            if carried > 0:
                use.carried = [(other, amount) for other, amount in use.carried if other is not lot]
                self.carry(use, min(movable, carried))
                movable -= min(movable, carried)
        self.posted -= from_balance
        self.owed += lot.amount - from_balance
        return from_balance, lot.amount - from_balance


@dataclass(eq=False)
class Money:
    """A receipt: what of it is unapplied, and to whom the rest went."""

    entity: str
    currency: str
    amount: int
    unapplied: int
    reversed: bool = False
    returning: dict[str, int] = field(default_factory=dict)
    pending: dict[str, tuple[str, int]] = field(default_factory=dict)
