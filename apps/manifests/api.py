"""The DeployYml in the API: read and save revisions, preview and compare what they give, set secret values."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import ListAPIView, Request
from apps.accounts.roles import Action
from apps.applications.access import get_application
from apps.applications.models import Application
from apps.core.errors import NotFound

from . import defaults, lookup, selectors, services
from .assembly import assemble
from .diff import diff_sets
from .models import DeployYmlRevision
from .serializers import (
    DefaultSerializer,
    ObjectChangeSerializer,
    PreviewRequestSerializer,
    PreviewSerializer,
    RestoreRevisionSerializer,
    RevisionDetailSerializer,
    RevisionSerializer,
    SaveRevisionSerializer,
    SecretScopeSerializer,
    SecretSerializer,
    SetSecretSerializer,
)


def _valid(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


class DeployYml(APIView):
    """The newest DeployYml of an application."""

    @extend_schema(operation_id="deployyml_retrieve", responses=RevisionDetailSerializer)
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return the newest revision."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        revision = selectors.find_latest_revision(app)
        if revision is None:
            raise NotFound("deployyml.missing")
        return Response(RevisionDetailSerializer(revision).data)

    @extend_schema(
        operation_id="deployyml_save", request=SaveRevisionSerializer, responses={201: RevisionDetailSerializer}
    )
    def post(self, request: Request, project: str, application: str) -> Response:
        """Save the next revision. 400 names each field that is wrong; 409 when somebody saved meanwhile."""
        app = get_application(request.actor, project, application, need=Action.EDIT_DEPLOYYML)
        given = _valid(SaveRevisionSerializer(data=request.data))
        revision = services.save_revision(application=app, actor=request.actor, **given)
        return Response(RevisionDetailSerializer(revision).data, status=status.HTTP_201_CREATED)


class RevisionList(ListAPIView[DeployYmlRevision]):
    """Every DeployYml an application ever had."""

    serializer_class = RevisionSerializer
    queryset = DeployYmlRevision.objects.none()

    def get_queryset(self) -> Any:
        """Return the revisions that may be seen."""
        names = self.kwargs
        app = get_application(self.request.actor, names["project"], names["application"], need=Action.VIEW)
        return selectors.list_revisions(app)

    @extend_schema(operation_id="deployyml_revisions_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List revisions, newest first."""
        return super().get(request, *args, **kwargs)


class RevisionDetail(APIView):
    """One revision."""

    @extend_schema(operation_id="deployyml_revisions_retrieve", responses=RevisionDetailSerializer)
    def get(self, request: Request, project: str, application: str, number: int) -> Response:
        """Return a revision with its form data."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        return Response(RevisionDetailSerializer(selectors.get_revision(app, number)).data)


class RevisionRestore(APIView):
    """Going back to an earlier DeployYml."""

    @extend_schema(
        operation_id="deployyml_revisions_restore",
        request=RestoreRevisionSerializer,
        responses={201: RevisionDetailSerializer},
    )
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Save the form data of this revision as the newest one."""
        app = get_application(request.actor, project, application, need=Action.EDIT_DEPLOYYML)
        given = _valid(RestoreRevisionSerializer(data=request.data))
        revision = services.restore_revision(application=app, number=number, actor=request.actor, **given)
        return Response(RevisionDetailSerializer(revision).data, status=status.HTTP_201_CREATED)


