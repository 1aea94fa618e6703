"""Mapping evaluation: from the text of mapping files, and what sources said, to what each deployment should look like.

Read `parse` for the language and `compile` for what it means. Everything here is pure; time is passed in.
"""
