"""Reads of Dockerfiles and base images."""

from __future__ import annotations

from django.db.models import Q, QuerySet

from apps.applications.models import Application
from apps.core.errors import NotFound

from .models import BaseImage, DockerfileRevision


def list_revisions(application: Application) -> QuerySet[DockerfileRevision]:
    """Return an application's revisions, newest first."""
    revisions = DockerfileRevision.objects.filter(application=application)
    return revisions.select_related("application__project", "created_by")


def find_latest_revision(application: Application) -> DockerfileRevision | None:
    """Return the revision that builds use, None before the first one."""
    return list_revisions(application).order_by("-number").first()


def get_revision(application: Application, number: int) -> DockerfileRevision:
    """Return one revision.

    Raises:
        NotFound: there is none of that number.
    """
    revision = list_revisions(application).filter(number=number).first()
    if revision is None:
        raise NotFound("object.missing")
    return revision


def revision_numbers(application: Application) -> list[int]:
    """Return the numbers of an application's revisions, newest first."""
    rows = DockerfileRevision.objects.filter(application=application).order_by("-number")
    return list(rows.values_list("number", flat=True))


def list_base_images() -> QuerySet[BaseImage]:
    """Return all base images, approved or withdrawn, by stage and language."""
    return BaseImage.objects.select_related("harbor")


def get_base_image(pk: int) -> BaseImage:
    """Return one base image.

    Raises:
        NotFound: there is none.
    """
    image = list_base_images().filter(pk=pk).first()
    if image is None:
        raise NotFound("object.missing")
    return image


def allowed_images(application: Application, stage: str | None = None) -> QuerySet[BaseImage]:
    """Return the base images an application may use: of its Harbor, for its language or for all, of a stage or of all."""
    images = BaseImage.objects.filter(
        Q(language="") | Q(language=application.language), harbor=application.harbor, enabled=True
    )
    return images.filter(stage=stage) if stage else images
