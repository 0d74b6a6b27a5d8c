"""Whose the money of booked parts is: set-based, each decision stored with its reason in words.

The statements run on the parts in `posting`, in the caller's transaction. In this order: what reverses an earlier
booking, and what came back of ours; a virtual account, which tells the customer; the payment reference, in a structured
field and then in free text; what the bank books for itself; a payer whom operators have linked; else the money is
unapplied. A match can still wait: for a missing statement of the account, or for a person where the payer is not known
to be the customer's.
"""

from rules.entry_kinds import Kind

# What the bank's code says, in words.
_WHAT = " ".join(f"WHEN '{kind}' THEN '{kind.words.replace(chr(39), chr(39) * 2)}'" for kind in Kind)
_BY_ITS_CODE = f"'by the bank''s code it is ' || CASE {{house}} {_WHAT} END"

_DEBITS = f"""
    UPDATE bank_entry_part p SET
        state = CASE WHEN p.answers_id IS NOT NULL THEN 'reversed' ELSE 'house' END,
        house = CASE WHEN p.answers_id IS NOT NULL THEN '' ELSE coalesce(nullif(p.house, ''), 'unexplained') END,
        reason = CASE
            WHEN p.answers_id IS NOT NULL THEN 'it takes back entry ' || o.entry_id
            WHEN e.reversal THEN 'the bank takes something back, and which booking that is must be found by a person'
            WHEN p.house <> '' THEN {_BY_ITS_CODE.format(house="p.house")}
            ELSE 'a debit that nobody has explained yet'
        END
    FROM bank_entry_part r JOIN bank_entry e ON e.id = r.entry_id
    LEFT JOIN bank_entry_part o ON o.id = r.answers_id
    WHERE r.id = ANY (ARRAY(SELECT id FROM posting)) AND p.id = r.id AND p.direction = 'debit'
"""

COMPARED_NAME = "btrim(regexp_replace(upper(normalize({name}, NFKC)), '[^[:alnum:]]+', ' ', 'g'))"
"""A name as the screening list compares it: in capitals, letters and digits with single spaces."""
_NAME = COMPARED_NAME.format(name="p.payer_name")

# What is not simply new money of a payer's.
_ODD = "reversal OR twin OR typed_id IS NOT NULL OR return_reason <> '' OR taken_back_by IS NOT NULL"

_SAME_REFERENCE = """e.bank_reference <> '' AND other.account_id = e.account_id
                    AND other.bank_reference = e.bank_reference AND other.id <> e.id"""
# How much of a bank's reference an MT940 tells.
_CUT_OFF = 16
# The formats that have told of an entry.
_KINDS = """ARRAY(
    SELECT s.kind FROM bank_sighting g JOIN bank_statement s ON (s.file_id, s.position) = (g.file_id, g.statement)
    WHERE g.entry_id = {entry}
)"""

# The same sum for the same customer on the same day, by other words, where no reference says anything against it.
_ALIKE = """(e.whose, e.amount_minor, e.account_id) = (p.owner_id, p.amount_minor, p.account_id)
            AND e.id <> p.entry_id AND (e.credited OR e.id < p.entry_id) AND e.digest <> p.digest
            AND (e.booked_on = p.booked_on OR e.value_on = p.value_on)
            AND ('{}' IN (e.names, p.names) OR e.names && p.names)"""
# Asked one by one, each finds its few among thousands of equal payments.
_BY_BANK = (
    f"""left(e.bank_reference, {_CUT_OFF}) = left(p.of_entry, {_CUT_OFF}) AND (e.bank_reference = p.of_entry
            OR least(length(e.bank_reference), length(p.of_entry)) <= {_CUT_OFF})""",
    "e.bank_reference = '' AND p.of_entry <> ''",
    "p.of_entry = '' AND e.bank_reference <> ''",
)
_ANY_ALIKE = " UNION ALL ".join(
    f"SELECT id FROM paying p WHERE EXISTS (SELECT FROM earlier e WHERE {_ALIKE} AND {by})" for by in _BY_BANK
)

