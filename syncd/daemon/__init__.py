"""The daemon: a clock that calls the same pass as the command line, for months."""
