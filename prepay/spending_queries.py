"""What the client asks and tells the database about spending. What posts needs the application's role."""

# The customer's contracting entity decides which balance pays. One statement, one round trip.
PAY_ORDERS = """
    SELECT transfer_id, replayed, state, message, detail FROM ledger_pay_orders(%(keys)s::text[], %(customers)s::text[],
        %(currencies)s::text[], %(amounts)s::bigint[], %(products)s::text[]) ORDER BY n
"""
AUTHORISE_ORDER = """
    SELECT p.* FROM customer c, LATERAL ledger_hold(%(key)s::text, c.number, c.entity, %(currency)s::text,
        %(amount_minor)s::bigint, %(expires_at)s::timestamptz, NULL::date, %(product)s::text) p
    WHERE c.number = %(customer)s
"""
CAPTURE_ORDER = """
    SELECT * FROM ledger_capture(%(key)s::text, %(order_key)s::text, %(amount_minor)s::bigint, %(final)s::boolean,
        NULL::date, %(product)s::text)
"""
VOID_ORDER = "SELECT * FROM ledger_void(%(key)s::text, %(order_key)s::text, NULL::date, %(product)s::text)"
REFUND_ORDER = """
    SELECT * FROM ledger_refund_order(%(key)s::text, %(order_key)s::text, %(amount_minor)s::bigint, NULL::date,
        %(product)s::text)
"""

# Which lots a spending rests on now, with the deposit of each and what that was meant for.
_LOTS = """
    coalesce((
        SELECT jsonb_agg(jsonb_build_object('deposit', l.deposit, 'intended', d.product, 'amount_minor', l.amount_minor)
            ORDER BY l.lot_id)
        FROM (
            SELECT u.lot_id, t.deposit, sum(u.amount_minor)::bigint AS amount_minor
            FROM ledger_lot_use u JOIN ledger_transfer t ON t.id = u.lot_id
            WHERE u.use_id = ANY ({uses}) GROUP BY u.lot_id, t.deposit
        ) l LEFT JOIN deposit d ON d.number = l.deposit
    ), '[]') AS lots
"""

ORDER = f"""
    SELECT substr(o.key, 7) AS order, a.holder AS customer, a.entity, o.cause AS product, a.currency, o.amount_minor,
        coalesce(w.remaining_minor, 0) AS open_minor, s.spent_minor, s.refunded_minor, o.created_at, o.expires_at,
        CASE
            WHEN s.spent_minor > 0 AND s.refunded_minor = s.spent_minor AND w.id IS NULL THEN 'refunded'
            WHEN s.refunded_minor > 0 THEN 'part_refunded'
            WHEN o.kind = 'pay' THEN 'paid'
            WHEN s.spent_minor > 0 THEN CASE WHEN w.id IS NULL THEN 'captured' ELSE 'part_captured' END
            WHEN w.id IS NOT NULL AND o.expires_at > now() THEN 'authorised'
            WHEN w.id IS NOT NULL OR v.kind = 'expiry' THEN 'expired'
            ELSE 'voided'
        END AS stage,
        {_LOTS.format(uses="s.uses")}
    FROM ledger_transfer o
    JOIN ledger_account a ON a.id = o.debit_account_id
    LEFT JOIN ledger_pending w ON w.id = o.id
    LEFT JOIN ledger_transfer v ON v.pending_id = o.id AND v.phase = 'void' AND v.closes
    CROSS JOIN LATERAL (
        SELECT array_agg(p.id) AS uses, coalesce(sum(p.amount_minor), 0)::bigint AS spent_minor, coalesce(sum((
            SELECT sum(r.amount_minor) FROM ledger_transfer r WHERE r.about_id = p.id AND r.kind = 'order-refund'
        )), 0)::bigint AS refunded_minor
        FROM ledger_transfer p
        WHERE CASE o.kind WHEN 'pay' THEN p.id = o.id ELSE p.pending_id = o.id AND p.kind = 'capture' END
    ) s
    WHERE o.key = %(key)s AND o.leg = 0 AND o.kind IN ('pay', 'hold')
"""

