"""Requests sent straight through the adapter of `requests`, to one host.

A session of `requests` does more for each request than what is asked for here: it merges its settings into it, keeps cookies,
follows redirects, reads the environment and calls hooks. None of that is wanted (see `http`), and it takes twice as long as
the rest of the request. So here stands once what is the same for each of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from requests.utils import default_headers

from syncd.http.metered import MeteredAdapter, ReadLimit

_HEADERS: Final = dict(default_headers())
"""What `requests` sends of itself: who asks, and which packings it can undo."""


class Transport:
    """The way to one host: `verify`, `cert` and `proxies` as `requests` knows them.

    Nothing but what is given here and with a request is sent, whatever came before: no cookie, no password out of netrc.
    """

    def __init__(
        self,
        limit: ReadLimit,
        *,
        verify: bool | str = True,
        cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
    ) -> None:
        self._adapter: HTTPAdapter = _Adapter(limit)
        self._verify = verify
        self._cert = cert
        self._proxies = dict(proxies or {})

    def send(
        self, method: str, url: str, *, json: object, headers: Mapping[str, str], timeout: tuple[float, float]
    ) -> requests.Response:
        """Send one request and give its answer, whatever it is, with the body yet to be read.

        Raises:
            requests.RequestException, urllib3's HTTPError, ValueError, OSError: as `requests` does.
        """
        request = requests.PreparedRequest()
        request.prepare_method(method)
        request.prepare_url(url, "")
        request.prepare_headers({**_HEADERS, **headers})
        request.prepare_body(None, None, json)
        return self._adapter.send(
            request, stream=True, timeout=timeout, verify=self._verify, cert=self._cert, proxies=self._proxies
        )

    def close(self) -> None:
        self._adapter.close()


class _Adapter(MeteredAdapter):
    """Finds the connections to its one host once."""

    _found: Any = None

    def get_connection_with_tls_context(self, *asked: Any, **more: Any) -> Any:
        if self._found is None:
            self._found = super().get_connection_with_tls_context(*asked, **more)
        return self._found

    def close(self) -> None:
        super().close()
        self._found = None
