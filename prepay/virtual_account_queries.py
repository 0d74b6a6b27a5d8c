"""What the client asks about virtual accounts, and how an application is written down: a role that writes does that."""

from typing import Any

from prepay.ids import virtual_account_workflow_id
from prepay.virtual_accounts import VirtualAccountRequest

# Everything in one statement: an application, the doorbell of its workflow, and what says why there is none.
APPLY = """
    WITH whom AS (
        SELECT id, entity, %(currency)s = ANY (currencies) AS pays,
            %(replaces)s::bigint IS NULL OR EXISTS (SELECT FROM virtual_account WHERE id = %(replaces)s) AS replaceable
        FROM customer WHERE number = %(customer)s
    ), new AS (
        INSERT INTO virtual_account_application
            (customer_id, entity, currency, request_id, applied_by, note, replaces_id)
        SELECT id, entity, %(currency)s, %(request_id)s, %(by)s, %(note)s, %(replaces)s::bigint
        FROM whom WHERE pays AND replaceable ON CONFLICT DO NOTHING RETURNING id
    ), rung AS (
        INSERT INTO outbox (workflow_id, version) SELECT 'virtual-account-' || id, 1 FROM new
    )
    SELECT pays, replaceable, new.id AS new, known.id AS known, open.id AS open,
        (known.currency, known.note, known.replaces_id) IS NOT DISTINCT FROM
            (%(currency)s::text, %(note)s::text, %(replaces)s::bigint) AS same
    FROM whom LEFT JOIN new ON true
    LEFT JOIN virtual_account_application known ON known.customer_id = whom.id AND known.request_id = %(request_id)s
    LEFT JOIN virtual_account_application open ON open.customer_id = whom.id AND open.entity = whom.entity
        AND open.currency = %(currency)s AND open.stage IN ('submitted', 'in_review', 'approved')
"""

APPLICATIONS = """
    SELECT p.id AS application, c.number AS customer, p.entity, p.currency, p.stage,
        coalesce(p.closed_reason, p.why) AS why, p.submitted_at, v.id AS virtual_account, coalesce(v.iban, '') AS iban,
        coalesce(v.account_number, '') AS account_number, v.valid_from, v.valid_to, v.replaced_by
    FROM virtual_account_application p JOIN customer c ON c.id = p.customer_id
    LEFT JOIN virtual_account v ON v.id = p.virtual_account_id
    WHERE (%(application)s::bigint IS NULL OR p.id = %(application)s)
        AND (%(customer)s::text IS NULL OR c.number = %(customer)s)
        AND (%(stage)s::text IS NULL OR p.stage = %(stage)s)
    ORDER BY p.id DESC LIMIT %(limit)s
"""


def why_not(row: dict[str, Any] | None, given: VirtualAccountRequest) -> str:
    """Why `APPLY` has written nothing down; nothing where it has, or had before with the same content."""
    if row is None:
        return f"There is no customer {given.customer}; `prepay customer list` lists them."
    if row["new"] is not None or row["same"]:
        return ""
    if row["known"] is not None:
        return (
            f"The request id {given.request_id!r} of customer {given.customer} was used with other content before "
            f"(application {row['known']}). Send a new request id."
        )
    if not row["pays"]:
        return f"Customer {given.customer} has no balance in {given.currency}."
    if not row["replaceable"]:
        return f"There is no virtual account {given.replaces}; `prepay virtual-account list` lists them."
    if row["open"] is None:
        return "Somebody else applied at the same moment. Send the same request again."
    return (
        f"Customer {given.customer} has applied for a virtual account in {given.currency} already: "
        f"{virtual_account_workflow_id(row['open'])} must be decided first."
    )
