"""One HTTP base for the clients we write ourselves (Harbor, the registry).

Always a time-out, always verified TLS, never another host after a redirect, never an unlimited answer; errors come out
as `IntegrationError`. Environment proxies and `.netrc` are ignored: where a connection goes is part of the connection
(`options["proxy"]`), not of the shell that started us.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

import httpx2
import msgspec

from .calls import Effect, Timeout, parse_retry_after, perform
from .connection import Connection
from .errors import IntegrationError, OutcomeUnknown, Unavailable, UnexpectedResponse, Untrusted, from_status
from .tls import client_context

ANSWER_LIMIT = 16 * 1024 * 1024
REDIRECTS = 3
POOL = httpx2.Limits(max_connections=20, max_keepalive_connections=5, keepalive_expiry=30)
# The request did not leave us; anything later may have reached the server.
_NEVER_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError)
_REQUEST_ID_HEADERS = ("x-request-id", "x-correlation-id")

Words = Callable[[bytes], str]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of less than 400."""

    system: str
    operation: str
    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body parsed.

        Raises:
            UnexpectedResponse: it is no JSON.
        """
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as exc:
            start = self.body[:80].decode(errors="replace")
            raise UnexpectedResponse(self.system, self.operation, self.status, f"no JSON: {start!r}") from exc


class HttpClient:
    """Calls one connection's base URL. Thread-safe; one pool of connections.

    `words` picks the human sentence out of an error body of this system.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        timeout: Timeout,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        words: Words | None = None,
        limit: int = ANSWER_LIMIT,
    ) -> None:
        self.system = connection.system
        self._redact = connection.redactor
        self._words = words or _plain_words
        self._limit = limit
        self._client = httpx2.Client(
            base_url=connection.url.rstrip("/"),
            verify=client_context(connection.ca_pem),
            timeout=httpx2.Timeout(timeout.read, connect=timeout.connect),
            limits=POOL,
            auth=auth,
            headers={"User-Agent": "slipway", "Accept": "application/json", **(headers or {})},
            follow_redirects=False,
            trust_env=False,
            proxy=connection.options.get("proxy"),
        )

    def close(self) -> None:
        """Close all connections."""
        self._client.close()

    def request(
        self,
        method: str,
        path: str,
        *,
        operation: str,
        effect: Effect | None = None,
        params: Mapping[str, Any] | None = None,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request and return its answer; `effect` says what a repetition means where the method does not.

        Raises:
            IntegrationError: see `errors`.
        """
        effect = effect or Effect.of(method)
        # Answers that carry no JSON for the caller still keep the connection usable: bodies are read to their end.
        content = None if json is None else msgspec.json.encode(json)
        sent_headers = dict(headers or {})
        if content is not None:
            sent_headers.setdefault("Content-Type", "application/json")

        def attempt() -> Answer:
            request = self._client.build_request(method, path, params=params, content=content, headers=sent_headers)
            return self._send(request, operation, effect)

        return perform(self.system, operation, effect, attempt)

    def challenge(self, path: str, *, operation: str) -> str:
        """Return how a server wants to be authenticated (its WWW-Authenticate header), empty where it does not.

        Raises:
            IntegrationError: see `errors`.
        """
        request = self._client.build_request("GET", path)
        request.headers.pop("Authorization", None)

        def attempt() -> str:
            try:
                response = self._client.send(request, auth=None)
            except httpx2.HTTPError as exc:
                self._raise_transport(exc, operation, Effect.READ)
            if response.status_code not in (200, 401):
                self._answer(response, response.content, operation, Effect.READ)
            return str(response.headers.get("WWW-Authenticate", ""))

        return perform(self.system, operation, Effect.READ, attempt)

    def _send(self, request: httpx2.Request, operation: str, effect: Effect) -> Answer:
        try:
            for _ in range(REDIRECTS + 1):
                response = self._client.send(request, stream=True)
                try:
                    body = self._read(response, operation)
                finally:
                    response.close()
                if response.next_request is None:
                    return self._answer(response, body, operation, effect)
                request = self._redirected(request, response, operation)
        except httpx2.HTTPError as exc:
            self._raise_transport(exc, operation, effect)
        raise UnexpectedResponse(self.system, operation, None, f"more than {REDIRECTS} redirects")

    def _read(self, response: httpx2.Response, operation: str) -> bytes:
        chunks = bytearray()
        for chunk in response.iter_bytes():
            chunks += chunk
            if len(chunks) > self._limit:
                message = f"the answer is bigger than {self._limit} bytes"
                raise UnexpectedResponse(self.system, operation, response.status_code, message)
        return bytes(chunks)

    def _redirected(self, request: httpx2.Request, response: httpx2.Response, operation: str) -> httpx2.Request:
        """Return the next request where it stays on the host; credentials never follow to another one."""
        following = response.next_request
        assert following is not None
        same = (following.url.scheme, following.url.host, following.url.port) == (
            request.url.scheme, request.url.host, request.url.port,
        )  # fmt: skip
        if not same or request.method not in ("GET", "HEAD"):
            target = self._redact(str(following.url.copy_with(query=None)))
            raise UnexpectedResponse(self.system, operation, response.status_code, f"redirected to {target}")
        return following

    def _answer(self, response: httpx2.Response, body: bytes, operation: str, effect: Effect) -> Answer:
        if response.status_code < 400:
            return Answer(self.system, operation, response.status_code, response.headers, body)
        raise from_status(
            self.system,
            operation,
            response.status_code,
            self._redact(self._words(body) or response.reason_phrase),
            request_id=next((response.headers[name] for name in _REQUEST_ID_HEADERS if name in response.headers), None),
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
            once=effect is Effect.ONCE,
        )

    def _raise_transport(self, exc: httpx2.HTTPError, operation: str, effect: Effect) -> NoReturn:
        message = self._redact(f"{type(exc).__name__}: {exc}")
        error: IntegrationError
        if certificate_refused(exc):
            error = Untrusted(self.system, operation, None, message)
        elif isinstance(exc, httpx2.DecodingError | httpx2.UnsupportedProtocol | httpx2.LocalProtocolError):
            error = UnexpectedResponse(self.system, operation, None, message)
        elif effect is Effect.ONCE and not isinstance(exc, _NEVER_SENT):
            error = OutcomeUnknown(self.system, operation, None, message)
        else:
            error = Unavailable(self.system, operation, None, message)
        raise error from exc


def certificate_refused(exc: BaseException | None) -> bool:
    """Return whether a failed verification of the server's certificate stands anywhere in the chain of causes."""
    seen = 0
    while exc is not None and seen < 20:
        reason = getattr(exc, "reason", None)
        inner = [exc, reason, *exc.args]
        if any(isinstance(part, ssl.SSLCertVerificationError) for part in inner):
            return True
        nested = next((part for part in [reason, *exc.args] if isinstance(part, BaseException)), None)
        exc = exc.__cause__ or exc.__context__ or nested
        seen += 1
    return False


def _plain_words(body: bytes) -> str:
    return body.decode(errors="replace")
