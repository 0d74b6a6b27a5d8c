"""The steps of a claim: its money is looked for, its customer told and reminded, and it is closed in the end.

A claim is locked before the notice that tells of it; receipts are only rung.
"""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from sqlalchemy import Engine, RowMapping, text
from sqlmodel import Session
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.bank_receipts import ANSWER_CREDITED, FIND_FOR_CLAIMS
from activities.database import psycopg_of
from documents.notices import notice_text
from prepay.claims import CLAIM_DAYS, CloseClaim
from prepay.ids import claim_workflow_id
from prepay.money import Money
from prepay.wire import Wire
from rules.claim import ClaimState

MAX_DIGITS = 18
NOTHING_CAME = f"within {CLAIM_DAYS} days no payment came that fits"


class RemindClaim(Wire):
    """Remind the customer for that time."""

    claim: int
    number: int


class EndClaim(Wire):
    """Close a claim that waits: nothing came in time, or an operator decided so."""

    claim: int
    decision: CloseClaim | None = None


class Closed(BaseModel):
    """The claim after it was to be closed, and why an operator's wish was not carried out, if it was not."""

    state: ClaimState
    refused: str = ""


class UnknownClaim(ApplicationError):
    """The rows know no such claim."""

    def __init__(self, what: str) -> None:
        super().__init__(f"There is no claim {what[:60]!r}.", type="UnknownClaim", non_retryable=True)


class Claims:
    """The activities of the Claim workflow."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.look, self.remind, self.close]

    @activity.defn(name="look_at_claim")
    def look(self, workflow_id: str) -> ClaimState:
        """Look for its money where it waits, and tell the customer what they have not been told."""
        number = workflow_id.removeprefix("claim-")
        if not (number.isascii() and number.isdigit() and len(number) <= MAX_DIGITS):
            raise UnknownClaim(workflow_id)
        with Session(self._engine) as session, session.begin():
            _find(session, [int(number)])
            return _told(session, int(number))

    @activity.defn(name="remind_about_claim")
    def remind(self, given: RemindClaim) -> ClaimState:
        """Nothing has come: the customer is asked to look at it again, once for each time."""
        with Session(self._engine) as session, session.begin():
            row = _locked(session, given.claim)
            if row["stage"] == "waiting" and row["reminded"] < given.number:
                session.execute(_REMIND, {"claim": given.claim, "number": given.number})
                _tell(session, row, "claim_reminder", f"reminder:{given.number}")
            return _told(session, given.claim)

    @activity.defn(name="close_claim")
    def close(self, given: EndClaim) -> Closed:
        """Close it, with an answer. Time closes only what waits."""
        stages = ["waiting", "found"] if given.decision else ["waiting"]
        answer = given.decision.reason if given.decision else NOTHING_CAME
        with Session(self._engine) as session, session.begin():
            _locked(session, given.claim)
            session.execute(_CLOSE, {"claim": given.claim, "stages": stages, "answer": answer})
            state = _told(session, given.claim)
        # Time or somebody else may have been quicker; the same decision again is done.
        done = state.stage == "closed" and state.answer == answer
        return Closed(state=state, refused="" if done else f"the claim is {state.stage} already")


def find_for_all(session: Session) -> None:
    """Look for the money of every claim that waits."""
    waiting = list(session.execute(_WAITING).scalars())
    if waiting:
        _find(session, waiting)


def _find(session: Session, claims: list[int]) -> None:
    for statement in (FIND_FOR_CLAIMS, ANSWER_CREDITED):
        psycopg_of(session).execute(statement.encode(), {"claims": claims})


def _locked(session: Session, claim: int) -> RowMapping:
    row = session.execute(_CLAIM, {"claim": claim}).mappings().one_or_none()
    if row is None:
        raise UnknownClaim(claim_workflow_id(claim))
    return row


def _told(session: Session, claim: int) -> ClaimState:
    """The claim, after its customer has been told of its stage."""
    row = _locked(session, claim)
    if row["handled_version"] < row["version"]:
        stage = "known" if row["credited_on"] else row["stage"]
        _tell(session, row, f"claim_{stage}", str(row["version"]))
        session.execute(_HANDLED, {"claim": claim, "version": row["version"]})
    known = {name: row[name] for name in ClaimState.model_fields if name in row}
    return ClaimState(**known, as_of=datetime.now(UTC))


def _tell(session: Session, row: RowMapping, kind: str, key: str) -> None:
    amount = str(Money(amount_minor=row["amount_minor"], currency=row["currency"]))
    facts = {name: row[name] for name in ("claim", "customer", "paid_on", "credited_on")} | {"amount": amount}
    subject, body = notice_text(kind, row["locale"], facts)
    notice = {"key": f"claim:{row['claim']}:{key}", "kind": kind, "subject": subject, "body": body}
    session.execute(_NOTICE, {**notice, "customer_id": row["customer_id"], "locale": row["locale"]})


_WAITING = text("SELECT id FROM claim WHERE stage = 'waiting' ORDER BY id LIMIT 10000")

_CLAIM = text("""
    SELECT c.id AS claim, u.number AS customer, u.id AS customer_id, u.locale, c.amount_minor, c.currency, c.paid_on,
        c.proof_sha256 IS NOT NULL AS has_proof, c.stage, c.part_id AS part, c.reminded, c.answer, c.created_at,
        c.version, c.handled_version,
        (SELECT max(k.created_at)::date FROM credit k WHERE k.part_id = c.credited_part_id) AS credited_on
    FROM claim c JOIN customer u ON u.id = c.customer_id WHERE c.id = :claim FOR NO KEY UPDATE OF c
""")

_REMIND = text("UPDATE claim SET reminded = :number WHERE id = :claim")

_CLOSE = text("""
    UPDATE claim SET stage = 'closed', part_id = NULL, found_at = NULL, answer = :answer, ended_at = now(),
        version = version + 1
    WHERE id = :claim AND stage = ANY (:stages)
""")

_HANDLED = text("UPDATE claim SET handled_version = :version WHERE id = :claim")

_NOTICE = text("""
    INSERT INTO notice (key, customer_id, kind, locale, subject, body)
    VALUES (:key, :customer_id, :kind, :locale, :subject, :body) ON CONFLICT (key) DO NOTHING
""")
