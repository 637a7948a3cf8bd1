"""Structured logs: one JSON line an entry (or coloured text for a terminal), each with the request id."""

from __future__ import annotations

import logging
import logging.config
from typing import Any

import structlog

SENSITIVE = ("password", "secret", "token", "authorization", "cookie", "private_key", "kubeconfig", "credential")


def redact_sensitive_keys(_logger: Any, _method: str, entry: dict[str, Any]) -> dict[str, Any]:
    """Return the entry with the values of sensitive keys replaced: a log line can never hold a credential by its name."""
    return {
        key: "[redacted]" if value and any(word in key.lower() for word in SENSITIVE) else value
        for key, value in entry.items()
    }


def configure_logging(*, level: str, as_json: bool) -> None:
    """Send structlog's and the standard library's entries through the same processors to standard error."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        redact_sensitive_keys,
    ]
    final = structlog.processors.JSONRenderer() if as_json else structlog.dev.ConsoleRenderer()
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {
                "structured": {
                    "()": structlog.stdlib.ProcessorFormatter,
                    "foreign_pre_chain": [*shared, structlog.processors.format_exc_info],
                    "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, final],
                }
            },
            "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "structured"}},
            "root": {"handlers": ["stderr"], "level": level},
            "loggers": {
                "django.server": {"level": "WARNING"},
                "urllib3": {"level": "WARNING"},
                "httpx2": {"level": "WARNING"},
                "httpcore2": {"level": "WARNING"},
                "axes": {"level": "WARNING"},
                "celery.app.trace": {"level": "WARNING"},
                "celery.worker.strategy": {"level": "WARNING"},
            },
        }
    )
