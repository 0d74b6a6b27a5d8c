"""The steps of a deposit in the database: each one transaction, each harmless when it runs twice."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, NoReturn
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, Engine, RowMapping
from temporalio import activity
from temporalio.exceptions import ApplicationError

import activities.deposit_rows as rows
from documents.form import form_digest, form_json
from prepay.deposits import CancelDeposit, DepositRequest, ExtendDeposit
from prepay.ids import deposit_number, payment_reference
from prepay.wire import Wire
from rules.deposit import OPEN, DepositState, end_of_day
from settings import Settings


class Issue(Wire):
    """Issue the form of a request."""

    request: DepositRequest
    workflow_id: str
    at: datetime


class Reload(Wire):
    """Look at the rows, and deal with what has changed since the last look."""

    workflow_id: str
    at: datetime


class Remind(Wire):
    """Write the reminder of that number."""

    deposit: int
    number: int
    at: datetime


class Expire(Wire):
    """Expire the form if its time has come."""

    deposit: int
    at: datetime


class Extend(Wire):
    """Move the expiry, as an operator decided."""

    deposit: int
    decision: ExtendDeposit
    at: datetime


class Cancel(Wire):
    """Cancel the form, as an operator decided."""

    deposit: int
    decision: CancelDeposit
    at: datetime


class DepositRefused(ApplicationError):
    """A request that cannot become a deposit: asked again, the answer is the same."""

    def __init__(self, why: str) -> None:
        super().__init__(why, type="DepositRefused", non_retryable=True)


class UnknownCustomer(DepositRefused):
    """Nobody has that number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"The deposit request is refused: there is no customer {number}.")


class NoAccount(DepositRefused):
    """The customer's entity takes no money in that currency today."""

    def __init__(self, whom: RowMapping, currency: str) -> None:
        super().__init__(
            f"The deposit request is refused: customer {whom['customer']} cannot pay in {currency}. "
            f"Their currencies: {', '.join(whom['currencies']) or 'none'}; "
            f"entity {whom['entity']} needs a collection account in {currency} that is valid today."
        )


class OtherContent(DepositRefused):
    """The request id belongs to another request."""

    def __init__(self, request: DepositRequest, number: str) -> None:
        super().__init__(
            f"The request id {request.request_id!r} of customer {request.customer} was used with other content "
            f"before (deposit {number}). Send a new request id."
        )


class OtherDeposit(DepositRefused):
    """The workflow id belongs to another request."""

    def __init__(self, number: str) -> None:
        super().__init__(f"This workflow id belongs to deposit {number}; start the request under another id.")


class UnknownDeposit(ApplicationError):
    """The rows know no such deposit."""

    def __init__(self, given: dict[str, Any]) -> None:
        super().__init__(f"There is no deposit with {given}.", type="UnknownDeposit", non_retryable=True)


Deal = Callable[[Connection, RowMapping], bool | None]
"""Changes what was read: True where it did, False where somebody else was quicker, None where nothing is to do."""


def _refuse(refusal: ApplicationError) -> NoReturn:
    raise refusal


def _nothing(_connection: Connection, _row: RowMapping) -> None:
    return None


