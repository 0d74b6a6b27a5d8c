"""Which money is which: pages counted together, lump sums and their details, what was shown in another grouping.

The statements run on what `bank_posting` has staged, in its transaction and its order, and look up by arrays as there.
"""

# A reader counts equal money on its page; here it is counted on all pages of the statement, in the order they come.
_LOCK_PAGES = """
    SELECT id FROM bank_statement WHERE id IN (SELECT pages_of FROM incoming_entry) ORDER BY id FOR NO KEY UPDATE
"""

_COUNT_PAGES = """
    WITH incoming AS (
        SELECT pages_of, split_part(key, '.', 1) AS digest, page, split_part(key, '.', 2)::bigint AS on_page
        FROM (SELECT pages_of, page, key FROM incoming_entry UNION SELECT pages_of, page, key FROM incoming_part) i
        WHERE pages_of IS NOT NULL
    ), known AS (
        SELECT pages_of, digest, count(*) AS count FROM bank_page_money
        WHERE (pages_of, digest) IN (SELECT pages_of, digest FROM incoming) GROUP BY 1, 2
    )
    INSERT INTO bank_page_money (pages_of, digest, page, on_page, identity_key)
    SELECT pages_of, digest, page, on_page, digest || '.' || coalesce(known.count, 0)
        + row_number() OVER (PARTITION BY pages_of, digest ORDER BY page, on_page) - 1
    FROM incoming i LEFT JOIN known USING (pages_of, digest)
    WHERE NOT EXISTS (
        SELECT FROM bank_page_money m
        WHERE (m.pages_of, m.digest, m.page, m.on_page) = (i.pages_of, i.digest, i.page, i.on_page)
    )
"""

# Looked up row by row: joined, with statistics of a moment before, they took seconds.
_ON_PAGE = """
    (SELECT m.identity_key FROM bank_page_money m
    WHERE m.pages_of = i.pages_of AND m.digest = split_part({key}, '.', 1) AND m.page = i.page
        AND m.on_page = split_part({key}, '.', 2)::bigint)
"""

_KEY_PARTS = f"""
    UPDATE incoming_part i SET key = {_ON_PAGE.format(key="i.key")}, entry_key = {_ON_PAGE.format(key="i.entry_key")}
    WHERE pages_of IS NOT NULL
"""

_KEY_ENTRIES = f"UPDATE incoming_entry i SET key = {_ON_PAGE.format(key='i.key')} WHERE pages_of IS NOT NULL"

# Where an entry is told twice, with its details and without, it is made of its details.
_ONE_GROUPING = """
    DELETE FROM incoming_part p USING (
        SELECT ordinal, row_number() OVER (PARTITION BY key ORDER BY detailed DESC, status = 'BOOK' DESC, ordinal) AS n
        FROM incoming_entry
    ) i WHERE i.ordinal = p.ordinal AND i.n > 1
"""

# A lump sum that nobody has decided about gives way to its details, when they come. What the book has of it stays: the
# details are credited from its receipt.
_WAITING = """
    INSERT INTO waiting (lump_id, entry_id, state, one)
    SELECT lump.id, e.id, lump.state, EXISTS (SELECT FROM incoming_part p WHERE p.key = lump.identity_key)
    FROM bank_entry e JOIN bank_entry_part lump ON lump.entry_id = e.id
    WHERE NOT e.detailed AND e.identity_key = ANY (ARRAY(SELECT key FROM incoming_entry WHERE detailed))
        AND lump.state IN ('shown', 'unapplied') AND lump.amount_minor = e.amount_minor
        AND NOT EXISTS (SELECT FROM receipt r WHERE r.part_id = lump.id AND r.stage = 'returning')
    ORDER BY lump.identity_key FOR NO KEY UPDATE OF lump
"""

_HINDERED = """
    WITH told AS MATERIALIZED (
        SELECT w.lump_id, p.key, p.direction, count(*) OVER (PARTITION BY p.key) > 1 AS twice
        FROM waiting w JOIN bank_entry e ON e.id = w.entry_id JOIN incoming_part p ON p.entry_key = e.identity_key
        WHERE w.state = 'unapplied'
    ), hindered AS (
        SELECT lump_id, bool_or(direction = 'debit') AS mixed, bool_or(twice) AS shared
        FROM told WHERE direction = 'debit' OR twice OR EXISTS (
            SELECT FROM bank_entry_part known WHERE known.identity_key = told.key AND known.id <> told.lump_id
        ) GROUP BY lump_id
    ), said AS (
        UPDATE bank_entry_part SET reason = CASE
            WHEN mixed THEN 'its details are credits and debits, which only a person divides'
            WHEN shared THEN 'some of its details are told of another lump sum too'
            ELSE 'some of its details were posted before, as payments of their own'
        END FROM hindered WHERE id = lump_id
    )
    DELETE FROM waiting USING hindered WHERE waiting.lump_id = hindered.lump_id
"""

