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


def main(secret: str, account: str) -> None:
    now = int(time.time())
    claims = {"sub": account, "aud": "apache-airflow", "iat": now, "nbf": now, "exp": now + LIFE_S}
    signed = ".".join(packed(json.dumps(part).encode()) for part in ({"alg": "HS512", "typ": "JWT"}, claims))
    key = Path(secret).read_text(encoding="utf-8").strip().encode()
    sys.stdout.write(f"{signed}.{packed(hmac.digest(key, signed.encode(), hashlib.sha512))}")


if __name__ == "__main__":
    main(*sys.argv[1:])
