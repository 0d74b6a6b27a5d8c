"""What banks send: files as they came, statements, entries by identity, and the parts of entries."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint, Index, UniqueConstraint, column, func
from sqlmodel import SQLModel

from models.columns import bigint, blob, created_at, flag, moment, row_id, text, texts


class BankFile(SQLModel, table=True):
    """A file, stored once by its SHA-256, with who delivered it and how far it has been worked off."""

    __tablename__ = "bank_file"
    __table_args__ = (
        CheckConstraint(
            "stage IN ('stored', 'read', 'posted', 'alarm', 'held', 'refused', 'discarded')",
            name="bank_file_stage_known",
        ),
        CheckConstraint(
            "held_for IN ('', 'account', 'missing', 'overlap', 'pages', 'posting', 'reading', 'source', 'structure', "
            "'sums')",
            name="bank_file_hold_known",
        ),
        CheckConstraint(
            "stage NOT IN ('held', 'alarm') OR held_for <> ''", name="bank_file_held_for_something"
        ),
        CheckConstraint(
            "(stage <> 'alarm' OR held_for = 'missing') AND (stage <> 'held' OR held_for <> 'missing')",
            name="bank_file_alarm_is_of_what_is_missing",
        ),
        Index(
            "bank_file_needs_workflow",
            "swept_at",
            postgresql_where="stage IN ('stored', 'read', 'held', 'alarm')",
        ),
    )

    id: int | None = row_id()
    sha256: str = text(unique=True)
    name: str = text()
    delivered_by: str = text()
    """Who was the first to deliver it; `BankFileDelivery` has all."""
    content: bytes = blob()
    """The file, packed by gzip."""
    format: str = text(default="")
    stage: str = text(default="stored")
    held_for: str = text(default="")
    """What kind of hold it is, or was when the file was discarded."""
    hold: int = bigint(default=0)
    """How often the file has come to be held, or to raise an alarm: decisions count for one of these."""
    reason: str = text(default="")
    entries: int = bigint(default=0)
    received_at: datetime = created_at()
    posted_at: datetime | None = moment(default=None, nullable=True)
    """When all its entries had been kept, or all that it answers."""
    swept_at: datetime = created_at()


class BankFileDelivery(SQLModel, table=True):
    """That somebody delivered a file, once each: the same bytes may come from several."""

    __tablename__ = "bank_file_delivery"
    __table_args__ = ({"info": {"written_once": True}},)

    file_id: int = bigint(primary_key=True, foreign_key="bank_file.id")
    delivered_by: str = text(primary_key=True)
    created_at: datetime = created_at()


class BankFileDecision(SQLModel, table=True):
    """What an operator decided about one hold of a file. Two rows of one hold are always of two people."""

    __tablename__ = "bank_file_decision"
    __table_args__ = (
        CheckConstraint("signal IN ('release', 'discard')", name="bank_file_decision_signal_known"),
        CheckConstraint(
            "btrim(operator) <> '' AND btrim(reason) <> ''", name="bank_file_decision_says_who_and_why"
        ),
        Index(
            "bank_file_decision_once_each_person",
            "file_id",
            "hold",
            "signal",
            func.lower(func.btrim(column("operator"))),
            unique=True,
        ),
        {"info": {"written_once": True}},
    )

    id: int | None = row_id()
    key: str = text(unique=True)
    """Which decision of which run it is: a step that is tried again decides once."""
    file_id: int = bigint(foreign_key="bank_file.id")
    hold: int = bigint()
    held_for: str = text()
    signal: str = text()
    operator: str = text()
    reason: str = text()
    created_at: datetime = created_at()


class BankStatement(SQLModel, table=True):
    """A statement of a file, with the booked balances it states, in signed minor units."""

    __tablename__ = "bank_statement"
    __table_args__ = (
        UniqueConstraint("file_id", "position", name="bank_statement_once"),
        Index("bank_statement_by_opening", "account_id", "opening_minor", "id"),
        Index("bank_statement_by_closing", "account_id", "closing_minor", "id"),
        Index("bank_statement_by_day", "account_id", "kind", "closing_on"),
        Index("bank_statement_beginning", "account_id", postgresql_where="begins <> '' OR skips"),
        CheckConstraint("begins IN ('', 'account', 'gap')", name="bank_statement_begins_known"),
        Index("bank_statement_unchained", "account_id", postgresql_where="NOT chained"),
    )

    id: int | None = row_id()
    file_id: int = bigint(foreign_key="bank_file.id")
    position: int = bigint()
    account_id: int = bigint(foreign_key="collection_account.id")
    kind: str = text()
    statement_id: str = text()
    sequence: str = text(default="")
    page: int = bigint(default=1)
    pages_of: int | None = bigint(default=None, nullable=True, foreign_key="bank_statement.id", index=True)
    """The first page to come of the statement that this is a page of; empty for a statement in one piece."""
    number: int | None = bigint(default=None, nullable=True)
    """The bank's number of it, where that is one."""
    chained: bool = flag()
    """Its opening balance is where another one ends, or where the account begins: nothing is missing before it."""
    begins: str = text(default="")
    """`account`: the first that is known of it. `gap`: two people let it follow a statement that never came."""
    gap_from_minor: int | None = bigint(default=None, nullable=True)
    """The balance before that gap."""
    skips: bool = flag()
    """The bank left out numbers before it, and two people found nothing missing."""
    made_on: date | None = None
    related_account: str = text(default="")
    """The account that all of it is about, where that is not the statement's own: a virtual account, or the parent."""
    currency: str = text()
    opening_minor: int | None = bigint(default=None, nullable=True)
    opening_on: date | None = None
    closing_minor: int | None = bigint(default=None, nullable=True)
    closing_on: date | None = None


