"""A plan, what came of it, and single changes as people and programs are shown them: pure functions."""
