"""Money that leaves: payees, payouts, and the payment files that they go to the bank in."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, column, func
from sqlmodel import SQLModel

from models.columns import bigint, blob, created_at, flag, moment, row_id, text

_IN_A_FILE = "stage IN ('sent', 'settled', 'rejected', 'returned')"


class Payee(SQLModel, table=True):
    """Where a payout goes: the account that the money came from, or one that was entered. Another account is a new row.

    The fields are those of ISO 20022 `Cdtr`, `CdtrAcct`, `CdtrAgt`, `Purp` and `ChrgBr`.
    """

    __tablename__ = "payee"
    __table_args__ = (
        CheckConstraint("btrim(name) <> ''", name="payee_has_a_name"),
        CheckConstraint("(iban = '') <> (account_number = '')", name="payee_has_one_account"),
        CheckConstraint("origin IN ('payer', 'entered')", name="payee_origin_known"),
        CheckConstraint("charge_bearer IN ('', 'SLEV', 'SHAR', 'DEBT', 'CRED')", name="payee_charge_bearer"),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    name: str = text()
    iban: str = text(default="")
    bic: str = text(default="")
    account_number: str = text(default="")
    clearing_code: str = text(default="")
    """`MmbId` of the bank where there is no BIC: sort code, routing number, IFSC."""
    bank_name: str = text(default="")
    country: str = text(default="")
    """Of the payee (`PstlAdr/Ctry`), ISO 3166."""
    town: str = text(default="")
    """Of the payee (`PstlAdr/TwnNm`): banks ask for a structured address."""
    purpose: str = text(default="")
    """ISO 20022 external purpose code, where the country asks for one."""
    charge_bearer: str = text(default="")
    """Empty: as the payment's kind has it."""
    origin: str = text()
    source_part_id: int | None = bigint(default=None, nullable=True, foreign_key="bank_entry_part.id")
    """The payment whose payer it is, for `payer`."""
    entered_by: str = text(default="")
    """The operator who entered it; empty where the customer's own service did, or the bank told it."""
    refund_id: int | None = bigint(default=None, nullable=True, foreign_key="refund.id")
    """The ticket that it was entered for, for `entered`."""
    proof_sha256: str | None = text(default=None, nullable=True, foreign_key="claim_proof.sha256")
    created_at: datetime = created_at()


class PaymentFile(SQLModel, table=True):
    """A pain.001 as it goes to the bank, made once: its bytes are kept and only these are ever written."""

    __tablename__ = "payment_file"
    __table_args__ = (
        CheckConstraint(
            "stage IN ('written', 'sent', 'accepted', 'part_accepted', 'rejected')",
            name="payment_file_stage_known",
        ),
        Index("payment_file_needs_workflow", "swept_at", postgresql_where="ended_at IS NULL OR NOT heard"),
    )

    id: int | None = row_id()
    message_id: str = text(unique=True)
    """`GrpHdr/MsgId`."""
    account_id: int = bigint(foreign_key="collection_account.id")
    version: str = text()
    """`pain.001.001.09` or `pain.001.001.03`."""
    execute_on: date
    """`ReqdExctnDt`: a day on which the bank works."""
    content: bytes = blob()
    sha256: str = text(unique=True)
    payouts: int = bigint()
    sum_minor: int = bigint()
    stage: str = text(default="written")
    reason: str = text(default="")
    heard: bool = flag()
    """Its workflow has looked since its payouts last moved."""
    asked: int = bigint(default=0)
    """How often people were told that the bank is silent."""
    collected_at: datetime = created_at()
    staged_at: datetime | None = moment(default=None, nullable=True)
    """From then on its bytes lie beside the folder, and what is no more there has gone to the bank."""
    resent: int = bigint(default=0)
    sent_at: datetime | None = moment(default=None, nullable=True)
    answered_at: datetime | None = moment(default=None, nullable=True)
    ended_at: datetime | None = moment(default=None, nullable=True)
    """When each of its payouts was booked, rejected or came back."""
    swept_at: datetime = created_at()


