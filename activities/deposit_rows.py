"""A deposit's rows: read in one round trip, changed in one, with the notice that tells of the change."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, RowMapping, text

from documents.form import FormCustomer, Issuer, PaymentRequestForm, PayToAccount
from documents.notices import notice_text
from prepay.ids import grouped
from prepay.money import Money
from rules.deposit import DepositState
from rules.reminders import reminder_times
from settings import Settings

# Credits of the deposit whose value date is ahead.
_PENDING = """
    SELECT coalesce(sum(p.remaining_minor), 0)::bigint
    FROM ledger_account l
    JOIN ledger_pending p ON p.account_id = l.id AND p.kind = 'credit'
    JOIN ledger_transfer t ON t.id = p.id
    JOIN credit ON credit.key = t.key AND credit.deposit_id = d.id
    WHERE l.kind = 'customer' AND l.holder = c.number
"""
# They matter only for a notice about money that nobody has heard of.
_READ = """
    SELECT d.id, d.number, d.reference, d.customer_id, d.entity, d.content_hash, d.amount_minor, d.credited_minor,
        d.taken_back_minor, d.taken_back_told_minor, d.moved_away_minor, d.moved_away_told_minor,
        d.currency, d.workflow_id, d.stage, d.late, d.issued_at, d.expires_at, d.decided, d.version, d.handled_version,
        c.number AS customer, c.legal_name AS customer_name, c.country, c.locale, e.time_zone, a.code AS account,
        f.id AS document_id, f.digest AS document_digest, f.pdf_sha256 IS NOT NULL AS form_drawn,
        CASE WHEN d.handled_version < d.version THEN ({pending}) ELSE 0 END AS pending_minor
    FROM deposit d
    JOIN customer c ON c.id = d.customer_id
    JOIN contracting_entity e ON e.code = d.entity
    JOIN collection_account a ON a.id = d.account_id
    JOIN LATERAL (SELECT * FROM document WHERE deposit_id = d.id ORDER BY version DESC LIMIT 1) f ON true
    WHERE {where}
"""
BY_ID = text(_READ.format(pending=_PENDING, where="d.id = :id"))
BY_WORKFLOW = text(_READ.format(pending=_PENDING, where="d.workflow_id = :workflow_id"))
BY_REQUEST = text(_READ.format(pending=_PENDING, where="c.number = :customer AND d.request_id = :request_id"))

# Where a customer pays an entity a currency on a day: to their newest virtual account, else to its collection account.
_ACCOUNT = """
    SELECT a.id, a.code, a.holder, a.bank_name, a.bank_address, a.bic, a.clearing_code, a.intermediary,
        CASE WHEN v.id IS NULL THEN 'collection' ELSE 'virtual' END AS kind,
        coalesce(v.iban, a.iban) AS iban, coalesce(v.account_number, a.account_number) AS account_number
    FROM collection_account a LEFT JOIN LATERAL (
        SELECT * FROM virtual_account WHERE account_id = a.id AND customer_id = c.id AND stage = 'active'
        ORDER BY id DESC LIMIT 1
    ) v ON true
    WHERE a.entity = e.code AND a.currency = :currency AND (v.id IS NOT NULL OR NOT a.virtual)
        AND daterange(a.valid_from, a.valid_to, '[]') @> (:at AT TIME ZONE e.time_zone)::date
    ORDER BY v.id DESC NULLS LAST, a.valid_from DESC, a.id DESC LIMIT 1
"""

PAY_TO = text(f"""
    SELECT a.*, c.id AS customer_id, e.time_zone FROM customer c JOIN contracting_entity e ON e.code = :entity
    CROSS JOIN LATERAL ({_ACCOUNT}) a WHERE c.id = :customer
""")

# The customer, their entity, the account that takes the currency on that day, and a number for the deposit.
WHOM = text(f"""
    SELECT c.id AS customer_id, c.number AS customer, c.legal_name AS customer_name, c.address AS customer_address,
        c.country, c.currencies, c.locale,
        e.code AS entity, e.legal_name AS entity_name, e.address AS entity_address, e.country AS entity_country,
        e.registration_id, e.tax_id, e.time_zone, e.verify_phone, e.verify_url,
        a.id AS account_id, a.code AS account, a.kind, a.holder, a.bank_name, a.bank_address, a.bic, a.iban,
        a.account_number, a.clearing_code, a.intermediary, nextval('deposit_id_seq') AS id
    FROM customer c JOIN contracting_entity e ON e.code = c.entity
    LEFT JOIN LATERAL ({_ACCOUNT}) a ON :currency = ANY (c.currencies)
    WHERE c.number = :customer
""")

_NOTICE = """
    INSERT INTO notice (key, customer_id, deposit_id, kind, locale, subject, body, attempts, problem)
    SELECT :key, :customer_id, id, :kind, :locale, :subject, :body, 0, '' FROM {source} ON CONFLICT DO NOTHING