class Preview(APIView):
    """What a target would get."""

    @extend_schema(
        operation_id="deployyml_preview", request=PreviewRequestSerializer, responses={200: PreviewSerializer}
    )
    def post(self, request: Request, project: str, application: str) -> Response:
        """Render form data for a target and say everything that is wrong with it. Nothing is saved."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        given = _valid(PreviewRequestSerializer(data=request.data))
        base, overrides = given.get("base"), given.get("overrides")
        if base is None or overrides is None:
            newest = selectors.find_latest_revision(app)
            base = base if base is not None else (newest.base if newest else {})
            overrides = overrides if overrides is not None else (newest.overrides if newest else {})
        made = assemble(
            application=app,
            target=lookup.get_target(app, given["target"]),
            base=base,
            overrides=overrides,
            image=given.get("image"),
        )
        return Response(PreviewSerializer(made).data)


class Compare(APIView):
    """What changes between two revisions."""

    @extend_schema(
        operation_id="deployyml_compare",
        parameters=[
            OpenApiParameter("old", int, required=True),
            OpenApiParameter("new", int, required=True),
            OpenApiParameter("target", str, required=True, description="`<environment>/<target>`"),
        ],
        responses=ObjectChangeSerializer(many=True),
    )
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return the objects and fields that differ on a target; values of secrets are never shown."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        asked = _valid(_CompareQuery(data=request.query_params))
        target = lookup.get_target(app, asked["target"])

        def objects(number: int) -> Any:
            revision = selectors.get_revision(app, number)
            return assemble(application=app, target=target, base=revision.base, overrides=revision.overrides).objects

        changes = diff_sets(objects(asked["old"]), objects(asked["new"]))
        return Response(ObjectChangeSerializer(changes, many=True).data)


class _CompareQuery(serializers.Serializer[Any]):
    old = serializers.IntegerField()
    new = serializers.IntegerField()
    target = serializers.CharField()


class Defaults(APIView):
    """What the platform fills in."""

    @extend_schema(operation_id="deployyml_defaults", responses=DefaultSerializer(many=True))
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return the platform's defaults for this application's newest DeployYml, each with its reason."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        newest = selectors.find_latest_revision(app)
        rows = [*defaults.list_defaults(newest.base if newest else {}), *defaults.HARDENING]
        worded = [{"path": one.path, "value": one.value, "reason": gettext(one.reason)} for one in rows]
        return Response(DefaultSerializer(worded, many=True).data)


class Secrets(APIView):
    """Secret values of an application: they go in and never come out."""

    def _application(self, request: Request, project: str, application: str, need: Action) -> Application:
        return get_application(request.actor, project, application, need=need)

    @extend_schema(operation_id="secrets_list", responses=SecretSerializer(many=True))
    def get(self, request: Request, project: str, application: str) -> Response:
        """List which values are set where, since when and by whom."""
        app = self._application(request, project, application, Action.VIEW)
        return Response(SecretSerializer(selectors.list_secret_values(app), many=True).data)

    @extend_schema(operation_id="secrets_set", request=SetSecretSerializer, responses={201: SecretSerializer})
    def post(self, request: Request, project: str, application: str) -> Response:
        """Store a new version of a value. Releases from now on use it; what runs is not touched."""
        app = self._application(request, project, application, Action.EDIT_SECRETS)
        given = _valid(SetSecretSerializer(data=request.data))
        environment, target = lookup.secret_scope(app, environment=given["environment"], target=given["target"])
        row = services.set_secret(
            application=app,
            key=given["key"],
            value=given["value"],
            environment=environment,
            target=target,
            actor=request.actor,
        )
        return Response(SecretSerializer(row).data, status=status.HTTP_201_CREATED)


class SecretsWithdraw(APIView):
    """Taking a value out of use."""

    @extend_schema(operation_id="secrets_withdraw", request=SecretScopeSerializer, responses={204: None})
    def post(self, request: Request, project: str, application: str) -> Response:
        """Take a value out of use; what was released with it can still be rolled back to."""
        app = get_application(request.actor, project, application, need=Action.EDIT_SECRETS)
        given = _valid(SecretScopeSerializer(data=request.data))
        environment, target = lookup.secret_scope(app, environment=given["environment"], target=given["target"])
        services.withdraw_secret(
            application=app, key=given["key"], environment=environment, target=target, actor=request.actor
        )
        return Response(status=status.HTTP_204_NO_CONTENT)
