"""Enqueue a task by its name once the transaction commits.

Redis away must not turn a committed click into an error: what could not be sent is logged and found by the sweep.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import structlog
from celery import current_app
from celery.exceptions import NotRegistered
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)


def enqueue(task_name: str, *arguments: Any, delay: float = 0.0) -> None:
    """Send task `task_name` after commit, `delay` seconds from then. Arguments are primary keys or short strings.

    Raises:
        NotRegistered: no task has that name (at once, not at commit).

    """
    task = current_app.tasks.get(task_name)
    if task is None:
        raise NotRegistered(task_name)
    transaction.on_commit(partial(_send, task, arguments, delay))


def _send(task: Any, arguments: tuple[Any, ...], delay: float) -> None:
    try:
        task.apply_async(args=list(arguments), countdown=delay if delay > 0 else None)
    except (OperationalError, RedisError, ConnectionError, TimeoutError) as exc:
        log.warning("dispatch.not_sent", task=task.name, arguments=arguments, error=type(exc).__name__)
