"""What waits at the same moment goes together, each with its own result, and nobody is forgotten."""

import asyncio
from collections.abc import Sequence

import pytest

from prepay.bundling import MOST, Bundler

REFUSED, BREAKS = 13, 99


class Sent:
    """Doubles numbers a moment later; one is refused, and one breaks its whole bundle."""

    def __init__(self) -> None:
        self.bundles: list[list[int]] = []

    async def __call__(self, items: Sequence[int]) -> Sequence[int | Exception]:
        self.bundles.append(list(items))
        await asyncio.sleep(0)
        if BREAKS in items:
            raise ConnectionError
        return [TimeoutError() if item == REFUSED else 2 * item for item in items]


async def test_who_comes_alone_goes_at_once() -> None:
    sent = Sent()
    double = Bundler(sent, 2)
    assert [await double(1), await double(2)] == [2, 4]
    assert sent.bundles == [[1], [2]]


async def test_what_waits_goes_together_and_all_get_their_own() -> None:
    sent = Sent()
    double = Bundler(sent, 2)
    items = [n for n in range(200) if n not in (REFUSED, BREAKS)]
    assert await asyncio.gather(*map(double, items)) == [2 * n for n in items]
    assert max(map(len, sent.bundles)) <= MOST < len(items)
    assert len(sent.bundles) < len(items) / 10


async def test_a_refusal_is_its_own_and_a_failure_everybodys() -> None:
    double = Bundler(Sent(), 1)
    results = await asyncio.gather(double(1), double(REFUSED), double(2), return_exceptions=True)
    assert (results[0], type(results[1]), results[2]) == (2, TimeoutError, 4)
    with pytest.raises(TimeoutError):
        await double(REFUSED)
    broken = await asyncio.gather(double(1), double(BREAKS), return_exceptions=True)
    assert [type(result) for result in broken] == [ConnectionError] * 2
    assert await double(3) == 6


async def test_who_asks_again_at_once_is_never_forgotten() -> None:
    double = Bundler(Sent(), 1)

    async def caller(n: int) -> int:
        return sum([await double(n) for _ in range(300)])

    assert await asyncio.wait_for(asyncio.gather(*map(caller, range(5))), 30) == [600 * n for n in range(5)]


async def test_who_gave_up_before_it_was_sent_sends_nothing() -> None:
    sent = Sent()
    double = Bundler(sent, 1)
    first, second = asyncio.create_task(double(1)), asyncio.create_task(double(2))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    third = asyncio.create_task(double(3))
    await asyncio.sleep(0)
    third.cancel()
    assert [await first, await second] == [2, 4]
    assert all(3 not in bundle for bundle in sent.bundles)
