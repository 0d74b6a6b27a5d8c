"""What a claim's workflow knows of it, and what follows because time passed."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from prepay.claims import CLAIM_DAYS, ClaimOutcome, ClaimStage
from prepay.money import Money
from rules.details import escape, paste, refused_attempts, table, when

REMIND_DAYS = (7, 21)


class FollowUp(NamedTuple):
    """What is due next about a claim that nothing fits."""

    what: Literal["remind", "close"]
    number: int
    at: datetime


class ClaimState(BaseModel):
    """A copy of the row, as it was at `as_of`; who paid, and the proof, stay in the database."""

    model_config = ConfigDict(frozen=True)

    claim: int
    customer: str
    amount_minor: int
    currency: str
    paid_on: date
    has_proof: bool
    stage: ClaimStage
    part: int | None
    reminded: int
    answer: str
    created_at: datetime
    as_of: datetime
    credited_on: date | None = None
    """The customer had the money already."""

    @property
    def ended(self) -> bool:
        """Nothing is left to do."""
        return self.stage in ("credited", "closed")

    @property
    def money(self) -> Money:
        """What the customer looks for."""
        return Money(amount_minor=self.amount_minor, currency=self.currency)

    @property
    def next(self) -> FollowUp | None:
        """Only what waits is followed up; what was found waits for an operator."""
        if self.stage != "waiting":
            return None
        if self.reminded < len(REMIND_DAYS):
            at = self.created_at + timedelta(days=REMIND_DAYS[self.reminded])
            return FollowUp("remind", self.reminded + 1, at)
        return FollowUp("close", 1, self.created_at + timedelta(days=CLAIM_DAYS))

    def due(self, now: datetime) -> FollowUp | None:
        """What must be done now: of several that are late, the last."""
        if self.stage == "waiting" and self.created_at + timedelta(days=CLAIM_DAYS) <= now:
            return FollowUp("close", 1, now)
        late = sum(self.created_at + timedelta(days=day) <= now for day in REMIND_DAYS)
        return FollowUp("remind", late, now) if self.stage == "waiting" and late > self.reminded else None

    def outcome(self) -> ClaimOutcome:
        """What the workflow ends with."""
        return ClaimOutcome(claim=self.claim, stage=self.stage)


_STAGE_WORDS = {
    "waiting": "waiting: no receipt fits, or several do",
    "found": "found: one receipt fits, and waits for an operator",
    "credited": "credited: the customer has the money",
    "closed": "closed: it was not found",
}


def claim_details(state: ClaimState, refusals: Sequence[str]) -> str:
    """Whose it is, how much, which receipt fits, and what is due."""
    due = state.next
    words = {"remind": "the customer is reminded", "close": "it is closed"}
    rows = [
        (
            "Stage",
            "closed: the customer has the money already" if state.credited_on else _STAGE_WORDS[state.stage],
        ),
        ("Customer", state.customer),
        ("Amount", str(state.money)),
        ("Paid on", f"{state.paid_on}"),
        ("Receipt", f"`receipt-{state.part}`" if state.part else ""),
        ("Proof", "kept" if state.has_proof else "none"),
        ("Who paid", f"`prepay receipt claim show {state.claim}` tells all that the customer said"),
        ("Answer", escape(state.answer)),
        ("Next", f"{words[due.what]}, {when(due.at)}" if due else ""),
        ("As of", when(state.as_of)),
    ]
    return f"### Claim {state.claim}\n\n{table(rows)}{refused_attempts(refusals)}{_actions(state)}"


def _actions(state: ClaimState) -> str:
    if state.ended:
        return "\n\nNothing is left for an operator to do here."
    apply = f" To credit it, open `receipt-{state.part}` and send `apply`." if state.part else ""
    return (
        f"\n\n**What operators can do** (More Actions → Send a Signal; fill in the blanks){apply}"
        "\n\n`close` ends a claim that nothing will come of; the customer can read the reason:"
        + paste(operator="", reason="")
    )
