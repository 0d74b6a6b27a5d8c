"""An account with many statements: only what can matter to the chain is read; on a real database."""

import random
from collections.abc import Iterator
from dataclasses import fields
from datetime import date, timedelta

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from activities.bank_chain import _CHANGE, _load
from models import BankFile, BankStatement, CollectionAccount
from rules.chain import NUMBERS_BEFORE, Chain, Link
from tests.activities.test_bank_files import Desk, desk

__all__ = ["desk"]

_FORGET = text("DELETE FROM bank_statement WHERE account_id = :account AND NOT chained")
DAYS, BALANCES = 60, 4
_EVERY = text(f"""
    SELECT {", ".join(each.name for each in fields(Link))} FROM bank_statement WHERE account_id = :account ORDER BY id
""")
CHANGES = ("id", "chained", "begins", "gap_from_minor", "skips")


@pytest.mark.parametrize("seed", range(6))
def test_what_is_read_decides_as_all_would(desk: Desk, seed: int) -> None:
    rng = random.Random(seed)
    kinds = rng.choice([["camt.053"], ["camt.053", "mt940"], ["camt.053", "mt940", "bai2"]])
    with Session(desk.engine) as session:
        file, account = _file(session)
        session.add_all(_history(rng, file, account, kinds))
        session.flush()
        for position in range(1_000, 1_015):
            on = rng.choice([DAYS, DAYS, DAYS - 1, rng.randrange(-2, DAYS)])
            for more in range(rng.choice([1, 1, 2, 3])):
                row = _any_statement(rng, file, account, 10 * position + more, rng.choice(kinds), on + more)
                session.add(row)
            session.flush()
            few, everything = _load(session, account), _everything(session, account)
            assert _done(few) == _done(everything), position
            few.grow()
            everything.grow()
            assert _done(few) == _done(everything), position
            if _let_follow(few) and _let_follow(everything):
                assert _done(few) == _done(everything), position
            if rng.random() < 0.1:
                for link in everything.changed.values():
                    session.execute(_CHANGE, {name: getattr(link, name) for name in CHANGES})
            session.execute(_FORGET, {"account": account})
        session.rollback()


def _history(rng: random.Random, file: int, account: int, kinds: list[str]) -> Iterator[BankStatement]:
    """Statements that are linked: a few a day, on some days more than numbers are looked for among."""
    position = 0
    for kind in kinds:
        begun = False
        for day in range(rng.choice([0, 0, 20]), DAYS, rng.choice([1, 1, 15])):
            for _ in range(rng.choice([1, 1, 2, 1, 1, NUMBERS_BEFORE + 5])):
                row = _any_statement(rng, file, account, position, kind, day)
                row.chained, row.skips = True, rng.random() < 0.01
                if not begun or rng.random() < 0.03:
                    row.begins = "gap" if position else "account"
                    row.gap_from_minor = rng.randrange(BALANCES) if position else None
                begun = True
                position += 1
                yield row


def test_what_begins_alike_long_before_is_read(desk: Desk) -> None:
    with Session(desk.engine) as session:
        file, account = _file(session)
        first = date(2026, 1, 1)
        alike = _statement(file, account, 0, "camt.053", first + timedelta(days=10), 7, 8)
        alike.opening_on, alike.chained = first, True
        session.add(alike)
        for n in range(2 * NUMBERS_BEFORE):
            row = _statement(file, account, n + 1, "camt.053", first + timedelta(days=11 + n // 5), 1, 1)
            row.chained = True
            session.add(row)
        loose = _statement(file, account, 999, "mt940", first + timedelta(days=40), 7, 9)
        loose.opening_on = first
        session.add(loose)
        session.flush()
        chain = _load(session, account)
        chain.grow()
        assert list(chain.changed) == [loose.id]
        session.rollback()


@pytest.mark.parametrize("skips", [False, True])
def test_that_a_bank_leaves_numbers_out_is_known_however_long_ago(desk: Desk, skips: bool) -> None:
    with Session(desk.engine) as session:
        file, account = _file(session)
        for n in range(2 * NUMBERS_BEFORE):
            row = _statement(file, account, n, "mt940", date(2026, 1, 1) + timedelta(days=n), 1, 1)
            row.number, row.chained, row.skips = n + 1, True, skips and n == 1
            row.begins = "account" if n == 0 else ""
            session.add(row)
        loose = _statement(file, account, 999, "mt940", date(2026, 12, 31), 1, 2)
        loose.number = 999
        session.add(loose)
        session.flush()
        chain = _load(session, account)
        chain.grow()
        assert list(chain.changed) == ([loose.id] if skips else [])
        session.rollback()


def test_few_of_many_are_read(desk: Desk) -> None:
    with Session(desk.engine) as session:
        file, account = _file(session)
        for n in range(500):
            row = _statement(file, account, n, "camt.053", date(2026, 1, 1) + timedelta(n), n, n + 1)
            row.number, row.chained, row.begins = n + 1, n < 499, "account" if n == 0 else ""
            session.add(row)
        session.flush()
        assert len(_load(session, account).links) <= NUMBERS_BEFORE + 3
        session.rollback()


def _file(session: Session) -> tuple[int, int]:
    """A file, and an account for its statements."""
    file = BankFile(sha256="0" * 64, name="many", delivered_by="a test", content=b"")
    session.add(file)
    session.flush()
    account = session.exec(select(CollectionAccount.id).order_by(col(CollectionAccount.id))).first()
    assert file.id is not None
    assert account is not None
    return file.id, account


def _any_statement(
    rng: random.Random, file: int, account: int, position: int, kind: str, day: int
) -> BankStatement:
    on = date(2026, 1, 1) + timedelta(days=day)
    row = _statement(file, account, position, kind, on, rng.randrange(BALANCES), rng.randrange(BALANCES))
    row.number = rng.choice([None, None, day + 1, day + 2, rng.randrange(1, 9)])
    row.page = rng.choice([1, 1, 1, 2])
    row.opening_on = rng.choice(
        [None, on, on - timedelta(days=1), date(2026, 1, 1) + timedelta(days=day // 20)]
    )
    return row


def _statement(
    file: int, account: int, position: int, kind: str, day: date, opening: int, closing: int
) -> BankStatement:
    return BankStatement(
        file_id=file,
        position=position,
        account_id=account,
        kind=kind,
        statement_id=f"S{position}",
        currency="EUR",
        opening_minor=opening,
        closing_minor=closing,
        closing_on=day,
    )


def _everything(session: Session, account: int) -> Chain:
    return Chain([Link(*row) for row in session.execute(_EVERY, {"account": account})])


def _let_follow(chain: Chain) -> bool:
    """What two people do about the first gap."""
    gap = next(iter(chain.gaps()), None)
    before = chain.last_before(gap) if gap else None
    if gap is None:
        return False
    if before is None:
        chain.begin_before(gap)
    elif before.closing_minor == gap.opening_minor:
        gap.skips = True
        chain.link(gap)
    else:
        chain.begin(gap, "gap", before.closing_minor)
    chain.grow()
    return True


def _done(chain: Chain) -> tuple[object, ...]:
    gaps = [(gap.id, chain.last_before(gap), chain.left_out_after(gap)) for gap in chain.gaps()]
    return chain.steps, chain.changed, gaps
