"""The steps of a deposit in the database."""

from datetime import UTC, datetime

import pytest
from sqlalchemy import Engine

from activities.deposits import Deposits, Issue
from prepay.deposits import DepositRequest
from settings import Settings
from tests.conftest import Database, engine_of


@pytest.fixture
def engine(set_up: Database) -> Engine:
    return engine_of(set_up.app_url)


class TestIssue:
    @pytest.mark.parametrize(("hour", "year"), [(22, 2026), (23, 2027)])
    def test_the_number_has_the_year_of_the_entitys_date(self, engine: Engine, hour: int, year: int) -> None:
        """The last hour of the year in UTC is the first of the next one in Berlin."""
        request = DepositRequest(
            customer="C-1001", request_id="r-1", amount="10.00", currency="EUR", product="Compute"
        )
        at = datetime(2026, 12, 31, hour, 30, tzinfo=UTC)
        state = Deposits(engine, Settings()).issue(Issue(request=request, workflow_id="w-1", at=at))
        assert state.number.startswith(f"D-{year}-")
