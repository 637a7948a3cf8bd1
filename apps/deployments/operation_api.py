"""Operations in the API: the same rights and the same words as on the pages."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import Request
from apps.accounts.roles import Action
from apps.applications.access import get_application, get_target
from apps.applications.models import Application, Target

from . import operations, removing, selectors
from .models import Deployment
from .operation_serializers import (
    RemovalPreviewSerializer,
    RemovalSerializer,
    RestartSerializer,
    ScaleSerializer,
    SituationSerializer,
)
from .serializers import DeploymentDetailSerializer
from .situation import removal_right, situation


def _place(request: Request, names: dict[str, str], need: Action) -> tuple[Application, Target]:
    """Return the application and the target after checking the right."""
    target = get_target(request.actor, names["project"], names["environment"], names["target"], need=need)
    return get_application(request.actor, names["project"], names["application"], need=need), target


def _removal_place(request: Request, names: dict[str, str]) -> tuple[Application, Target]:
    _application, target = _place(request, names, Action.VIEW)
    return _place(request, names, removal_right(target))


def _made(application: Application, deployment: Deployment, code: int = status.HTTP_201_CREATED) -> Response:
    detail = DeploymentDetailSerializer(selectors.get_deployment(application, deployment.number))
    return Response(detail.data, status=code)


class TargetSituation(APIView):
    """What can be done."""

    @extend_schema(operation_id="operations_retrieve", responses=SituationSerializer)
    def get(self, request: Request, **names: str) -> Response:
        """Return which version is there, what goes on, the numbers of its stored bytes, and what the caller may do."""
        app, target = _place(request, names, Action.VIEW)
        return Response(SituationSerializer(situation(app, target, request.actor)).data)


class TargetRestart(APIView):
    """Restarting."""

    @extend_schema(
        operation_id="operations_restart", request=RestartSerializer, responses={201: DeploymentDetailSerializer}
    )
    def post(self, request: Request, **names: str) -> Response:
        """Replace all pods one after the other, or those named in `pods`."""
        app, target = _place(request, names, Action.RESTART)
        asked = _asked(RestartSerializer, request)
        made = operations.request_restart(application=app, target=target, actor=request.actor, **asked)
        return _made(app, made)


class TargetScale(APIView):
    """Scaling."""

    @extend_schema(
        operation_id="operations_scale", request=ScaleSerializer, responses={201: DeploymentDetailSerializer}
    )
    def post(self, request: Request, **names: str) -> Response:
        """Set the number of pods, or `min` and `max` of the autoscaler; the next release sets the DeployYml's again."""
        app, target = _place(request, names, Action.SCALE)
        asked = _asked(ScaleSerializer, request)
        common: dict[str, Any] = {
            "application": app, "target": target, "actor": request.actor, "note": asked["note"],
        }  # fmt: skip
        if "replicas" in asked:
            made = operations.request_scale(replicas=asked["replicas"], confirmed=asked["confirm_name"], **common)
        else:
            made = operations.request_bounds(least=asked["min"], most=asked["max"], **common)
        return _made(app, made)


class TargetRemoval(APIView):
    """Taking an application off a target."""

    @extend_schema(operation_id="operations_removal_preview", responses=RemovalPreviewSerializer)
    def get(self, request: Request, **names: str) -> Response:
        """Return what would be deleted, in that order, and what carries the label and would stay."""
        app, target = _removal_place(request, names)
        found = removing.preview(app, target)
        if found.error is not None:
            raise found.error
        return Response(RemovalPreviewSerializer(found).data)

    @extend_schema(
        operation_id="operations_removal", request=RemovalSerializer, responses={201: DeploymentDetailSerializer}
    )
    def post(self, request: Request, **names: str) -> Response:
        """Delete all that Slipway made of the application there; production asks for its name in `confirm_name`."""
        app, target = _removal_place(request, names)
        asked = _asked(RemovalSerializer, request)
        made = operations.request_removal(
            application=app, target=target, actor=request.actor, confirmed=asked["confirm_name"], note=asked["note"]
        )
        return _made(app, made)


class DeploymentPause(APIView):
    """Holding a rollout."""

    @extend_schema(operation_id="deployments_pause", request=None, responses={202: DeploymentDetailSerializer})
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Ask for a rollout to be held where it is."""
        app = get_application(request.actor, project, application, need=Action.DEPLOY)
        row = selectors.get_deployment(app, number)
        operations.pause_deployment(deployment=row, actor=request.actor)
        return _made(app, row, status.HTTP_202_ACCEPTED)


class DeploymentResume(APIView):
    """Letting a rollout go on."""

    @extend_schema(operation_id="deployments_resume", request=None, responses={202: DeploymentDetailSerializer})
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Ask for a rollout that is held to go on."""
        app = get_application(request.actor, project, application, need=Action.DEPLOY)
        row = selectors.get_deployment(app, number)
        operations.resume_deployment(deployment=row, actor=request.actor)
        return _made(app, row, status.HTTP_202_ACCEPTED)


def _asked(serializer: type[Any], request: Request) -> dict[str, Any]:
    given = serializer(data=request.data)
    given.is_valid(raise_exception=True)
    return dict(given.validated_data)
