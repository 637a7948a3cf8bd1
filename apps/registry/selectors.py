"""Reads of images, here and in the registry."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from django.db.models import QuerySet

from apps.applications.models import Application
from apps.connections import selectors as connections
from apps.connections.models import Connection
from apps.integrations import providers

from .models import Artifact, Hold


def registry_host(harbor: Connection) -> str:
    """Return the host (and port) under which nodes and Jenkins reach a Harbor's registry."""
    return connections.registry_host(harbor)


def image_reference(application: Application, digest: str) -> str:
    """Return the full reference of an image by digest, as manifests name it."""
    return f"{registry_host(application.harbor)}/{application.image_repository}@{digest}"


def image_exists(application: Application, digest: str) -> bool:
    """Return whether the registry still has an image.

    Raises:
        IntegrationError: it cannot be asked.
    """
    return providers.registry(connections.client_connection(application.harbor)).has(
        application.image_repository, digest
    )


def missing_images(application: Application, references: Iterable[str]) -> list[str]:
    """Return those images of the application's registry that are not there any more; others' registries are not asked.

    Raises:
        IntegrationError: it cannot be asked.
    """
    host = f"{registry_host(application.harbor)}/"
    client = providers.registry(connections.client_connection(application.harbor))
    gone = []
    for reference in dict.fromkeys(references):
        if not reference.startswith(host):
            continue
        path, at, digest = reference.removeprefix(host).partition("@")
        repository, _, tag = path.partition(":")
        if client.find_digest(repository, digest if at else tag or "latest") is None:
            gone.append(reference)
    return gone


def list_artifacts(application: Application) -> QuerySet[Artifact]:
    """Return the images of an application, newest first."""
    return Artifact.objects.filter(application=application).order_by("-id")


def with_holds(application: Application, artifacts: Sequence[Artifact]) -> list[tuple[Artifact, list[Hold]]]:
    """Return each image with the holds that keep it, in one query for all."""
    held: dict[str, list[Hold]] = {}
    digests = [artifact.digest for artifact in artifacts]
    for hold in Hold.objects.filter(application=application, digest__in=digests, released_at=None).order_by("id"):
        held.setdefault(hold.digest, []).append(hold)
    return [(artifact, held.get(artifact.digest, [])) for artifact in artifacts]
