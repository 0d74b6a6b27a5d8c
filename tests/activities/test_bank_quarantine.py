"""An entry that could not be read: in sight until two people resolve it, with the sum that the file tells."""

from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import replace
from datetime import date
from typing import Any

import psycopg
import pytest
from sqlalchemy import event
from sqlmodel import Session
from temporalio.exceptions import ApplicationError

from activities.bank_resolving import Proposal, propose
from activities.bank_resolving_input import Facts, Resolve
from activities.resolution import Decide, Decided, Resolutions
from bankfiles.sample import Payment, Sheet
from ledger.checks import run_checks
from prepay.ids import bank_file_workflow_id
from prepay.resolutions import DecideResolution
from rules.bank_file import BankFileState
from tests.activities.test_bank_decisions import CHECK, PRIVILEGE, WRITTEN_ONCE, wrong
from tests.activities.test_bank_files import ACCOUNT, Desk, camt, desk, sha256_of
from tests.bankfiles import mt_files
from tests.bankfiles.camt_files import balance, details, document, entry, statement, transaction
from tests.conftest import Database

__all__ = ["desk"]

FIRST, SECOND = "First Operator", "Second Operator"
DAY = "2026-11-23"
OTHER_ACCOUNT = "NL26MOCK0000009001"
PAID = Payment(
    4_000, "R-40", booked_on=date(2026, 11, 23), value_on=date(2026, 11, 24), free=("the fortieth",)
)
UNREADABLE = entry("<RvslInd>maybe</RvslInd>", amount="40.00")


def file_of(*entries: str, kind: str = "camt.053", opening: str = "0.00", closing: str = "") -> bytes:
    """A file about our account, an entry a line, the first in line 2."""
    balances = [balance("OPBD", opening), balance("CLBD", closing)] if closing else []
    inside = "".join(f"\n{text}" for text in entries)
    return document(statement(*balances, inside, format=kind, account=ACCOUNT), format=kind).encode()


def good(reference: str = "R-100", amount: str = "100.00", text: str = "") -> str:
    paid = transaction(f"<RmtInf><Ustrd>{text}</Ustrd></RmtInf>") if text else ""
    return entry(f"<AcctSvcrRef>{reference}</AcctSvcrRef>" + (details(paid) if paid else ""), amount=amount)


LACKING = file_of(good(), UNREADABLE, closing="140.00")
"""A statement of 140.00, of which 40.00 in line 3 could not be read."""
UNKNOWN = file_of(good(), entry(amount="4O.00"), kind="camt.054")
"""A notification with an entry in line 3 of which not even the amount can be read."""


def unread_file(desk: Desk) -> int:
    [row] = desk.rows("SELECT max(file_id) AS file FROM bank_quarantine")
    return int(str(row["file"] or 1))


def proposed(
    desk: Desk, facts: dict[str, Any] | None = None, *, by: str = FIRST, line: str = "3", file: int = 0
) -> Proposal:
    """What the first person says of the newest file: the day that it was booked, and these facts."""
    said = facts or {}
    given = Facts.model_validate(said if "entry" in said else {"booked_on": DAY, **said})
    number = file or unread_file(desk)
    with Session(desk.engine) as session, session.begin():
        return propose(
            session, Resolve(file=number, line=line, by=by, reason="as it stands there", facts=given)
        )


def decided(desk: Desk, proposal: Proposal, signal: Any = "approve", by: str = SECOND) -> Decided:
    given = DecideResolution(operator=by, reason="so it stands there")
    return Resolutions(desk.engine).decide(Decide(resolution=proposal.id, signal=signal, decision=given))


def resolved(desk: Desk, *, line: str = "3", file: int = 0, **facts: Any) -> int:
    """The entry that it is, once both people have said so."""
    decision = decided(desk, proposed(desk, facts, line=line, file=file))
    assert decision.refused == ""
    assert decision.state.entry is not None
    return decision.state.entry


def entries(desk: Desk) -> list[tuple[object, ...]]:
    query = """
        SELECT e.id, e.amount_minor, p.state, p.confirmed FROM bank_entry e JOIN bank_entry_part p ON p.entry_id = e.id
        ORDER BY e.id
    """
    return [tuple(row.values()) for row in desk.rows(query)]


