"""Who is there: what every source said, joined into people and groups; what is not known is kept apart from what is not."""
