"""Roles by the ten thousand that extend each other; what one means is in test_mapping_parse.py and the laws of roles."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from effort import steps_of

from syncd.mapping.extends import with_extended
from syncd.mapping.reading import MappingReading
from syncd.model import At, RoleDefinition
from syncd.targets.airflow.naming import NAMING, permission
from syncd.text.document import TEXT, Scalar

MANY = 10_000


def extending(of: Callable[[int], tuple[int, ...]]) -> MappingReading:
    reading = MappingReading(None, [NAMING])
    for number in range(MANY):
        name, at, others = f"r{number:05}", At("m.yaml", number + 1), [f"r{other:05}" for other in of(number)]
        own = ((permission("can_read", "Pools"), at),)
        reading.roles.append(RoleDefinition(name, "", (), own, at, extends=tuple(others)))
        reading.extended[name] = tuple(Scalar(other, TEXT, at) for other in others)
    return reading


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (lambda n: ((n + 1) % MANY,), "and so on, 10000 roles in all; take one of them out"),
        (lambda n: (n + 1,) if n + 1 < MANY else (), "`extends` brings more than 200,000 entries"),
        (lambda n: ((n + 1) % MANY, 0), 'the role "r00000" extends itself'),
        (lambda n: tuple(range(n, min(n + 5, MANY))), 'the role "r00000" extends itself; take that out'),
    ],
)
def test_ten_thousand_roles_that_extend_each_other_are_answered(
    of: Callable[[int], tuple[int, ...]], said: str
) -> None:
    reading, found = extending(of), list[RoleDefinition]()

    steps = steps_of(lambda: found.extend(with_extended(reading).values()))

    assert MANY == len(found)
    assert any(said in str(problem) for problem in reading.strict.problems)
    assert steps < 500 * MANY, "up to 220 a role; that each looks at each is ten thousand"


def test_a_long_way_without_a_circle_is_walked_to_its_end() -> None:
    reading = extending(lambda n: (n - 1,) if n % 10 else ())

    roles = with_extended(reading)

    assert [] == reading.strict.problems
    assert 10 == len(roles["r00009"].permissions)
