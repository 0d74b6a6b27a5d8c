"""The client's part that spends: orders, bills, usage, intended use. No workflow waits for any of it."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from prepay import spending_queries as queries
from prepay.bundling import Bundler
from prepay.database import Database, Pool
from prepay.errors import NotFound, Refused, refusal
from prepay.spending import (
    AuthoriseRequest,
    BillRequest,
    BillView,
    IntendedUseChange,
    IntendedUseRequest,
    LowBalanceRequest,
    OrderPayment,
    OrderRequest,
    OrderView,
    PartRequest,
    UsageRequest,
    UsageView,
)
from prepay.wire import parse

BUNDLES = 2


class SpendingClient(Database):
    """What services spend a balance with. All of it needs a database role that may write, such as `prepay_app`.

    Everything raises prepay.wire.InputRefused, Refused, NotFound, Unavailable.
    """

    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._pay = Bundler(self._pay_orders, BUNDLES)

    async def pay_order(
        self, order: str, customer: str, amount: str, currency: str, *, product: str
    ) -> OrderPayment:
        """Pay an order from the balance, at once or not at all, in one round trip.

        The order's id is the idempotency key: sent again it is answered, not paid again. Raises
        InsufficientBalance, which says what is available, where that is too little.
        """
        raw = {
            "order": order,
            "customer": customer,
            "amount": amount,
            "currency": currency,
            "product": product,
        }
        wanted = parse(OrderRequest, raw, "The order")
        return await self._pay(wanted)

    async def _pay_orders(self, orders: Sequence[OrderRequest]) -> Sequence[OrderPayment | Exception]:
        """Orders that wait at the same moment, each paid or refused for itself."""
        rows = await self._all(
            queries.PAY_ORDERS,
            {
                "keys": [_key(order.order) for order in orders],
                "customers": [order.customer for order in orders],
                "currencies": [order.currency for order in orders],
                "amounts": [order.amount_minor for order in orders],
                "products": [order.product for order in orders],
            },
        )
        return [_paid(order, row) for order, row in zip(orders, rows, strict=True)]

    async def authorise_order(
        self,
        order: str,
        customer: str,
        amount: str,
        currency: str,
        *,
        product: str,
        expires_at: datetime,
    ) -> OrderView:
        """Set money aside for an order until it is captured, voided, or `expires_at` has come."""
        raw = {"order": order, "customer": customer, "amount": amount, "currency": currency}
        wanted = parse(AuthoriseRequest, raw | {"product": product, "expires_at": expires_at}, "The order")
        if await self._one(queries.AUTHORISE_ORDER, _given(wanted)) is None:
            raise NotFound("customer", wanted.customer)
        return await self.order(wanted.order)

    async def capture_order(
        self, order: str, amount: str | None = None, *, final: bool = False, request_id: str | None = None
    ) -> OrderView:
        """Take a part of what was set aside, or all that is left of it; a final part frees the rest.

        The same request id takes a part once; without one, a new id is made.
        """
        known = await self.order(order)
        given = _part(known, "capture", amount, request_id, "The capture") | {"final": final}
        await self._one(queries.CAPTURE_ORDER, given)
        return await self.order(order)

    async def void_order(self, order: str) -> OrderView:
        """Give up what is left of what was set aside."""
        known = await self.order(order)
        await self._one(queries.VOID_ORDER, _about(known, "void", ""))
        return await self.order(order)

    async def refund_order(
        self, order: str, amount: str | None = None, *, request_id: str | None = None
    ) -> OrderView:
        """Give back to the balance, and to the lots that paid, a part of an order or all that is not refunded yet."""
        known = await self.order(order)
        given = _part(known, "order-refund", amount, request_id, "The refund")
        await self._one(queries.REFUND_ORDER, given)
        return await self.order(order)

    async def order(self, order: str) -> OrderView:
        """How far an order is paid, and from which deposits' money."""
        row = await self._one(queries.ORDER, {"key": _key(order)})
        if row is None:
            raise NotFound("order", order)
        return OrderView(**row)

    async def issue_bill(
        self,
        bill: str,
        customer: str,
        currency: str,
        lines: Sequence[tuple[str, str]],
        *,
        due_on: date,
        period: str = "",
    ) -> BillView:
        """Issue a bill of lines (product, amount); its number is the idempotency key.

        Unless the customer does not pay by themselves, the balance pays their open bills, the oldest issued first: now
        and whenever money comes. A bill of a period (such as 2026-11) takes the place of usage reported for it.
        """
        raw = {
            "bill": bill,
            "customer": customer,
            "currency": currency,
            "lines": [{"product": product, "amount": amount} for product, amount in lines],
            "due_on": due_on,
            "period": period,
        }
        wanted = parse(BillRequest, raw, "The bill")
        given = wanted.model_dump(exclude={"lines"})
        given["products"], given["amounts"] = [line.product for line in wanted.lines], list(wanted.amounts)
        await self._one(queries.ISSUE_BILL, given)
        return await self.bill(wanted.bill)

    async def bill(self, bill: str) -> BillView:
        """A bill by its number, with its lines and the deposits whose money paid it."""
        row = await self._one(queries.BILL, {"bill": bill})
        if row is None:
            raise NotFound("bill", bill)
        return BillView(**row)

    async def bills(
        self,
        customer: str | None = None,
        *,
        stage: str | None = None,
        overdue: bool = False,
        limit: int = 100,
    ) -> Sequence[BillView]:
        """Bills, newest first: of a customer, in a stage, only those that are overdue."""
        given = {"customer": customer, "stage": stage, "overdue": overdue, "limit": limit}
        rows = await self._all(queries.BILLS_OF, given)
        if not rows and customer is not None:
            await self._must_exist(customer)
        return [BillView(**row) for row in rows]

    async def pay_bill(
        self, bill: str, amount: str | None = None, *, request_id: str | None = None
    ) -> BillView:
        """Pay a bill from the balance, all that it lacks or a part, whatever older ones are open."""
        known = await self.bill(bill)
        wanted = _wanted(known.currency, amount, request_id, "The payment")
        key = f"bill-pay:{bill}:{wanted.request_id}"
        await self._one(queries.PAY_BILL, {"key": key, "bill": bill, "amount_minor": wanted.amount_minor})
        return await self.bill(bill)

    async def report_usage(
        self,
        customer: str,
        product: str,
        period: str,
        amount: str,
        currency: str,
        *,
        report_id: str | None = None,
    ) -> None:
        """Say what was used of a product in a month and is not billed yet; the newest report of it counts.

        Nothing is posted: it is shown, and kept back when the balance is refunded, until the bill of the month comes.
        """
        raw = {
            "report": report_id or str(uuid.uuid4()),
            "customer": customer,
            "currency": currency,
            "product": product,
            "period": period,
            "amount": amount,
        }
        wanted = parse(UsageRequest, raw, "The report")
        await self._one(queries.REPORT_USAGE, wanted.model_dump() | {"amount_minor": wanted.amount_minor})

    async def usage(self, customer: str) -> Sequence[UsageView]:
        """What a customer has used and nobody has billed yet."""
        rows = await self._all(queries.USAGE, {"customer": customer})
        if not rows:
            await self._must_exist(customer)
        return [UsageView(**row) for row in rows]

    async def change_intended_use(
        self, deposit: str, product: str, *, request_id: str | None = None
    ) -> Sequence[IntendedUseChange]:
        """Say what a deposit is meant for from now on, while nothing of it is spent. Answers all changes.

        What a deposit is meant for never locks its money: any order and bill is paid from it.
        """
        raw = {"request_id": request_id or str(uuid.uuid4()), "deposit": deposit, "product": product}
        wanted = parse(IntendedUseRequest, raw, "The change")
        await self._one(queries.CHANGE_INTENDED_USE, wanted.model_dump())
        return await self.intended_uses(wanted.deposit)

    async def intended_uses(self, deposit: str) -> Sequence[IntendedUseChange]:
        """How what a deposit is meant for was changed, oldest first."""
        rows = await self._all(queries.INTENDED_USES, {"deposit": deposit})
        if not rows and await self._one(queries.DEPOSIT_EXISTS, {"deposit": deposit}) is None:
            raise NotFound("deposit", deposit)
        return [IntendedUseChange(**row) for row in rows]

    async def notify_below(self, customer: str, currency: str, amount: str | None) -> None:
        """Tell the customer once each time that what is available falls below an amount; None ends that."""
        if amount is None:
            async with self._database() as connection:
                given = {"customer": customer, "currency": currency}
                await connection.execute(queries.NO_LOW_BALANCE.encode(), given)
            await self._must_exist(customer)
            return
        raw = {"customer": customer, "currency": currency, "amount": amount}
        wanted = parse(LowBalanceRequest, raw, "The threshold")
        threshold = {"customer": customer, "currency": currency, "threshold_minor": wanted.amount_minor}
        if await self._one(queries.SET_LOW_BALANCE, threshold) is None:
            await self._must_exist(customer)
            raise Refused(f"Customer {customer} has no balance in {currency}.")


