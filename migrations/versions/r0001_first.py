"""The first tables, the book, and who may do what."""

from pathlib import Path

from alembic import op
from sqlmodel import SQLModel

import ledger.schema
import models

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

GRANTS = """
GRANT USAGE ON SCHEMA public TO prepay_app, prepay_report;
GRANT SELECT ON {tables} TO prepay_report;
GRANT SELECT, INSERT, UPDATE, DELETE ON {tables} TO prepay_app;
REVOKE UPDATE, DELETE ON payer_link, payer_pause, credit_move, bank_resolution FROM prepay_app;
GRANT UPDATE (ended_at, ended_by, ended_reason) ON payer_link, payer_pause TO prepay_app;
REVOKE UPDATE, DELETE ON virtual_account, virtual_account_application FROM prepay_app;
GRANT UPDATE (stage, customer_id, valid_from, valid_to, replaced_by) ON virtual_account TO prepay_app;
GRANT UPDATE (stage, why, virtual_account_id, decided_by, decided_reason, decided_at, attestation_id, review, kept_by,
    closed_by, closed_reason, closed_at, waits_since, swept_at) ON virtual_account_application TO prepay_app;
REVOKE UPDATE, DELETE ON bank_quarantine FROM prepay_app;
GRANT UPDATE (settled, resolution_id, entry_id, resolved_by, approved_by, resolved_reason, resolved_at)
    ON bank_quarantine TO prepay_app;
GRANT UPDATE (stage, decided_by, decided_reason, decided_at, swept_at) ON credit_move, bank_resolution TO prepay_app;
REVOKE DELETE ON bank_file, bank_entry, bank_sighting, credit, collection_account, customer, deposit, receipt
    FROM prepay_app;
REVOKE UPDATE, DELETE ON receipt_application, receipt_return, claim FROM prepay_app;
GRANT UPDATE (stage, decided_by, decided_reason, decided_at) ON receipt_application TO prepay_app;
GRANT UPDATE (stage, ended_by, ended_reason, ended_at) ON receipt_return TO prepay_app;
GRANT UPDATE (stage, part_id, version, handled_version, reminded, answer, credited_part_id, found_at, ended_at,
    swept_at) ON claim TO prepay_app;
REVOKE UPDATE, DELETE ON operator, operator_role, operator_limit, change FROM prepay_app;
REVOKE UPDATE, DELETE ON money_freeze, screening_subject FROM prepay_app;
GRANT UPDATE (ended_at) ON screening_subject TO prepay_app;
GRANT UPDATE (ended_at, swept_at) ON money_freeze TO prepay_app;
GRANT UPDATE (login) ON operator TO prepay_app;
GRANT UPDATE (ended_at) ON operator_role, operator_limit TO prepay_app;
GRANT UPDATE (stage, decided_by, decided_reason, decided_at, attestation_id, swept_at) ON change TO prepay_app;
REVOKE DELETE ON refund, payout, payment_file FROM prepay_app;
REVOKE UPDATE ON payout, payment_file FROM prepay_app;
GRANT UPDATE (stage, payee_id, not_before, file_id, reason_code, reason, announced_at, fee_minor, settled_part_id,
    came_back_part_id, ready_at, sent_at, settled_at, ended_at) ON payout TO prepay_app;
GRANT UPDATE (stage, reason, heard, asked, staged_at, resent, sent_at, answered_at, ended_at, swept_at)
    ON payment_file TO prepay_app;
REVOKE INSERT, UPDATE, DELETE ON bill, bill_line, bill_payment, usage_report, intended_use FROM prepay_app;
GRANT UPDATE (overdue, reminded, handled_version, swept_at) ON bill TO prepay_app;
REVOKE UPDATE, DELETE ON bill_queue FROM prepay_app;
REVOKE INSERT ON stage_event FROM prepay_app;
GRANT SELECT ON alembic_version TO prepay_app, prepay_report;
GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO prepay_app;
"""

WRITTEN_ONCE = """
CREATE FUNCTION written_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION USING ERRCODE = 'PB008', MESSAGE = TG_TABLE_NAME || ' refuses ' || lower(TG_OP)
        || ': what was done and decided stays as it was written.';
END $$;
"""
GUARD = """
REVOKE UPDATE, DELETE ON {table} FROM prepay_app;
CREATE TRIGGER written_once BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}
    FOR EACH STATEMENT EXECUTE FUNCTION written_once();
"""
NEVER_REUSED = """
CREATE TRIGGER never_reused BEFORE UPDATE ON virtual_account
    FOR EACH ROW WHEN (OLD.stage <> 'free' AND (NEW.stage = 'free' OR OLD.customer_id <> NEW.customer_id
        OR OLD.stage = 'closed' AND NEW.stage <> 'closed'))
    EXECUTE FUNCTION written_once();
"""
RESOLVED_ONCE = """
CREATE TRIGGER resolved_once BEFORE UPDATE ON bank_quarantine
    FOR EACH ROW WHEN (OLD.resolved_at IS NOT NULL) EXECUTE FUNCTION written_once();
"""


def upgrade() -> None:
    # Finds names that are alike. It is trusted: the owner of a database may create it.
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    SQLModel.metadata.create_all(op.get_bind())
    tables = ", ".join(f'"{name}"' for name in SQLModel.metadata.tables)
    op.execute(GRANTS.format(tables=tables))
    op.execute(WRITTEN_ONCE)
    op.execute(RESOLVED_ONCE)
    op.execute(NEVER_REUSED)
    for name, table in SQLModel.metadata.tables.items():
        if table.info.get("written_once"):
            op.execute(GUARD.format(table=f'"{name}"'))
    for statement in ledger.schema.statements():
        op.get_bind().exec_driver_sql(statement)
    guards = Path(models.__file__).with_name("refund_guards.sql")
    op.get_bind().exec_driver_sql(guards.read_text(encoding="utf-8"))
    op.execute("GRANT SELECT ON lot_origin, payout_money, refund_hand TO prepay_app, prepay_report")
