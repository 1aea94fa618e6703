#!/usr/bin/env python3
"""Print a token of one Airflow that is signed here, with the deployment's own secret.

    minted_token.py /etc/syncd/airflow-jwt-secret 7

The file holds `[api_auth] jwt_secret`; 7 is the id of the account in `airflow users list`. Whoever reads that file can be
anybody on that deployment: this is for where nothing else works. Standard library only.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import sys
import time
from pathlib import Path

LIFE_S = 3600


def packed(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def key_in(place: str) -> bytes:
    try:
        found = Path(place).read_text(encoding="utf-8").strip()
    except OSError as error:
        sys.exit(f"{place}: {error.strerror}")
    except UnicodeDecodeError:
        sys.exit(f"{place}: this is no text")
    return found.encode() or sys.exit(f"{place}: there is no secret in it")


def main(secret: str, account: str) -> None:
    key, now = key_in(secret), int(time.time())
    claims = {"sub": account, "aud": "apache-airflow", "iat": now, "nbf": now, "exp": now + LIFE_S}
    signed = ".".join(packed(json.dumps(part).encode()) for part in ({"alg": "HS512", "typ": "JWT"}, claims))
    sys.stdout.write(f"{signed}.{packed(hmac.digest(key, signed.encode(), hashlib.sha512))}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        sys.exit("usage: minted_token.py SECRET_FILE ACCOUNT_ID")
    main(*sys.argv[1:])
