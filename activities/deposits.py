"""The steps of a deposit in the database: each one transaction, each harmless when it runs twice."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import Engine, and_, or_, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import defer
from sqlmodel import Session, col, select
from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities.notices import tell
from documents.form import FormCustomer, Issuer, PaymentRequestForm, PayToAccount, form_digest, form_json
from models import CollectionAccount, ContractingEntity, Customer, Deposit, Document
from prepay.deposits import CancelDeposit, DepositRequest, ExtendDeposit
from prepay.ids import deposit_number, payment_reference
from prepay.wire import Wire
from rules.deposit import DepositState, end_of_day
from rules.reminders import reminder_times
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

    def __init__(self, customer: Customer, currency: str) -> None:
        super().__init__(
            f"The deposit request is refused: customer {customer.number} cannot pay in {currency}. "
            f"Their currencies: {', '.join(customer.currencies) or 'none'}; "
            f"entity {customer.entity} needs a collection account in {currency} that is valid today."
        )


class OtherContent(DepositRefused):
    """The request id belongs to another request."""

    def __init__(self, request: DepositRequest, number: str) -> None:
        super().__init__(
            f"The request id {request.request_id!r} of customer {request.customer} was used with other content "
            f"before (deposit {number}). Send a new request id."
        )


class Deposits:
    """The activities of the Deposit workflow."""

    def __init__(self, engine: Engine, settings: Settings) -> None:
        self._engine = engine
        self._settings = settings

    def all(self) -> list[Callable[..., Any]]:
        """What a worker registers."""
        return [self.issue, self.reload, self.remind, self.expire, self.extend, self.cancel]

    @activity.defn(name="issue_deposit")
    def issue(self, issue: Issue) -> DepositState:
        """Number, reference, account, expiry and form of a request, once for ever by customer and request id."""
        request = issue.request
        with Session(self._engine) as session, session.begin():
            customer, entity, account = _whom(session, request, issue.at)
            if account is None or request.currency not in customer.currencies:
                raise NoAccount(customer, request.currency)
            deposit = self._insert(session, issue, customer, entity, account)
            if deposit is None:
                return self._first_answer(session, issue)
            document = _insert_document(session, deposit, customer, entity, account)
            tell(session, deposit, customer, "issued", key=f"deposit:{deposit.id}:issued")
            return self._state(deposit, customer, entity, account, document, issue.at)

    @activity.defn(name="reload_deposit")
    def reload(self, reload: Reload) -> DepositState:
        """The rows as they are now; a change that nobody has dealt with yet becomes a notice."""
        with Session(self._engine) as session, session.begin():
            deposit = session.exec(
                select(Deposit)
                .where(Deposit.workflow_id == reload.workflow_id)
                .with_for_update(key_share=True)
            ).one_or_none()
            if deposit is None:
                raise ApplicationError(f"No deposit has {reload.workflow_id}.", non_retryable=True)
            if deposit.handled_version < deposit.version:
                customer = session.get_one(Customer, deposit.customer_id)
                kind = "late" if deposit.late else deposit.stage
                tell(session, deposit, customer, kind, key=f"deposit:{deposit.id}:{deposit.version}")
                deposit.handled_version = deposit.version
            session.flush()
            return self._load(session, deposit, reload.at)

    @activity.defn(name="remind_deposit")
    def remind(self, remind: Remind) -> DepositState:
        """A reminder for each number once, and only while money is awaited."""
        with Session(self._engine) as session, session.begin():
            deposit = _locked(session, remind.deposit)
            if deposit.stage in ("issued", "part_paid"):
                customer = session.get_one(Customer, deposit.customer_id)
                tell(
                    session,
                    deposit,
                    customer,
                    "reminder",
                    key=f"deposit:{deposit.id}:reminder:{remind.number}",
                )
            return self._load(session, deposit, remind.at)

    @activity.defn(name="expire_deposit")
    def expire(self, expire: Expire) -> DepositState:
        """Close the form when its time has come and money is still awaited."""
        with Session(self._engine) as session, session.begin():
            deposit = _locked(session, expire.deposit)
            if deposit.stage in ("issued", "part_paid") and deposit.expires_at <= expire.at:
                self._close(session, deposit, "expired")
            return self._load(session, deposit, expire.at)

    @activity.defn(name="cancel_deposit")
    def cancel(self, cancel: Cancel) -> DepositState:
        """Close the form as an operator decided; money that came in the meantime stays credited."""
        with Session(self._engine) as session, session.begin():
            deposit = _locked(session, cancel.deposit)
            if deposit.stage in ("issued", "part_paid"):
                deposit.decided = {
                    "cancelled by": cancel.decision.operator,
                    "because": cancel.decision.reason,
                }
                self._close(session, deposit, "cancelled")
            return self._load(session, deposit, cancel.at)

    @activity.defn(name="extend_deposit")
    def extend(self, extend: Extend) -> DepositState:
        """Move the expiry to the end of another day, entity's time, while money is awaited."""
        decision = extend.decision
        with Session(self._engine) as session, session.begin():
            deposit = _locked(session, extend.deposit)
            entity = session.get_one(ContractingEntity, deposit.entity)
            until = end_of_day(decision.until, entity.time_zone)
            if deposit.stage in ("issued", "part_paid") and deposit.expires_at != until:
                deposit.expires_at = until
                deposit.decided = {
                    "extended by": decision.operator,
                    "until": decision.until.isoformat(),
                    "because": decision.reason,
                }
                customer = session.get_one(Customer, deposit.customer_id)
                tell(
                    session, deposit, customer, "extended", key=f"deposit:{deposit.id}:until:{decision.until}"
                )
            return self._load(session, deposit, extend.at)

    def _close(self, session: Session, deposit: Deposit, stage: str) -> None:
        """The workflow itself closes, so the change is dealt with in the same transaction."""
        customer = session.get_one(Customer, deposit.customer_id)
        deposit.stage = stage
        deposit.version += 1
        deposit.handled_version = deposit.version
        tell(session, deposit, customer, stage, key=f"deposit:{deposit.id}:{deposit.version}")

    def _insert(
        self,
        session: Session,
        issue: Issue,
        customer: Customer,
        entity: ContractingEntity,
        account: CollectionAccount,
    ) -> Deposit | None:
        request = issue.request
        sequence = session.execute(text("SELECT nextval('deposit_id_seq')")).scalar_one()
        last_day = issue.at.astimezone(ZoneInfo(entity.time_zone)).date() + timedelta(
            days=self._settings.deposit_days
        )
        deposit = Deposit(
            id=sequence,
            number=deposit_number(sequence, issue.at.year),
            reference=payment_reference(sequence),
            customer_id=customer.id,
            entity=entity.code,
            account_id=account.id,
            request_id=request.request_id,
            content_hash=request.content_hash,
            amount_minor=request.money.amount_minor,
            currency=request.currency,
            product=request.product,
            note=request.note,
            issued_at=issue.at,
            expires_at=end_of_day(last_day, entity.time_zone),
            workflow_id=issue.workflow_id,
        )
        values = deposit.model_dump(exclude={"created_at", "swept_at"})
        inserted = session.execute(
            insert(Deposit).values(**values).on_conflict_do_nothing().returning(col(Deposit.id))
        ).scalar_one_or_none()
        return deposit if inserted is not None else None

    def _first_answer(self, session: Session, issue: Issue) -> DepositState:
        """The request was issued before: the same answer again, unless the content differs."""
        statement = (
            select(Deposit)
            .join(Customer, col(Customer.id) == Deposit.customer_id)
            .where(Customer.number == issue.request.customer, Deposit.request_id == issue.request.request_id)
        )
        deposit = session.exec(statement).one()
        if deposit.content_hash != issue.request.content_hash:
            raise OtherContent(issue.request, deposit.number)
        return self._load(session, deposit, issue.at)

    def _load(self, session: Session, deposit: Deposit, at: datetime) -> DepositState:
        session.flush()
        statement = (
            select(Customer, ContractingEntity, CollectionAccount, Document)
            .select_from(Customer)
            .join(ContractingEntity, col(ContractingEntity.code) == deposit.entity)
            .join(CollectionAccount, col(CollectionAccount.id) == deposit.account_id)
            .join(Document, col(Document.deposit_id) == deposit.id)
            .where(Customer.id == deposit.customer_id)
            .order_by(col(Document.version).desc())
            .options(defer(Document.pdf), defer(Document.content))  # type: ignore[arg-type]
            .limit(1)
        )
        return self._state(deposit, *session.exec(statement).one(), at)

    def _state(
        self,
        deposit: Deposit,
        customer: Customer,
        entity: ContractingEntity,
        account: CollectionAccount,
        document: Document,
        at: datetime,
    ) -> DepositState:
        wanted = self._settings.reminder_business_days
        return DepositState(
            deposit=deposit.id,
            number=deposit.number,
            reference=deposit.reference,
            customer=customer.number,
            entity=entity.code,
            time_zone=entity.time_zone,
            account=account.code,
            amount_minor=deposit.amount_minor,
            credited_minor=deposit.credited_minor,
            currency=deposit.currency,
            stage=deposit.stage,
            late=deposit.late,
            issued_at=deposit.issued_at,
            expires_at=deposit.expires_at,
            reminders=reminder_times(deposit.issued_at, wanted, customer.country, entity.time_zone),
            version=deposit.version,
            handled_version=deposit.handled_version,
            decided=deposit.decided,
            content_hash=deposit.content_hash,
            document_id=document.id,
            document_digest=document.digest,
            form_drawn=document.pdf_sha256 is not None,
            draw_form=self._settings.forms == "on",
            as_of=at,
        )


