"""Who may do what: roles and limits, and that every signal of every workflow stands in the table."""

from pathlib import Path

import pytest
from temporalio import workflow as temporal_workflow

from prepay.money import Money
from rules.authority import AUTHORITY, Act, as_markdown, refuse_act
from rules.operators import Authority, Role
from worker import WORKFLOWS

CANCEL, RELEASE, MOVE = Act("Deposit", "cancel"), Act("BankFile", "release"), Act("Reassignment", "approve")


def operator(*roles: Role, **limits: int | None) -> Authority:
    return Authority(operator=1, name="First Operator", roles=frozenset(roles), limits=limits)


class TestRole:
    def test_one_of_the_roles_is_enough(self) -> None:
        assert refuse_act(operator(Role.CLERK), CANCEL, None) is None
        assert refuse_act(operator(Role.COMPLIANCE, Role.APPROVER), RELEASE, None) is None

    def test_another_role_is_refused_in_words(self) -> None:
        refused = refuse_act(operator(Role.CLERK, Role.COMPLIANCE), RELEASE, None)
        assert refused == "First Operator is clerk and compliance, and this takes an approver or a treasurer"

    def test_an_administrator_alone_changes_operators(self) -> None:
        act = Act("Change", "approve operator")
        allowed = [role for role in Role if refuse_act(operator(role), act, None) is None]
        assert allowed == [Role.ADMINISTRATOR]

    def test_no_role_any_more_is_refused_in_words(self) -> None:
        assert str(refuse_act(operator(), CANCEL, None)).startswith("First Operator has no role now; ")


class TestAmount:
    @pytest.mark.parametrize("most", [100, 5_000, None])
    def test_up_to_the_limit(self, most: int | None) -> None:
        assert (
            refuse_act(operator(Role.APPROVER, EUR=most), MOVE, Money(amount_minor=100, currency="EUR"))
            is None
        )

    def test_above_it_is_refused_in_words(self) -> None:
        refused = refuse_act(
            operator(Role.APPROVER, EUR=5_000), MOVE, Money(amount_minor=5_001, currency="EUR")
        )
        assert refused == "First Operator decides at most 50.00 EUR at once, and this is 50.01 EUR"

    def test_without_a_limit_in_the_currency_no_amount(self) -> None:
        refused = refuse_act(operator(Role.APPROVER, EUR=None), MOVE, Money(amount_minor=1, currency="JPY"))
        assert refused == "First Operator has no limit in JPY, and so decides no amount in it"


class TestTable:
    def test_names_every_signal_that_operators_send(self) -> None:
        for kind in WORKFLOWS:
            definition = temporal_workflow._Definition.must_from_class(kind)
            signals = {name for name in definition.signals if name is not None} - {"ring"}
            listed = {act.what.split()[0] for act in AUTHORITY if act.of == definition.name} - {"propose"}
            assert signals == listed, definition.name

    def test_is_what_the_operators_guide_prints(self) -> None:
        guide = Path(__file__).parents[2] / "docs" / "operators.md"
        assert as_markdown() in guide.read_text()
