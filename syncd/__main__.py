"""Start the command line: `python -m syncd` and the `syncd` command."""

from __future__ import annotations


def main() -> None:
    """Run the command line with the arguments of this process."""
    from syncd.cli import app

    app()


if __name__ == "__main__":
    main()
