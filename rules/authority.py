"""Who may do what: one table of acts and roles, which the code looks up and the operators' guide prints."""

from typing import NamedTuple

from prepay.money import Money
from rules.operators import Authority, Role, refuse_amount, refuse_role

CLERK, APPROVER, TREASURER = Role.CLERK, Role.APPROVER, Role.TREASURER
COMPLIANCE, ADMINISTRATOR = Role.COMPLIANCE, Role.ADMINISTRATOR


class Act(NamedTuple):
    """A signal of a workflow, or what a command does: `Act("Deposit", "cancel")`."""

    of: str
    what: str

    def __str__(self) -> str:
        return f"{self.of} {self.what}"


AUTHORITY: dict[Act, frozenset[Role]] = {
    Act("Deposit", "extend"): frozenset({CLERK, APPROVER}),
    Act("Deposit", "cancel"): frozenset({CLERK, APPROVER}),
    Act("BankFile", "release"): frozenset({APPROVER, TREASURER}),
    Act("BankFile", "discard"): frozenset({APPROVER, TREASURER}),
    Act("Resolution", "propose"): frozenset({CLERK, APPROVER}),
    Act("Resolution", "approve"): frozenset({APPROVER, TREASURER}),
    Act("Resolution", "refuse"): frozenset({CLERK, APPROVER, TREASURER}),
    Act("Reassignment", "propose"): frozenset({CLERK, APPROVER}),
    Act("Reassignment", "approve"): frozenset({APPROVER, TREASURER}),
    Act("Reassignment", "refuse"): frozenset({CLERK, APPROVER, TREASURER}),
    Act("Freeze", "propose"): frozenset({COMPLIANCE, APPROVER, TREASURER}),
    Act("Freeze", "release"): frozenset({COMPLIANCE}),
    Act("Screening", "load"): frozenset({COMPLIANCE}),
    Act("Receipt", "apply"): frozenset({CLERK, APPROVER}),
    Act("Receipt", "approve"): frozenset({APPROVER, TREASURER}),
    Act("Receipt", "refuse"): frozenset({CLERK, APPROVER, TREASURER}),
    Act("Receipt", "return_to_payer"): frozenset({APPROVER, TREASURER}),
    Act("Receipt", "keep"): frozenset({APPROVER, TREASURER}),
    Act("Receipt", "link_payer"): frozenset({CLERK, APPROVER}),
    Act("PaymentRun", "run_now"): frozenset({APPROVER, TREASURER}),
    Act("PaymentFile", "resend"): frozenset({APPROVER, TREASURER}),
    Act("PaymentFile", "not_paid"): frozenset({APPROVER, TREASURER}),
    Act("Claim", "close"): frozenset({CLERK, APPROVER}),
    Act("Bill", "void"): frozenset({APPROVER, TREASURER}),
    Act("VirtualAccountApplication", "propose"): frozenset({CLERK, APPROVER}),
    Act("VirtualAccountApplication", "approve"): frozenset({APPROVER}),
    Act("VirtualAccountApplication", "reject"): frozenset({APPROVER}),
    Act("VirtualAccountApplication", "close"): frozenset({APPROVER, COMPLIANCE}),
    Act("Refund", "propose"): frozenset({CLERK, APPROVER}),
    Act("Payee", "enter"): frozenset({CLERK, APPROVER}),
    Act("Refund", "approve"): frozenset({APPROVER, TREASURER}),
    Act("Refund", "reject"): frozenset({APPROVER, TREASURER}),
    Act("Payer", "unlink"): frozenset({CLERK, APPROVER, COMPLIANCE}),
    Act("Payer", "pause"): frozenset({CLERK, APPROVER, COMPLIANCE}),
    Act("Payer", "resume"): frozenset({APPROVER, COMPLIANCE}),
    Act("Change", "propose"): frozenset(Role),
    Act("Change", "refuse"): frozenset(Role),
    Act("Change", "approve entity"): frozenset({TREASURER, ADMINISTRATOR}),
    Act("Change", "approve account"): frozenset({TREASURER, ADMINISTRATOR}),
    Act("Change", "approve pool"): frozenset({TREASURER, ADMINISTRATOR}),
    Act("Change", "approve eligibility"): frozenset({COMPLIANCE, ADMINISTRATOR}),
    Act("Change", "approve refund_policy"): frozenset({TREASURER, ADMINISTRATOR}),
    Act("Change", "approve operator"): frozenset({ADMINISTRATOR}),
    Act("Change", "approve customer"): frozenset({APPROVER, ADMINISTRATOR}),
    Act("Change", "approve payer_link"): frozenset({APPROVER, TREASURER}),
}
"""Every act that takes an operator, and the roles of which one must be theirs."""


def refuse_act(authority: Authority, act: Act, money: Money | None) -> str | None:
    """Why the operator may not do that, with that much money where it decides about money; None where they may."""
    return refuse_role(authority, AUTHORITY[act]) or (refuse_amount(authority, money) if money else None)


def as_markdown() -> str:
    """The table as the operators' guide prints it."""
    rows = [
        f"| {act.of} | {act.what.replace('_', ' ')} | {', '.join(role.value for role in Role if role in roles)} |"
        for act, roles in AUTHORITY.items()
    ]
    return "\n".join(["| of | act | one of these roles |", "|---|---|---|", *rows])