ISSUE_BILL = """
    SELECT * FROM ledger_issue_bill(%(bill)s::text, %(customer)s::text, %(currency)s::text, %(due_on)s::date,
        %(period)s::text, %(products)s::text[], %(amounts)s::bigint[])
"""
PAY_BILL = "SELECT * FROM ledger_pay_bill(%(key)s::text, %(bill)s::text, %(amount_minor)s::bigint)"

BILLS = f"""
    SELECT b.number AS bill, c.number AS customer, b.entity, b.currency, b.amount_minor, b.paid_minor, b.due_on,
        b.period, b.stage, b.overdue, b.issued_at, b.voided_reason,
        (
            SELECT jsonb_agg(jsonb_build_object('product', product, 'amount_minor', amount_minor,
                'paid_minor', paid_minor) ORDER BY position) FROM bill_line WHERE bill_id = b.id
        ) AS lines,
        {_LOTS.format(uses="ARRAY(SELECT transfer_id FROM bill_payment WHERE bill_id = b.id)")}
    FROM bill b JOIN customer c ON c.id = b.customer_id WHERE {{which}}
"""
BILL = BILLS.format(which="b.number = %(bill)s")
BILLS_OF = BILLS.format(
    which="""(%(customer)s::text IS NULL OR c.number = %(customer)s)
        AND (%(stage)s::text IS NULL OR b.stage = %(stage)s) AND (NOT %(overdue)s OR b.overdue)
        ORDER BY b.id DESC LIMIT %(limit)s"""
)

REPORT_USAGE = """
    SELECT * FROM ledger_report_usage(%(report)s::text, %(customer)s::text, %(currency)s::text, %(product)s::text,
        %(period)s::text, %(amount_minor)s::bigint)
"""

# A bill of a period bills all usage of that period; once it is void, the usage counts again.
UNBILLED = """
    SELECT DISTINCT ON (u.customer_id, u.entity, u.currency, u.period, u.product) u.*
    FROM usage_report u
    WHERE NOT EXISTS (
        SELECT FROM bill b WHERE b.customer_id = u.customer_id AND b.entity = u.entity AND b.currency = u.currency
            AND b.period = u.period AND b.period <> '' AND b.stage <> 'void'
    ) AND {which}
    ORDER BY u.customer_id, u.entity, u.currency, u.period, u.product, u.id DESC
"""
"""Usage that counts: `{which}` chooses among the reports `u`."""

USAGE = f"""
    SELECT report_id AS report, entity, currency, product, period, amount_minor, created_at FROM (
        {UNBILLED.format(which="u.customer_id = (SELECT id FROM customer WHERE number = %(customer)s)")}
    ) newest WHERE amount_minor > 0
"""

CHANGE_INTENDED_USE = (
    "SELECT * FROM ledger_change_intended_use(%(request_id)s::text, %(deposit)s::text, %(product)s::text)"
)
DEPOSIT_EXISTS = "SELECT 1 AS one FROM deposit WHERE number = %(deposit)s"
INTENDED_USES = """
    SELECT i.product, i.was, i.created_at FROM intended_use i JOIN deposit d ON d.id = i.deposit_id
    WHERE d.number = %(deposit)s ORDER BY i.id
"""

SET_LOW_BALANCE = """
    INSERT INTO low_balance (customer_id, currency, threshold_minor)
    SELECT id, %(currency)s, %(threshold_minor)s FROM customer
    WHERE number = %(customer)s AND %(currency)s = ANY (currencies)
    ON CONFLICT (customer_id, currency) DO UPDATE SET threshold_minor = excluded.threshold_minor, changed_at = now()
    RETURNING 1 AS done
"""
NO_LOW_BALANCE = """
    DELETE FROM low_balance WHERE currency = %(currency)s
        AND customer_id = (SELECT id FROM customer WHERE number = %(customer)s)
"""
