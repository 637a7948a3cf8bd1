"""Example data for the gallery of the design system: every component in every state, without a database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.core.paginator import Paginator
from django.utils import timezone

from apps.console.textdiff import diff_texts

DIGEST = "sha256:9b2f6c0e4d1a7785c3e2f4b6a1908d7e5c4b3a291807f6e5d4c3b2a190f8e7d6"
SHA = "4f1c2ab9d0e37c55aa0b1f2e3d4c5b6a79880102"

LIVE_YAML = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: storefront
spec:
  replicas: 2
  template:
    spec:
      containers:
        - name: storefront
          image: registry/demo/storefront@sha256:1c0ffee0
          resources:
            limits: {memory: 256Mi}
          env:
            - name: GREETING
              value: "hello"  # shown on the front page
"""
PLANNED_YAML = LIVE_YAML.replace("1c0ffee0", "9b2f6c0e").replace("replicas: 2", "replicas: 3")

DOCKERFILE = """\
# Stage 1: the sources, as Jenkins cloned them
FROM registry/base/clone:1 AS clone
COPY . /src

FROM registry/base/python-build:3.11 AS compile
COPY --from=clone /src /src
RUN pip install --target /app -r /src/requirements.txt

FROM registry/base/python-run:latest AS run
COPY --from=compile /app /app
CMD ["python", "/app/main.py"]
"""
LINT = [
    {"line": 9, "column": 6, "level": "warning", "code": "DL3007", "message": "Pin the version; latest will change."},
    {"line": 7, "column": 1, "level": "error", "code": "SL0004", "message": "This base image is not approved."},
]

STATUSES = (
    ["draft", "pending", "queued", "scheduled", "running", "verifying", "applying", "progressing", "executing"],
    ["paused", "submitted", "approved", "succeeded", "degraded", "drifted", "errored", "failed", "rejected"],
    ["canceled", "superseded", "skipped", "blocked", "unreachable"],
)

LOG = [
    {"source": "storefront-7d9f-x2k", "text": "listening on 0.0.0.0:8080"},
    {"source": "storefront-7d9f-x2k", "text": "GET /healthz 200 in 1 ms"},
    {"source": "storefront-7d9f-m8q", "text": "loading settings from /etc/storefront/settings.json"},
    {"source": "storefront-7d9f-m8q", "text": "FATAL: settings.json: key 'currency' is missing", "error": True},
    {"source": "storefront-7d9f-m8q", "text": "exit status 3"},
]


class ExampleForm(forms.Form):
    """One field of each kind, in the states a form can be in."""

    name = forms.CharField(label="Name", max_length=20, help_text="Lower-case letters, digits and hyphens.")
    memory = forms.CharField(
        label="Memory limit", required=False, help_text="512Mi is 512 mebibytes; above it the pod is killed."
    )
    grace = forms.IntegerField(label="Grace period", min_value=0)
    strategy = forms.ChoiceField(label="Strategy", choices=[("rolling", "Rolling update"), ("recreate", "Recreate")])
    note = forms.CharField(label="Note", widget=forms.Textarea(attrs={"rows": 3}), required=False)
    rollback = forms.BooleanField(
        label="Roll back by itself",
        required=False,
        help_text="When the rollout fails, the version before is applied again.",
    )


def _stages(now: Any) -> list[dict[str, Any]]:
    return [
        {"key": "clone", "name": "Clone", "status": "succeeded", "status_label": "Succeeded", "seconds": 1.4},
        {"key": "scan", "name": "Scan", "status": "succeeded", "status_label": "Succeeded", "seconds": 12},
        {
            "key": "compile",
            "name": "Compile",
            "status": "failed",
            "status_label": "Failed",
            "seconds": 48,
            "detail": "Collecting flask==9.9\nERROR: No matching distribution found for flask==9.9",
        },
        {"key": "push", "name": "Push", "status": "running", "status_label": "Running", "started_at": now},
        {"key": "report", "name": "Report", "status": "skipped", "status_label": "Skipped"},
    ]


def _cells(now: Any) -> list[dict[str, Any]]:
    cell = {"url": "#", "sha": SHA, "wanted": 3}
    return [
        cell | {"version": "v43", "status": "progressing", "status_label": "Progressing", "ready": 1, "at": now},
        cell
        | {
            "version": "v42",
            "status": "succeeded",
            "status_label": "Ready",
            "ready": 3,
            "at": now - timedelta(hours=3),
        },
        cell
        | {
            "version": "v41",
            "status": "failed",
            "status_label": "Crash loop",
            "ready": 0,
            "at": now - timedelta(days=2),
            "cause": "Exits with code 3 right after the start: key 'currency' is missing",
        },
        {},
    ]


def _timeline(now: Any) -> list[dict[str, Any]]:
    return [
        {"title": "Asked for by Lena Fischer", "tone": "neutral", "icon": "user", "at": now - timedelta(minutes=4)},
        {
            "title": "Applied 5 objects to north",
            "tone": "green",
            "icon": "check",
            "at": now - timedelta(minutes=4),
            "seconds": 0.8,
        },
        {
            "title": "2 of 3 replicas ready",
            "tone": "blue",
            "icon": "loader-circle",
            "at": now - timedelta(minutes=3),
            "text": "The third waits: no node has 512 MiB of memory left.",
        },
        {
            "title": "Readiness probe fails on storefront-7d9f-m8q",
            "tone": "red",
            "icon": "x",
            "at": now - timedelta(seconds=50),
            "quote": "GET http://10.0.3.9:8080/healthz: connection refused",
        },
    ]


def _builds(now: Any) -> list[dict[str, Any]]:
    statuses = ["failed", "running", "succeeded", "succeeded", "canceled"]
    messages = [
        "Read the currency from the settings",
        "Show the cart's total before the address is asked for, as the old shop did",
        "Pin flask",
        "Answer /healthz",
        "First page",
    ]
    return [
        {
            "number": 58 - index,
            "status": status,
            "label": status.capitalize(),
            "message": messages[index],
            "author": ["Lena Fischer", "wei.zhang", "Amara Okafor"][index % 3],
            "seconds": 40 + index * 37,
            "at": now - timedelta(minutes=7 * 9**index),
        }
        for index, status in enumerate(statuses)
    ]


def examples() -> dict[str, Any]:
    """Return the context of the gallery."""
    now = timezone.now()
    bad = ExampleForm({"name": "Store Front", "memory": "512Mi", "grace": "-1", "strategy": "rolling"})
    bad.is_valid()
    bad.add_error("name", "Lower-case letters, digits and hyphens only: try “store-front”.")
    return {
        "now": now,
        "soon": now + timedelta(hours=2),
        "digest": DIGEST,
        "sha": SHA,
        "status_rows": STATUSES,
        "tones": ["neutral", "blue", "green", "amber", "red", "violet"],
        "form": ExampleForm(initial={"name": "storefront", "memory": "512Mi", "grace": 30, "rollback": True}),
        "bad_form": bad,
        "builds": _builds(now),
        "page": Paginator(range(412), 50).page(2),
        "stages": _stages(now),
        "cells": _cells(now),
        "timeline": _timeline(now),
        "changes": diff_texts(LIVE_YAML, PLANNED_YAML),
        "yaml_text": PLANNED_YAML,
        "dockerfile": DOCKERFILE,
        "lint": LINT,
        "log": LOG,
        "restarts": [0, 0, 1, 1, 4, 2, 0, 0, 3, 6, 1, 0],
    }
