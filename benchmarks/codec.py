"""What do bodies in the database cost by `store/codec`, and what would they by pydantic's `TypeAdapter` over the same values?

A desired state of 5,000 people with two grants each, 200 reasons and a role of 500 permissions. `TypeAdapter` is the floor:
the same question put to a library, in the same run, best of five. The decision that rests on it is docs/decisions/0010.
Run: python benchmarks/codec.py
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter

from syncd.model import DesiredState, Permission, Reason, Role, User
from syncd.store.codec import desired_from, desired_to, dumps, loads

PEOPLE, REASONS, PERMISSIONS, ROUNDS = 5_000, 200, 500, 5


def desired() -> DesiredState:
    """Everybody holds two roles; a reason is shared by 25 people."""
    names = [f"p{number:05}@example.com" for number in range(PEOPLE)]
    reasons = [Reason("okta", f"00g{n}", f"team-{n}", f"mappings/team.yaml:{n + 1}") for n in range(REASONS)]
    permissions = frozenset(
        Permission("can_read", f"DAG:sales_{number}", f"sales_{number}") for number in range(PERMISSIONS)
    )
    return DesiredState(
        "prod",
        users={name: User(name, name, "Ada", "Poe", roles=frozenset({"reader", "runner"})) for name in names},
        roles={"reader": Role("reader", permissions), "runner": Role("runner", frozenset())},
        because={
            name: dict.fromkeys(("reader", "runner"), (reasons[number % REASONS],)) for number, name in enumerate(names)
        },
    )


def best_ms(work: Callable[[], object]) -> float:
    """Give the shortest of some runs, in milliseconds of processor time."""
    taken = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken) * 1000


def row(name: str, write: Callable[[], str], read: Callable[[str], Any], state: DesiredState) -> None:
    text = write()
    if read(text) != state:
        raise SystemExit(f"{name}: what was read is not what was written")
    size, packed = len(text) / 1000, len(zlib.compress(text.encode())) / 1000
    print(f"| {name} | {best_ms(write):.0f} | {best_ms(lambda: read(text)):.0f} | {size:,.0f} | {packed:,.0f} |")


def main() -> None:
    state, adapter = desired(), TypeAdapter(DesiredState)
    print("| | write, ms | read, ms | text, kB | packed, kB |\n|---|---|---|---|---|")
    row("`store/codec`", lambda: dumps(desired_to(state)), lambda text: desired_from(loads(text)), state)
    row("`TypeAdapter`", lambda: adapter.dump_json(state).decode(), adapter.validate_json, state)


if __name__ == "__main__":
    main()
