-- No hold was captured after it had expired.
SELECT c.id, c.key, c.created_at, h.key AS hold, h.expires_at FROM ledger_transfer c
JOIN ledger_transfer h ON h.id = c.pending_id WHERE c.phase = 'post' AND c.created_at > h.expires_at;
