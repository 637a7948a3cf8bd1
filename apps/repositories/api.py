"""Branches, tags and commits to choose from."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import Request
from apps.accounts.roles import Action
from apps.applications.access import get_application

from . import selectors


class CommitSerializer(serializers.Serializer[Any]):
    """One commit."""

    sha = serializers.CharField()
    short_sha = serializers.CharField()
    title = serializers.CharField()
    author = serializers.CharField()
    authored_at = serializers.DateTimeField()
    url = serializers.CharField()


class RefSerializer(serializers.Serializer[Any]):
    """A branch or tag and what it points to."""

    name = serializers.CharField()
    commit = CommitSerializer()


class RefsSerializer(serializers.Serializer[Any]):
    """Branches and tags."""

    branches = RefSerializer(many=True)
    tags = RefSerializer(many=True)


class Refs(APIView):
    """Branches and tags of an application's repository."""

    @extend_schema(operation_id="refs_list", parameters=[OpenApiParameter("q", str)], responses=RefsSerializer)
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return branches and tags whose name contains `q`."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        search = request.query_params.get("q", "")
        found = {"branches": selectors.list_branches(app, search), "tags": selectors.list_tags(app, search)}
        return Response(RefsSerializer(found).data)


class Commits(APIView):
    """Commits of a ref."""

    @extend_schema(
        operation_id="commits_list", parameters=[OpenApiParameter("ref", str)], responses=CommitSerializer(many=True)
    )
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return the commits of `ref` (the application's branch where none is given), newest first."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        commits = selectors.list_commits(app, request.query_params.get("ref") or app.branch)
        return Response(CommitSerializer(commits, many=True).data)
