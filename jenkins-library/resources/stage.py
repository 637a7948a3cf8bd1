"""Record that a stage began or ended, and tell Slipway: `stage.py NAME STATUS [DETAIL]`.

STATUS is running, succeeded, failed, canceled or skipped. Reads SLIPWAY_BUILD_ID, SLIPWAY_CALLBACK_URL,
SLIPWAY_WEBHOOK_SECRET (where Jenkins has it), JOB_NAME, BUILD_NUMBER and BUILD_URL. Always ends well.
"""

import os
import sys
import time
import uuid
from typing import Any

import record

STATUSES = ("running", "succeeded", "failed", "canceled", "skipped")


def timestamp(seconds: float) -> str:
    """Return a time as ISO 8601 in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def note(name: str, status: str, detail: str = "") -> dict[str, Any]:
    """Write the stage's record and return it."""
    now = time.time()
    known = record.read(f"stage-{name}") or {}
    began = known.get("began", now) if status != "running" else now
    stage = {
        "name": name,
        "status": status,
        "began": began,
        "started_at": timestamp(began),
        "seconds": round(now - began, 3),
        "detail": detail,
    }
    record.write(f"stage-{name}", stage)
    return stage


def tell(stage: dict[str, Any]) -> None:
    """Send the stage's state to Slipway where there is an address and a secret to sign with."""
    url = os.environ.get("SLIPWAY_CALLBACK_URL")
    secret = os.environ.get("SLIPWAY_WEBHOOK_SECRET")
    build_id = os.environ.get("SLIPWAY_BUILD_ID")
    if not (url and secret and build_id):
        return
    import webhook  # loads Python's whole HTTP client: only where there is something to send

    number = os.environ.get("BUILD_NUMBER", "")
    event = {
        "build_id": build_id,
        "delivery_id": str(uuid.uuid4()),
        "stage": stage["name"],
        "status": stage["status"],
        "seconds": stage["seconds"],
        "detail": stage["detail"],
        "job": os.environ.get("JOB_NAME", ""),
        "number": int(number) if number.isdigit() else None,
        "url": os.environ.get("BUILD_URL", ""),
        "sent_at": timestamp(time.time()),
    }
    problem = webhook.deliver(url, secret, event, os.environ.get("SLIPWAY_CA_FILE") or None)
    if problem:
        print(f"Slipway was not told ({problem}); it will read Jenkins itself")


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[2] not in STATUSES:
        sys.exit(f"usage: stage.py NAME {'|'.join(STATUSES)} [DETAIL]")
    tell(note(*sys.argv[1:]))