class PaymentFileDecision(SQLModel, table=True):
    """What an operator decided about a payment file. Two rows of one payout are always of two people."""

    __tablename__ = "payment_file_decision"
    __table_args__ = (
        CheckConstraint("signal IN ('resend', 'not_paid')", name="payment_file_decision_signal_known"),
        CheckConstraint(
            "(signal = 'not_paid') = (payout_id IS NOT NULL)", name="payment_file_decision_about_a_payout"
        ),
        CheckConstraint(
            "btrim(operator) <> '' AND btrim(reason) <> ''", name="payment_file_decision_says_who_and_why"
        ),
        Index(
            "payment_file_decision_once_each_person",
            "payout_id",
            func.lower(func.btrim(column("operator"))),
            unique=True,
        ),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    key: str = text(unique=True)
    """Which decision of which run it is: a step that is tried again decides once."""
    file_id: int = bigint(foreign_key="payment_file.id")
    signal: str = text()
    payout_id: int | None = bigint(default=None, nullable=True, foreign_key="payout.id")
    """The payout that the bank says it never paid."""
    operator: str = text()
    reason: str = text()
    created_at: datetime = created_at()


class Payout(SQLModel, table=True):
    """One payment of a refund, or of a receipt that goes back. It is in exactly one payment file, for ever.

    One that came back stays as it ended; what is tried next is a payout of its own (`previous_id`).
    """

    __tablename__ = "payout"
    __table_args__ = (
        CheckConstraint("amount_minor > 0", name="payout_amount_above_zero"),
        CheckConstraint(
            "stage IN ('planned', 'ready', 'sent', 'settled', 'rejected', 'returned', 'void')",
            name="payout_stage_known",
        ),
        CheckConstraint("num_nonnulls(refund_id, return_id) = 1", name="payout_of_one_owner"),
        CheckConstraint(f"({_IN_A_FILE}) = (file_id IS NOT NULL)", name="payout_sent_in_a_file"),
        CheckConstraint("stage NOT IN ('ready') OR payee_id IS NOT NULL", name="payout_ready_for_somebody"),
        CheckConstraint("stage <> 'settled' OR settled_at IS NOT NULL", name="payout_settled_some_day"),
        UniqueConstraint("refund_id", "position", "attempt", name="payout_of_refund_once"),
        Index(
            "payout_of_return",
            "return_id",
            unique=True,
            postgresql_where="return_id IS NOT NULL AND stage <> 'void'",
        ),
        Index("payout_ready", "account_id", "id", postgresql_where="stage = 'ready'"),
        Index("payout_of_file", "file_id", "id", postgresql_where="file_id IS NOT NULL"),
        Index("payout_came_next", "previous_id", unique=True, postgresql_where="previous_id IS NOT NULL"),
    )

    id: int | None = row_id()
    end_to_end_id: str = text(unique=True)
    """`EndToEndId`, at most 35 characters of the banks' set: by it the bank's answers are known."""
    refund_id: int | None = bigint(default=None, nullable=True, foreign_key="refund.id")
    return_id: int | None = bigint(default=None, nullable=True, foreign_key="receipt_return.id")
    position: int = bigint(default=1)
    attempt: int = bigint(default=1)
    previous_id: int | None = bigint(default=None, nullable=True, foreign_key="payout.id")
    entity: str = text()
    currency: str = text()
    amount_minor: int = bigint()
    hold_key: str = text(unique=True)
    """Of the pending transfer that holds the money in the book."""
    account_id: int = bigint(foreign_key="collection_account.id")
    """The account of ours that pays: the one that the money came in on."""
    payee_id: int | None = bigint(default=None, nullable=True, foreign_key="payee.id")
    """Empty while the customer has to say where to."""
    stage: str = text(default="planned")
    not_before: datetime | None = moment(default=None, nullable=True)
    """The end of a new account's cooling period."""
    file_id: int | None = bigint(default=None, nullable=True, foreign_key="payment_file.id")
    reason_code: str = text(default="")
    """ISO 20022 external status or return reason code, as the bank told it."""
    reason: str = text(default="")
    announced_at: datetime | None = moment(default=None, nullable=True)
    """When the bank told that it comes back (pacs.004); the booked entry moves the money."""
    fee_minor: int = bigint(default=0)
    """What banks kept of what came back."""
    settled_part_id: int | None = bigint(default=None, nullable=True, foreign_key="bank_entry_part.id")
    came_back_part_id: int | None = bigint(default=None, nullable=True, foreign_key="bank_entry_part.id")
    """While it is `sent`: it came back, and waits for the entry with which it left."""
    created_at: datetime = created_at()
    ready_at: datetime | None = moment(default=None, nullable=True)
    sent_at: datetime | None = moment(default=None, nullable=True)
    settled_at: datetime | None = moment(default=None, nullable=True)
    ended_at: datetime | None = moment(default=None, nullable=True)
