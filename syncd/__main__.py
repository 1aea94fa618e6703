"""Start the command line: `python -m syncd` and the `syncd` command.

What has to be right before anything else is imported is done here: importing takes a third of a second, in which somebody
may already press Ctrl-C.
"""

from __future__ import annotations

import gc
import os
import sys

_OBJECTS_BEFORE_A_SEARCH = 50_000
"""What is imported lives as long as the process: looking for garbage among it, after each 700 new objects, is a twelfth of what a
short command costs."""


def main() -> None:
    """Run the command line with the arguments of this process."""
    try:
        gc.set_threshold(_OBJECTS_BEFORE_A_SEARCH)
        _open_what_is_closed()
        os.umask(os.umask(0o077) | 0o022)  # whatever it was: nobody else writes what is made here
        from syncd.cli import app

        app()
    except KeyboardInterrupt:
        sys.stderr.write("syncd: interrupted\n")
        sys.exit(130)
    finally:
        gc.freeze()  # what is left goes with the process: searching it for garbage would be an eighth of a short command


def _open_what_is_closed() -> None:
    """Give this process the standard streams that it was started without (`>&-`): they lead nowhere.

    Else the first file that is opened, such as the database, gets the number of standard output.
    """
    for number, mode in ((0, "r"), (1, "w"), (2, "w")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
            stream = open(number, mode, encoding="utf-8", closefd=False)  # noqa: SIM115 - lives as long as the process
            setattr(sys, ("stdin", "stdout", "stderr")[number], stream)


if __name__ == "__main__":
    main()
