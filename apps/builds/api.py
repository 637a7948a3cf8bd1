"""Builds in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import ListAPIView, Request
from apps.accounts.roles import Action
from apps.applications.access import get_application

from . import selectors, services
from .models import Build, Finding, Status
from .serializers import (
    BuildDetailSerializer,
    BuildRequestSerializer,
    BuildSerializer,
    FindingSerializer,
    LogRangeSerializer,
    LogSerializer,
)

_FILTERS = [
    OpenApiParameter("q", str, description="Looks at number, commit, ref, title and authors."),
    OpenApiParameter("status", str, enum=Status.values),
    OpenApiParameter("ref", str),
    OpenApiParameter("sort", str, enum=list(selectors.SORTS)),
]


class BuildList(ListAPIView[Build]):
    """An application's builds."""

    serializer_class = BuildSerializer
    queryset = Build.objects.none()

    def get_queryset(self) -> Any:
        """Return the builds that may be seen."""
        names, asked = self.kwargs, self.request.query_params
        app = get_application(self.request.actor, names["project"], names["application"], need=Action.VIEW)
        return selectors.list_builds(
            app,
            search=asked.get("q", ""),
            status=asked.get("status", ""),
            ref=asked.get("ref", ""),
            sort=asked.get("sort", "-number"),
        )

    @extend_schema(operation_id="builds_list", parameters=_FILTERS)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List builds, newest first unless told otherwise."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="builds_request", request=BuildRequestSerializer, responses={201: BuildDetailSerializer}
    )
    def post(self, request: Request, project: str, application: str) -> Response:
        """Build what a branch, a tag or a commit id points to now."""
        app = get_application(request.actor, project, application, need=Action.BUILD)
        asked = BuildRequestSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = services.request_build(application=app, actor=request.actor, **asked.validated_data)
        detail = BuildDetailSerializer(selectors.get_build(app, made.number))
        return Response(detail.data, status=status.HTTP_201_CREATED)


class BuildDetail(APIView):
    """One build."""

    @extend_schema(operation_id="builds_retrieve", responses=BuildDetailSerializer)
    def get(self, request: Request, project: str, application: str, number: int) -> Response:
        """Return a build with its stages, findings and digest."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        return Response(BuildDetailSerializer(selectors.get_build(app, number)).data)


class BuildCancel(APIView):
    """Stopping."""

    @extend_schema(operation_id="builds_cancel", request=None, responses={202: BuildDetailSerializer})
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Ask a running build to stop."""
        app = get_application(request.actor, project, application, need=Action.CANCEL_BUILD)
        services.cancel_build(build=selectors.get_build(app, number), actor=request.actor)
        detail = BuildDetailSerializer(selectors.get_build(app, number))
        return Response(detail.data, status=status.HTTP_202_ACCEPTED)


class BuildLog(APIView):
    """The console log of a build."""

    @extend_schema(operation_id="builds_log", parameters=[LogRangeSerializer], responses=LogSerializer)
    def get(self, request: Request, project: str, application: str, number: int) -> Response:
        """Return lines of the log, as far as they are written."""
        app = get_application(request.actor, project, application, need=Action.VIEW_LOGS)
        asked = LogRangeSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        return Response(
            LogSerializer(selectors.read_log(selectors.get_build(app, number), **asked.validated_data)).data
        )


class BuildFindings(ListAPIView[Finding]):
    """What the scanners found in a build."""

    serializer_class = FindingSerializer
    queryset = Finding.objects.none()

    def get_queryset(self) -> Any:
        """Return the findings of a build that may be seen."""
        names = self.kwargs
        app = get_application(self.request.actor, names["project"], names["application"], need=Action.VIEW)
        return selectors.get_build(app, names["number"]).findings.order_by("id")

    @extend_schema(operation_id="builds_findings")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List findings."""
        return super().get(request, *args, **kwargs)