class BankPageMoney(SQLModel, table=True):
    """The key of money on a page of a statement, by its digest and its count on the page (see `bankfiles.identity`)."""

    __tablename__ = "bank_page_money"
    __table_args__ = (UniqueConstraint("pages_of", "identity_key", name="bank_page_money_once"),)

    pages_of: int = bigint(primary_key=True, foreign_key="bank_statement.id")
    digest: str = text(primary_key=True)
    page: int = bigint(primary_key=True)
    on_page: int = bigint(primary_key=True)
    identity_key: str = text()


class BankEntry(SQLModel, table=True):
    """An entry of an account, once for ever by its identity key, in whichever files it came."""

    __tablename__ = "bank_entry"
    __table_args__ = (
        CheckConstraint("amount_minor >= 0", name="bank_entry_amount_not_negative"),
        CheckConstraint("direction IN ('credit', 'debit')", name="bank_entry_direction_known"),
        Index("bank_entry_of_account", "account_id", "booked_on"),
        # Some banks use one reference again and again.
        Index("bank_entry_by_bank_reference", "account_id", "bank_reference", "amount_minor", "value_on"),
        Index("bank_entry_reversal", "account_id", "bank_reference", postgresql_where="reversal"),
    )

    id: int | None = row_id()
    identity_key: str = text(unique=True)
    account_id: int = bigint()
    entity: str = text()
    currency: str = text()
    amount_minor: int = bigint()
    known_minor: int = bigint(default=0)
    """What of it was known before as parts of other entries: those were posted then."""
    direction: str = text()
    status: str = text()
    reversal: bool = flag()
    booked_on: date | None = None
    value_on: date | None = None
    bank_reference: str = text(default="")
    detailed: bool = flag()
    """Whether the bank has told which transactions it is made of; a lump sum waits for the file that does."""
    created_at: datetime = created_at()


class BankSighting(SQLModel, table=True):
    """That a file contains an entry, and where: the way from a balance back to a line."""

    __tablename__ = "bank_sighting"
    __table_args__ = (Index("bank_sighting_of_entry", "entry_id", "file_id"),)

    file_id: int = bigint(primary_key=True)
    statement: int = bigint(primary_key=True)
    """Position of its statement in the file."""
    ordinal: int = bigint(primary_key=True)
    entry_id: int = bigint()
    line: int = bigint()
    status: str = text()


