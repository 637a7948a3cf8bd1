"""Projects and what belongs to them in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.guards import require_scope
from apps.accounts.requests import ListAPIView, Request
from apps.accounts.roles import Action, Scope
from apps.clusters import selectors as clusters
from apps.connections import selectors as connections

from . import preparation, selectors, services
from .access import get_application, get_environment, get_project, get_target
from .models import Application, Project
from .rollout_rules import change_rollout_rules, effective_rules
from .serializers import (
    AddTargetSerializer,
    ApplicationSerializer,
    ChangeApplicationSerializer,
    ChangeEnvironmentSerializer,
    CreateApplicationSerializer,
    CreateEnvironmentSerializer,
    CreateProjectSerializer,
    EnvironmentSerializer,
    MemberSerializer,
    ProjectSerializer,
    RolloutRulesSerializer,
    SetMemberSerializer,
    TargetSerializer,
)


def _read(serializer: Any, request: Request) -> dict[str, Any]:
    asked = serializer(data=request.data)
    asked.is_valid(raise_exception=True)
    values: dict[str, Any] = asked.validated_data
    return values


class Projects(ListAPIView[Project]):
    """Projects."""

    serializer_class = ProjectSerializer
    queryset = Project.objects.none()

    def get_queryset(self) -> Any:
        """Return the projects that one may see."""
        return selectors.list_projects(self.request.actor)

    @extend_schema(operation_id="projects_create", request=CreateProjectSerializer, responses={201: ProjectSerializer})
    def post(self, request: Request) -> Response:
        """Create a project; who creates it is its owner. A token needs the scope `admin`, as for changing one."""
        require_scope(request.actor, Scope.ADMIN)
        project = services.create_project(actor=request.actor, **_read(CreateProjectSerializer, request))
        return Response(ProjectSerializer(project).data, status=status.HTTP_201_CREATED)


class ProjectDetail(APIView):
    """One project."""

    @extend_schema(operation_id="projects_retrieve", responses=ProjectSerializer)
    def get(self, request: Request, project: str) -> Response:
        """Return a project."""
        return Response(ProjectSerializer(get_project(request.actor, project, need=Action.VIEW)).data)


class Members(APIView):
    """A project's members."""

    @extend_schema(operation_id="members_list", responses=MemberSerializer(many=True))
    def get(self, request: Request, project: str) -> Response:
        """Return the members."""
        found = get_project(request.actor, project, need=Action.VIEW)
        return Response(MemberSerializer(selectors.list_members(found), many=True).data)

    @extend_schema(operation_id="members_set", request=SetMemberSerializer, responses={201: MemberSerializer})
    def post(self, request: Request, project: str) -> Response:
        """Give a person a role, or another one than before."""
        found = get_project(request.actor, project, need=Action.MANAGE_MEMBERS)
        member = services.set_member(project=found, actor=request.actor, **_read(SetMemberSerializer, request))
        return Response(MemberSerializer(member).data, status=status.HTTP_201_CREATED)


