"""Refund tickets in tests of the database: opened, approved and ended without Temporal."""

from datetime import UTC, date, datetime, timedelta
from itertools import count
from typing import Any, get_args
from uuid import uuid4

from activities.refund_deciding import Attach, Decide
from activities.refunds import Answered, Look, Open, Refunds
from bankfiles.sample import Payment, Sheet
from prepay.refunds import ApproveRefund, RefundRequest, RefundStage, RejectRefund, UsePayee
from rules.refund import RefundState, Signal
from tests.activities.test_bank_files import ACCOUNT, Desk

STAGES = get_args(RefundStage)
_events = count(1)
_PAYEE = """
    INSERT INTO payee (name, iban, origin, refund_id, proof_sha256, created_at)
    VALUES ('ACME GmbH', %s, 'entered', %s, %s, now() - interval '2 days') RETURNING id
"""
_PROOF = """
    INSERT INTO claim_proof (sha256, kind, content) VALUES (repeat('0', 64), 'pdf', 'a proof') ON CONFLICT DO NOTHING
"""
_ATTEST = """
    INSERT INTO attestation (workflow_id, run_id, event_id, signal, payload, sent_at, identity, principal, operator_id,
        standing, refused)
    SELECT 'w', 'r', %s, 'approve', '{}', now(), '', '', id, 'claim', '' FROM operator WHERE name = %s RETURNING id
"""


class RefundDesk:
    """What a test does with tickets of C-1001."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.refunds = Refunds(desk.engine)
        self._minor = 0

    def credit(self, minor: int, **payer: Any) -> None:
        """Money comes, and a booked statement has it."""
        deposit = self.desk.issue(amount=f"{minor / 100:.2f}")
        files = self.desk.rows("SELECT count(*) AS n FROM bank_file")[0]["n"]
        assert isinstance(files, int)
        sheet = Sheet(
            ACCOUNT,
            "EUR",
            [Payment(minor, str(uuid4())[:30], structured=deposit.reference, **payer)],
            statement_id=f"S-{files + 1}",
            sequence=str(files + 1),
            opening_minor=self._minor,
            closing_minor=self._minor + minor,
            created_on=date(2026, 1, 1) + timedelta(days=files),
        )
        self._minor += minor
        assert self.desk.deliver(sheet, kind="camt.053").stage == "posted"

    def request(self, amount: str | None, **more: Any) -> Open:
        """What opens one."""
        raw = {
            "customer": "C-1001",
            "request_id": str(uuid4()),
            "currency": "EUR",
            "reason": "we leave",
            **more,
        }
        request = RefundRequest(amount=amount, **raw)
        return Open(request=request, workflow_id=f"refund-{request.request_id}", at=datetime.now(UTC))

    def open(self, amount: str | None, **more: Any) -> RefundState:
        """Open one."""
        return self.refunds.open(self.request(amount, **more))

    def look(self, state: RefundState, at: datetime | None = None) -> RefundState:
        """As it is now."""
        return self.refunds.look(Look(workflow_id=state.workflow_id, at=at or datetime.now(UTC)))

    def attested(self, operator: str) -> int:
        """A signal of theirs, as attesting writes it."""
        [row] = self.desk.rows(_ATTEST, next(_events), operator)
        assert isinstance(row["id"], int)
        return row["id"]

    def decision(self, state: RefundState, operator: str, signal: Signal = "approve") -> Decide:
        """What an operator sends."""
        given = {"operator": operator, "reason": "a good reason"}
        return Decide(
            refund=state.refund,
            signal=signal,
            decision=ApproveRefund(**given, content=state.content)
            if signal == "approve"
            else RejectRefund(**given),
            attestation=self.attested(operator),
            at=datetime.now(UTC),
        )

    def decide(self, state: RefundState, operator: str, signal: Signal = "approve") -> Answered:
        """Carry it out."""
        return self.refunds.decide(self.decision(state, operator, signal))

    def attach(
        self, state: RefundState, iban: str = "NL26MOCK0000009001", *, proven: bool = False
    ) -> Answered:
        """The customer tells an account, which somebody wrote down two days ago."""
        return self.refunds.attach(self.attachment(state, iban, proven=proven))

    def attachment(self, state: RefundState, iban: str, *, proven: bool = False) -> Attach:
        """What tells it."""
        if proven:
            self.desk.change(_PROOF)
        [row] = self.desk.rows(_PAYEE, iban, state.refund, "0" * 64 if proven else None)
        [payout] = self.desk.rows(
            "SELECT id FROM payout WHERE refund_id = %s AND stage = 'planned' ORDER BY payee_id NULLS FIRST LIMIT 1",
            state.refund,
        )
        use = UsePayee(payee=int(str(row["id"])), payout=int(str(payout["id"])))
        return Attach(refund=state.refund, given=use, at=datetime.now(UTC))
