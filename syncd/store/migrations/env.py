"""What Alembic runs to upgrade: it works within the transaction that it is given, and commits nothing by itself."""

from __future__ import annotations

from alembic import context

from syncd.store.daemon_schema import EVERY_TABLE
from syncd.store.schema import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=EVERY_TABLE,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