# A virtual account tells the customer, and a reference then only which of their deposits; where the two contradict each
# other, and where the account is closed or nobody's, a person decides. It is the account that a transfer was sent to,
# or the statement's own where the bank tells each customer's money apart.
# Structured references count before those in free text. References of several customers credit nobody, and nor does
# what looks like money that was posted before: the same reference of the bank and amount with another value date, what
# people told for a line that could not be read, or what only another format told of, where one of the two leaves the
# bank's reference out or cuts it off (not money that is equal in all: whoever counted it told of both).
# `OFFSET 0` keeps a step a step: else PostgreSQL puts its subqueries anew wherever a later one names its columns. What
# seldom exists at all is asked for once.
_DECIDE = f"""
    WITH known AS MATERIALIZED (
        SELECT EXISTS (SELECT FROM payer_pause WHERE ended_at IS NULL) AS any_pause,
            EXISTS (SELECT FROM payer_link WHERE ended_at IS NULL) AS any_link,
            EXISTS (SELECT FROM screening_subject WHERE ended_at IS NULL) AS any_subject,
            EXISTS (SELECT FROM money_freeze WHERE ended_at IS NULL) AS any_freeze
    ), typed AS MATERIALIZED (
        SELECT hand.* FROM bank_quarantine q JOIN bank_resolution r ON r.id = q.resolution_id
        JOIN bank_entry hand ON hand.id = q.entry_id
        WHERE q.entry_id IS NOT NULL AND r.facts ->> 'entry' IS NULL
    ), target AS (
        SELECT p.id, p.identity_key, p.amount_minor, p.currency, p.structured_references, p.text_references, p.house,
            p.payer_account, p.return_reason, p.charges_minor, p.answers_id, p.entry_id, e.account_id,
            p.state = 'shown' AND p.receipt_of IS NULL AS fresh, e.booked_on,
            e.value_on, e.bank_reference AS of_entry, e.entity, e.reversal, a.gap_statement_id, v.holder, v.holder_id,
            v.trouble, p.credited_account <> '' AND v.holder_id IS NOT NULL AS sent_on,
            coalesce((n.short_tolerance ->> p.currency)::bigint, 0) AS tolerance_minor,
            CASE p.payer_account WHEN '' THEN n.missing_payer_policy ELSE n.payer_policy END AS policy,
            p.payer_account <> '' AND (SELECT any_pause FROM known) AND EXISTS (
                SELECT FROM payer_pause s
                WHERE s.entity = e.entity AND s.payer_account = p.payer_account AND s.ended_at IS NULL
            ) AS paused,
            CASE WHEN (SELECT any_link FROM known) THEN (
                SELECT l.customer_id FROM payer_link l JOIN customer c ON c.id = l.customer_id
                JOIN ledger_account b ON b.code = 'customer:' || c.number || ':' || e.entity || ':' || p.currency
                WHERE l.entity = e.entity AND l.payer_account = p.payer_account AND l.ended_at IS NULL
            ) END AS linked_id,
            CASE WHEN (SELECT any_subject FROM known) THEN (
                SELECT min(s.verdict) FROM screening_subject s
                WHERE s.ended_at IS NULL
                    AND (s.kind, s.value) IN (('account', p.payer_account), ('name', {_NAME}))
                    AND NOT EXISTS (SELECT FROM money_freeze f WHERE f.part_id = p.id AND f.ended_at IS NOT NULL)
            ) END AS screened,
            (SELECT any_freeze FROM known)
                AND EXISTS (SELECT FROM money_freeze f WHERE f.part_id = p.id AND f.ended_at IS NULL) AS frozen,
            (p.house <> '' OR p.answers_id IS NOT NULL) AND (p.receipt_of IS NOT NULL OR EXISTS (
                SELECT FROM ledger_transfer r WHERE r.key = 'receipt:' || p.identity_key AND r.leg = 0
            )) AS received,
            -- Other entries with the bank's reference of this one, by their indexes: banks may use one again and again.
            (
                SELECT min(other.id) FROM bank_entry other
                WHERE {_SAME_REFERENCE} AND other.reversal AND EXISTS (
                    SELECT FROM bank_entry_part taken
                    WHERE taken.entry_id = other.id AND taken.state = 'house' AND taken.direction = 'debit'
                        AND taken.answers_id IS NULL AND taken.amount_minor = p.amount_minor
                        AND taken.currency = p.currency
                )
            ) AS taken_back_by,
            EXISTS (
                SELECT FROM bank_entry other
                WHERE {_SAME_REFERENCE} AND other.amount_minor = e.amount_minor AND other.direction = e.direction
                    AND other.value_on BETWEEN e.value_on - 10 AND e.value_on + 10 AND other.value_on <> e.value_on
                    AND other.status = 'BOOK'
                    AND EXISTS (SELECT FROM bank_entry_part t WHERE t.entry_id = other.id AND t.state <> 'shown')
            ) AS twin,
            (
                SELECT min(hand.id) FROM typed hand
                -- Of what was kept ahead or only shown nobody was asked, though its number may be lower.
                WHERE hand.account_id = e.account_id AND (hand.id < e.id OR p.state = 'shown' AND hand.id <> e.id)
                  AND hand.amount_minor = e.amount_minor
                  AND hand.currency = e.currency AND hand.direction = e.direction
                  AND (hand.booked_on = e.booked_on OR hand.value_on = e.value_on)
                  AND NOT EXISTS (
                    SELECT FROM bank_sighting own JOIN bank_sighting its ON its.file_id = own.file_id
                    WHERE own.entry_id = hand.id AND its.entry_id = e.id
                  )
            ) AS typed_id
        FROM bank_entry_part p JOIN bank_entry e ON e.id = p.entry_id
        JOIN collection_account a ON a.id = e.account_id JOIN contracting_entity n ON n.code = e.entity
        LEFT JOIN LATERAL (
            SELECT c.id AS holder_id, c.number AS holder, CASE
                    WHEN v.stage = 'free' THEN 'it was sent to a virtual account that is nobody''s yet'
                    WHEN v.stage = 'closed' THEN 'it was sent to a closed virtual account of ' || c.number
                    WHEN va.entity <> e.entity THEN 'it was sent to a virtual account of ' || c.number
                        || ' with another of our entities'
                    WHEN b.id IS NULL THEN 'it was sent to the virtual account of ' || c.number
                        || ', who has no balance in ' || p.currency
                END AS trouble
            FROM virtual_account v JOIN collection_account va ON va.id = v.account_id
            LEFT JOIN customer c ON c.id = v.customer_id
            LEFT JOIN ledger_account b
                ON b.code = 'customer:' || c.number || ':' || e.entity || ':' || p.currency
            WHERE v.bank_number = CASE
                WHEN p.credited_account <> '' THEN p.credited_account WHEN a.virtual THEN a.bank_number END
        ) v ON true
        WHERE p.id = ANY (ARRAY(SELECT id FROM posting EXCEPT SELECT id FROM decision)) AND p.direction = 'credit'
        OFFSET 0
    ), named AS (
        SELECT t.*, h.*, min(h.customer_id) OVER all_of_it <> max(h.customer_id) OVER all_of_it AS of_several,
            count(*) FILTER (WHERE h.fits AND h.open) OVER same AS deposits
        FROM target t LEFT JOIN LATERAL (
            SELECT r.place, d.id AS deposit_id, d.number, d.customer_id, d.currency AS other_currency,
                d.amount_minor - d.credited_minor - t.amount_minor AS short_minor,
                d.currency = t.currency AND d.entity = t.entity AS fits, d.stage IN ('issued', 'part_paid') AS open,
                d.credited_minor > 0 AS paid
            FROM (
                SELECT 1 AS place, unnest(t.structured_references) AS reference
                UNION ALL SELECT 2, unnest(t.text_references)
            ) r JOIN deposit d ON d.reference = r.reference
        ) h ON true
        -- In the order of the best, so that all is sorted once.
        WINDOW all_of_it AS (
            PARTITION BY t.id ORDER BY h.place, h.fits DESC, h.open DESC, h.deposit_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        ), same AS (
            PARTITION BY t.id, h.place ORDER BY h.fits DESC, h.open DESC, h.deposit_id
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
    ), best AS (
        SELECT DISTINCT ON (id) *, (fits OR of_several OR customer_id IS DISTINCT FROM holder_id) IS TRUE AS counts
        FROM named ORDER BY id, place, fits DESC, open DESC, deposit_id
    ), payment AS MATERIALIZED (
        SELECT t.id, t.identity_key, t.amount_minor, t.currency, t.house, t.payer_account, t.return_reason,
            t.charges_minor, t.answers_id, t.entry_id, t.account_id, t.booked_on, t.value_on, t.of_entry,
            t.entity, t.reversal, t.gap_statement_id, t.holder, t.holder_id, t.trouble, t.sent_on, t.tolerance_minor,
            t.policy, t.fresh, t.paused, t.linked_id, t.screened, t.frozen, t.received, t.taken_back_by, t.twin,
            t.typed_id, t.structured_references || t.text_references AS names, b.*,
            coalesce(b.customer_id, t.holder_id, t.linked_id) AS owner_id,
            t.holder_id <> b.customer_id AS contradicts,
            row_number() OVER (
                PARTITION BY t.amount_minor, coalesce(t.holder_id, t.linked_id), b.place IS NULL AND NOT ({_ODD}),
                    t.entity, t.currency ORDER BY t.id
            ) - 1 AS equals_before
        FROM best t LEFT JOIN LATERAL (
            -- The customer is known without a reference of theirs that is paid elsewhere.
            SELECT t.place, t.deposit_id, t.number, t.customer_id, t.other_currency, t.short_minor, t.fits, t.open,
                t.paid, t.of_several, t.deposits
            WHERE t.counts
        ) b ON true
    ), shared AS MATERIALIZED (
        SELECT deposit_id FROM (SELECT deposit_id FROM payment UNION ALL SELECT deposit_id FROM decision) d
        GROUP BY 1 HAVING count(*) > 1
    ), paying AS MATERIALIZED (
        SELECT *, split_part(identity_key, '.', 1) AS digest FROM payment WHERE owner_id IS NOT NULL
    ), earlier AS MATERIALIZED (
        -- Read once for all: a customer may have thousands of credits of a sum. Where they were moved to counts, too.
        SELECT c.whose, o.amount_minor, split_part(o.identity_key, '.', 1) AS digest, e.id, e.account_id, e.booked_on,
            e.value_on, e.bank_reference, o.structured_references || o.text_references AS names, true AS credited
        FROM (
            SELECT customer_id AS whose, part_id FROM credit
            WHERE deposit_id = ANY (ARRAY(SELECT deposit_id FROM paying WHERE paid))
            UNION ALL
            -- What was missing within the tolerance was credited too.
            SELECT theirs.customer_id, theirs.part_id FROM (
                SELECT owner_id, amount_minor, max(tolerance_minor) AS tolerance_minor FROM paying GROUP BY 1, 2
            ) p CROSS JOIN LATERAL (
                SELECT customer_id, part_id FROM credit WHERE customer_id = p.owner_id
                    AND amount_minor BETWEEN p.amount_minor AND p.amount_minor + p.tolerance_minor OFFSET 0
            ) theirs
            UNION ALL
            SELECT customer_id, part_id FROM credit WHERE position > 0 AND customer_id IN (SELECT owner_id FROM paying)
            UNION ALL
            SELECT m.from_customer_id, moved.part_id FROM credit_move m JOIN credit moved ON moved.id = m.credit_id
            WHERE m.stage = 'applied' AND m.from_customer_id IN (SELECT owner_id FROM paying)
        ) c JOIN bank_entry_part o ON o.id = c.part_id JOIN bank_entry e ON e.id = o.entry_id
        WHERE o.amount_minor IN (SELECT amount_minor FROM paying)
            AND (e.booked_on IN (SELECT booked_on FROM paying) OR e.value_on IN (SELECT value_on FROM paying))
        UNION ALL
        -- And what waited with it, of which another format told.
        SELECT owner_id, amount_minor, digest, entry_id, account_id, booked_on, value_on, of_entry, names, false
        FROM paying
    ), alike AS MATERIALIZED (
        SELECT *, {_KINDS.format(entry="p.entry_id")} AS kinds FROM paying p WHERE id IN ({_ANY_ALIKE})
    ), otherwise AS MATERIALIZED (
        -- Of what was told before, what any of these was not: mostly nothing, which is known before each is compared.
        SELECT * FROM (
            SELECT *, {_KINDS.format(entry="earlier.id")} AS kinds FROM earlier
            WHERE whose IN (SELECT owner_id FROM alike) OFFSET 0
        ) e WHERE EXISTS (SELECT FROM (SELECT DISTINCT kinds FROM alike) a WHERE NOT a.kinds && e.kinds)
    ), told AS MATERIALIZED (
        SELECT p.id, min(e.id) AS told_otherwise_id
        FROM alike p JOIN otherwise e ON {_ALIKE} AND ({" OR ".join(_BY_BANK)})
        WHERE NOT e.kinds && p.kinds
        GROUP BY p.id
    ), destined AS (
        SELECT p.*, told.told_otherwise_id, d.* FROM payment p LEFT JOIN told ON told.id = p.id CROSS JOIN LATERAL (
            SELECT
                (SELECT any_freeze FROM known) AND EXISTS (
                    SELECT FROM money_freeze f WHERE f.customer_id = p.owner_id AND f.ended_at IS NULL
                ) AS owner_frozen,
                coalesce(deposit_id, CASE WHEN place IS NULL THEN (
                    SELECT id FROM (
                        -- Of a customer with many deposits, only those that their indexes tell are read.
                        SELECT d.id FROM deposit d
                        WHERE d.entity = p.entity AND d.currency = p.currency AND d.amount_minor = p.amount_minor
                            AND d.customer_id = p.owner_id AND d.live AND d.stage = 'issued'
                        UNION ALL
                        SELECT d.id FROM deposit d
                        WHERE d.entity = p.entity AND d.currency = p.currency AND d.rest_minor = p.amount_minor
                            AND d.customer_id = p.owner_id
                        OFFSET 0
                    ) awaited ORDER BY id LIMIT 1 OFFSET equals_before
                ) END) AS for_deposit_id
            OFFSET 0
        ) d
    ), decided AS (
        SELECT p.*, d.* FROM destined p CROSS JOIN LATERAL (
            SELECT policy = 'flag' AND linked_id IS DISTINCT FROM owner_id AS unknown_payer, CASE
                    WHEN answers_id IS NOT NULL AND NOT received THEN 'house'
                    WHEN screened IS NOT NULL OR frozen OR owner_frozen THEN 'screening'
                    WHEN {_ODD} OR told_otherwise_id IS NOT NULL THEN 'unapplied'
                    WHEN place IS NULL AND NOT sent_on AND house <> '' AND NOT received THEN 'house'
                    WHEN owner_id IS NULL OR trouble <> '' OR contradicts OR of_several OR NOT fits THEN 'unapplied'
                    WHEN paused OR (policy = 'hold' AND linked_id IS DISTINCT FROM owner_id) THEN 'payer'
                    WHEN gap_statement_id IS NOT NULL THEN 'statement'
                    ELSE 'credited'
                END AS outcome,
                CASE
                    WHEN answers_id IS NOT NULL AND NOT received THEN 'it takes back a booking of the bank''s own'
                    WHEN reversal THEN 'the bank marks it as a reversal'
                    WHEN twin THEN 'the same bank reference and amount was posted before, with another value date'
                    WHEN typed_id IS NOT NULL THEN 'it may be the money of entry ' || typed_id
                        || ', which people told for a line that could not be read'
                    WHEN taken_back_by IS NOT NULL THEN 'the bank took such money back before it came (entry '
                        || taken_back_by || '), and a person decides'
                    WHEN return_reason <> '' THEN 'a payment of ours that came back (' || return_reason || ')'
                    WHEN told_otherwise_id IS NOT NULL THEN 'it may be the money of entry ' || told_otherwise_id
                        || ', of which another format told with another reference of the bank'
                    WHEN place IS NULL AND NOT sent_on AND house <> '' AND NOT received
                        THEN {_BY_ITS_CODE.format(house="house")}
                    WHEN trouble <> '' THEN trouble || ', and a person decides'
                    WHEN owner_id IS NULL THEN 'no payment reference of ours was found'
                    WHEN contradicts THEN 'it was sent to the virtual account of ' || holder
                        || ', and its reference is that of ' || number || ' of another customer'
                    WHEN place IS NULL AND holder_id IS NOT NULL AND for_deposit_id IS NULL
                        THEN 'it was sent to the virtual account of ' || holder || '; without a deposit'
                    WHEN place IS NULL AND holder_id IS NOT NULL
                        THEN 'it was sent to the virtual account of ' || holder
                            || '; for the oldest open deposit of this amount'
                    WHEN place IS NULL AND for_deposit_id IS NULL
                        THEN 'operators have linked its payer to the customer; without a deposit'
                    WHEN place IS NULL THEN 'operators have linked its payer to the customer; '
                        || 'for the oldest open deposit of this amount'
                    WHEN of_several THEN 'its references belong to several customers'
                    WHEN NOT fits THEN 'its reference is that of ' || number || ', which is paid elsewhere or in '
                        || other_currency
                    WHEN deposits > 1 THEN 'its references are those of ' || deposits || ' deposits of one customer'
                    WHEN place = 1 THEN 'its structured reference is that of ' || number
                    ELSE 'the reference in its text is that of ' || number
                END AS found,
                CASE WHEN open AND deposits = 1 AND short_minor BETWEEN 1 AND tolerance_minor
                        AND deposit_id NOT IN (SELECT deposit_id FROM shared WHERE deposit_id IS NOT NULL)
                    THEN short_minor ELSE 0 END AS short_within_minor
            OFFSET 0
        ) d
    )
    INSERT INTO decision (id, identity_key, account_id, entity, currency, booked_on, value_on, state, awaits, house,
        flagged, absorbed_minor, credit_minor, customer_id, deposit_id, deposit, several, whole, screened, reason)
    SELECT id, identity_key, account_id, entity, currency, booked_on, value_on,
        CASE WHEN outcome IN ('payer', 'statement', 'screening') THEN 'unapplied' ELSE outcome END,
        CASE WHEN outcome IN ('payer', 'statement', 'screening') THEN outcome ELSE '' END,
        CASE WHEN outcome = 'house' AND answers_id IS NOT NULL
            THEN (SELECT o.house FROM bank_entry_part o WHERE o.id = decided.answers_id) ELSE house END,
        outcome = 'credited' AND unknown_payer,
        CASE WHEN outcome = 'credited' THEN short_within_minor ELSE 0 END,
        CASE WHEN outcome = 'credited' THEN amount_minor + short_within_minor ELSE 0 END,
        owner_id, for_deposit_id, CASE WHEN deposit_id IS NOT NULL THEN number END, (deposits > 1) IS TRUE,
        fresh AND outcome = 'credited' AND short_within_minor = 0 AND (deposits > 1) IS NOT TRUE, screened,
        found || CASE
            WHEN outcome = 'payer' AND paused THEN '; automatic matching of this payer pauses'
            WHEN outcome = 'payer' AND payer_account = '' THEN '; the bank does not say who paid, and a person decides'
            WHEN outcome = 'payer' THEN '; the payer is not known to be the customer''s, and a person decides'
            WHEN screened = 'hit' THEN '; its payer is on the screening list, and it is frozen'
            WHEN screened = 'pending' THEN '; its payer is being screened, and it is frozen meanwhile'
            WHEN frozen THEN '; it is frozen until two people release it'
            WHEN outcome = 'screening' THEN '; the customer is frozen'
            WHEN outcome = 'statement' THEN '; it waits for a missing statement of the account'
            WHEN outcome <> 'credited' THEN ''
            WHEN unknown_payer AND payer_account = '' THEN '; the bank does not say who paid'
            WHEN unknown_payer THEN '; the payer is not known to be the customer''s'
            WHEN short_within_minor > 0 THEN '; what was missing is taken as a fee of banks'
            WHEN short_minor > 0 AND charges_minor > 0
                THEN '; less came than was asked for, and banks took charges on the way'
            ELSE ''
        END
    FROM decided
"""

MATCH = (_DEBITS, _DECIDE)
"""Decide about every part in `posting` that nothing has been decided about."""
