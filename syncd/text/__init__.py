"""Texts that people wrote, YAML and TOML, read with the place of every key and value; and the folders that they stand in."""
