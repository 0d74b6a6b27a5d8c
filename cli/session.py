"""What commands share that write to the database: one transaction, and the operator who acts in it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

if TYPE_CHECKING:
    from sqlmodel import Session

    from prepay.money import Money


class _ByAnOperator(Protocol):
    @property
    def by(self) -> str: ...

    def model_copy(self, *, update: dict[str, Any]) -> Any: ...


_Given = TypeVar("_Given", bound=_ByAnOperator)


@contextmanager
def one_transaction() -> "Iterator[Session]":
    """A session of one transaction."""
    from sqlmodel import Session

    from activities.database import make_engine
    from settings import settings

    engine = make_engine(settings().database_url, 1)
    try:
        with Session(engine) as session, session.begin():
            yield session
    finally:
        engine.dispose()


def acting(session: "Session", given: _Given, of: str, what: str) -> _Given:
    """The same input, in the operator's name as it is set up. Raises OperatorRefused where they may not do that."""
    acted: _Given = given.model_copy(update={"by": acts_as(session, given.by, of, what)})
    return acted


def acts_as(session: "Session", name: str, of: str, what: str) -> str:
    """The operator's name as it is set up. Raises OperatorRefused where they may not do that."""
    return acts_as_with(session, name, of, what, None)


def acts_as_with(session: "Session", name: str, of: str, what: str, money: "Money | None") -> str:
    """The same for an act that decides about so much money."""
    from activities.operators import require
    from rules.authority import Act

    return require(session, name, Act(of, what), money)