def bank(desk: Desk) -> int:
    query = "SELECT debits_posted - credits_posted AS minor FROM ledger_account_balance WHERE kind = 'bank'"
    return sum(int(str(row["minor"])) for row in desk.rows(query))


class TestInSight:
    def test_what_is_known_of_the_money_is_kept(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        desk.work_off(UNKNOWN)
        columns = "statement, line, amount_minor, currency, direction, status"
        rows = desk.rows(f"SELECT {columns} FROM bank_quarantine ORDER BY file_id")
        assert [tuple(row.values()) for row in rows] == [
            (0, 3, 4_000, "EUR", "credit", "BOOK"),
            (0, 3, None, "", "", ""),
        ]

    def test_the_file_is_posted_and_in_alarm(self, desk: Desk) -> None:
        file = desk.work_off(LACKING)
        assert (file.stage, file.held_for, bank(desk)) == ("alarm", "missing", 10_000)
        query = "SELECT reason FROM bank_file"
        assert desk.rows(query)[0]["reason"] == (
            "entry in line 3 could not be read: Stmt[1]/Ntry[2]/RvslInd: expected true or false, found 'maybe'; "
            "resolve it by `prepay bank resolve 1 3`"
        )

    def test_what_no_database_could_look_up_does_not_stop_the_rest(self, desk: Desk) -> None:
        longest, beyond = "".join(map(chr, range(0x20000, 0x200C8))), "R" * 5_000
        file = desk.work_off(file_of(good(longest), good(beyond), kind="camt.054"))
        assert (file.stage, file.posted, bank(desk)) == ("alarm", 1, 10_000)

    def test_what_stands_in_the_file_stays_in_the_database(self, desk: Desk) -> None:
        assert "maybe" not in desk.work_off(LACKING).reason
        assert (
            "found something else (`prepay bank files 1` shows it); resolve it"
            in desk.files.look(sha256_of(LACKING)).reason
        )

    def test_an_amount_of_zero_is_shown_and_asks_nobody(self, desk: Desk) -> None:
        assert desk.work_off(file_of(good(), entry(amount="0.00"), closing="100.00")).stage == "posted"
        assert desk.rows("SELECT 1 FROM bank_quarantine") == []
        assert desk.rows("SELECT state, reason FROM bank_entry_part WHERE amount_minor = 0") == [
            {"state": "shown", "reason": "its amount is zero"}
        ]

    def test_an_amount_of_zero_lacks_nothing(self, desk: Desk) -> None:
        back = details(transaction(amount="5.00"), transaction(amount="5.00", way="DBIT"))
        assert desk.work_off(file_of(good(), entry(back, amount="0.00"), closing="100.00")).stage == "posted"
        with pytest.raises(
            ValueError, match=r"The amount of line 3 \(Stmt\[1\]/Ntry\[2\]\) of file 1 is zero"
        ):
            proposed(desk)

    def test_two_people_let_it_go_on_and_it_can_still_be_resolved(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        assert desk.release(LACKING).stage == "posted"
        assert desk.rows("SELECT settled, resolved_at FROM bank_quarantine") == [
            {"settled": True, "resolved_at": None}
        ]
        resolved(desk)
        assert bank(desk) == 14_000

    def test_a_file_that_is_not_posted_cannot_be_resolved_yet(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        for operator in (FIRST, SECOND):
            desk.decide(LACKING, "release", operator)
        with pytest.raises(
            ValueError, match="File 1 is read; its unread entries can be resolved when it has been"
        ):
            proposed(desk)


class TestSums:
    """What the balances lack is what is unread; the fixture checks the whole book after each test as well."""

    @pytest.mark.breaks_the_book
    @pytest.mark.parametrize(
        ("change", "also"),
        [
            ("UPDATE bank_quarantine SET amount_minor = 3999", []),
            ("UPDATE bank_quarantine SET direction = 'debit'", []),
            ("DELETE FROM bank_quarantine", ["bank-files"]),
        ],
    )
    def test_another_sum_is_a_breach(
        self, desk: Desk, database: Database, change: str, also: list[str]
    ) -> None:
        desk.work_off(LACKING)
        with psycopg.connect(database.owner_url) as connection:
            connection.execute(change.encode())
            broken = [check.name for check in run_checks(connection) if check.breaches]
        assert broken == ["bank-balances", *also, "bank-statements"]

    def test_the_same_days_told_readable_leave_nothing_lacking(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        read = replace(PAID, bank_reference="", free=())
        days = Sheet(ACCOUNT, "EUR", [replace(PAID, amount_minor=10_000, bank_reference="R-100"), read])
        assert desk.deliver(replace(days, closing_minor=14_000), kind="camt.053").stage == "posted"
        assert bank(desk) == 14_000

    def test_the_same_unreadable_in_two_files_lacks_once(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        desk.work_off(LACKING.replace(b"<Id>S-1</Id>", b"<Id>S-2</Id>"))
        number = resolved(desk, file=1, reference="R-40")
        assert resolved(desk, file=2, entry=number) == number
        assert bank(desk) == 14_000


class TestByHand:
    def test_it_is_posted_matched_and_the_file_ends(self, desk: Desk) -> None:
        deposit = desk.issue(amount="40.00")
        desk.work_off(LACKING)
        number = resolved(desk, remittance=f"for {deposit.reference.lower()}", payer="ACME GmbH")
        assert (desk.available(), bank(desk)) == (4_000, 14_000)
        assert desk.deposit(deposit)["stage"] == "credited"
        query = "SELECT line, status FROM bank_sighting WHERE entry_id = %s"
        assert desk.rows(query, number) == [{"line": 3, "status": "BOOK"}]
        assert entries(desk)[-1] == (number, 4_000, "credited", True)
        assert desk.work_off(LACKING).stage == "posted"

    def test_who_why_and_when_is_kept(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        number = resolved(desk)
        [row] = desk.rows("SELECT *, resolved_at IS NOT NULL AS done FROM bank_quarantine")
        told = [row[n] for n in ("resolved_by", "approved_by", "resolved_reason", "entry_id", "done")]
        assert told == [FIRST, SECOND, "as it stands there", number, True]

    @pytest.mark.parametrize("earlier", [True, False])
    def test_the_same_reference_in_another_file_is_the_same_money(self, desk: Desk, earlier: bool) -> None:
        other = camt(Sheet(ACCOUNT, "EUR", [PAID]))
        if earlier:
            desk.work_off(other)
        desk.work_off(LACKING)
        resolved(desk, reference="R-40", value_on="2026-11-24")
        desk.work_off(other)
        assert (bank(desk), len(entries(desk))) == (14_000, 2)

    def test_an_equal_payment_of_the_same_statement_is_another_one(self, desk: Desk) -> None:
        equal = good("R-40", "40.00")
        desk.work_off(file_of(equal, UNREADABLE, closing="80.00"))
        resolved(desk, reference="R-40", value_on="2026-11-24")
        assert bank(desk) == 8_000

    def test_so_it_is_on_a_page_of_a_statement(self, desk: Desk) -> None:
        page = "<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>"
        desk.work_off(file_of(page + good("R-40", "40.00"), UNREADABLE, closing="80.00"))
        resolved(desk, reference="R-40", value_on="2026-11-24")
        counted = "SELECT count(DISTINCT identity_key) FROM bank_page_money WHERE page = 1"
        assert (bank(desk), desk.rows(counted)) == (8_000, [{"count": 4}])

    def test_equal_money_that_another_file_brought_must_be_named_or_denied(self, desk: Desk) -> None:
        desk.pay(PAID)
        desk.work_off(LACKING)
        with pytest.raises(
            ValueError, match="if it is entry 1, say so by `--entry`; if it is none of them, add `--new`"
        ):
            proposed(desk)
        assert resolved(desk, new=True) != 1

    def test_equal_money_that_comes_later_without_its_reference_waits_for_a_person(self, desk: Desk) -> None:
        deposit = desk.issue(amount="40.00")
        desk.work_off(LACKING)
        number = resolved(desk, remittance=deposit.reference)
        desk.pay(replace(PAID, bank_reference="", structured=deposit.reference))
        assert desk.available() == 4_000
        assert desk.parts()[-1] == (
            "unapplied",
            f"it may be the money of entry {number}, which people told for a line that could not be read",
        )

    def test_equal_money_that_was_shown_before_waits_for_a_person_when_it_is_booked(self, desk: Desk) -> None:
        deposit = desk.issue(amount="40.00")
        paid = replace(PAID, structured=deposit.reference)
        desk.pay(replace(paid, status="PDNG"))
        desk.work_off(LACKING)
        resolved(desk, reference="R-4O", remittance=deposit.reference)
        desk.pay(paid)
        assert desk.available() == 4_000

    def test_a_debit_is_unexplained(self, desk: Desk) -> None:
        taken = entry("<RvslInd>maybe</RvslInd>", amount="40.00", way="DBIT")
        desk.work_off(file_of(good(), taken, closing="60.00"))
        resolved(desk)
        assert (bank(desk), desk.parts()[-1][0]) == (6_000, "house")

    def test_a_line_of_an_mt940_too(self, desk: Desk) -> None:
        broken = mt_files.entry("the fortieth", amount="40,00", dates="2613241123")
        content = mt_files.of(mt_files.entry(), broken, closing="C261123EUR140,00", account=ACCOUNT)
        assert "value date: expected a day written YYMMDD" in desk.work_off(content).reason
        resolved(desk, line="6", value_on="2026-11-24", remittance="the fortieth")
        assert (bank(desk), desk.work_off(content).stage) == (14_000, "posted")

    def test_what_is_not_booked_is_shown(self, desk: Desk) -> None:
        pending = UNREADABLE.replace("BOOK", "PDNG")
        desk.work_off(file_of(good(), pending, closing="100.00"))
        resolved(desk)
        assert (bank(desk), desk.parts()[-1][0]) == (10_000, "shown")

    @pytest.mark.parametrize(
        ("facts", "given"),
        [
            ({"amount": "40.01"}, "40.01 EUR credit"),
            ({"amount": "40.00", "currency": "USD"}, "40.00 USD credit"),
            ({"direction": "debit"}, "40.00 EUR debit"),
        ],
    )
    def test_another_sum_than_the_file_tells_is_refused(
        self, desk: Desk, facts: dict[str, str], given: str
    ) -> None:
        desk.work_off(LACKING)
        with pytest.raises(ValueError, match="resolving it requires that sum") as refusal:
            proposed(desk, facts)
        assert f"of file 1 is 40.00 EUR credit, and {given} was given" in str(refusal.value)
        assert proposed(desk, {"amount": "40.00", "currency": "EUR", "direction": "credit"}).new

    def test_money_that_the_file_does_not_tell_must_be_given(self, desk: Desk) -> None:
        desk.work_off(UNKNOWN)
        facts: dict[str, str] = {}
        for name, value in (("currency", "EUR"), ("amount", "40.00"), ("direction", "credit")):
            with pytest.raises(ValueError, match=f"does not tell the {name} of line 3 .*: give `--{name}`"):
                proposed(desk, facts)
            facts[name] = value
        with pytest.raises(ValueError, match="is in EUR, and USD was given"):
            proposed(desk, facts | {"currency": "USD"})
        assert decided(desk, proposed(desk, facts)).state.amount_minor == 4_000
        assert bank(desk) == 14_000

    def test_money_that_was_counted_before_does_not_add_up(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        read = replace(PAID, bank_reference="", free=())
        days = Sheet(ACCOUNT, "EUR", [replace(PAID, amount_minor=10_000, bank_reference="R-100"), read])
        desk.deliver(replace(days, closing_minor=14_000), kind="camt.053")
        proposal = proposed(desk, {"new": True, "remittance": "typed otherwise"})
        refused = decided(desk, proposal)
        assert "would no longer be where its statements end" in refused.refused
        assert (refused.state.stage, bank(desk)) == ("proposed", 14_000)
        decided(desk, proposal, "refuse")
        assert resolved(desk, entry=2) == 2


class TestEntryOfAnotherFile:
    def test_is_confirmed_and_not_credited_again(self, desk: Desk) -> None:
        deposit = desk.issue(amount="40.00")
        desk.pay(replace(PAID, structured=deposit.reference))
        desk.work_off(LACKING)
        assert resolved(desk, entry=1) == 1
        assert (desk.available(), bank(desk)) == (4_000, 14_000)
        assert entries(desk)[0] == (1, 4_000, "credited", True)
        assert desk.work_off(LACKING).stage == "posted"

    def test_on_a_page_keeps_its_key(self, desk: Desk) -> None:
        desk.pay(PAID)
        page = "<StmtPgntn><PgNb>1</PgNb><LastPgInd>false</LastPgInd></StmtPgntn>"
        desk.work_off(file_of(page + good(), UNREADABLE, closing="140.00"))
        assert resolved(desk, entry=1) == 1
        assert (bank(desk), len(desk.rows("SELECT FROM bank_page_money"))) == (14_000, 2)

    @pytest.mark.parametrize(
        ("other", "why"),
        [
            (
                replace(PAID, amount_minor=4_001),
                "and entry 1 is 40.01 EUR credit: resolving it requires that sum",
            ),
            (
                replace(PAID, amount_minor=-4_000),
                "and entry 1 is 40.00 EUR debit: resolving it requires that sum",
            ),
            (replace(PAID, status="PDNG"), "is not entry 1: the bank has not booked it (PDNG)"),
        ],
    )
    def test_must_be_that_money(self, desk: Desk, other: Payment, why: str) -> None:
        desk.pay(other)
        desk.work_off(LACKING)
        with pytest.raises(ValueError, match="money of line 3") as refusal:
            proposed(desk, {"entry": 1})
        assert why in str(refusal.value)

    def test_must_be_of_that_account(self, desk: Desk) -> None:
        columns = "entity, currency, bank_name, holder, bank_address, sources, valid_from"
        desk.change(
            f"""
            INSERT INTO collection_account (code, bank_number, iban, {columns})
            SELECT 'SECOND', '{OTHER_ACCOUNT}', '{OTHER_ACCOUNT}', {columns}
            FROM collection_account WHERE bank_number = %s
        """,
            ACCOUNT,
        )
        desk.deliver(Sheet(OTHER_ACCOUNT, "EUR", [PAID]))
        desk.work_off(LACKING)
        with pytest.raises(ValueError, match="is not entry 1: it is of another account"):
            proposed(desk, {"entry": 1})

    def test_of_the_same_file_stands_in_another_line(self, desk: Desk) -> None:
        desk.work_off(file_of(good("R-40", "40.00"), UNREADABLE, closing="80.00"))
        with pytest.raises(ValueError, match="is not entry 1: that stands in line 2 of the same file"):
            proposed(desk, {"entry": 1})

    def test_must_be_there(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        with pytest.raises(ValueError, match="is not entry 99: there is no such entry"):
            proposed(desk, {"entry": 99})

    def test_of_another_statement_does_not_add_up(self, desk: Desk) -> None:
        desk.work_off(file_of(good("R-40", "40.00"), closing="40.00"))
        desk.work_off(file_of(good(), UNREADABLE, opening="40.00", closing="180.00"))
        proposal = proposed(desk, {"entry": 1})
        assert "it is other money, or was counted before" in decided(desk, proposal).refused
        assert desk.rows("SELECT FROM bank_quarantine WHERE resolved_at IS NULL")

    def test_or_what_the_line_says_but_not_both(self, desk: Desk) -> None:
        desk.pay(PAID)
        desk.work_off(LACKING)
        for facts in ({"entry": 1, "booked_on": DAY}, {"booked_on": None}):
            with pytest.raises(ValueError, match="Say either which entry"):
                proposed(desk, facts)


class TestTwoPeople:
    @pytest.mark.parametrize("again", [FIRST, " first  OPERATOR ", "First\u00a0Operator"])
    def test_the_same_person_twice_is_refused(self, desk: Desk, again: str) -> None:
        desk.work_off(LACKING)
        refused = decided(desk, proposed(desk), by=again.strip())
        assert refused.refused == "you proposed it already; somebody else must approve it"
        assert (refused.state.stage, bank(desk)) == ("proposed", 10_000)

    def test_one_proposal_waits_at_a_time(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        old = proposed(desk, {"reference": "R-4O"})
        for by, reference in ((FIRST, "R-40"), (SECOND, "R-4O")):
            with pytest.raises(ValueError, match=f"{FIRST} said on .* is: decide resolution-1 first"):
                proposed(desk, {"reference": reference}, by=by)
        assert decided(desk, old, "refuse", by=FIRST).state.stage == "refused"
        assert resolved(desk, reference="R-40") == 2
        assert decided(desk, old).refused == f"the proposal is refused already, by {FIRST}"

    def test_the_same_again_changes_nothing(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        first, again = proposed(desk, {"reference": "R-40"}), proposed(desk, {"reference": "R-40"})
        assert (first.new, again) == (True, first._replace(new=False))
        assert len(desk.rows("SELECT FROM outbox WHERE workflow_id = 'resolution-1'")) == 1
        done, repeated = decided(desk, first), decided(desk, first)
        assert (done.refused, repeated.refused, done.state.entry) == ("", "", repeated.state.entry)
        assert bank(desk) == 14_000

    def test_what_was_resolved_stays(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        proposal = proposed(desk)
        decided(desk, proposal)
        with pytest.raises(
            ValueError, match=f"is entry 2, as {FIRST} and {SECOND} resolved on .*; that stays"
        ):
            proposed(desk, {"reference": "R-41"})
        for signal, by in (("approve", "Third Operator"), ("refuse", SECOND)):
            again = decided(desk, proposal, signal, by=by)
            assert again.refused == f"the proposal is applied already, by {SECOND}"

    def test_eight_at_once_post_it_once(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        proposal = proposed(desk)
        with ThreadPoolExecutor(8) as pool:
            decisions = list(pool.map(lambda number: decided(desk, proposal, by=f"Op {number}"), range(8)))
        assert sorted(one.refused == "" for one in decisions) == [False] * 7 + [True]
        assert all("applied already" in one.refused for one in decisions if one.refused)
        assert bank(desk) == 14_000

    def test_eight_proposals_at_once_are_one(self, desk: Desk) -> None:
        desk.work_off(LACKING)

        def one(number: int) -> str:
            try:
                return str(proposed(desk, by=f"Op {number}").new)
            except ValueError as refusal:
                return "first" if str(refusal).endswith("decide resolution-1 first") else str(refusal)

        with ThreadPoolExecutor(8) as pool:
            assert sorted(pool.map(one, range(8))) == ["True"] + ["first"] * 7

    def test_the_same_again_while_it_is_refused_is_one_or_the_other(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        old, refusals = proposed(desk), []
        with ThreadPoolExecutor(1) as pool:

            def refuse(_c: object, _cursor: object, statement: str, *_more: object) -> None:
                if "INSERT INTO bank_resolution" in statement:
                    refusals.append(pool.submit(decided, desk, old, "refuse"))
                    wait(refusals, timeout=1)

            event.listen(desk.engine, "after_cursor_execute", refuse)
            assert proposed(desk) == old._replace(new=False)
            event.remove(desk.engine, "after_cursor_execute", refuse)
        assert [one.result().state.stage for one in refusals] == ["refused"]

    def test_a_file_that_is_being_read_again_waits(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        proposal = proposed(desk)
        for operator in (FIRST, SECOND):
            desk.decide(LACKING, "release", operator)
        refused = decided(desk, proposal).refused
        assert refused == "File 1 is read; its unread entries can be resolved when it has been posted"
        desk.work_off(LACKING)
        assert decided(desk, proposal).state.stage == "applied"

    def test_what_postgresql_refuses_is_told_and_nothing_is_posted(
        self, desk: Desk, database: Database
    ) -> None:
        desk.work_off(LACKING)
        proposal = proposed(desk)
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("ALTER TABLE bank_entry ADD CONSTRAINT broken CHECK (amount_minor <> 4000)")
        refused = decided(desk, proposal)
        assert "found that PostgreSQL refuses it (CheckViolation, SQLSTATE 23514)" in refused.refused
        assert (refused.state.stage, bank(desk)) == ("proposed", 10_000)
        with psycopg.connect(database.owner_url) as owner:
            owner.execute("ALTER TABLE bank_entry DROP CONSTRAINT broken")
        assert decided(desk, proposal).state.stage == "applied"

    @pytest.mark.parametrize("workflow_id", ["resolution-7", "resolution-x", "resolution-" + "9" * 30])
    def test_an_id_without_a_row_is_refused(self, desk: Desk, workflow_id: str) -> None:
        with pytest.raises(ApplicationError, match="There is no resolution"):
            Resolutions(desk.engine).look(workflow_id)

    def test_a_newer_reader_reads_nothing_twice(self, desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
        from bankfiles import camt_values

        desk.work_off(file_of(UNREADABLE, UNREADABLE, closing="80.00"))
        resolved(desk, line="2", reference="R-40")
        monkeypatch.setitem(camt_values._FLAGS, "maybe", False)
        desk.release(file_of(UNREADABLE, UNREADABLE, closing="80.00"))
        assert bank(desk) == 4_000


class TestLines:
    def test_that_hold_several_are_named_by_element(self, desk: Desk) -> None:
        desk.work_off(file_of(UNREADABLE + UNREADABLE, closing="80.00"))
        with pytest.raises(ValueError, match=r"such as Stmt\[1\]/Ntry\[1\] or Stmt\[1\]/Ntry\[2\]"):
            proposed(desk, line="2")
        for number in (1, 2):
            resolved(desk, line=f"Stmt[1]/Ntry[{number}]", reference=f"R-{number}")
        assert bank(desk) == 8_000

    @pytest.mark.parametrize(("file", "line"), [(1, "2"), (1, "x"), (7, "3")])
    def test_without_an_unread_entry_are_refused(self, desk: Desk, file: int, line: str) -> None:
        desk.work_off(LACKING)
        with pytest.raises(ValueError, match=f"File {file} has no unread entry in line {line};"):
            proposed(desk, file=file, line=line)


class TestRing:
    def test_resolving_lets_the_file_look_again(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        desk.rows("DELETE FROM outbox RETURNING id")
        resolved(desk)
        ring = desk.rows("SELECT workflow_id FROM outbox")
        assert {"workflow_id": bank_file_workflow_id(sha256_of(LACKING))} in ring

    def test_the_alarm_names_what_is_left(self, desk: Desk) -> None:
        content = file_of(UNREADABLE, UNREADABLE, closing="80.00")
        before = desk.work_off(content)
        resolved(desk, line="2")
        after: BankFileState = desk.work_off(content)
        assert (after.stage, after.hold) == ("alarm", before.hold + 1)
        assert after.reason.startswith("entry in line 3 could not be read")
        assert "line 2" not in after.reason


class TestDatabase:
    """Once, by two, and only what the file tells, whoever writes it."""

    resolve = """
        UPDATE bank_quarantine SET resolution_id = 1, entry_id = 1, resolved_by = %s, approved_by = %s,
            resolved_reason = 'because', resolved_at = now()
    """

    @pytest.mark.parametrize("again", [FIRST, " first operator "])
    def test_it_takes_two(self, desk: Desk, again: str) -> None:
        desk.work_off(LACKING)
        proposed(desk)
        assert wrong(desk, self.resolve, FIRST, again) == CHECK

    @pytest.mark.parametrize("again", [FIRST, " first operator "])
    def test_so_it_is_with_the_proposal(self, desk: Desk, again: str) -> None:
        desk.work_off(LACKING)
        proposed(desk)
        decision = "stage = 'applied', decided_by = %s, decided_reason = 'because', decided_at = now()"
        assert wrong(desk, f"UPDATE bank_resolution SET {decision}", again) == CHECK

    def test_it_takes_all_or_nothing(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        assert wrong(desk, "UPDATE bank_quarantine SET resolved_at = now()") == CHECK

    def test_it_takes_it_once(self, desk: Desk) -> None:
        desk.work_off(LACKING)
        resolved(desk)
        assert wrong(desk, self.resolve, "Third Operator", "Fourth Operator") == WRITTEN_ONCE

    @pytest.mark.breaks_the_book
    def test_whoever_links_it_past_us_is_found_out(self, desk: Desk, database: Database) -> None:
        desk.work_off(LACKING)
        decided(desk, proposed(desk), "refuse")
        desk.change(self.resolve, FIRST, SECOND)
        with psycopg.connect(database.owner_url) as connection:
            broken = {check.name for check in run_checks(connection) if check.breaches}
        assert broken == {"bank-balances", "bank-resolutions", "bank-statements"}

    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE bank_quarantine SET amount_minor = 1",
            "DELETE FROM bank_quarantine",
            "DELETE FROM bank_resolution",
            "UPDATE bank_resolution SET facts = '{}'",
        ],
    )
    def test_what_was_found_and_proposed_stays(self, desk: Desk, statement: str) -> None:
        desk.work_off(LACKING)
        proposed(desk)
        assert wrong(desk, statement) == PRIVILEGE