_SHOWN_LUMP = "DELETE FROM bank_entry_part USING waiting w WHERE id = w.lump_id AND w.state = 'shown'"

_ONE_DETAIL = """
    UPDATE bank_entry_part lump SET state = 'shown', awaits = '', end_to_end_id = p.end_to_end_id,
        structured_references = p.structured_references, text_references = p.text_references,
        remittance = p.remittance, payer_name = p.payer_name, payer_account = p.payer_account,
        credited_account = p.credited_account, bank_reference = p.bank_reference, return_reason = p.return_reason,
        charges_minor = p.charges_minor, house = p.house, batch_id = p.batch_id
    FROM waiting w, incoming_part p
    WHERE lump.id = w.lump_id AND w.state = 'unapplied' AND w.one AND p.key = lump.identity_key
"""

_LUMP = """
    UPDATE bank_entry_part SET state = 'detailed', awaits = '',
        reason = 'its details came later and tell where the money went'
    FROM waiting w WHERE id = w.lump_id AND w.state = 'unapplied' AND NOT w.one
"""

_DETAILED = "UPDATE bank_entry SET detailed = true FROM waiting w WHERE id = w.entry_id"

_INSERT_PARTS = """
    INSERT INTO bank_entry_part (identity_key, entry_id, position, receipt_of, amount_minor, currency, direction,
        end_to_end_id, structured_references, text_references, remittance, payer_name, payer_account,
        credited_account, bank_reference, return_reason, charges_minor, house, batch_id, confirmed, state,
        reason)
    SELECT p.key, e.id, {position}, {receipt_of}, p.amount_minor, p.currency, p.direction,
        p.end_to_end_id, p.structured_references, p.text_references, p.remittance, p.payer_name, p.payer_account,
        p.credited_account, p.bank_reference, p.return_reason, p.charges_minor, p.house, p.batch_id,
        {confirmed}, 'shown',
        CASE p.amount_minor WHEN 0 THEN 'its amount is zero' ELSE 'the bank has not booked it yet' END
    FROM incoming_part p JOIN bank_entry e ON e.identity_key = p.entry_key {joins}
    WHERE e.identity_key = ANY (ARRAY(SELECT key FROM incoming_entry))
    ORDER BY p.key, {receipt_of}::bigint ON CONFLICT (identity_key) DO NOTHING
"""

# A known entry keeps the parts it came with: a lump sum in a later statement adds nothing to a detailed batch. What a
# chunk tells both as a detail of a lump sum that the book has and as a payment is that detail.
_PARTS = _INSERT_PARTS.format(
    position="p.position + (lump.id IS NOT NULL)::int",
    receipt_of="lump.id",
    confirmed="p.confirms OR coalesce(lump.confirmed, false)",
    joins="""
    JOIN touched ON touched.id = e.id AND touched.fresh
    LEFT JOIN bank_entry_part lump ON lump.entry_id = e.id AND lump.state = 'detailed'""",
)

_TOUCHED = """
    INSERT INTO touched (id, fresh)
    SELECT id, NOT EXISTS (SELECT FROM bank_entry_part p WHERE p.entry_id = e.id AND p.state <> 'detailed')
    FROM bank_entry e WHERE identity_key = ANY (ARRAY(SELECT key FROM incoming_entry))
"""

# Equal money is counted, and the count follows the order of a file. A known entry keeps the counts that it has; what
# an entry that is new was given of them takes the counts that the file gave to the known one.
_RECOUNT = """
    UPDATE incoming_part f SET key = kept.told
    FROM (
        SELECT i.key AS told, k.identity_key AS has FROM incoming_part i
        JOIN bank_entry e ON e.identity_key = i.entry_key JOIN touched ON touched.id = e.id AND NOT touched.fresh
        JOIN bank_entry_part k ON k.entry_id = e.id AND k.identity_key <> i.key
            AND split_part(k.identity_key, '.', 1) = split_part(i.key, '.', 1)
        WHERE NOT EXISTS (SELECT FROM bank_entry_part known WHERE known.identity_key = i.key)
    ) kept, bank_entry e, touched
    WHERE f.key = kept.has AND e.identity_key = f.entry_key AND touched.id = e.id AND touched.fresh
"""

# What was shown in another grouping before it was booked belongs to the entry that books it, unless the receipt of a
# lump sum brought its money. After the parts: from then on nobody else keeps any of them.
_SHOWN_ELSEWHERE = """
    INSERT INTO touched (id, fresh)
    SELECT DISTINCT entry_id, false FROM bank_entry_part
    WHERE identity_key = ANY (ARRAY(SELECT key FROM incoming_part)) AND state = 'shown'
        AND entry_id NOT IN (SELECT id FROM touched)
"""

