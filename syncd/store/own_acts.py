"""What was done at a deployment since it was last read back as wanted: see plan/own_acts.py."""

from __future__ import annotations

from sqlalchemy import and_, bindparam, func, or_, select

from syncd.model import Change, Role, User
from syncd.store import codec
from syncd.store.counted import MAYBE_DONE
from syncd.store.engine import Database
from syncd.store.prepared import Prepared
from syncd.store.schema import changes, desired, plans

_reached = (
    select(func.max(plans.c.id))
    .join(desired, and_(desired.c.run_id == plans.c.run_id, desired.c.deployment == plans.c.deployment))
    .where(plans.c.deployment == bindparam("at"))
    .scalar_subquery()
)
_done_since_reached = Prepared(
    select(changes.c.before, changes.c.after)
    .join(plans, plans.c.id == changes.c.plan_id)
    .where(
        plans.c.deployment == bindparam("at"), plans.c.id > _reached, or_(*(changes.c.status == s for s in MAYBE_DONE))
    )
    .order_by(changes.c.id),
    "at",
)


def done_since_reached(database: Database, deployment: str) -> tuple[Change, ...]:
    """Give what may have been done there after the last plan of the run that was read back as reached, oldest first."""
    return tuple(
        Change(_thing(before), _thing(after)) for before, after in database.rows(_done_since_reached, at=deployment)
    )


def _thing(text: str) -> User | Role | None:
    return codec.thing_from(codec.loads(text))
