"""What passes are about to move, and what is managed: what limits over several deployments ask; `schema` has all the others."""

from __future__ import annotations

from sqlalchemy import Column, LargeBinary, Table

from syncd.store.columns import Id, UtcTime, Words
from syncd.store.schema import metadata

claims = Table(
    "claims",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("run_id", Id, primary_key=True, autoincrement=False),
    Column(
        "fence", Id, nullable=False, comment="of the lease under which it was made: it counts as long as that holds"
    ),
    Column("at", UtcTime, nullable=False),
    Column("after_change", Id, nullable=False, comment="what the run changes later is in the claim"),
    Column("persons", LargeBinary, nullable=False, comment="who would lose a role, and who gain one"),
    Column("lost_rights", Id, nullable=False),
    Column("rights", Id, nullable=False),
)

managed = Table(
    "managed",
    metadata,
    Column("deployment", Words, primary_key=True),
    Column("rights", Id, nullable=False, comment="that people have there by us, each permission of each person"),
    Column("at", UtcTime, nullable=False),
)
