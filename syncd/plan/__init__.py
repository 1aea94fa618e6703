"""From desired and observed to a plan, and from a plan to what may go: pure functions."""
