"""Where people and groups come from: one module for each kind of source."""