class MemberDetail(APIView):
    """One member."""

    @extend_schema(operation_id="members_remove", responses={204: None})
    def delete(self, request: Request, project: str, username: str) -> Response:
        """Take a person out of the project."""
        found = get_project(request.actor, project, need=Action.MANAGE_MEMBERS)
        services.remove_member(project=found, username=username, actor=request.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Environments(APIView):
    """A project's environments."""

    @extend_schema(operation_id="environments_list", responses=EnvironmentSerializer(many=True))
    def get(self, request: Request, project: str) -> Response:
        """Return the environments in order, with their targets."""
        found = get_project(request.actor, project, need=Action.VIEW)
        return Response(EnvironmentSerializer(selectors.list_environments(found), many=True).data)

    @extend_schema(
        operation_id="environments_create", request=CreateEnvironmentSerializer, responses={201: EnvironmentSerializer}
    )
    def post(self, request: Request, project: str) -> Response:
        """Create an environment."""
        found = get_project(request.actor, project, need=Action.MANAGE_ENVIRONMENTS)
        values = _read(CreateEnvironmentSerializer, request)
        environment = services.create_environment(project=found, actor=request.actor, **values)
        return Response(EnvironmentSerializer(environment).data, status=status.HTTP_201_CREATED)


class EnvironmentDetail(APIView):
    """One environment."""

    @extend_schema(operation_id="environments_retrieve", responses=EnvironmentSerializer)
    def get(self, request: Request, project: str, environment: str) -> Response:
        """Return an environment."""
        found = get_environment(request.actor, project, environment, need=Action.VIEW)
        return Response(EnvironmentSerializer(found).data)

    @extend_schema(
        operation_id="environments_update", request=ChangeEnvironmentSerializer, responses=EnvironmentSerializer
    )
    def patch(self, request: Request, project: str, environment: str) -> Response:
        """Change name, position or policy."""
        found = get_environment(request.actor, project, environment, need=Action.MANAGE_ENVIRONMENTS)
        values = _read(ChangeEnvironmentSerializer, request)
        changed = services.update_environment(environment=found, actor=request.actor, **values)
        return Response(EnvironmentSerializer(changed).data)

    @extend_schema(operation_id="environments_delete", responses={204: None})
    def delete(self, request: Request, project: str, environment: str) -> Response:
        """Delete an environment that has no targets."""
        found = get_environment(request.actor, project, environment, need=Action.MANAGE_ENVIRONMENTS)
        services.delete_environment(environment=found, actor=request.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Targets(APIView):
    """An environment's targets."""

    @extend_schema(operation_id="targets_add", request=AddTargetSerializer, responses={201: TargetSerializer})
    def post(self, request: Request, project: str, environment: str) -> Response:
        """Add a namespace of a cluster, and put it in place there."""
        found = get_environment(request.actor, project, environment, need=Action.MANAGE_ENVIRONMENTS)
        values = _read(AddTargetSerializer, request)
        cluster = clusters.get_cluster(values.pop("cluster"))
        harbor = selectors.pull_harbor(found.project)
        target = services.add_target(environment=found, cluster=cluster, actor=request.actor, **values)
        preparation.prepare_target(target=target, harbor=harbor, actor=request.actor)
        return Response(TargetSerializer(target).data, status=status.HTTP_201_CREATED)


class TargetDetail(APIView):
    """One target."""

    @extend_schema(operation_id="targets_remove", responses={204: None})
    def delete(self, request: Request, project: str, environment: str, target: str) -> Response:
        """Take a target out of its environment; nothing on the cluster is deleted."""
        found = get_target(request.actor, project, environment, target, need=Action.MANAGE_ENVIRONMENTS)
        services.remove_target(target=found, actor=request.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class TargetPrepare(APIView):
    """A target's place on its cluster."""

    @extend_schema(operation_id="targets_prepare", request=None, responses=TargetSerializer)
    def post(self, request: Request, project: str, environment: str, target: str) -> Response:
        """Put namespace, default limits and pull secret in place (again)."""
        found = get_target(request.actor, project, environment, target, need=Action.MANAGE_ENVIRONMENTS)
        harbor = selectors.pull_harbor(found.environment.project)
        preparation.prepare_target(target=found, harbor=harbor, actor=request.actor)
        return Response(TargetSerializer(found).data)


class Applications(ListAPIView[Application]):
    """A project's applications."""

    serializer_class = ApplicationSerializer
    queryset = Application.objects.none()

    def get_queryset(self) -> Any:
        """Return the applications of a project that one may see."""
        project = get_project(self.request.actor, self.kwargs["project"], need=Action.VIEW)
        return selectors.list_applications(project)

    @extend_schema(
        operation_id="applications_create", request=CreateApplicationSerializer, responses={201: ApplicationSerializer}
    )
    def post(self, request: Request, project: str) -> Response:
        """Create an application after looking its repository and branch up."""
        found = get_project(request.actor, project, need=Action.CONFIGURE_APPLICATION)
        values = _read(CreateApplicationSerializer, request)
        for kind in ("gitlab", "jenkins", "harbor"):
            values[kind] = connections.get_connection(values[kind])
        made = services.create_application(project=found, actor=request.actor, **values)
        return Response(ApplicationSerializer(made).data, status=status.HTTP_201_CREATED)


class ApplicationDetail(APIView):
    """One application."""

    @extend_schema(operation_id="applications_retrieve", responses=ApplicationSerializer)
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return an application."""
        return Response(
            ApplicationSerializer(get_application(request.actor, project, application, need=Action.VIEW)).data
        )

    @extend_schema(
        operation_id="applications_update", request=ChangeApplicationSerializer, responses=ApplicationSerializer
    )
    def patch(self, request: Request, project: str, application: str) -> Response:
        """Change name, description, branch, build on push, or scan gate."""
        app = get_application(request.actor, project, application, need=Action.CONFIGURE_APPLICATION)
        values = _read(ChangeApplicationSerializer, request)
        changed = services.update_application(application=app, actor=request.actor, **values)
        return Response(ApplicationSerializer(changed).data)

    @extend_schema(operation_id="applications_archive", responses={204: None})
    def delete(self, request: Request, project: str, application: str) -> Response:
        """Archive an application; its history stays, and what runs keeps running."""
        app = get_application(request.actor, project, application, need=Action.MANAGE_PROJECT)
        services.archive_application(application=app, actor=request.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RolloutRules(APIView):
    """When an application's rollouts are given up."""

    @extend_schema(operation_id="rollout_rules_retrieve", responses=RolloutRulesSerializer)
    def get(self, request: Request, project: str, application: str) -> Response:
        """Return the rules that the next rollout starts with: the platform's, but for what the application set."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        return Response(RolloutRulesSerializer(effective_rules(app)).data)

    @extend_schema(
        operation_id="rollout_rules_update", request=RolloutRulesSerializer, responses=RolloutRulesSerializer
    )
    def put(self, request: Request, project: str, application: str) -> Response:
        """Set the rules; what is null or left out is the platform's again. Rollouts under way keep theirs."""
        app = get_application(request.actor, project, application, need=Action.CONFIGURE_APPLICATION)
        rules = _read(RolloutRulesSerializer, request)
        changed = change_rollout_rules(application=app, actor=request.actor, rules=rules)
        return Response(RolloutRulesSerializer(changed).data)
