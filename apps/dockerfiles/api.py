"""Dockerfiles and base images in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.guards import require_administrator, require_reader
from apps.accounts.requests import Request
from apps.accounts.roles import Action
from apps.applications.access import get_application
from apps.connections import selectors as connections

from . import lint, selectors, services
from .models import BaseImage, DockerfileRevision


class DockerfileRevisionSerializer(serializers.ModelSerializer[DockerfileRevision]):
    """A revision."""

    class Meta:
        model = DockerfileRevision
        fields = ["number", "content", "note", "created_by_name", "created_at"]


class SaveDockerfileSerializer(serializers.Serializer[Any]):
    """A revision to save; `expected_number` is the one that was edited."""

    content = serializers.CharField(max_length=services.LONGEST, trim_whitespace=False)
    note = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    expected_number = serializers.IntegerField(required=False, allow_null=True, default=None)


class DockerfileTextSerializer(serializers.Serializer[Any]):
    """The text of a Dockerfile."""

    content = serializers.CharField(trim_whitespace=False, allow_blank=True)


class DockerfileMarkSerializer(serializers.Serializer[Any]):
    """One remark."""

    line = serializers.IntegerField()
    column = serializers.IntegerField()
    level = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()
    blocking = serializers.BooleanField()


class Revisions(APIView):
    """Revisions of an application's Dockerfile."""

    @extend_schema(operation_id="dockerfile_list", responses=DockerfileRevisionSerializer(many=True))
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return the revisions, newest first."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        return Response(DockerfileRevisionSerializer(selectors.list_revisions(app)[:100], many=True).data)

    @extend_schema(
        operation_id="dockerfile_save", request=SaveDockerfileSerializer, responses={201: DockerfileRevisionSerializer}
    )
    def post(self, request: Request, project: str, application: str) -> Response:
        """Save a new revision; it must keep the platform's rules."""
        app = get_application(request.actor, project, application, need=Action.EDIT_DOCKERFILE)
        asked = SaveDockerfileSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        revision = services.save_revision(application=app, actor=request.actor, **asked.validated_data)
        return Response(DockerfileRevisionSerializer(revision).data, status=status.HTTP_201_CREATED)


class Template(APIView):
    """The Dockerfile to begin with."""

    @extend_schema(operation_id="dockerfile_template", responses=DockerfileTextSerializer)
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return the three-stage template of the application's language on approved base images."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        return Response({"content": services.template_for(app)})


class Lint(APIView):
    """Remarks on a text."""

    @extend_schema(
        operation_id="dockerfile_lint", request=DockerfileTextSerializer, responses=DockerfileMarkSerializer(many=True)
    )
    def post(self, request: Request, project: str, application: str) -> Response:
        """Return what breaks the rules and what hadolint advises."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        asked = DockerfileTextSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(DockerfileMarkSerializer(lint.lint(app, asked.validated_data["content"]), many=True).data)


class BaseImageSerializer(serializers.Serializer[Any]):
    """An approved base image."""

    id = serializers.IntegerField(read_only=True)
    harbor = serializers.SlugField(source="harbor.slug")
    stage = serializers.ChoiceField(choices=BaseImage.Stage.choices)
    reference = serializers.CharField(max_length=200)
    language = serializers.CharField(max_length=20, required=False, allow_blank=True, default="")
    description = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    init_path = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    enabled = serializers.BooleanField(read_only=True)


class EnabledSerializer(serializers.Serializer[Any]):
    """Whether an image is approved."""

    enabled = serializers.BooleanField()


class BaseImages(APIView):
    """Approved base images."""

    @extend_schema(operation_id="base_images_list", responses=BaseImageSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return all base images."""
        require_reader(request.actor)
        return Response(BaseImageSerializer(selectors.list_base_images(), many=True).data)

    @extend_schema(
        operation_id="base_images_approve", request=BaseImageSerializer, responses={201: BaseImageSerializer}
    )
    def post(self, request: Request) -> Response:
        """Approve an image as base of a stage (administrators)."""
        require_administrator(request.actor)
        asked = BaseImageSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = dict(asked.validated_data)
        harbor = connections.get_connection(values.pop("harbor")["slug"])
        image = services.register_base_image(harbor=harbor, actor=request.actor, **values)
        return Response(BaseImageSerializer(image).data, status=status.HTTP_201_CREATED)


class BaseImageDetail(APIView):
    """One base image."""

    @extend_schema(operation_id="base_images_enable", request=EnabledSerializer, responses=BaseImageSerializer)
    def patch(self, request: Request, pk: int) -> Response:
        """Withdraw the approval, or give it back (administrators)."""
        require_administrator(request.actor)
        image = selectors.get_base_image(pk)
        asked = EnabledSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        services.set_base_image_enabled(image=image, enabled=asked.validated_data["enabled"], actor=request.actor)
        return Response(BaseImageSerializer(image).data)