def _key(order: str) -> str:
    return f"order:{order}"


def _paid(order: OrderRequest, row: dict[str, Any]) -> OrderPayment | Exception:
    if row["state"] is not None:
        return refusal(row["state"], row["message"], row["detail"])
    return OrderPayment.model_construct(
        order=order.order,
        customer=order.customer,
        product=order.product,
        amount_minor=order.amount_minor,
        currency=order.currency,
        transfer=row["transfer_id"],
        replayed=row["replayed"],
    )


def _given(wanted: OrderRequest) -> dict[str, Any]:
    return {**wanted.__dict__, "key": _key(wanted.order), "amount_minor": wanted.amount_minor}


def _part(
    known: OrderView, verb: str, amount: str | None, request_id: str | None, what: str
) -> dict[str, Any]:
    wanted = _wanted(known.currency, amount, request_id, what)
    return _about(known, verb, wanted.request_id) | {"amount_minor": wanted.amount_minor}


def _wanted(currency: str, amount: str | None, request_id: str | None, what: str) -> PartRequest:
    request = str(uuid.uuid4()) if request_id is None else request_id
    return parse(PartRequest, {"currency": currency, "amount": amount, "request_id": request}, what)


def _about(known: OrderView, verb: str, request_id: str) -> dict[str, Any]:
    """One posting about an order; a verb that happens once has the empty request id."""
    return {
        "key": f"{verb}:{known.order}:{request_id}",
        "order_key": _key(known.order),
        "product": known.product,
    }
