"""Forms to test with."""

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from pypdf import PdfReader

from documents.form import FormCustomer, PaymentRequestForm
from tests.documents.samples import (
    CUSTOMER,
    EURO_ACCOUNT,
    ISSUER,
    VIRTUAL_ACCOUNT,
    MakeForm,
    payment_reference,
)


@pytest.fixture(scope="session")
def make_form() -> MakeForm:
    """Make a form; what a test does not name is an ordinary one in EUR."""

    def make(**changes: Any) -> PaymentRequestForm:
        ordinary: dict[str, Any] = {
            "number": "D-2026-000123",
            "issued_on": date(2026, 11, 23),
            "expires_on": date(2026, 12, 7),
            "issuer": ISSUER,
            "customer": CUSTOMER,
            "amount_minor": 1_250_000,
            "currency": "EUR",
            "product": "Cloud capacity, first half of 2027",
            "note": "Project Aurora, cost centre 4711",
            "pay_to": EURO_ACCOUNT,
            "reference": payment_reference("D2026000123"),
        }
        return PaymentRequestForm(**(ordinary | changes))

    return make


@pytest.fixture(scope="session")
def chinese_form(make_form: MakeForm) -> PaymentRequestForm:
    """A form for a customer who reads Chinese."""
    customer = FormCustomer(
        number="C-20077", legal_name="晨光示例贸易有限公司", address=("上海市示例路 100 号",), country="CN"
    )
    return make_form(
        customer=customer,
        currency="USD",
        pay_to=VIRTUAL_ACCOUNT,
        product="云计算资源",
        note="项目曙光",
        locale="zh-CN",
    )


@pytest.fixture(scope="session")
def read_pdf() -> Callable[[bytes], PdfReader]:
    """Read a PDF's bytes."""
    return lambda pdf: PdfReader(io.BytesIO(pdf))
