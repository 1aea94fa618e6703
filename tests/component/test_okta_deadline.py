"""Nothing is asked of Okta after the deadline."""

from __future__ import annotations

import asyncio

import pytest

from syncd.sources.okta.budget import Budget, Rate


def test_nothing_is_asked_after_the_deadline() -> None:
    async def ask() -> None:
        budget, now = Budget(0.5, 8), asyncio.get_running_loop().time()
        budget.heard("members", Rate(10, 0, 30), now)
        async with budget.turn("members", deadline=now + 1):
            raise AssertionError("it must not get a turn")

    with pytest.raises(TimeoutError):
        asyncio.run(ask())
