"""Live state in the API."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import Request
from apps.accounts.roles import Action
from apps.applications.access import get_application, get_target
from apps.core import messages

from . import selectors

MOST_LINES = 10_000


class PodCauseSerializer(serializers.Serializer[Any]):
    """Why a pod is as it is."""

    code = serializers.CharField()
    params = serializers.DictField()
    message = serializers.SerializerMethodField()

    def get_message(self, cause: Any) -> str:
        """Return it in words."""
        return messages.word(cause.code, cause.params).message


class PodEventSerializer(serializers.Serializer[Any]):
    """One event of the cluster."""

    at = serializers.DateTimeField(allow_null=True)
    type = serializers.CharField()
    reason = serializers.CharField()
    message = serializers.CharField()
    count = serializers.IntegerField()
    object = serializers.CharField()


class PodSerializer(serializers.Serializer[Any]):
    """One pod."""

    name = serializers.CharField()
    phase = serializers.CharField()
    ready = serializers.BooleanField()
    terminating = serializers.BooleanField()
    restarts = serializers.IntegerField()
    containers = serializers.ListField(child=serializers.CharField())
    image = serializers.CharField()
    node = serializers.CharField()
    address = serializers.CharField()
    created_at = serializers.DateTimeField(allow_null=True)
    cause = PodCauseSerializer(allow_null=True)
    last_end = serializers.DictField(allow_null=True)
    events = PodEventSerializer(many=True)


class TargetPodsSerializer(serializers.Serializer[Any]):
    """The pods of an application on one target; `read_at` says how old this is (it was read just now)."""

    ready = serializers.IntegerField()
    wanted = serializers.IntegerField()
    read_at = serializers.DateTimeField(source="reading.at")
    pods = PodSerializer(many=True)


class LogQuerySerializer(serializers.Serializer[Any]):
    """What part of a log to read."""

    container = serializers.CharField(required=False, allow_blank=True, default="", help_text="The first by default.")
    tail = serializers.IntegerField(
        required=False, min_value=1, max_value=MOST_LINES, default=200, help_text="How many of the last lines."
    )
    previous = serializers.BooleanField(required=False, default=False, help_text="The run before.")


class TargetPods(APIView):
    """Pods of one target."""

    @extend_schema(operation_id="pods_list", responses=TargetPodsSerializer)
    def get(self, request: Request, project: str, application: str, environment: str, target: str) -> Response:
        """Return the pods of an application on a target, worst first, read from the cluster now."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        place = get_target(request.actor, project, environment, target, need=Action.VIEW)
        state = selectors.target_state(app, place)
        if state.error is not None:
            raise state.error
        return Response(TargetPodsSerializer(state).data)


class PodLog(APIView):
    """The log of a pod."""

    @extend_schema(
        operation_id="pods_log",
        parameters=[LogQuerySerializer],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(
        self, request: Request, project: str, application: str, environment: str, target: str, pod: str
    ) -> HttpResponse:
        """Return the last lines as text."""
        app = get_application(request.actor, project, application, need=Action.VIEW_LOGS)
        place = get_target(request.actor, project, environment, target, need=Action.VIEW_LOGS)
        asked = LogQuerySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        text = selectors.read_log(app, place, pod, **asked.validated_data)
        return HttpResponse(text, content_type="text/plain; charset=utf-8")
