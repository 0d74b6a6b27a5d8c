"""What moves a balance, in words: one row for each kind of movement that the book knows.

A new kind of the book gets its row here, and its words in `documents/words/statement-<language>.toml`. One without a
row is shown by the book's own name, as `other`.
"""

from typing import NamedTuple


class Kind(NamedTuple):
    """`group` is what people filter by."""

    group: str
    words: str


KINDS = {
    "deposit": Kind("deposit", "Deposit"),
    "credit": Kind("credit", "Credit"),
    "pay": Kind("payment", "Payment"),
    "bill": Kind("bill", "Bill payment"),
    "void-bill": Kind("bill", "Bill voided"),
    "hold": Kind("hold", "Hold"),
    "capture": Kind("payment", "Payment from a hold"),
    "void-hold": Kind("hold", "Hold released"),
    "expiry": Kind("hold", "Hold expired"),
    "order-refund": Kind("payment", "Order refund"),
    "refund": Kind("refund", "Refund"),
    "void-refund": Kind("refund", "Refund released"),
    "payout-return": Kind("refund", "Refund came back"),
    "void-credit": Kind("credit", "Credit taken back before its value date"),
    "reversal": Kind("reversal", "Taken back by the bank"),
    "repayment": Kind("reversal", "Repayment of what was owed"),
    "move": Kind("move", "Credit moved between customers"),
}
"""By the name of the movement: the book's kind; `deposit` for a credit of one, `bill` for a payment of one,
`void-<kind>` for what is voided."""

GROUPS = tuple(dict.fromkeys(kind.group for kind in KINDS.values()))


def kind_of(name: str) -> Kind:
    """The row of a name, or one made of the name itself."""
    return KINDS.get(name) or Kind("other", name.replace("-", " ").capitalize())


def names_of(wanted: str) -> list[str]:
    """The names that a group, or a name itself, stands for; none for what is neither."""
    return [name for name, kind in KINDS.items() if wanted in (name, kind.group)]
