"""A row with a lifecycle, for tests of what all lifecycles share."""

from __future__ import annotations

from typing import Any

from apps.builds.models import Build
from apps.dockerfiles.models import DockerfileRevision
from tests import factories


def build(**fields: Any) -> Build:
    application = factories.application()
    dockerfile = DockerfileRevision.objects.create(
        application=application, number=1, content="FROM scratch\n", created_by_name="somebody"
    )
    defaults = {
        "application": application,
        "number": 1,
        "ref": "main",
        "ref_kind": "branch",
        "commit_sha": "a" * 40,
        "dockerfile": dockerfile,
        "created_by_name": "somebody",
    }
    return Build.objects.create(**(defaults | fields))