def _locked(session: Session, deposit_id: int) -> Deposit:
    return session.exec(select(Deposit).where(Deposit.id == deposit_id).with_for_update(key_share=True)).one()


def _whom(
    session: Session, request: DepositRequest, at: datetime
) -> tuple[Customer, ContractingEntity, CollectionAccount | None]:
    """The customer, their entity, and the account that takes the currency today."""
    today = at.date()
    account = and_(
        col(CollectionAccount.entity) == Customer.entity,
        col(CollectionAccount.currency) == request.currency,
        col(CollectionAccount.valid_from) <= today,
        or_(col(CollectionAccount.valid_to).is_(None), col(CollectionAccount.valid_to) >= today),
    )
    statement = (
        select(Customer, ContractingEntity, CollectionAccount)
        .join(ContractingEntity, col(ContractingEntity.code) == Customer.entity)
        .outerjoin(CollectionAccount, account)
        .where(Customer.number == request.customer)
        .order_by(col(CollectionAccount.valid_from).desc(), col(CollectionAccount.id).desc())
        .limit(1)
    )
    found = session.exec(statement).one_or_none()
    if found is None:
        raise UnknownCustomer(request.customer)
    return found


def _insert_document(
    session: Session,
    deposit: Deposit,
    customer: Customer,
    entity: ContractingEntity,
    account: CollectionAccount,
) -> Document:
    form = form_of(deposit, customer, entity, account)
    document = Document(
        kind="payment_request", deposit_id=deposit.id, content=form_json(form), digest=form_digest(form)
    )
    session.add(document)
    session.flush()
    return document


