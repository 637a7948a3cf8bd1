"""Drift in the API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import Request
from apps.accounts.roles import Action
from apps.applications.access import get_application, get_target
from apps.applications.models import Application, Target
from apps.core import messages

from . import selectors, services
from .drift import presentation
from .drift import services as drifting
from .models import DriftWatch
from .serializers import DeploymentDetailSerializer


class DriftFieldSerializer(serializers.Serializer[Any]):
    """One field that is not as it was applied. Values of secrets are `hidden`, never shown."""

    id = serializers.CharField(help_text="How the field is named to accept it.")
    path = serializers.CharField()
    what = serializers.ChoiceField(["changed", "removed", "added"])
    wanted = serializers.JSONField(allow_null=True)
    live = serializers.JSONField(allow_null=True)
    hidden = serializers.BooleanField()
    manager = serializers.CharField(help_text="Who changed it; empty where the cluster does not know.")
    operation = serializers.CharField()
    subresource = serializers.CharField()
    at = serializers.DateTimeField(allow_null=True)
    refusal_code = serializers.CharField(help_text="Why it cannot be accepted; empty where it can.")
    refusal = serializers.CharField()


class DriftObjectSerializer(serializers.Serializer[Any]):
    """One object that differs, is missing, or is ours and should not be there."""

    kind = serializers.CharField()
    name = serializers.CharField()
    what = serializers.ChoiceField(["changed", "missing", "extra"])
    differences = DriftFieldSerializer(many=True, source="fields")


class DriftSerializer(serializers.ModelSerializer[DriftWatch]):
    """Whether what is live on a target is what was last deployed there."""

    environment = serializers.CharField(source="target.environment.slug")
    target = serializers.CharField(source="target.slug")
    deployment = serializers.IntegerField(source="deployment.number", allow_null=True, default=None)
    problem = serializers.SerializerMethodField()
    objects = serializers.SerializerMethodField()

    class Meta:
        model = DriftWatch
        fields = ["environment", "target", "deployment", "status", "checked_at", "problem", "objects"]

    def get_problem(self, watch: DriftWatch) -> str:
        """Return why there is no newer look, in words."""
        words = presentation.problem(watch)
        return words.message if words else ""

    @extend_schema_field(DriftObjectSerializer(many=True))
    def get_objects(self, watch: DriftWatch) -> Any:
        """Return what differs."""
        return DriftObjectSerializer(presentation.objects(watch), many=True).data


class AcceptSerializer(serializers.Serializer[Any]):
    """Which drifted fields to accept; all that can be, where none is named."""

    differences = serializers.ListField(
        child=serializers.CharField(), required=False, allow_null=True, default=None, help_text="Their ids."
    )


class RefusedSerializer(serializers.Serializer[Any]):
    """A field that was not accepted."""

    field = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class AcceptedSerializer(serializers.Serializer[Any]):
    """The revision that says what is live."""

    revision = serializers.IntegerField()
    accepted = serializers.ListField(child=serializers.CharField())
    refused = RefusedSerializer(many=True)


class ReapplySerializer(serializers.Serializer[Any]):
    """What bringing back may be told."""

    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class DriftList(APIView):
    """Drift on all targets of an application."""

    @extend_schema(operation_id="drift_list", responses=DriftSerializer(many=True))
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return what is known about each target that something was deployed to."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        return Response(DriftSerializer(selectors.list_drift_watches(app), many=True).data)


def _place(request: Request, names: Mapping[str, str], need: Action) -> tuple[Application, Target]:
    """Return the application and the target that an address names, after checking the right."""
    app = get_application(request.actor, names["project"], names["application"], need=need)
    return app, get_target(request.actor, names["project"], names["environment"], names["target"], need=Action.VIEW)


class DriftDetail(APIView):
    """Drift on one target."""

    @extend_schema(operation_id="drift_retrieve", responses=DriftSerializer)
    def get(self, request: Request, **names: str) -> Response:
        """Return what is known about a target."""
        app, place = _place(request, names, Action.VIEW)
        return Response(DriftSerializer(selectors.get_drift_watch(app, place)).data)


class DriftCheck(APIView):
    """A look at a target."""

    @extend_schema(operation_id="drift_check", request=None, responses={202: DriftSerializer})
    def post(self, request: Request, **names: str) -> Response:
        """Have a target looked at now; `checked_at` says when that was done."""
        app, place = _place(request, names, Action.VIEW)
        drifting.check_now(application=app, target=place)
        shown = DriftSerializer(selectors.get_drift_watch(app, place))
        return Response(shown.data, status=status.HTTP_202_ACCEPTED)


class DriftReapply(APIView):
    """The way back to what was deployed."""

    @extend_schema(operation_id="drift_reapply", request=ReapplySerializer, responses={201: DeploymentDetailSerializer})
    def post(self, request: Request, **names: str) -> Response:
        """Apply the stored bytes of what is live once more, taking over every field that others changed."""
        app, place = _place(request, names, Action.ROLLBACK)
        asked = ReapplySerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = services.request_reapply(
            application=app, target=place, actor=request.actor, note=asked.validated_data["note"]
        )
        detail = DeploymentDetailSerializer(selectors.get_deployment(app, made.number))
        return Response(detail.data, status=status.HTTP_201_CREATED)


class DriftAccept(APIView):
    """The way to a new revision."""

    @extend_schema(operation_id="drift_accept", request=AcceptSerializer, responses={201: AcceptedSerializer})
    def post(self, request: Request, **names: str) -> Response:
        """Save a revision of the DeployYml whose layer for this target says what is live; the next release applies it."""
        app, place = _place(request, names, Action.EDIT_DEPLOYYML)
        asked = AcceptSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        chosen = asked.validated_data["differences"]
        done = drifting.accept(application=app, target=place, actor=request.actor, chosen=chosen)
        refused = [
            {"field": field, "code": code, "message": messages.word(code, {}).message} for field, code in done.refused
        ]
        answer = {"revision": done.revision.number, "accepted": done.accepted, "refused": refused}
        return Response(AcceptedSerializer(answer).data, status=status.HTTP_201_CREATED)