_MOVE = """
    UPDATE bank_entry_part p SET entry_id = e.id, position = i.position
    FROM incoming_part i
    JOIN bank_entry e ON e.identity_key = i.entry_key AND e.status = 'BOOK'
    JOIN touched ON touched.id = e.id AND touched.fresh
    JOIN bank_entry_part known ON known.identity_key = i.key AND known.state = 'shown' AND known.entry_id <> e.id
    JOIN bank_entry before ON before.id = known.entry_id AND before.status <> 'BOOK'
    WHERE p.id = known.id AND before.id = ANY (ARRAY(SELECT id FROM touched))
        AND e.id NOT IN (SELECT entry_id FROM waiting WHERE state = 'unapplied')
"""

_KNOWN = """
    UPDATE bank_entry e SET known_minor = e.amount_minor - own.sum
    FROM (
        SELECT e.id,
            coalesce(sum(CASE WHEN p.direction = e.direction THEN p.amount_minor ELSE - p.amount_minor END), 0) AS sum
        FROM bank_entry e LEFT JOIN bank_entry_part p ON p.entry_id = e.id AND p.state <> 'detailed'
        WHERE e.id = ANY (ARRAY(SELECT id FROM touched)) GROUP BY e.id
    ) own
    WHERE e.id = own.id AND e.known_minor <> e.amount_minor - own.sum
"""

# What a booked statement tells of is confirmed: the parts of its entries, and money known from other groupings.
# Who raised the alarm for it is told.
CONFIRM = """
    WITH confirmed AS (
        UPDATE bank_entry_part SET confirmed = true WHERE id IN (
            SELECT p.id FROM bank_entry e JOIN bank_entry_part p ON p.entry_id = e.id
            WHERE e.identity_key = ANY (ARRAY(SELECT key FROM incoming_entry WHERE confirms)) AND NOT p.confirmed
            UNION
            SELECT id FROM bank_entry_part
            WHERE identity_key = ANY (ARRAY(SELECT key FROM incoming_part WHERE confirms)) AND NOT confirmed
        ) RETURNING missed_in
    )
    INSERT INTO outbox (workflow_id, version)
    SELECT DISTINCT 'bank-file-' || f.sha256, 1 FROM confirmed JOIN bank_file f ON f.id = missed_in
"""

BY_INDEX = "SET LOCAL enable_seqscan = off"
"""Before all that is prepared: a plan that was made while tables were empty is used when they are large."""
TABLES = (
    # Lump sums of which a chunk tells the details, and whether there is only one.
    """
    CREATE TEMP TABLE IF NOT EXISTS waiting (
        lump_id bigint, entry_id bigint, state text, one boolean
    ) ON COMMIT DELETE ROWS
    """,
    # The entries whose parts may have changed, and whether they had none before.
    "CREATE TEMP TABLE IF NOT EXISTS touched (id bigint, fresh boolean) ON COMMIT DELETE ROWS",
)
PAGES = (_LOCK_PAGES, _COUNT_PAGES, _KEY_PARTS, _KEY_ENTRIES)
"""Where a chunk holds pages: the keys of their money, before anything else."""
ANY_KNOWN = """
    SELECT EXISTS (
        SELECT FROM bank_entry_part WHERE identity_key = ANY (ARRAY(SELECT key FROM incoming_part))
    )
"""
"""Whether anything of the chunk was told before as a part, of whatever entry."""
NEW_PARTS = f"""
    WITH kept AS (
        {_INSERT_PARTS.format(position="p.position", receipt_of="NULL", confirmed="p.confirms", joins="")} RETURNING id
    )
    SELECT count(*) FROM kept
"""
"""What the entries are made of, where all of them and all of that is new: how many parts."""
TAKE_PARTS_BACK = """
    DELETE FROM bank_entry_part WHERE entry_id = ANY (ARRAY(
        SELECT id FROM bank_entry WHERE identity_key = ANY (ARRAY(SELECT key FROM incoming_entry))
    ))
"""
"""Undoes that, in the same transaction: nobody else knows of the entries yet."""
PARTS = (
    _ONE_GROUPING,
    _WAITING,
    _HINDERED,
    _SHOWN_LUMP,
    _ONE_DETAIL,
    _LUMP,
    _DETAILED,
    _TOUCHED,
    _RECOUNT,
    _PARTS,
    _SHOWN_ELSEWHERE,
    _MOVE,
    _KNOWN,
)
"""The same for any chunk, once its entries are kept."""
TOLD_SINGLY_TOO = """
    SELECT EXISTS (SELECT FROM waiting) AND EXISTS (
        SELECT FROM waiting w JOIN bank_entry e ON e.id = w.entry_id
        JOIN incoming_part p ON p.entry_key = e.identity_key
        JOIN bank_entry_part known ON known.identity_key = p.key
        WHERE w.state = 'unapplied' AND known.entry_id <> w.entry_id
    )
"""
"""After that: whether a detail of a lump sum was kept by another transaction as a payment of its own, unseen before."""