"""

# A request id that was used before inserts nothing at all.
INSERT = text(f"""
    WITH new AS (
        INSERT INTO deposit (id, number, reference, customer_id, entity, account_id, request_id, content_hash,
            amount_minor, currency, product, note, stage, credited_minor, late, issued_at, expires_at, decided,
            version, handled_version, workflow_id)
        VALUES (:id, :number, :reference, :customer_id, :entity, :account_id, :request_id, :content_hash,
            :amount_minor, :currency, :product, :note, 'issued', 0, false, :issued_at, :expires_at, '{{}}',
            1, 1, :workflow_id)
        ON CONFLICT DO NOTHING RETURNING id
    ), told AS ({_NOTICE.format(source="new")})
    INSERT INTO document (kind, deposit_id, version, content, digest)
    SELECT 'payment_request', id, 1, :content, :digest FROM new RETURNING id
""")

# Changes hold only against the version that was read: whoever comes second reads again.
_CHANGE = """
    WITH changed AS (
        UPDATE deposit SET {change} WHERE id = :id AND version = :version RETURNING id
    ), told AS (""" + _NOTICE.format(source="changed") + """)
    SELECT count(*) FROM changed
"""  # fmt: skip
# A change that nobody has dealt with yet stays so.
_NEXT = "version = version + 1, handled_version = handled_version + (handled_version = version)::int"
_TOLD = "taken_back_told_minor = taken_back_minor, moved_away_told_minor = moved_away_minor"
HANDLE = text(_CHANGE.format(change=f"handled_version = version, {_TOLD}"))
REMIND = text(_CHANGE.format(change="version = version"))
CLOSE = text(_CHANGE.format(change=f"stage = :stage, decided = :decided, {_NEXT}"))
EXTEND = text(_CHANGE.format(change=f"expires_at = :expires_at, decided = :decided, {_NEXT}"))


def notice(row: RowMapping | dict[str, Any], kind: str, number: int) -> dict[str, Any]:
    """The values of a notice in the customer's language; each number of a kind happens once for a deposit."""

    def money(minor: int) -> str:
        return str(Money(amount_minor=minor, currency=row["currency"]))

    over = row["credited_minor"] - row["amount_minor"]
    facts = {
        "number": row["number"],
        "reference": grouped(row["reference"]),
        "customer": row["customer_name"],
        "wanted": money(row["amount_minor"]),
        "received": money(row["credited_minor"]),
        "pending": money(row["pending_minor"]) if row["pending_minor"] else "",
        "missing": money(max(-over, 0)),
        "over": money(over) if over > 0 else "",
        "taken_back": money(row["taken_back_minor"] - row["taken_back_told_minor"]),
        "moved_away": money(row["moved_away_minor"] - row["moved_away_told_minor"]),
        "expires": last_day(row["expires_at"], row["time_zone"]).isoformat(),
    }
    subject, body = notice_text(kind, row["locale"], facts)
    key = f"deposit:{row['id']}:{kind}:{number}"
    values = {"key": key, "kind": kind, "subject": subject, "body": body}
    return values | {"customer_id": row["customer_id"], "locale": row["locale"]}


def change(
    connection: Connection, row: RowMapping, statement: Any, kind: str, number: int, **values: Any
) -> bool:
    """Change a deposit as it was read and tell the customer; False when somebody else changed it meanwhile."""
    told = notice({**row, **values}, kind, number)
    given = {"id": row["id"], "version": row["version"], **values, **told}
    return bool(connection.execute(statement, given).scalar_one())


def state(row: RowMapping | dict[str, Any], settings: Settings, at: datetime) -> DepositState:
    """What the workflow learns of the row."""
    reminders = reminder_times(
        row["issued_at"], settings.reminder_business_days, row["country"], row["time_zone"]
    )
    known = {name: row[name] for name in DepositState.model_fields if name in row}
    return DepositState(
        **known, deposit=row["id"], reminders=reminders, draw_form=settings.forms == "on", as_of=at
    )


def last_day(expires_at: datetime, time_zone: str) -> Any:
    """The last day on which the form can be paid in time, in the entity's time zone."""
    return (expires_at - timedelta(seconds=1)).astimezone(ZoneInfo(time_zone)).date()


def form(whom: RowMapping, deposit: dict[str, Any]) -> PaymentRequestForm:
    """Everything the form prints, as it is when the form is issued."""
    zone = ZoneInfo(whom["time_zone"])
    return PaymentRequestForm(
        number=deposit["number"],
        version=1,
        issued_on=deposit["issued_at"].astimezone(zone).date(),
        expires_on=last_day(deposit["expires_at"], whom["time_zone"]),
        issuer=Issuer(
            legal_name=whom["entity_name"],
            address=tuple(whom["entity_address"]),
            country=whom["entity_country"],
            registration_id=whom["registration_id"],
            tax_id=whom["tax_id"],
            verify_phone=whom["verify_phone"],
            verify_url=whom["verify_url"],
        ),
        customer=FormCustomer(
            number=whom["customer"],
            legal_name=whom["customer_name"],
            address=tuple(whom["customer_address"]),
            country=whom["country"],
        ),
        amount_minor=deposit["amount_minor"],
        currency=deposit["currency"],
        product=deposit["product"],
        note=deposit["note"],
        pay_to=pay_to(whom),
        reference=deposit["reference"],
        locale=whom["locale"],
    )


def pay_to(account: RowMapping) -> PayToAccount:
    """The account as the form prints it."""
    return PayToAccount(**{name: account[name] for name in PayToAccount.model_fields})
