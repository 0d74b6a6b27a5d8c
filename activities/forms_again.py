"""Forms issued again: where a customer pays has changed, so their open forms get another version, with that account.

What was issued stays as it is; the reference is the same.
"""

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import text
from sqlmodel import Session

from activities.deposit_rows import PAY_TO, last_day, pay_to
from documents.form import PaymentRequestForm, PayToAccount, form_digest, form_json, from_json


def issue_again(session: Session, application: int) -> None:
    """Issue the open forms that name another account than the customer's now; their workflows draw them."""
    row = dict(session.execute(_WHOSE, {"application": application}).mappings().one())
    now = datetime.now(UTC)
    account = session.execute(PAY_TO, {**row, "at": now}).mappings().one_or_none()
    if account is None:
        return
    for deposit in session.execute(_OPEN_FORMS, row).mappings().all():
        form = _again(from_json(deposit["content"]), deposit, pay_to(account), now)
        if form is not None:
            session.execute(_ISSUE, _row(deposit, form, account["id"]))


def _again(
    form: PaymentRequestForm, deposit: Any, account: PayToAccount, now: datetime
) -> PaymentRequestForm | None:
    if form.pay_to == account or deposit["expires_at"] <= now:
        return None
    changed = {
        "version": deposit["form_version"] + 1,
        "issued_on": now.astimezone(ZoneInfo(deposit["time_zone"])).date(),
        "expires_on": last_day(deposit["expires_at"], deposit["time_zone"]),
        "pay_to": account,
    }
    return PaymentRequestForm.model_validate({**dict(form), **changed})


def _row(deposit: Any, form: PaymentRequestForm, account: int) -> dict[str, Any]:
    return {
        "deposit": deposit["id"],
        "account": account,
        "form_version": form.version,
        "content": form_json(form),
        "digest": form_digest(form),
    }


_WHOSE = text("""
    SELECT customer_id AS customer, entity, currency FROM virtual_account_application WHERE id = :application
""")

_OPEN_FORMS = text("""
    SELECT d.id, d.expires_at, e.time_zone, f.content, f.version AS form_version
    FROM (
        SELECT * FROM deposit WHERE customer_id = :customer AND entity = :entity AND currency = :currency
            AND stage IN ('issued', 'part_paid') ORDER BY id FOR NO KEY UPDATE
    ) d JOIN contracting_entity e ON e.code = d.entity
    JOIN LATERAL (SELECT * FROM document WHERE deposit_id = d.id ORDER BY version DESC LIMIT 1) f ON true
    ORDER BY d.id
""")

# The customer is told of the account once, not of each form: so the change of the deposit counts as dealt with.
_ISSUE = text("""
    WITH issued AS (
        INSERT INTO document (kind, deposit_id, version, content, digest)
        VALUES ('payment_request', :deposit, :form_version, :content, :digest) RETURNING deposit_id
    ), changed AS (
        UPDATE deposit d SET account_id = :account, version = version + 1,
            handled_version = handled_version + (handled_version = version)::int
        FROM issued WHERE d.id = issued.deposit_id RETURNING d.workflow_id, d.version
    )
    INSERT INTO outbox (workflow_id, version) SELECT workflow_id, version FROM changed
""")
