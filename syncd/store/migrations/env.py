"""What Alembic runs to upgrade: it works within the transaction that it is given, and commits nothing by itself."""

from __future__ import annotations

from alembic import context

from syncd.store.schema import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,
)
with context.begin_transaction():
    context.run_migrations()