class BankIncoming(SQLModel, table=True):
    """A part of an entry of a file that has been read and is not posted yet, or an entry that could not be read.

    PostgreSQL keeps no log of it: after a crash the file is read again. What is about the entry stands with its first
    part alone.
    """

    __tablename__ = "bank_incoming"
    __table_args__ = (
        Index("bank_incoming_of_chunk", "file_id", "chunk"),
        {"prefixes": ["UNLOGGED"]},
    )

    file_id: int = bigint(primary_key=True)
    ordinal: int = bigint(primary_key=True)
    position: int = bigint(primary_key=True)
    chunk: int = bigint()
    statement: int = bigint()
    line: int = bigint()
    status: str = text()
    key: str | None = text(nullable=True)
    counted: bool = flag()
    """Its key comes from elsewhere, and is not to be counted on the pages of its statement."""
    amount_minor: int | None = bigint(nullable=True)
    currency: str | None = text(nullable=True)
    direction: str | None = text(nullable=True)
    reversal: bool | None = None
    booked_on: date | None = None
    value_on: date | None = None
    bank_reference: str | None = text(nullable=True)
    detailed: bool | None = None
    part_key: str | None = text(nullable=True)
    part_minor: int | None = bigint(nullable=True)
    part_currency: str | None = text(nullable=True)
    part_direction: str | None = text(nullable=True)
    end_to_end_id: str | None = text(nullable=True)
    structured_references: list[str] | None = texts(nullable=True)
    text_references: list[str] | None = texts(nullable=True)
    remittance: str | None = text(nullable=True)
    payer_name: str | None = text(nullable=True)
    payer_account: str | None = text(nullable=True)
    credited_account: str | None = text(nullable=True)
    part_reference: str | None = text(nullable=True)
    return_reason: str | None = text(nullable=True)
    charges_minor: int | None = bigint(nullable=True)
    house: str | None = text(nullable=True)
    batch_id: str | None = text(nullable=True)
    path: str | None = text(nullable=True)
    reason: str | None = text(nullable=True)


class BankEntryPart(SQLModel, table=True):
    """A transaction of an entry (an entry without details has one), and where its money went, in words."""

    __tablename__ = "bank_entry_part"
    __table_args__ = (
        UniqueConstraint("entry_id", "position", name="bank_entry_part_once"),
        CheckConstraint(
            "state IN ('shown', 'credited', 'unapplied', 'detailed', 'returned', 'reversed', 'payout', 'house')",
            name="bank_entry_part_state_known",
        ),
        Index("bank_entry_part_of_payer", "payer_account", "id", postgresql_where="payer_account <> ''"),
        Index("bank_entry_part_awaiting", "awaits", "entry_id", postgresql_where="awaits <> ''"),
        Index(
            "bank_entry_part_answers", "answers_id", unique=True, postgresql_where="answers_id IS NOT NULL"
        ),
        Index(
            "bank_entry_part_unconfirmed", "entry_id", postgresql_where="NOT confirmed AND NOT missed_settled"
        ),
        Index("bank_entry_part_missed", "missed_in", postgresql_where="missed_in IS NOT NULL"),
        CheckConstraint(
            "awaits IN ('', 'statement', 'payer', 'screening')", name="bank_entry_part_awaits_known"
        ),
        CheckConstraint("awaits = '' OR state = 'unapplied'", name="bank_entry_part_awaits_unapplied"),
        # No index is about the state, and there is room beside each part: what is decided about it is written in place.
        {"postgresql_with": {"fillfactor": 50}},
    )

    id: int | None = row_id()
    identity_key: str = text(unique=True)
    entry_id: int = bigint()
    position: int = bigint()
    receipt_of: int | None = bigint(default=None, nullable=True, foreign_key="bank_entry_part.id")
    """The lump sum that was booked before its details came, this among them: its receipt brought the money."""
    amount_minor: int = bigint()
    currency: str = text()
    direction: str = text()
    end_to_end_id: str = text(default="")
    structured_references: list[str] = texts()
    text_references: list[str] = texts()
    batch_id: str = text(default="")
    """The payment file of ours that a debit says it is of: `PmtInfId`, else `MsgId`."""
    remittance: str = text(default="")
    bank_reference: str = text(default="")
    return_reason: str = text(default="")
    charges_minor: int = bigint(default=0)
    """What banks took on the way, as far as they say so in this currency."""
    payer_name: str = text(default="")
    payer_account: str = text(default="")
    credited_account: str = text(default="")
    state: str = text(default="shown")
    reason: str = text(default="")
    house: str = text(default="")
    """The house account that the bank's code names, such as `bank-fees`."""
    awaits: str = text(default="")
    """What must come before it is credited by itself: a `statement`, a person who knows the `payer`, `screening`."""
    flagged: bool = flag()
    """Credited although the payer is not known to be the customer's."""
    absorbed_minor: int = bigint(default=0)
    """What was missing of the deposit within the entity's tolerance, and was credited too."""
    answers_id: int | None = bigint(default=None, nullable=True, foreign_key="bank_entry_part.id")
    """What this part reverses."""
    confirmed: bool = flag()
    """A booked statement has it, not only a notification."""
    missed_in: int | None = bigint(default=None, nullable=True, foreign_key="bank_file.id")
    """The file that raised the alarm: it was notified, and the statement of its day lacks it."""
    missed_settled: bool = flag()
    """Two people have settled that alarm."""
    created_at: datetime = created_at()
