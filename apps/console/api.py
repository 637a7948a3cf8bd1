"""The joining reads in the API: where to begin, and which version runs where."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.reverse import reverse
from rest_framework.views import APIView

from apps.accounts.requests import Request
from apps.accounts.roles import Action
from apps.applications.access import get_application
from apps.deployments import selectors as deployments
from apps.workloads import selectors as workloads

from . import cells, selectors

_LIVE = OpenApiParameter("live", bool, description="Ask the clusters how many pods are ready now.")


class IndexSerializer(serializers.Serializer[Any]):
    """Where to begin."""

    schema = serializers.URLField()
    docs = serializers.URLField()
    releases = serializers.URLField()
    waiting = serializers.URLField(help_text="Release orders that wait for the caller's approval.")


class CellSerializer(serializers.Serializer[Any]):
    """An application on a target."""

    environment = serializers.CharField()
    target = serializers.CharField()
    cluster = serializers.CharField()
    namespace = serializers.CharField()
    version = serializers.CharField(help_text="Empty where nothing was released yet.")
    build = serializers.IntegerField(allow_null=True)
    deployment = serializers.IntegerField(allow_null=True)
    commit_sha = serializers.CharField()
    status = serializers.CharField()
    ready = serializers.IntegerField()
    wanted = serializers.IntegerField()
    since = serializers.DateTimeField(allow_null=True)
    cause = serializers.CharField()
    drifted = serializers.BooleanField(help_text="Whether what is live differs from what was deployed.")
    maintenance = serializers.CharField(help_text="Why the cluster is in maintenance; empty where it is not.")
    url = serializers.CharField()


class MatrixSerializer(serializers.Serializer[Any]):
    """Which version runs where."""

    cells = CellSerializer(many=True)


class Index(APIView):
    """The API's first page."""

    @extend_schema(operation_id="index", responses=IndexSerializer)
    def get(self, request: Request) -> Response:
        """Say where to begin."""
        names = {
            "schema": "schema",
            "docs": "api-docs",
            "releases": "api-all-releases",
            "waiting": "api-waiting-releases",
        }
        return Response({key: reverse(name, request=request) for key, name in names.items()})


class Matrix(APIView):
    """An application's matrix."""

    @extend_schema(operation_id="matrix", parameters=[_LIVE], responses=MatrixSerializer)
    def get(self, request: Request, project: str, application: str) -> Response:
        """Say which version runs on every target and whether it is well."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        live = request.query_params.get("live") in ("1", "true")
        found = deployments.matrix([app], selectors.environments_of([app.project]))[app.pk]
        shown = []
        for cell in found:
            state = workloads.target_state(app, cell.target) if live and cell.last is not None else None
            shown.append(cells.as_api(cells.view(app, cell, state=state)))
        return Response(MatrixSerializer({"cells": shown}).data)
