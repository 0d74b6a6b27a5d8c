"""The audit page of a refund: an auditor needs nothing else."""

from collections.abc import Iterator
from datetime import UTC, datetime
from io import BytesIO
from typing import Any

import pytest
from pypdf import PdfReader
from sqlmodel import Session

from activities.refund_list import ticket
from documents.audit import render_audit
from tests.activities.refund_desk import RefundDesk
from tests.activities.test_bank_files import Desk
from tests.conftest import Database, engine_of

MADE = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def found(set_up: Database) -> Iterator[dict[str, Any]]:
    """A ticket that two people have approved."""
    engine = engine_of(set_up.app_url)
    refunds = RefundDesk(Desk(set_up, engine))
    refunds.credit(150_000, payer_name="ACME GmbH")
    refunds.credit(90_000, payer_name="ACME Holding GmbH", payer_account="NL26MOCK0000009001")
    state = refunds.open("2000.00", opened_by="First Operator")
    refunds.decide(state, "Second Operator")
    refunds.decide(state, "Fifth Operator")
    with Session(engine) as session:
        yield ticket(session, state.number)


@pytest.fixture
def rejected(set_up: Database) -> Iterator[dict[str, Any]]:
    """A ticket that one person has rejected."""
    engine = engine_of(set_up.app_url)
    refunds = RefundDesk(Desk(set_up, engine))
    refunds.credit(150_000)
    state = refunds.open("20.00")
    refunds.decide(state, "Second Operator", "reject")
    with Session(engine) as session:
        yield ticket(session, state.number)


def text_of(pdf: bytes) -> str:
    return " ".join(" ".join(page.extract_text() for page in PdfReader(BytesIO(pdf)).pages).split())


def test_says_who_did_what_and_how_that_is_proved(found: dict[str, Any]) -> None:
    said = text_of(render_audit(found, MADE))
    for wanted in (
        f"Refund {found['number']}: audit page",
        "opened for 2,000.00 EUR",
        "First Operator",
        "opened it",
        "approved",
        "Second Operator, treasurer",
        "NOT ATTESTED: only their word",
        "DE02 1203 0000 0000 2020 51",
        "NL26 MOCK 0000 0090 01",
        "ACME Holding GmbH",
    ):
        assert wanted in said
    assert found["approved_hash"] in said.replace(" ", "").replace("\u200b", "")


def test_says_where_the_signal_of_a_rejection_is(rejected: dict[str, Any]) -> None:
    [event] = [event for event in rejected["events"] if event["attestation"]]
    said = text_of(render_audit(rejected, MADE))
    # Where the line breaks depends on the numbers.
    wanted = f"attestation {event['attestation']} run r, event {event['event_id']}"
    assert wanted.replace(" ", "") in said.replace(" ", "").replace("\u200b", "")


def test_is_the_same_for_the_same(found: dict[str, Any]) -> None:
    assert render_audit(found, MADE) == render_audit(found, MADE)
