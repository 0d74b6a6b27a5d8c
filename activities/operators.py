"""Operators: set up, listed as of a day, and asked for whether they may do what they want to do."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, time
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator
from sqlalchemy import text
from sqlmodel import Session, select

from activities.master_data import MasterDataRefused
from activities.master_data_input import Day, each_once
from models import Operator, OperatorLimit, OperatorRole
from prepay.money import AmountRefused, Money
from prepay.wire import OperatorName, Wire, plain_text, positive_minor
from rules.authority import Act, refuse_act
from rules.operators import Authority, Role, person

UNLIMITED = "unlimited"


class OperatorRefused(ValueError):
    """Who wants to do it is no operator, or may not."""

    def __init__(self, why: str) -> None:
        super().__init__(f"{why[:1].upper()}{why[1:]}.")


def unknown(name: str) -> str:
    """The words for a name that is nobody's."""
    return f"there is no operator {name[:100]!r}; `prepay operator list` lists them"


def _limits(amounts: Any) -> dict[str, int | None]:
    if not isinstance(amounts, dict) or not all(isinstance(amount, str) for amount in amounts.values()):
        raise ValueError(
            'write amounts in quotes by currency, such as { EUR = "5000.00", USD = "unlimited" }'
        )
    try:
        return {
            currency: None if amount == UNLIMITED else positive_minor(amount, currency)
            for currency, amount in amounts.items()
        }
    except AmountRefused as refusal:
        # As it begins, it would be taken for the sentence about the whole input.
        raise ValueError(str(refusal).replace("The amount", "the amount", 1)) from None


class OperatorInput(Wire):
    """An operator as they are set up: the roles and limits that they have from now on."""

    name: OperatorName
    login: Annotated[str, Field(max_length=200), AfterValidator(plain_text)] = ""
    roles: Annotated[list[Role], AfterValidator(each_once)]
    limits: Annotated[dict[str, int | None], BeforeValidator(_limits)] = {}
    valid_from: Day
    valid_to: Day | None = None

    @field_validator("valid_to")
    @classmethod
    def _not_before_its_start(cls, day: date | None, info: ValidationInfo) -> date | None:
        start = info.data.get("valid_from")
        if day and start and day < start:
            raise ValueError(f"{day} is before `valid_from`, {start}")
        return day


class LoginTaken(MasterDataRefused):
    """One login is one person."""

    def __init__(self, login: str, other: str) -> None:
        super().__init__(f"`login`: {login!r} is the login of {other} already; each operator has their own")


def any_operators(session: Session) -> bool:
    """Whether the first set-up is over: from then on two people change what is controlled."""
    return session.execute(text("SELECT FROM operator LIMIT 1")).first() is not None


def put_operator(session: Session, given: OperatorInput) -> str:
    """Add an operator, or give them these roles and limits instead of those they have; what was stays in the rows."""
    found = session.exec(select(Operator).where(Operator.person == person(given.name))).one_or_none()
    done = "unchanged"
    if given.login and (other := session.exec(_with_login(given)).first()):
        raise LoginTaken(given.login, other)
    if found is None:
        found, done = Operator(name=given.name, person=person(given.name), login=given.login), "added"
        session.add(found)
    elif found.login != given.login:
        found.login, done = given.login, "changed"
    session.flush()
    dates: dict[str, Any] = {
        "operator_id": found.id,
        "valid_from": given.valid_from,
        "valid_to": given.valid_to,
    }
    roles = [OperatorRole(role=role.value, **dates) for role in given.roles]
    limits = [OperatorLimit(currency=c, limit_minor=minor, **dates) for c, minor in given.limits.items()]
    changed = _replace(session, OperatorRole, found.id, roles) | _replace(
        session, OperatorLimit, found.id, limits
    )
    return "changed" if changed and done == "unchanged" else done


def _with_login(given: OperatorInput) -> Any:
    return select(Operator.name).where(Operator.login == given.login, Operator.person != person(given.name))


_UNSAID = {"id", "granted_at", "ended_at"}


def _replace(session: Session, kind: Any, operator: int | None, wanted: Sequence[Any]) -> bool:
    """End what is not wanted any more, grant what is new, and leave the rest; whether anything changed."""
    open_rows = select(kind).where(kind.operator_id == operator, kind.ended_at.is_(None))
    has = {frozenset(row.model_dump(exclude=_UNSAID).items()): row for row in session.exec(open_rows)}
    wants = {frozenset(row.model_dump(exclude=_UNSAID).items()): row for row in wanted}
    for key in has.keys() - wants.keys():
        has[key].ended_at = datetime.now(UTC)
    session.add_all(wants[key] for key in wants.keys() - has.keys())
    session.flush()
    return has.keys() != wants.keys()


def authority_of(session: Session, name: str, at: datetime) -> Authority | None:
    """What the operator of that name may decide at a moment; None where nobody has the name."""
    row = session.execute(_AUTHORITY, {"person": person(name), "at": at, "day": at.astimezone(UTC).date()})
    found = row.mappings().one_or_none()
    return Authority(**found) if found else None


def require(session: Session, name: str, act: Act, money: Money | None = None) -> str:
    """The operator's name as it is set up, for a command that they give now. Raises OperatorRefused."""
    authority = authority_of(session, name, datetime.now(UTC))
    if authority is None:
        raise OperatorRefused(unknown(name))
    if refused := refuse_act(authority, act, money):
        raise OperatorRefused(refused)
    return authority.name


def operators(session: Session, day: date) -> list[dict[str, Any]]:
    """Every operator with the roles and limits that they have at the end of a day (UTC), or now if that is today."""
    at = min(datetime.combine(day, time.max, UTC), datetime.now(UTC))
    rows = session.execute(_OPERATORS, {"at": at, "day": day}).mappings()
    return [dict(row) for row in rows]


_NOW = "valid_from <= :day AND (valid_to IS NULL OR valid_to >= :day) AND granted_at <= :at" + (
    " AND (ended_at IS NULL OR ended_at > :at)"
)

_AUTHORITY = text(f"""
    SELECT o.id AS operator, o.name, o.login,
        ARRAY(SELECT DISTINCT role FROM operator_role WHERE operator_id = o.id AND {_NOW}) AS roles,
        coalesce((
            SELECT jsonb_object_agg(currency, most) FROM (
                SELECT currency, CASE WHEN bool_or(limit_minor IS NULL) THEN NULL ELSE max(limit_minor) END AS most
                FROM operator_limit WHERE operator_id = o.id AND {_NOW} GROUP BY currency
            ) each
        ), '{{}}') AS limits
    FROM operator o WHERE o.person = :person
""")

_OPERATORS = text(f"""
    SELECT o.name, o.login,
        coalesce((
            SELECT jsonb_agg(jsonb_build_object('role', role, 'valid_from', valid_from, 'valid_to', valid_to)
                ORDER BY role, valid_from) FROM operator_role WHERE operator_id = o.id AND {_NOW}
        ), '[]') AS roles,
        coalesce((
            SELECT jsonb_agg(jsonb_build_object('currency', currency, 'limit_minor', limit_minor, 'valid_to', valid_to)
                ORDER BY currency, valid_from) FROM operator_limit WHERE operator_id = o.id AND {_NOW}
        ), '[]') AS limits
    FROM operator o WHERE o.created_at <= :at ORDER BY o.person
""")
