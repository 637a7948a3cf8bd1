"""Verbs on images: know one, hold it, let it go."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from apps.applications.models import Application

from .models import Artifact, Hold


def record_artifact(
    *, application: Application, digest: str, tags: Sequence[str], size: int, build_number: int | None
) -> Artifact:
    """Remember an image that was pushed; the same digest again only adds its tags."""
    artifact, created = Artifact.objects.get_or_create(
        application=application,
        digest=digest,
        defaults={
            "repository": application.image_repository,
            "tags": list(tags),
            "size": size,
            "build_number": build_number,
        },
    )
    if not created and not set(tags) <= set(artifact.tags):
        artifact.tags = sorted({*artifact.tags, *tags})
        artifact.save(update_fields=["tags"])
    return artifact


def hold(*, application: Application, digest: str, holder: str, reason: str) -> None:
    """Keep a digest for `holder` (`<noun>:<id>`), again where it was let go; asking twice is asking once."""
    Hold.objects.update_or_create(
        application=application, digest=digest, holder=holder, defaults={"reason": reason, "released_at": None}
    )


def release(*, application: Application, holder: str) -> None:
    """Let go of everything that `holder` keeps."""
    Hold.objects.filter(application=application, holder=holder, released_at=None).update(released_at=timezone.now())
