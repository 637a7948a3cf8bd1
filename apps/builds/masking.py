"""What must not be read in a build's log, causes and findings: credentials of its tools, secret values of its application."""

from __future__ import annotations

from apps.applications import secrecy
from apps.connections import selectors as connections
from apps.integrations.redaction import Redactor

from .models import Build


def redactor_for(build: Build) -> Redactor:
    """Return what masks them, should a tool print one that Jenkins does not mask itself."""
    application = build.application
    redactor = secrecy.redactor_for(application)
    for connection in (application.gitlab, application.harbor, application.jenkins):
        redactor |= connections.redactor_for(connection)
    return redactor
