"""A `requests` session for the vendors' libraries that are built on it (GitLab, Jenkins, Prometheus).

They default to no time-out, trust the shell's proxies and `.netrc`, and follow redirects with credentials. This session
does none of that, whatever they pass; and `VendorCalls` turns what comes out of them into our errors, once.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests
import requests.adapters
import urllib3.exceptions as pool_faults

from .calls import Effect, Timeout, parse_retry_after, perform
from .connection import Connection
from .errors import IntegrationError, OutcomeUnknown, Unavailable, UnexpectedResponse, Untrusted, from_status
from .http import certificate_refused
from .tls import client_context

T = TypeVar("T")
ANSWER_LIMIT = 64 * 1024 * 1024
REDIRECTS = 3
POOL_SIZE = 10


class ForeignRedirect(requests.exceptions.RequestException):
    """A redirect to another host, which would have been given our credentials."""


class AnswerTooBig(requests.exceptions.RequestException):
    """An answer that announces more than anything we ask for has."""


class Refusal(Exception):
    """An answer of 400 or more. Raised before the vendor's library can blur it, sleep over it or repeat it."""

    def __init__(self, response: requests.Response) -> None:
        super().__init__(response.status_code)
        self.response = response


_NEVER_SENT = (requests.exceptions.ConnectTimeout, requests.exceptions.ProxyError, requests.exceptions.InvalidURL)
_NOT_THE_PROTOCOL = (
    ForeignRedirect,
    AnswerTooBig,
    requests.exceptions.TooManyRedirects,
    requests.exceptions.JSONDecodeError,
    requests.exceptions.ContentDecodingError,
)


class _Adapter(requests.adapters.HTTPAdapter):
    """Verifies with our context and always has a time-out. Never retries: that is decided where effects are known."""

    def __init__(self, context: ssl.SSLContext, timeout: Timeout) -> None:
        self._context = context
        self._bounds = (timeout.connect, timeout.read)
        super().__init__(pool_connections=2, pool_maxsize=POOL_SIZE, max_retries=0)

    def build_connection_pool_key_attributes(
        self,
        request: requests.PreparedRequest,
        verify: Any,  # noqa: ARG002
        cert: Any = None,  # noqa: ARG002
    ) -> tuple[Any, Any]:
        """Return what a pool is kept for: the host, with our context where it speaks TLS."""
        host, _ = super().build_connection_pool_key_attributes(request, True, None)
        return host, ({"ssl_context": self._context} if host["scheme"] == "https" else {})

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        """Leave trust to the context: the base class would add the CA bundle of another package to it."""

    def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:  # noqa: ARG002
        """Send within our time-out, whatever the caller's is; `Session.send` passes everything by keyword."""
        kwargs["timeout"] = self._bounds
        response = super().send(request, **kwargs)
        if int(response.headers.get("Content-Length") or 0) > ANSWER_LIMIT:
            response.close()
            raise AnswerTooBig(f"the answer is bigger than {ANSWER_LIMIT} bytes", response=response)
        return response


class Session(requests.Session):
    """Bound to the host of one connection. Raises `Refusal` for 400 and more, except the statuses `let_through`."""

    def __init__(self, connection: Connection, timeout: Timeout, *, let_through: frozenset[int] = frozenset()) -> None:
        super().__init__()
        self._let_through = let_through
        self._origin = _origin(connection.url)
        self.trust_env = False
        self.max_redirects = REDIRECTS
        self.headers["User-Agent"] = "slipway"
        if proxy := connection.options.get("proxy"):
            self.proxies = {"http": proxy, "https": proxy}
        self._adapter = _Adapter(client_context(connection.ca_pem), timeout)
        self.bind()

    def bind(self) -> None:
        """Make our adapter the only one; vendors' constructors mount their own."""
        self.adapters.clear()
        for scheme in ("https://", "http://"):
            self.mount(scheme, self._adapter)

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        """Send a request and return its answer.

        Raises:
            Refusal: the answer is 400 or more.
        """
        response = super().send(request, **kwargs)
        if response.status_code >= 400 and response.status_code not in self._let_through:
            raise Refusal(response)
        return response

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        """Return where a redirect on the same host leads.

        Raises:
            ForeignRedirect: it leads to another host.
        """
        target = super().get_redirect_target(resp)
        if target and urlsplit(target).netloc and _origin(target) != self._origin:
            resp.close()
            raise ForeignRedirect(f"redirected to {urlsplit(target).scheme}://{urlsplit(target).netloc}", response=resp)
        return target


class VendorCalls:
    """Calls through a vendor's library, with its exceptions and those of `requests` turned into ours.

    `vendor_error` turns the library's own exceptions, those that say something beside the status, into ours.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        words: Callable[[bytes], str],
        vendor_error: Callable[[str, Exception], IntegrationError | None],
    ) -> None:
        self._system = connection.system
        self._redact = connection.redactor
        self._words = words
        self._vendor_error = vendor_error

    def __call__(self, operation: str, effect: Effect, action: Callable[[], T]) -> T:
        """Run the action and return its result, repeated where `effect` allows it.

        Raises:
            IntegrationError: see `errors`.
        """
        return perform(self._system, operation, effect, lambda: self._attempt(operation, effect, action))

    def _attempt(self, operation: str, effect: Effect, action: Callable[[], T]) -> T:
        try:
            return action()
        except Refusal as exc:
            raise self._refused(operation, effect, exc.response) from exc
        except requests.exceptions.RequestException as exc:
            raise self._transport_error(operation, effect, exc) from exc
        except IntegrationError:
            raise
        except Exception as exc:
            # Some libraries wrap these, and with that lose what tells whether the request was sent.
            lost = exc.__context__
            if isinstance(lost, requests.exceptions.Timeout | requests.exceptions.ConnectionError):
                raise self._transport_error(operation, effect, lost) from exc
            error = self._vendor_error(operation, exc)
            if error is None:
                raise
            raise error from exc

    def _refused(self, operation: str, effect: Effect, response: requests.Response) -> IntegrationError:
        return from_status(
            self._system,
            operation,
            response.status_code,
            self._redact(self._words(response.content) or response.reason),
            request_id=response.headers.get("X-Request-Id"),
            retry_after=parse_retry_after(response.headers.get("Retry-After")),
            once=effect is Effect.ONCE,
        )

    def _transport_error(self, operation: str, effect: Effect, exc: Exception) -> IntegrationError:
        message = self._redact(f"{type(exc).__name__}: {exc}")
        if certificate_refused(exc):
            return Untrusted(self._system, operation, None, message)
        if isinstance(exc, _NOT_THE_PROTOCOL):
            return UnexpectedResponse(self._system, operation, None, message)
        if effect is Effect.ONCE and not (isinstance(exc, _NEVER_SENT) or _not_connected(exc)):
            return OutcomeUnknown(self._system, operation, None, message)
        return Unavailable(self._system, operation, None, message)


def _not_connected(exc: BaseException) -> bool:
    """Return whether no connection was made at all, which requests hides in a nested reason."""
    inner = exc.args[0] if exc.args else None
    reason = getattr(inner, "reason", inner)
    return isinstance(reason, pool_faults.NewConnectionError | pool_faults.ConnectTimeoutError)


def _origin(url: str) -> tuple[str, str, int | None]:
    parts = urlsplit(url)
    default = {"https": 443, "http": 80}.get(parts.scheme)
    return parts.scheme, parts.hostname or "", parts.port or default
