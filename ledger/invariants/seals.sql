-- Every seal verifies.
SELECT seal_id, problem FROM ledger_verify_seals();
