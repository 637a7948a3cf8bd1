"""Clusters in the API (administrators change them; everybody may list them to choose from)."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.guards import require_administrator, require_reader
from apps.accounts.requests import Request
from apps.core import messages

from . import access_yaml, namespaces, selectors, services
from .models import Cluster


class ClusterSerializer(serializers.ModelSerializer[Cluster]):
    """A cluster. Its credentials never leave."""

    problem = serializers.SerializerMethodField()

    class Meta:
        model = Cluster
        fields = [
            "slug", "name", "description", "server", "state", "maintenance_reason", "maintenance_by_name",
            "maintenance_since", "health", "problem", "version", "capabilities",
            "ingress_address", "ingress_domain", "ingress_class", "missing_permissions", "checked_at",
        ]  # fmt: skip

    def get_problem(self, cluster: Cluster) -> str:
        """Return why the last check failed, in words."""
        return messages.word(cluster.health_code, cluster.health_params).message if cluster.health_code else ""


class CredentialsSerializer(serializers.Serializer[Any]):
    """A kubeconfig, or address, CA and token."""

    kubeconfig = serializers.CharField(required=False, allow_blank=True, default="", write_only=True)
    server = serializers.CharField(required=False, allow_blank=True, default="")
    token = serializers.CharField(required=False, allow_blank=True, default="", write_only=True)
    ca_certificate = serializers.CharField(required=False, allow_blank=True, default="")


class AddClusterSerializer(CredentialsSerializer):
    """A cluster to add."""

    slug = serializers.SlugField(max_length=40)
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    ingress_address = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    ingress_domain = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    ingress_class = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")


class ChangeClusterSerializer(serializers.Serializer[Any]):
    """What can be changed."""

    name = serializers.CharField(max_length=100, required=False)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    ingress_address = serializers.CharField(max_length=300, required=False, allow_blank=True)
    ingress_domain = serializers.CharField(max_length=200, required=False, allow_blank=True)
    ingress_class = serializers.CharField(max_length=100, required=False, allow_blank=True)


class MaintenanceSerializer(serializers.Serializer[Any]):
    """Whether a cluster is in maintenance, and why."""

    on = serializers.BooleanField()
    reason = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class AccessSerializer(serializers.Serializer[Any]):
    """The access Slipway asks for."""

    yaml = serializers.CharField()
    token_command = serializers.CharField()


class NamespaceNameSerializer(serializers.Serializer[Any]):
    """A namespace to create."""

    name = serializers.RegexField(r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$", max_length=63)


class ClusterList(APIView):
    """All clusters."""

    @extend_schema(operation_id="clusters_list", responses=ClusterSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return all clusters."""
        require_reader(request.actor)
        return Response(ClusterSerializer(selectors.list_clusters(), many=True).data)

    @extend_schema(operation_id="clusters_create", request=AddClusterSerializer, responses={201: ClusterSerializer})
    def post(self, request: Request) -> Response:
        """Add a cluster after it was asked for version, abilities and our rights (administrators)."""
        require_administrator(request.actor)
        asked = AddClusterSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        cluster = services.add_cluster(actor=request.actor, **asked.validated_data)
        return Response(ClusterSerializer(cluster).data, status=status.HTTP_201_CREATED)


class ClusterAccess(APIView):
    """The least privilege Slipway needs."""

    @extend_schema(operation_id="clusters_access", responses=AccessSerializer)
    def get(self, request: Request) -> Response:
        """Return the YAML to apply on a cluster before it is added, and how to get the token."""
        require_reader(request.actor)
        return Response({"yaml": access_yaml.access_yaml(), "token_command": access_yaml.token_command()})


class ClusterDetail(APIView):
    """One cluster."""

    @extend_schema(operation_id="clusters_retrieve", responses=ClusterSerializer)
    def get(self, request: Request, slug: str) -> Response:
        """Return a cluster."""
        require_reader(request.actor)
        return Response(ClusterSerializer(selectors.get_cluster(slug)).data)

    @extend_schema(operation_id="clusters_update", request=ChangeClusterSerializer, responses=ClusterSerializer)
    def patch(self, request: Request, slug: str) -> Response:
        """Change name, description or ingress (administrators)."""
        require_administrator(request.actor)
        asked = ChangeClusterSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        cluster = selectors.get_cluster(slug)
        return Response(
            ClusterSerializer(
                services.update_cluster(cluster=cluster, actor=request.actor, **asked.validated_data)
            ).data
        )

    @extend_schema(operation_id="clusters_delete", responses={204: None})
    def delete(self, request: Request, slug: str) -> Response:
        """Forget a cluster that nothing releases to (administrators)."""
        require_administrator(request.actor)
        services.remove_cluster(cluster=selectors.get_cluster(slug), actor=request.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ClusterCheck(APIView):
    """A cluster's health."""

    @extend_schema(operation_id="clusters_check", request=None, responses=ClusterSerializer)
    def post(self, request: Request, slug: str) -> Response:
        """Ask a cluster again (administrators)."""
        require_administrator(request.actor)
        checked = services.check_cluster(cluster=selectors.get_cluster(slug), actor=request.actor)
        return Response(ClusterSerializer(checked).data)


class ClusterCredentials(APIView):
    """A cluster's credential."""

    @extend_schema(operation_id="clusters_credentials", request=CredentialsSerializer, responses=ClusterSerializer)
    def put(self, request: Request, slug: str) -> Response:
        """Replace the credential after it was tried (administrators)."""
        require_administrator(request.actor)
        asked = CredentialsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        cluster = selectors.get_cluster(slug)
        changed = services.update_credentials(cluster=cluster, actor=request.actor, **asked.validated_data)
        return Response(ClusterSerializer(changed).data)


class ClusterMaintenance(APIView):
    """A cluster's maintenance."""

    @extend_schema(operation_id="clusters_maintenance", request=MaintenanceSerializer, responses=ClusterSerializer)
    def put(self, request: Request, slug: str) -> Response:
        """Begin maintenance, with its reason, or end it (administrators)."""
        require_administrator(request.actor)
        asked = MaintenanceSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        cluster = selectors.get_cluster(slug)
        if asked.validated_data["on"]:
            reason = asked.validated_data["reason"]
            changed = services.begin_maintenance(cluster=cluster, reason=reason, actor=request.actor)
        else:
            changed = services.end_maintenance(cluster=cluster, actor=request.actor)
        return Response(ClusterSerializer(changed).data)


class ClusterNamespaces(APIView):
    """Namespaces of a cluster."""

    @extend_schema(
        operation_id="clusters_create_namespace",
        request=NamespaceNameSerializer,
        responses={201: NamespaceNameSerializer},
    )
    def post(self, request: Request, slug: str) -> Response:
        """Create a namespace that no target has yet (administrators)."""
        require_administrator(request.actor)
        asked = NamespaceNameSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        namespaces.create_namespace(
            cluster=selectors.get_cluster(slug), name=asked.validated_data["name"], actor=request.actor
        )
        return Response(asked.data, status=status.HTTP_201_CREATED)
