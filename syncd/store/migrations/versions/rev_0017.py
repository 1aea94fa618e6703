"""Revision 0017: which second roles are ours, by what the journal says of the calls that made them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

MOMENT = sa.DateTime(timezone=True)
_SECOND = r"(.+~(?:old)?[1-9][0-9]{0,3})"
_MAKES = re.compile(rf"POST /roles {_SECOND}(?: actions=[0-9]+)?|PATCH /roles/.+ name={_SECOND}")

steps = sa.table(
    "steps",
    sa.column("change_id", sa.Integer),
    sa.column("call", sa.Text),
    sa.column("at", MOMENT),
    sa.column("refused", sa.Boolean),
)
changes = sa.table(
    "changes", sa.column("id", sa.Integer), sa.column("plan_id", sa.Integer), sa.column("subject", sa.Text)
)
plans = sa.table("plans", sa.column("id", sa.Integer), sa.column("deployment", sa.Text))
ownership = sa.table(
    "ownership",
    *(sa.column(name, sa.Text) for name in ("deployment", "kind", "name", "role")),
    sa.column("since", MOMENT),
)


def upgrade() -> None:
    said = "user, role, grant, or member: a second role that we made beside one"
    if op.get_bind().dialect.name == "postgresql":  # SQLite keeps no comments
        op.alter_column("ownership", "kind", existing_type=sa.Text(), existing_nullable=False, comment=said)
    found: dict[tuple[str, str], datetime] = {}
    for deployment, name, at in _made():
        found.setdefault((deployment, name), at)
    rows = [
        {"deployment": deployment, "kind": "member", "name": name, "role": "", "since": at}
        for (deployment, name), at in found.items()
    ]
    if rows:
        op.bulk_insert(ownership, rows)


def _made() -> Iterator[tuple[str, str, datetime]]:
    """Give every second role that a call was announced to make, and was not refused: whether it is there a look will say."""
    calls = (
        sa.select(plans.c.deployment, steps.c.call, steps.c.at)
        .select_from(
            steps.join(changes, changes.c.id == steps.c.change_id).join(plans, plans.c.id == changes.c.plan_id)
        )
        .where(changes.c.subject == "role", sa.not_(steps.c.refused), steps.c.call.contains("~"))
        .order_by(steps.c.at)
    )
    for deployment, call, at in op.get_bind().execute(calls):
        if made := _MAKES.fullmatch(call):
            yield deployment, made[1] or made[2], at
