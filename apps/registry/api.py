"""Images in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response

from apps.accounts.requests import ListAPIView, Request
from apps.accounts.roles import Action
from apps.applications.access import get_application

from . import selectors
from .models import Artifact


class ImageSerializer(serializers.ModelSerializer[Artifact]):
    """An image by digest."""

    tags = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Artifact
        fields = ["repository", "digest", "tags", "size", "build_number", "created_at"]


class Images(ListAPIView[Artifact]):
    """The images of an application."""

    serializer_class = ImageSerializer
    queryset = Artifact.objects.none()

    def get_queryset(self) -> Any:
        """Return the images that may be seen."""
        names = self.kwargs
        app = get_application(self.request.actor, names["project"], names["application"], need=Action.VIEW)
        return selectors.list_artifacts(app)

    @extend_schema(operation_id="images_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List images, newest first."""
        return super().get(request, *args, **kwargs)
