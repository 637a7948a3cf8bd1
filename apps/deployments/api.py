"""Deployments in the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import ListAPIView, Request
from apps.accounts.roles import Action
from apps.applications.access import get_application, get_target

from . import presentation, selectors, services
from .models import Deployment
from .serializers import (
    DeploymentDetailSerializer,
    DeploymentPreviewSerializer,
    DeploymentSerializer,
    RollbackSerializer,
)

_TARGET = OpenApiParameter("target", str, description="Only one target: `<environment>/<target>`.")


class DeploymentList(ListAPIView[Deployment]):
    """An application's deployments, newest first."""

    serializer_class = DeploymentSerializer
    queryset = Deployment.objects.none()

    def get_queryset(self) -> Any:
        """Return the deployments that may be seen."""
        names = self.kwargs
        actor = self.request.actor
        app = get_application(actor, names["project"], names["application"], need=Action.VIEW)
        wanted = self.request.query_params.get("target")
        if not wanted:
            return selectors.list_deployments(app)
        environment, _, slug = wanted.partition("/")
        target = get_target(actor, names["project"], environment, slug, need=Action.VIEW)
        return selectors.list_deployments(app, target=target)

    @extend_schema(operation_id="deployments_list", parameters=[_TARGET])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List deployments."""
        return super().get(request, *args, **kwargs)


class DeploymentDetail(APIView):
    """One deployment."""

    @extend_schema(operation_id="deployments_retrieve", responses=DeploymentDetailSerializer)
    def get(self, request: Request, project: str, application: str, number: int) -> Response:
        """Return a deployment with its timeline and evidence."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        return Response(DeploymentDetailSerializer(selectors.get_deployment(app, number)).data)


class DeploymentManifests(APIView):
    """The stored bytes of a deployment."""

    @extend_schema(operation_id="deployments_manifests", responses={(200, "application/json"): OpenApiTypes.BINARY})
    def get(self, request: Request, project: str, application: str, number: int) -> HttpResponse:
        """Return the bytes exactly as stored; `X-Content-SHA256` is their hash. Secrets are references, never values."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        stored = selectors.final_stage(selectors.get_deployment(app, number)).manifest_set
        response = HttpResponse(bytes(stored.content), content_type="application/json")
        response.headers["X-Content-SHA256"] = stored.sha256
        return response


class DeploymentRollback(APIView):
    """The way back."""

    @extend_schema(operation_id="deployments_rollback_preview", responses=DeploymentPreviewSerializer)
    def get(self, request: Request, project: str, application: str, number: int) -> Response:
        """Return what the cluster says that going back to this version would change. Changes nothing."""
        app = get_application(request.actor, project, application, need=Action.ROLLBACK)
        deployment = selectors.get_deployment(app, number)
        services.require_rollback_point(deployment)
        return Response(DeploymentPreviewSerializer(presentation.asked_preview(deployment)).data)

    @extend_schema(
        operation_id="deployments_rollback", request=RollbackSerializer, responses={201: DeploymentDetailSerializer}
    )
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Bring the version of this deployment back, from its stored bytes; whatever is going on there is superseded."""
        app = get_application(request.actor, project, application, need=Action.ROLLBACK)
        asked = RollbackSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = services.request_rollback(
            deployment=selectors.get_deployment(app, number), actor=request.actor, **asked.validated_data
        )
        detail = DeploymentDetailSerializer(selectors.get_deployment(app, made.number))
        return Response(detail.data, status=status.HTTP_201_CREATED)


class DeploymentCancel(APIView):
    """Stopping."""

    @extend_schema(operation_id="deployments_cancel", request=None, responses={202: DeploymentDetailSerializer})
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Ask a running deployment to stop."""
        app = get_application(request.actor, project, application, need=Action.DEPLOY)
        services.cancel_deployment(deployment=selectors.get_deployment(app, number), actor=request.actor)
        detail = DeploymentDetailSerializer(selectors.get_deployment(app, number))
        return Response(detail.data, status=status.HTTP_202_ACCEPTED)
