"""Connections in the API (administrators; members of projects may list them to choose from)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.guards import administers, require_administrator, require_reader
from apps.accounts.requests import Request
from apps.core import messages

from . import selectors, services
from .models import Connection

FOR_EVERYBODY = frozenset({"kind", "slug", "name", "health"})


class ConnectionSerializer(serializers.ModelSerializer[Connection]):
    """A connection. Its secrets never leave; `has_secret` says whether there is one.

    Who is no administrator gets what is needed to choose one: kind, short name, name and health.
    """

    has_secret = serializers.SerializerMethodField()
    problem = serializers.SerializerMethodField()

    class Meta:
        model = Connection
        fields = [
            "kind", "slug", "name", "url", "username", "has_secret", "ca_certificate", "options", "health", "problem",
            "version", "checked_at",
        ]  # fmt: skip

    def to_representation(self, instance: Connection) -> dict[str, Any]:
        """Return the fields that the actor may see."""
        shown = super().to_representation(instance)
        if administers(self.context["actor"]):
            return shown
        return {name: value for name, value in shown.items() if name in FOR_EVERYBODY}

    def get_has_secret(self, connection: Connection) -> bool:
        """Return whether a secret is stored."""
        return bool(connection.secret)

    def get_problem(self, connection: Connection) -> str:
        """Return why the last test failed, in words."""
        return messages.word(connection.health_code, connection.health_params).message if connection.health_code else ""


class SaveConnectionSerializer(serializers.Serializer[Any]):
    """What a connection is made of. An empty secret keeps the stored one."""

    kind = serializers.ChoiceField(choices=Connection.Kind.choices)
    slug = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=100)
    url = serializers.URLField(max_length=300)
    username = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    secret = serializers.CharField(required=False, allow_blank=True, default="", write_only=True)
    webhook_secret = serializers.CharField(required=False, allow_blank=True, default="", write_only=True)
    ca_certificate = serializers.CharField(required=False, allow_blank=True, default="")
    options = serializers.DictField(required=False, default=dict)


class ChangeConnectionSerializer(SaveConnectionSerializer):
    """What can be changed: kind and short name stay."""

    kind = None  # type: ignore[assignment]
    slug = None  # type: ignore[assignment]


def _answer(request: Request, connection: Connection, *, status: int = status.HTTP_200_OK) -> Response:
    return Response(ConnectionSerializer(connection, context={"actor": request.actor}).data, status=status)


class ConnectionList(APIView):
    """All connections."""

    @extend_schema(operation_id="connections_list", responses=ConnectionSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return all connections; their addresses and settings for administrators only."""
        require_reader(request.actor)
        shown = ConnectionSerializer(selectors.list_connections(), many=True, context={"actor": request.actor})
        return Response(shown.data)

    @extend_schema(
        operation_id="connections_create", request=SaveConnectionSerializer, responses={201: ConnectionSerializer}
    )
    def post(self, request: Request) -> Response:
        """Create a connection after it was tried (administrators)."""
        require_administrator(request.actor)
        asked = SaveConnectionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        connection = services.save_connection(actor=request.actor, **asked.validated_data)
        return _answer(request, connection, status=status.HTTP_201_CREATED)


class ConnectionDetail(APIView):
    """One connection."""

    @extend_schema(operation_id="connections_retrieve", responses=ConnectionSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Return a connection; its address and settings for administrators only."""
        require_reader(request.actor)
        return _answer(request, selectors.get_connection(slug))

    @extend_schema(
        operation_id="connections_update", request=ChangeConnectionSerializer, responses=ConnectionSerializer
    )
    def put(self, request: Request, slug: str) -> Response:
        """Change a connection after it was tried (administrators)."""
        require_administrator(request.actor)
        connection = selectors.get_connection(slug)
        asked = ChangeConnectionSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        changed = services.save_connection(
            actor=request.actor, kind=connection.kind, slug=slug, connection=connection, **asked.validated_data
        )
        return _answer(request, changed)

    @extend_schema(operation_id="connections_delete", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Delete a connection that nothing uses (administrators)."""
        require_administrator(request.actor)
        services.delete_connection(connection=selectors.get_connection(slug), actor=request.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConnectionCheck(APIView):
    """A connection's health."""

    @extend_schema(operation_id="connections_check", request=None, responses=ConnectionSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Try a connection now (administrators)."""
        require_administrator(request.actor)
        checked = services.check_connection(connection=selectors.get_connection(slug), actor=request.actor)
        return _answer(request, checked)
