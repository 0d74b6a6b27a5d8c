"""Applications for virtual accounts on a real database: by rule, by two people, and each number once for ever."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from typing import Any

import psycopg
import pytest
from sqlmodel import Session

from activities.database import make_engine
from activities.master_data import put_account, put_customer
from activities.master_data_input import AccountInput, CustomerInput
from activities.virtual_accounts import ApplicationRefused, apply
from bankfiles.sample import Payment
from prepay.virtual_accounts import VirtualAccountRequest
from prepay.wire import parse
from tests.activities.test_bank_files import Desk, desk
from tests.activities.test_bank_matching import credits, stages
from tests.activities.virtual_desk import (
    active,
    allow,
    applied,
    attestation,
    decide,
    look,
    no_pool,
    number_of,
    pool,
)

__all__ = ["desk", "no_pool"]


def notices(desk: Desk, customer: str = "C-1001") -> list[object]:
    query = """
        SELECT kind FROM notice n JOIN customer c ON c.id = n.customer_id
        WHERE c.number = %s AND kind LIKE 'virtual%%' ORDER BY n.id
    """
    return [row["kind"] for row in desk.rows(query, customer)]


def forms(desk: Desk) -> list[dict[str, Any]]:
    rows = desk.rows("SELECT deposit_id, content FROM document ORDER BY deposit_id, version")
    return [json.loads(bytes(row["content"])) for row in rows]  # type: ignore[call-overload]


class TestByRule:
    def test_an_eligible_customer_is_reviewed(self, desk: Desk) -> None:
        allow(desk)
        state = applied(desk)
        assert (state.stage, state.why) == ("in_review", "as the contract says")
        assert notices(desk) == ["virtual_submitted"]

    def test_no_rule_refuses_at_once_with_the_reason(self, desk: Desk) -> None:
        state = applied(desk)
        assert (state.stage, state.why) == ("refused", "no rule allows it for customers of nimbus-eu in DE")
        assert notices(desk) == ["virtual_refused"]

    def test_a_rule_that_forbids_refuses_with_its_reason(self, desk: Desk) -> None:
        allow(desk, allowed=False)
        assert (applied(desk).stage, applied(desk).why) == ("refused", "as the contract says")

    def test_entity_and_country_at_registration_decide(self, desk: Desk) -> None:
        allow(desk, country="DE")
        moves_to(desk, country="FR")
        assert applied(desk).stage == "in_review"

    def test_whoever_has_one_must_say_what_it_replaces(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 2)
        active(desk)
        again = applied(desk)
        assert again.stage == "refused"
        assert again.why.startswith("the customer has a virtual account in this currency already")


class TestApply:
    def test_the_same_request_again_gives_the_same_answer(self, desk: Desk) -> None:
        request = VirtualAccountRequest(customer="C-1001", request_id="r-1", currency="EUR")
        with Session(desk.engine) as session, session.begin():
            first, again = apply(session, request), apply(session, request)
        assert (first.application, first.new, again.new) == (again.application, True, False)

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"customer": "C-9"}, "There is no customer C-9"),
            ({"currency": "USD", "request_id": "other"}, "Customer C-1001 has no balance in USD"),
            ({"replaces": 99, "request_id": "other"}, "There is no virtual account 99"),
            ({"request_id": "other"}, "has applied for a virtual account in EUR already"),
            ({"note": "other"}, "was used with other content before"),
        ],
    )
    def test_what_cannot_be_is_said_in_one_sentence(
        self, desk: Desk, values: dict[str, Any], said: str
    ) -> None:
        given = {"customer": "C-1001", "request_id": "r-1", "currency": "EUR"}
        with Session(desk.engine) as session, session.begin():
            apply(session, VirtualAccountRequest(**given))
            with pytest.raises(ApplicationRefused, match=said):
                apply(session, VirtualAccountRequest(**{**given, **values}))


class TestDecide:
    def test_approval_gives_a_number_of_the_pool(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 2)
        state = active(desk)
        [row] = desk.rows("SELECT * FROM virtual_account WHERE id = %s", state.virtual_account)
        assert (row["stage"], row["iban"]) == ("active", "NL76MOCK0009000001")
        assert notices(desk) == ["virtual_submitted", "virtual_active"]
        [body] = desk.rows("SELECT body FROM notice WHERE kind = 'virtual_active'")
        assert "NL76 MOCK 0009 0000 01" in str(body["body"])

    @pytest.mark.parametrize("operator", ["First Operator", "FIRST  operator"])
    def test_the_applicant_never_decides(self, desk: Desk, operator: str) -> None:
        allow(desk)
        pool(desk, 1)
        decided = decide(desk, applied(desk), operator=operator)
        assert decided.state.stage == "in_review"
        assert decided.refused == "you applied for it already; somebody else must decide"

    def test_the_database_takes_two_people_too(self, desk: Desk) -> None:
        allow(desk)
        state = applied(desk)
        with pytest.raises(psycopg.errors.CheckViolation, match="takes_two_people"):
            desk.change(
                "UPDATE virtual_account_application SET stage = 'approved', decided_by = 'FIRST operator ',"
                " decided_reason = 'because', decided_at = now() WHERE id = %s",
                state.application,
            )

    def test_the_same_decision_again_takes_one_number(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 2)
        state, same = applied(desk), attestation(desk)
        assert [decide(desk, state, attested=same).refused for _ in range(2)] == ["", ""]
        assert len(desk.rows("SELECT FROM virtual_account WHERE stage = 'active'")) == 1

    def test_twice_is_answered(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 2)
        state = active(desk)
        assert decide(desk, state).refused.startswith("Second Operator approved it already")

    def test_reject_tells_the_customer_why(self, desk: Desk) -> None:
        allow(desk)
        state = decide(desk, applied(desk), "reject").state
        assert (state.stage, state.why) == ("refused", "a good reason")
        assert notices(desk) == ["virtual_submitted", "virtual_refused"]
        assert decide(desk, state).refused.startswith("the application is refused already")

    def test_what_is_not_active_cannot_be_closed(self, desk: Desk) -> None:
        allow(desk)
        assert decide(desk, applied(desk), "close").refused.startswith("there is no account to close yet")


class TestEmptyPool:
    def test_it_waits_visibly_and_goes_on_when_numbers_come(self, desk: Desk) -> None:
        allow(desk)
        waiting = decide(desk, applied(desk)).state
        assert (waiting.stage, waiting.waits_for, waiting.free_numbers) == ("approved", "treasurer", 0)
        assert look(desk, waiting).stage == "approved"
        desk.change("DELETE FROM outbox")
        assert pool(desk, 1) == "added"
        rung = [row["workflow_id"] for row in desk.rows("SELECT workflow_id FROM outbox")]
        assert rung == [f"virtual-account-{waiting.application}"]
        assert look(desk, waiting).stage == "active"
        assert notices(desk) == ["virtual_submitted", "virtual_waits", "virtual_active"]

    def test_a_thousand_at_once_on_nine_hundred_numbers(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 900)
        desk.change(
            "INSERT INTO customer (number, legal_name, address, country, entity, currencies)"
            " SELECT 'V-' || n, 'Example ' || n, '{}', 'DE', 'nimbus-eu', '{EUR}' FROM generate_series(1, 1000) n"
        )
        desk.change(
            "INSERT INTO virtual_account_application (customer_id, entity, currency, request_id, stage)"
            " SELECT id, entity, 'EUR', number, 'in_review' FROM customer WHERE number LIKE 'V-%%'"
        )
        desk.change(
            "INSERT INTO attestation (workflow_id, run_id, event_id, signal, payload, sent_at, identity, principal,"
            " operator_id, standing, refused)"
            " SELECT 'v', 'v', n, 'approve', '{}', now(), '', '', (SELECT min(id) FROM operator), 'claim', ''"
            " FROM generate_series(1, 1000) n"
        )
        query = """
            SELECT p.id AS application, t.id AS attestation FROM (
                SELECT id, row_number() OVER (ORDER BY id) AS n FROM virtual_account_application
            ) p JOIN attestation t ON t.run_id = 'v' AND t.event_id = p.n
        """
        wide = Desk.__new__(Desk)
        wide.engine, wide.url = make_engine(desk.url, 16), desk.url
        pairs = [(row["application"], row["attestation"]) for row in desk.rows(query)]
        before = look(desk, applied(desk))
        with ThreadPoolExecutor(16) as threads:
            list(
                threads.map(
                    lambda pair: decide(
                        wide, before.model_copy(update={"application": pair[0]}), attested=pair[1]
                    ),
                    pairs,
                )
            )
        assert self.counted(desk) == (900, 900, 100)
        pool(desk, 100, first=901)
        waiting = [
            row["workflow_id"]
            for row in desk.rows(
                "SELECT workflow_id FROM outbox WHERE workflow_id LIKE %s", "virtual-account-%"
            )
        ]
        ids = sorted({int(str(one).removeprefix("virtual-account-")) for one in waiting})
        with ThreadPoolExecutor(16) as threads:
            list(threads.map(lambda one: look(wide, before.model_copy(update={"application": one})), ids))
        wide.engine.dispose()
        assert self.counted(desk) == (1000, 1000, 0)

    def counted(self, desk: Desk) -> tuple[object, ...]:
        query = """
            SELECT count(*) FILTER (WHERE stage = 'active') AS active, count(DISTINCT virtual_account_id) AS numbers,
                count(*) FILTER (WHERE stage = 'approved') AS waiting FROM virtual_account_application
        """
        return tuple(desk.rows(query)[0].values())


class TestNeverReused:
    @pytest.mark.parametrize(
        "change", ["stage = 'free', customer_id = NULL", "customer_id = customer_id + 1"]
    )
    def test_what_was_a_customers_is_never_anothers(self, desk: Desk, change: str) -> None:
        allow(desk)
        pool(desk, 1)
        active(desk)
        with pytest.raises(psycopg.errors.Error, match="virtual_account refuses update"):
            desk.change(f"UPDATE virtual_account SET {change}, valid_from = NULL")

    def test_a_closed_number_stays_closed(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        state = active(desk)
        closed = decide(desk, state, "close").state
        assert (closed.stage, closed.ended) == ("closed", True)
        assert notices(desk)[-1] == "virtual_closed"
        assert decide(desk, applied(desk)).state.stage == "approved"
        desk.pay(Payment(10_000, payee_account=number_of(desk, state)))
        assert desk.parts()[0][0] == "unapplied"


class TestReplacement:
    def test_runs_beside_the_old_number(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 2)
        old = active(desk)
        new = active(desk, replaces=old.virtual_account)
        numbers = [number_of(desk, state) for state in (old, new)]
        desk.pay(*[Payment(10_000, f"B{n}", payee_account=number) for n, number in enumerate(numbers)])
        assert desk.available() == 20_000
        [row] = desk.rows("SELECT replaced_by FROM virtual_account WHERE id = %s", old.virtual_account)
        assert row["replaced_by"] == new.virtual_account

    def test_of_another_customers_number_is_refused(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 2)
        theirs = active(desk, "C-1002")
        refused = applied(desk, replaces=theirs.virtual_account)
        assert (refused.stage, refused.why) == (
            "refused",
            "the account that is to be replaced is no open virtual account of the customer's in this currency",
        )


class TestForm:
    def test_approval_issues_open_forms_again_and_leaves_the_first_as_it_is(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        deposit = desk.issue()
        before = forms(desk)
        state = active(desk)
        first, second = forms(desk)
        assert [first] == before
        assert (second["version"], second["reference"]) == (2, first["reference"])
        assert (second["pay_to"]["kind"], second["pay_to"]["iban"]) == ("virtual", number_of(desk, state))
        unchanged = {"issued_on", "version", "pay_to"}
        assert {k: v for k, v in first.items() if k not in unchanged} == {
            k: v for k, v in second.items() if k not in unchanged
        }
        row = desk.deposit(deposit)
        assert (row["version"], row["handled_version"], row["stage"]) == (2, 2, "issued")

    def test_money_by_the_first_version_is_credited_all_the_same(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        deposit = desk.issue()
        active(desk)
        desk.pay(Payment(10_000, structured=deposit.reference))
        assert (credits(desk), stages(desk, deposit)) == ([(deposit.number, 10_000)], ["credited"])

    def test_a_new_form_names_the_number_at_once(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        state = active(desk)
        desk.issue()
        [form] = forms(desk)
        assert (form["version"], form["pay_to"]["iban"]) == (1, number_of(desk, state))

    def test_a_closed_account_gives_way_to_the_collection_account(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        desk.issue()
        decide(desk, active(desk), "close")
        assert [form["pay_to"]["kind"] for form in forms(desk)] == ["collection", "virtual", "collection"]

    def test_closed_forms_and_other_currencies_stay_as_they_are(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        deposit = desk.issue()
        desk.pay(Payment(10_000, structured=deposit.reference))
        desk.issue("C-1002")
        active(desk)
        assert [form["version"] for form in forms(desk)] == [1, 1]


def moves_to(desk: Desk, **changed: str) -> None:
    [row] = desk.rows("SELECT * FROM customer WHERE number = 'C-1001'")
    known = {name: row[name] for name in CustomerInput.model_fields}
    with Session(desk.engine) as session, session.begin():
        put_customer(session, CustomerInput.model_validate({**known, **changed}))


class TestReview:
    def test_a_later_change_raises_a_review_and_takes_nothing_away(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        state = active(desk)
        moves_to(desk, country="FR")
        reviewed = look(desk, state)
        assert (reviewed.stage, reviewed.waits_for) == ("active", "approver")
        assert reviewed.review == "its country changed from DE to FR"
        desk.pay(Payment(10_000, payee_account=number_of(desk, state)))
        assert desk.available() == 10_000

    def test_is_over_when_an_operator_keeps_the_account(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        state = active(desk)
        moves_to(desk, country="FR")
        kept = decide(desk, look(desk, state)).state
        assert (kept.stage, kept.review, kept.waits_for) == ("active", "", None)

    def test_of_an_open_application_is_decided_with_it(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        state = applied(desk)
        moves_to(desk, country="FR")
        seen = look(desk, state)
        assert (seen.stage, seen.review) == ("in_review", "its country changed from DE to FR")
        assert seen.waits_since == state.waits_since
        approved = decide(desk, seen).state
        assert (approved.stage, approved.review, approved.waits_for) == ("active", "", None)

    def test_that_nobody_saw_before_they_decided_is_raised_after_it(self, desk: Desk) -> None:
        allow(desk)
        pool(desk, 1)
        state = applied(desk)
        moves_to(desk, country="FR")
        approved = decide(desk, state).state
        assert (approved.stage, approved.waits_for) == ("active", "approver")
        moves_to(desk, country="IT")
        kept = decide(desk, approved).state
        assert kept.review == "its country changed from DE to FR; its country changed from FR to IT"
        assert decide(desk, kept).state.review == ""

    def test_while_it_waits_for_a_number_is_raised_when_it_has_one(self, desk: Desk) -> None:
        allow(desk)
        waiting = decide(desk, applied(desk)).state
        moves_to(desk, country="FR")
        pool(desk, 1)
        raised = look(desk, waiting)
        assert (raised.stage, raised.waits_for) == ("active", "approver")
        assert raised.waits_since > waiting.waits_since

    @pytest.mark.parametrize("takes_it_too", [False, True])
    def test_closed_then_its_forms_name_the_account_of_their_own_entity(
        self, desk: Desk, takes_it_too: bool
    ) -> None:
        """Whatever the entity that the customer has gone to takes."""
        allow(desk)
        pool(desk, 1)
        desk.issue()
        state = active(desk)
        if takes_it_too:
            raw = {"code": "other", "entity": "nimbus-sg", "currency": "EUR", "holder": "H", "bank_name": "B"}
            with Session(desk.engine) as session, session.begin():
                given = {**raw, "account_number": "77", "valid_from": date(2026, 1, 1)}
                put_account(session, parse(AccountInput, given, "It"))
        moves_to(desk, entity="nimbus-sg")
        decide(desk, look(desk, state), "close")
        first, second, third = forms(desk)
        assert second["pay_to"]["kind"] == "virtual"
        assert third["pay_to"] == first["pay_to"]
