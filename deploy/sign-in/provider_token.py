#!/usr/bin/env python3
"""Print a token of one Airflow: a token of the identity provider for a client of its own, exchanged at the deployment.

    provider_token.py https://airflow.example.com https://example.okta.com/oauth2/default/v1/token

CLIENT_ID, CLIENT_SECRET and, where the provider wants one, SCOPE are in the environment. The deployment's create_token takes
the field `provider_token` (docs/signing-in.md). Standard library only; syncd gives a command 10 seconds.
"""

from __future__ import annotations

import http.client
import json
import os
import sys
import urllib.parse
import urllib.request


def token(url: str, body: bytes, content_type: str) -> str:
    try:
        request = urllib.request.Request(url, body, {"Content-Type": content_type})  # noqa: S310 - an operator's own address
        with urllib.request.urlopen(request, timeout=4) as answer:  # noqa: S310
            return str(json.load(answer)["access_token"])
    except (
        OSError,
        ValueError,
        LookupError,
        TypeError,
        http.client.HTTPException,
    ) as error:  # none, or none with a token
        sys.exit(f"{url}: no token came: {error}")


def main(airflow: str, provider: str) -> None:
    client = {name.lower(): os.environ.get(name, "") for name in ("CLIENT_ID", "CLIENT_SECRET")}
    if not all(client.values()):
        sys.exit("CLIENT_ID and CLIENT_SECRET have to be in the environment")
    scope = {"scope": os.environ["SCOPE"]} if "SCOPE" in os.environ else {}
    form = urllib.parse.urlencode({"grant_type": "client_credentials"} | client | scope)
    ours = token(provider, form.encode(), "application/x-www-form-urlencoded")
    body = json.dumps({"provider_token": ours}).encode()
    sys.stdout.write(token(f"{airflow.rstrip('/')}/auth/token", body, "application/json"))


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("usage: provider_token.py AIRFLOW_URL TOKEN_URL")
    main(*sys.argv[1:])
