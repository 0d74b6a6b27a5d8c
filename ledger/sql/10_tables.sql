-- The book's tables. Amounts are minor units of the account's currency.
--
-- PostgreSQL reads a table's CHECKs and generated columns anew for each statement, which costs a payment as much as
-- its inserts do; a foreign key costs a query and a row lock. So the tables that postings write keep to domains, and to
-- columns of which each is sound by itself. Only the posting functions write them, and the invariants watch.

CREATE DOMAIN ledger_total AS bigint CHECK (VALUE >= 0);
CREATE DOMAIN ledger_amount AS bigint CHECK (VALUE > 0);
CREATE TYPE ledger_phase AS ENUM ('posted', 'pending', 'post', 'void');

CREATE TABLE ledger_account (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL,
    -- The customer's number, or the code of the collection account.
    holder text,
    entity text NOT NULL,
    currency text NOT NULL,
    code text NOT NULL UNIQUE,
    -- A customer's account names the account of what the same customer owes, and the one that payments go to.
    receivable_id bigint REFERENCES ledger_account,
    sales_id bigint REFERENCES ledger_account,
    -- The customer owes something. A copy of what the receivable says, so that the lock of one row covers it.
    owes boolean NOT NULL DEFAULT false,
    -- Nothing of it may be spent or paid back until people release it.
    frozen boolean NOT NULL DEFAULT false,
    -- Bills wait to be paid from it: whatever makes it grow leaves a row in bill_queue.
    bills_open boolean NOT NULL DEFAULT false,
    -- Kept for the customers' two accounts only: a house account's total would be a lock that all postings share.
    debits_pending ledger_total NOT NULL DEFAULT 0,
    debits_posted ledger_total NOT NULL DEFAULT 0,
    credits_pending ledger_total NOT NULL DEFAULT 0,
    credits_posted ledger_total DEFAULT 0,
    -- A customer's account keeps what is available, which its type keeps from going below zero, and no credits posted:
    -- they are what is available and both debits. All other accounts keep nothing here.
    available_minor ledger_total,
    opened_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 40);

CREATE INDEX ledger_account_holder ON ledger_account (holder) WHERE kind = 'customer';

CREATE TABLE ledger_transfer (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The writing transaction: seals are cut along it.
    xid bigint NOT NULL DEFAULT pg_current_xact_id()::text::bigint,
    debit_account_id bigint NOT NULL,
    credit_account_id bigint NOT NULL,
    amount_minor ledger_amount NOT NULL,
    -- A pending transfer is answered by posts and voids; the one that leaves nothing pending closes it.
    pending_id bigint,
    -- The receipt whose money moves.
    source_id bigint,
    -- The earlier transfer that this one answers: the payment refunded, the payout settled or returned.
    about_id bigint,
    -- The lot that carries a payment alone; other changes of lots are rows of ledger_lot_change.
    lot_id bigint,
    created_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    effective_on date NOT NULL,
    value_on date,
    leg smallint NOT NULL,
    closes boolean NOT NULL DEFAULT false,
    -- The side is one of a customer's two accounts.
    debits_customer boolean NOT NULL,
    credits_customer boolean NOT NULL,
    phase ledger_phase NOT NULL,
    kind text NOT NULL,
    key text NOT NULL,
    request_hash bytea NOT NULL,
    deposit text,
    cause text
);

CREATE UNIQUE INDEX ledger_transfer_key ON ledger_transfer (key, leg);
CREATE UNIQUE INDEX ledger_transfer_closes ON ledger_transfer (pending_id) WHERE closes;
CREATE INDEX ledger_transfer_pending ON ledger_transfer (pending_id) WHERE pending_id IS NOT NULL;
CREATE INDEX ledger_transfer_source ON ledger_transfer (source_id) WHERE source_id IS NOT NULL;
CREATE INDEX ledger_transfer_about ON ledger_transfer (about_id) WHERE about_id IS NOT NULL;
CREATE INDEX ledger_transfer_debits ON ledger_transfer (debit_account_id, id) WHERE debits_customer;
CREATE INDEX ledger_transfer_credits ON ledger_transfer (credit_account_id, id) WHERE credits_customer;
-- Rows lie nearly in the order of their transactions, so a block range index is enough and almost free.
CREATE INDEX ledger_transfer_xid ON ledger_transfer USING brin (xid) WITH (pages_per_range = 32);

-- What is pending now. A row leaves when its transfer is closed.
CREATE TABLE ledger_pending (
    id bigint PRIMARY KEY,
    account_id bigint,
    kind text NOT NULL,
    remaining_minor ledger_amount NOT NULL,
    expires_at timestamptz,
    value_on date
);

CREATE INDEX ledger_pending_account ON ledger_pending (account_id);
CREATE INDEX ledger_pending_expires ON ledger_pending (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX ledger_pending_value ON ledger_pending (value_on) WHERE value_on IS NOT NULL;

-- One credit, as far as it is unspent. Its id is that of the transfer that credited it, so ids are the order of credit.
CREATE TABLE ledger_lot (
    id bigint PRIMARY KEY,
    account_id bigint NOT NULL,
    amount_minor ledger_amount NOT NULL,
    -- What remains of it: free to be spent, and promised to refunds.
    free_minor ledger_total NOT NULL,
    reserved_minor ledger_total NOT NULL DEFAULT 0,
    -- False once the bank took the money back or it was moved to another customer.
    live boolean NOT NULL DEFAULT true,
    -- Nothing remains.
    spent boolean NOT NULL DEFAULT false
) WITH (fillfactor = 40);

-- Not on free_minor itself: payments from one lot then stay updates in place.
CREATE INDEX ledger_lot_open ON ledger_lot (account_id, live, id) WHERE NOT spent;

-- Which transfer used or reserved (negative), or gave back (positive), how much of which lot. A payment that one lot
-- carries names it in its own row instead: the view ledger_allocation shows both.
CREATE TABLE ledger_lot_change (
    -- The spending transfer whose use of the lot this changes.
    use_id bigint NOT NULL,
    lot_id bigint NOT NULL,
    -- The transfer whose posting wrote this row.
    transfer_id bigint NOT NULL,
    amount_minor bigint NOT NULL,
    reserves boolean NOT NULL DEFAULT false,
    PRIMARY KEY (use_id, lot_id, transfer_id)
);

CREATE INDEX ledger_lot_change_lot ON ledger_lot_change (lot_id);
CREATE INDEX ledger_lot_change_transfer ON ledger_lot_change (transfer_id);

-- All uses and reservations of lots. A lot's payments are found among the later debits of its account: an index on
-- lot_id would cost each payment what the column saves.
CREATE VIEW ledger_allocation AS
SELECT l.account_id, c.use_id, c.lot_id, c.transfer_id, c.amount_minor, c.reserves
FROM ledger_lot_change c JOIN ledger_lot l ON l.id = c.lot_id
UNION ALL
SELECT l.account_id, t.id, l.id, t.id, - t.amount_minor, false
FROM ledger_lot l JOIN ledger_transfer t ON t.debit_account_id = l.account_id AND t.debits_customer
    AND t.id > l.id AND t.lot_id = l.id;
