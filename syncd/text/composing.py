"""One YAML 1.2 text as nodes by ruamel.yaml, and what is wrong with it in words that tell what to write.

It is written in Python and reads 100 KiB a second. So `libyaml` is asked first, and this for what that leaves to it.
"""

from __future__ import annotations

import re
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.reader import ReaderError
from ruamel.yaml.scanner import Scanner

from syncd.text.broken import DEEPEST, TOO_DEEP, Broken, place_after
from syncd.text.slips import bare_variable, misplaced_colon, odd_blank


class _Shallow(Scanner):
    """Stops at the first bracket too many. Each that is open may yet begin a key, and all of them are gone through for each
    token: 50 KB of them took 7 s of processor time, and 2 MiB forty times as much.
    """

    def fetch_flow_collection_start(self, TokenClass: Any, to_push: str) -> None:  # noqa: N803 - as the library calls it
        if self.flow_level >= DEEPEST:
            mark = self.reader.get_mark()
            raise Broken(mark.line + 1, mark.column + 1, TOO_DEEP)
        super().fetch_flow_collection_start(TokenClass, to_push)


def compose(text: str) -> Any | None:
    """Compose the nodes of a text; None where nothing stands in it.

    Raises:
        Broken: it is no YAML, and why.
    """
    reader = YAML(typ="safe", pure=True)
    reader.Scanner = _Shallow
    reader.composer.warn_double_anchors = False  # YAML 1.2 allows an anchor to be set again
    try:
        root: Any | None = reader.compose(text)
    except ReaderError as error:
        message = f"the character U+{error.character:04X} is not allowed in YAML; take it out"
        raise Broken(*place_after(text[: error.position]), message) from None
    except MarkedYAMLError as error:
        raise _explained(error, text) from None
    except YAMLError as error:
        raise Broken(1, 1, f"this is not YAML: {error}") from None
    except (ValueError, OverflowError):  # of `chr`, for an escape above U+10FFFF
        found = re.search(r"\\U(?!000|0010)[0-9A-Fa-f]{8}", text)
        message = "there is no such character; the last one is \\U0010FFFF"
        raise Broken(*place_after(text[: found.start()] if found else ""), message) from None
    return root


# context or problem, as the YAML library words it | what to say (empty: `misplaced_colon`) | point at the start of the construct?
_SENTENCES: tuple[tuple[str, str, bool], ...] = (
    (r"found character '\\t'", "a tab stands here; write blanks in its place", False),
    (r"found character '(.)' that", "a value cannot start with {0}; write it in quotes", False),
    (r"""found undefined alias ["'](.*)["']""", "there is no anchor {0}; write a glob that starts with * in quotes", False),
    (r"scanning an alias", "* starts an alias here; write a glob that starts with * in quotes", True),
    (r"mapping values are not allowed", "", False),
    (r"could not find expected ':'", 'a ":" is missing after this key', True),
    (r"scanning a quoted scalar", "this quote is never closed; write the same quote at the end of the value", True),
    (r"expected ',' or '\]'", 'this list is not closed; write "]" at its end, and "," between its values', True),
    (r"expected ',' or '\}'", 'this "{{" is not closed; write "}}" at its end, and "," between its entries', True),
    (r"unknown escape character '(.)'", r"\{0} means nothing in double quotes; write \\{0}, or use single quotes", False),
    (r"a comment or a line break|chomping", "text after | or > begins in the next line; write other values in quotes", False),
    (r"found another document", 'a second document starts here; keep one in each file, and "---" only at its top', False),
    (r"expected <block end>", "the indentation does not fit the lines above; start in the same column as they do", False),
    (r"expected '<document start>'", "this does not belong to what stands above; check brackets and indentation", False),
)  # fmt: skip


def _explained(error: MarkedYAMLError, text: str) -> Broken:
    said = f"{error.context or ''}: {error.problem}"
    last = error.problem_mark or error.context_mark
    if slip := odd_blank(text, last.line + 1) or bare_variable(text, last.line + 1):
        return Broken(*slip)
    for pattern, sentence, opening in _SENTENCES:
        if found := re.search(pattern, said):
            mark = (opening and error.context_mark) or error.problem_mark
            place = mark.line + 1, mark.column + 1
            return Broken(*place, sentence.format(*found.groups()) if sentence else misplaced_colon(text, *place))
    return Broken(last.line + 1, last.column + 1, f"this is not YAML: {error.problem}")