def form_of(
    deposit: Deposit, customer: Customer, entity: ContractingEntity, account: CollectionAccount
) -> PaymentRequestForm:
    """Everything the form prints, as it was when the form was issued."""
    zone = ZoneInfo(entity.time_zone)
    return PaymentRequestForm(
        number=deposit.number,
        version=1,
        issued_on=deposit.issued_at.astimezone(zone).date(),
        expires_on=(deposit.expires_at - timedelta(seconds=1)).astimezone(zone).date(),
        issuer=Issuer(
            legal_name=entity.legal_name,
            address=tuple(entity.address),
            country=entity.country,
            registration_id=entity.registration_id,
            tax_id=entity.tax_id,
            verify_phone=entity.verify_phone,
            verify_url=entity.verify_url,
        ),
        customer=FormCustomer(
            number=customer.number,
            legal_name=customer.legal_name,
            address=tuple(customer.address),
            country=customer.country,
        ),
        amount_minor=deposit.amount_minor,
        currency=deposit.currency,
        product=deposit.product,
        note=deposit.note,
        pay_to=PayToAccount(
            kind="collection",
            holder=account.holder,
            bank_name=account.bank_name,
            bank_address=tuple(account.bank_address),
            bic=account.bic,
            iban=account.iban,
            account_number=account.account_number,
            clearing_code=account.clearing_code,
            intermediary=account.intermediary,
        ),
        reference=deposit.reference,
        locale=customer.locale,
    )