class Deposits:
    """The activities of the Deposit workflow. Each statement commits by itself."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine.execution_options(isolation_level="AUTOCOMMIT")
        self._settings = settings

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.issue, self.reload, self.remind, self.expire, self.extend, self.cancel]

    @activity.defn(name="issue_deposit")
    def issue(self, issue: Issue) -> DepositState:
        """Number, reference, account, expiry and form of a request, once for ever by customer and request id."""
        request = issue.request
        with self._engine.connect() as connection:
            given = {"customer": request.customer, "currency": request.currency, "at": issue.at}
            whom = connection.execute(rows.WHOM, given).mappings().one_or_none()
            if whom is None:
                raise UnknownCustomer(request.customer)
            if whom["account_id"] is None:
                # What was issued stays issued, even if the account has ended since.
                return self._first_answer(connection, issue) or _refuse(NoAccount(whom, request.currency))
            deposit = self._deposit(issue, whom)
            form = rows.form(whom, deposit)
            row = {**whom, **deposit, "content": form_json(form), "document_digest": form_digest(form)}
            document_id = connection.execute(
                rows.INSERT, {**row, "digest": row["document_digest"], **rows.notice(row, "issued", 1)}
            ).scalar_one_or_none()
            if document_id is None:
                return self._first_answer(connection, issue) or _refuse(self._other(connection, issue))
            return rows.state({**row, "document_id": document_id}, self._settings, issue.at)

    @activity.defn(name="reload_deposit")
    def reload(self, reload: Reload) -> DepositState:
        """The rows as they are now; a change that nobody has dealt with yet becomes a notice."""

        def deal(connection: Connection, row: RowMapping) -> bool | None:
            if row["handled_version"] >= row["version"]:
                return None
            kind = "late" if row["late"] else row["stage"]
            if row["taken_back_minor"] > row["taken_back_told_minor"]:
                kind = "taken_back"
            elif row["moved_away_minor"] > row["moved_away_told_minor"]:
                kind = "moved_away"
            return rows.change(connection, row, rows.HANDLE, kind, row["version"])

        return self._until_done(rows.BY_WORKFLOW, {"workflow_id": reload.workflow_id}, deal, reload.at)

    @activity.defn(name="remind_deposit")
    def remind(self, remind: Remind) -> DepositState:
        """A reminder for each number once, and only while money is awaited."""

        def deal(connection: Connection, row: RowMapping) -> bool | None:
            if row["stage"] not in OPEN:
                return None
            return rows.change(connection, row, rows.REMIND, "reminder", remind.number)

        return self._until_done(rows.BY_ID, {"id": remind.deposit}, deal, remind.at)

    @activity.defn(name="expire_deposit")
    def expire(self, expire: Expire) -> DepositState:
        """Close the form when its time has come and money is still awaited."""

        def deal(connection: Connection, row: RowMapping) -> bool | None:
            if row["stage"] not in OPEN or row["expires_at"] > expire.at:
                return None
            return self._close(connection, row, "expired", row["decided"])

        return self._until_done(rows.BY_ID, {"id": expire.deposit}, deal, expire.at)

    @activity.defn(name="cancel_deposit")
    def cancel(self, cancel: Cancel) -> DepositState:
        """Close the form as an operator decided; money that came in the meantime stays credited."""
        decided = {"cancelled by": cancel.decision.operator, "because": cancel.decision.reason}

        def deal(connection: Connection, row: RowMapping) -> bool | None:
            return self._close(connection, row, "cancelled", decided) if row["stage"] in OPEN else None

        return self._until_done(rows.BY_ID, {"id": cancel.deposit}, deal, cancel.at)

    @activity.defn(name="extend_deposit")
    def extend(self, extend: Extend) -> DepositState:
        """Move the expiry to the end of another day, entity's time, while money is awaited."""
        decision = extend.decision
        day = decision.until.isoformat()
        decided = {"extended by": decision.operator, "until": day, "because": decision.reason}

        def deal(connection: Connection, row: RowMapping) -> bool | None:
            until = end_of_day(decision.until, row["time_zone"])
            if row["stage"] not in OPEN or row["expires_at"] == until:
                return None
            return rows.change(
                connection, row, rows.EXTEND, "extended", row["version"] + 1,
                expires_at=until, decided=json.dumps(decided),
            )  # fmt: skip

        return self._until_done(rows.BY_ID, {"id": extend.deposit}, deal, extend.at)

    def _close(self, connection: Connection, row: RowMapping, stage: str, decided: dict[str, str]) -> bool:
        version = row["version"] + 1
        return rows.change(
            connection, row, rows.CLOSE, stage, version, stage=stage, decided=json.dumps(decided)
        )

    def _until_done(self, query: Any, given: dict[str, Any], deal: Deal, at: datetime) -> DepositState:
        """Read, and deal with what was read until nobody else is quicker; then say how the rows are."""
        with self._engine.connect() as connection:
            while True:
                row = connection.execute(query, given).mappings().one_or_none()
                if row is None:
                    raise UnknownDeposit(given)
                done = deal(connection, row)
                if done is None:
                    return rows.state(row, self._settings, at)
                if done:
                    deal = _nothing

    def _deposit(self, issue: Issue, whom: RowMapping) -> dict[str, Any]:
        """The new row, before it is known whether the request was used before."""
        request, zone = issue.request, ZoneInfo(whom["time_zone"])
        today = issue.at.astimezone(zone).date()
        expires_on = today + timedelta(days=self._settings.deposit_days)
        return {
            "number": deposit_number(whom["id"], today.year),
            "reference": payment_reference(whom["id"]),
            "request_id": request.request_id,
            "content_hash": request.content_hash,
            "amount_minor": request.money.amount_minor,
            "credited_minor": 0,
            "taken_back_minor": 0,
            "taken_back_told_minor": 0,
            "moved_away_minor": 0,
            "moved_away_told_minor": 0,
            "pending_minor": 0,
            "currency": request.currency,
            "product": request.product,
            "note": request.note,
            "stage": "issued",
            "late": False,
            "issued_at": issue.at,
            "expires_at": end_of_day(expires_on, whom["time_zone"]),
            "decided": {},
            "version": 1,
            "handled_version": 1,
            "form_drawn": False,
            "workflow_id": issue.workflow_id,
        }

    def _other(self, connection: Connection, issue: Issue) -> OtherDeposit:
        given = {"workflow_id": issue.workflow_id}
        return OtherDeposit(connection.execute(rows.BY_WORKFLOW, given).mappings().one()["number"])

    def _first_answer(self, connection: Connection, issue: Issue) -> DepositState | None:
        """The same answer again where the request was issued before, unless the content differs."""
        given = {"customer": issue.request.customer, "request_id": issue.request.request_id}
        row = connection.execute(rows.BY_REQUEST, given).mappings().one_or_none()
        if row is None:
            return None
        if row["content_hash"] != issue.request.content_hash:
            raise OtherContent(issue.request, row["number"])
        return rows.state(row, self._settings, issue.at)
