"""Characters that nobody can see in a name, or tell from others: they make two names of what looks like one.

what                                          | example                                | in a name | in free text
----------------------------------------------|----------------------------------------|-----------|-------------
controls, line breaks, halves of pairs        | U+0007, U+2028, U+D800                 | refused   | refused
marks that change the direction               | U+202E                                 | refused   | refused
other marks without a width                   | U+200B, U+00AD, U+FEFF                 | refused   | taken
letters that are drawn as nothing             | U+3164, U+2800                         | refused   | taken
blanks that are not the blank                 | U+00A0, U+2009                         | refused   | taken
private characters, and what is none          | U+E000, U+FFFE                         | refused   | taken
the joiner inside of an emoji                 | U+200D                                 | taken     | taken
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final

_TURNS: Final = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_BLANK_LETTERS: Final = frozenset("\u034f\u115f\u1160\u2800\u3164\uffa0")
_IN_EMOJI: Final = re.compile("(?<=[\u2600-\u27bf\ufe0f\U0001f000-\U0001faff])\u200d")
_WORDS: Final = {"Cc": "a control character", "Cs": "half of a character"}
_NEVER: Final = frozenset({"Cc", "Cs", "Zl", "Zp"})
_NOT_IN_NAMES: Final = _NEVER | {"Cf", "Co", "Zs"}


def unseen(text: str, *, free: bool = False) -> str:
    """Name the first character of a text that nobody can see or tell from another, as `U+200B (zero width space)`.

    Empty: there is none. `free`: the text is no name, so it is only refused what shows it as something else than it is.
    """
    if text.isascii() and text.isprintable():
        return ""
    found = next((c for c in _IN_EMOJI.sub("", text) if _is_unseen(c, free=free)), "")
    return code_point(found) if found else ""


def code_point(character: str) -> str:
    """Write a character that cannot be shown."""
    words = "a line break" if character in "\n\r\u2028\u2029" else _WORDS.get(unicodedata.category(character), "")
    name = words or unicodedata.name(character, "").lower()
    return f"U+{ord(character):04X}" + (f" ({name})" if name else "")


def _is_unseen(character: str, *, free: bool) -> bool:
    category = unicodedata.category(character)
    if free:
        return category in _NEVER or bool(_TURNS.match(character))
    is_none = category == "Cn" and (0xFDD0 <= ord(character) <= 0xFDEF or ord(character) & 0xFFFE == 0xFFFE)
    is_drawn = character == " " or (category not in _NOT_IN_NAMES and character not in _BLANK_LETTERS)
    return is_none or not is_drawn
