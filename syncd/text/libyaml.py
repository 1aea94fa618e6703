"""One YAML text as nodes by libyaml, the parser in C that comes with PyYAML: thirty times as fast as the one in Python.

It knows YAML 1.1 in some places where `composing` promises 1.2, words mistakes otherwise, and goes as deep as a text until the
process has no stack left. So it is asked only of texts in which the two read the same, which a law says of all that is not
`_UNLIKE`, and gives nothing as soon as it meets what the other is to judge: a mistake, a value that was left out (it has its
place somewhere else), or more depth than anybody writes.
"""

from __future__ import annotations

import re
from typing import Any, Final

from yaml._yaml import CParser
from yaml.error import YAMLError

_UNLIKE: Final = re.compile(
    r"""
      [\t\x85\u2028\u2029\ufeff] | \r(?!\n)       # characters that are breaks or blanks for one of the two
    | ^% | ^\.\.\.                                # directives, ends of documents
    | (?: ^ | [\s\[{,:?&-] ) [!?|>]               # tags, keys of many lines, text of many lines
    | & [A-Za-z0-9_-]* [^A-Za-z0-9_\s-]           # an anchor whose name is followed by more than a blank
    | [}\]] : | ["'] : (?! [ \n\r] | $ )           # a list or a table as a key, a value that begins where the key ends
    """,
    re.MULTILINE | re.VERBOSE,
)
_TAG: Final = "tag:yaml.org,2002:"
_WORDS: Final = {
    **dict.fromkeys(("true", "True", "TRUE", "false", "False", "FALSE"), f"{_TAG}bool"),
    **dict.fromkeys(("~", "null", "Null", "NULL"), f"{_TAG}null"),
    "<<": f"{_TAG}merge",
    "=": f"{_TAG}value",
}
_NUMBERS: Final = (
    (
        f"{_TAG}float",
        r"[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9][0-9_]*[eE][-+]?[0-9]+"
        r"|[-+]?\.[0-9_]+(?:[eE][-+][0-9]+)?|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)",
    ),
    (f"{_TAG}int", r"[-+]?0b[01_]+|[-+]?0o?[0-7_]+|[-+]?[0-9_]+|[-+]?0x[0-9a-fA-F_]+"),
    (
        f"{_TAG}timestamp",
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}"
        r"(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?",
    ),
)
"""What a plain value is that begins with a digit, a sign or a dot: the rules of ruamel.yaml for YAML 1.2."""


class _Unlike(Exception):
    """The other parser is to judge this."""


def composed(text: str, *, deepest: int) -> Any | None:
    """Compose the nodes of a text; None where somebody else has to look at it."""
    if _UNLIKE.search(text):
        return None
    try:
        return _Composer(text, deepest).get_single_node()
    except (YAMLError, UnicodeError, _Unlike):
        return None


class _Composer(CParser):  # type: ignore[misc] # it is written in C, without types
    """Composes nodes; the library calls the three methods for each of them."""

    def __init__(self, text: str, deepest: int) -> None:
        super().__init__(text)
        self.depth, self.deepest = 0, deepest

    def descend_resolver(self, _parent: object, _index: object) -> None:
        """Go into a node. What is composed inside of others takes stack, of which there is an end."""
        self.depth += 1
        if self.depth > self.deepest:
            raise _Unlike

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, _kind: object, value: str | None, implicit: Any) -> str:
        """Say what YAML takes a value for."""
        if value is None or not implicit[0]:
            return f"{_TAG}str"
        if not value:
            raise _Unlike
        return plain_tag(value)


def plain_tag(value: str) -> str:
    """Say what YAML 1.2 takes a value for that is not in quotes."""
    if value[0] in "-+.0123456789":
        return next((tag for tag, pattern in _NUMBERS if re.fullmatch(pattern, value)), f"{_TAG}str")
    return _WORDS.get(value, f"{_TAG}str")
