"""Who acts, as it stands in the journal: the user of a process, and who came to be that user through sudo.

who                                          | is written as
---------------------------------------------|---------------
anna, as herself                             | `anna`
anna, through `sudo -u syncd`                | `anna (via syncd)`
anna, through sudo as root                   | `anna (via root)`
root, who says it is for anna                | `anna (via root)`
and that gives a reason                      | `anna (via root): ticket 12`

The user of a process is what the kernel says of it. Who called sudo is what the process says of itself, so the user whose
word it is always stands beside it; so it does where somebody says with `approve --as` for whom they approve. Only root and
the daemon's own user can use the control socket at all, and there only root is believed; of anybody else it counts as whom
they logged in, which the kernel keeps for each process (`login_user`).
"""

from __future__ import annotations

import pwd
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

LONGEST_SOCKET_PATH = 107
"""Bytes in the path of a Unix socket on Linux (unix(7)), less the zero at its end. No daemon listens at a longer one."""
HEADER: Final = "X-Syncd-Sudo-User"
"""In what the command line sends to the control socket."""
_NOBODY: Final = 2**32 - 1
_NAME: Final = re.compile(r"[\w.@+\\-]{1,64}")
NAME_RULE: Final = "1 to 64 letters, digits and . _ - @ + \\"
LONGEST_REASON: Final = 256
REASON_RULE: Final = f"one line of 1 to {LONGEST_REASON} characters"


@lru_cache(maxsize=256)
def user_name(uid: int) -> str:
    """Name a user of this machine."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:  # containers run as numbers
        return f"uid {uid}"


def sudo_user(environment: Mapping[str, str]) -> str:
    """Give who called sudo, by an environment; empty where nobody did, or where it is no name."""
    found = environment.get("SUDO_USER", "")
    return found if is_caller(found) else ""


def login_user(pid: int, *, proc: Path = Path("/proc")) -> str:
    """Name the user as whom the session of a process was logged in, whatever it became by sudo since.

    It is set once, at login (pam_loginuid), and a process cannot change its own: proc(5). Empty where the kernel keeps none, as
    in most containers.
    """
    try:
        uid = int((proc / str(pid) / "loginuid").read_text())
    except (OSError, ValueError):
        return ""
    return "" if uid == _NOBODY else user_name(uid)


def caller(uid: int, said: str) -> str:
    """Name who acts: `uid` is the user of the process, `said` who called sudo, as it says of itself."""
    return acting(user_name(uid), said=said if is_caller(said) else "")


def acting(name: str, *, said: str = "", reason: str = "") -> str:
    """Name who acts where `name` is known to and says for whom it is, and why."""
    is_known = not said or said == name or name.startswith(f"{said} (via ")
    who = name if is_known else f"{said} (via {name})"
    return f"{who}: {reason}" if reason else who


def parted(written: str) -> tuple[str, str]:
    """Part who acted from the reason they gave, as `acting` wrote both; a name has no blank after a colon."""
    who, _, reason = written.partition(": ")
    return who, reason


def is_caller(text: str) -> bool:
    """Say whether this can be the name of who acts (NAME_RULE)."""
    return bool(_NAME.fullmatch(text))


def is_reason(text: str) -> bool:
    """Say whether this can stand as a reason (REASON_RULE)."""
    return 0 < len(text) <= LONGEST_REASON and text.isprintable() and not text.isspace()
