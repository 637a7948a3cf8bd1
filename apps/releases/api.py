"""Release orders in the API."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import ListAPIView, Request
from apps.accounts.roles import Action
from apps.applications.access import get_application, get_project
from apps.applications.models import Application, Project
from apps.core.actors import Actor

from . import lookup, presentation, selectors, services
from .models import ReleaseOrder, Status
from .serializers import (
    CreateReleaseOfSeveralSerializer,
    CreateReleaseSerializer,
    DecisionsSerializer,
    JudgeReleaseSerializer,
    ReleaseDetailSerializer,
    ReleaseSerializer,
    RetrySerializer,
    RollbackPreviewSerializer,
    SubmitReleaseSerializer,
)

_STATUS = OpenApiParameter("status", str, description="Only orders in this status.", enum=Status.values)


def _valid(serializer: serializers.Serializer[Any]) -> dict[str, Any]:
    serializer.is_valid(raise_exception=True)
    return dict(serializer.validated_data)


def _detail(application: Application, number: int, code: int = status.HTTP_200_OK) -> Response:
    return Response(ReleaseDetailSerializer(selectors.get_order(application, number)).data, status=code)


def _wish(application: Application, given: dict[str, Any]) -> services.Wish:
    return services.Wish(
        application,
        lookup.find_build(application, given["build"]),
        lookup.find_revision(application, given["deployyml_revision"]),
        given.get("wave", 1) - 1,
    )


def _create(request: Request, project: Project, given: dict[str, Any], wishes: list[services.Wish]) -> Response:
    order = services.create_order(
        environment=lookup.find_environment(project, given["environment"]),
        wishes=wishes,
        actor=request.actor,
        note=given["note"],
        start=given["start"],
        scheduled_for=given["scheduled_for"],
    )
    follow = services.submit_order if given["submit"] else services.make_plan
    follow(order=order, actor=request.actor)
    return _detail(order.application, order.number, status.HTTP_201_CREATED)


class AllReleases(ListAPIView[ReleaseOrder]):
    """Release orders of every project one sees."""

    serializer_class = ReleaseSerializer
    queryset = ReleaseOrder.objects.none()

    def get_queryset(self) -> Any:
        """Return the orders that may be seen."""
        orders = selectors.list_orders(self.request.actor)
        wanted = self.request.query_params.get("status")
        return orders.filter(status=wanted) if wanted else orders

    @extend_schema(operation_id="releases_list_all", parameters=[_STATUS])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List release orders, newest first."""
        return super().get(request, *args, **kwargs)


class WaitingReleases(ListAPIView[ReleaseOrder]):
    """What waits for the caller's approval."""

    serializer_class = ReleaseSerializer
    queryset = ReleaseOrder.objects.none()

    def get_queryset(self) -> Any:
        """Return the orders that the caller may agree to."""
        return selectors.waiting_for_approval(self.request.actor)

    @extend_schema(operation_id="releases_list_waiting")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List the release orders that wait for the caller's approval."""
        return super().get(request, *args, **kwargs)


class Releases(ListAPIView[ReleaseOrder]):
    """An application's release orders."""

    serializer_class = ReleaseSerializer
    queryset = ReleaseOrder.objects.none()

    def get_queryset(self) -> Any:
        """Return the orders that may be seen."""
        names = self.kwargs
        app = get_application(self.request.actor, names["project"], names["application"], need=Action.VIEW)
        orders = selectors.list_orders_of(app)
        wanted = self.request.query_params.get("status")
        return orders.filter(status=wanted) if wanted else orders

    @extend_schema(operation_id="releases_list", parameters=[_STATUS])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List an application's release orders, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="releases_create", request=CreateReleaseSerializer, responses={201: ReleaseDetailSerializer}
    )
    def post(self, request: Request, project: str, application: str) -> Response:
        """Create a release order; with `submit` its plan is frozen at once. 409 names the gates that stop it."""
        app = get_application(request.actor, project, application, need=Action.SUBMIT_RELEASE)
        given = _valid(CreateReleaseSerializer(data=request.data))
        return _create(request, app.project, given, [_wish(app, given)])


class ProjectReleases(ListAPIView[ReleaseOrder]):
    """A project's release orders."""

    serializer_class = ReleaseSerializer
    queryset = ReleaseOrder.objects.none()

    def get_queryset(self) -> Any:
        """Return the orders that may be seen."""
        place = get_project(self.request.actor, self.kwargs["project"], need=Action.VIEW)
        orders = selectors.list_orders(self.request.actor).filter(application__project=place)
        wanted = self.request.query_params.get("status")
        return orders.filter(status=wanted) if wanted else orders

    @extend_schema(operation_id="releases_list_project", parameters=[_STATUS])
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List a project's release orders, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(
        operation_id="releases_create_several",
        request=CreateReleaseOfSeveralSerializer,
        responses={201: ReleaseDetailSerializer},
    )
    def post(self, request: Request, project: str) -> Response:
        """Create a release order of several applications, in waves; with `submit` its plan is frozen at once."""
        place = get_project(request.actor, project, need=Action.SUBMIT_RELEASE)
        given = _valid(CreateReleaseOfSeveralSerializer(data=request.data))
        wishes = [_wish(lookup.find_application(place, row["application"]), row) for row in given["items"]]
        return _create(request, place, given, wishes)


class ReleaseDetail(APIView):
    """One release order."""

    @extend_schema(operation_id="releases_retrieve", responses=ReleaseDetailSerializer)
    def get(self, request: Request, project: str, application: str, number: int) -> Response:
        """Return a release order with its plan, approvals and timeline."""
        app = get_application(request.actor, project, application, need=Action.VIEW)
        return _detail(app, number)


class _Verb(APIView):
    """One verb on a release order: fetched and authorized, one service, the order as it is then."""

    need: ClassVar[Action]

    def act(
        self,
        request: Request,
        names: tuple[str, str, int],
        service: Callable[..., ReleaseOrder],
        code: int = status.HTTP_200_OK,
        **given: Any,
    ) -> Response:
        """Carry the verb out."""
        project, application, number = names
        app = get_application(request.actor, project, application, need=self.need)
        service(order=selectors.get_order(app, number), actor=request.actor, **given)
        return _detail(app, number, code)


class ReleasePlan(_Verb):
    """Planning again."""

    need = Action.SUBMIT_RELEASE

    @extend_schema(operation_id="releases_plan", request=DecisionsSerializer, responses=ReleaseDetailSerializer)
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Make the plan again, as things are now. Another plan voids the approvals.

        `take_over` names targets on which Slipway becomes the owner of fields that others own; it is a part of the plan.
        """
        given = _valid(DecisionsSerializer(data=request.data))

        def service(*, order: ReleaseOrder, actor: Actor) -> ReleaseOrder:
            return services.make_plan(order=order, actor=actor, decisions=lookup.find_decisions(order, **given))

        return self.act(request, (project, application, number), service)


class ReleaseSubmit(_Verb):
    """Freezing."""

    need = Action.SUBMIT_RELEASE

    @extend_schema(operation_id="releases_submit", request=SubmitReleaseSerializer, responses=ReleaseDetailSerializer)
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Freeze the plan; where no approval is needed the order goes on at once. 409 names the gates that stop it."""
        given = _valid(SubmitReleaseSerializer(data=request.data))
        names = (project, application, number)
        return self.act(request, names, services.submit_order, expected_plan_hash=given["plan_hash"])


class ReleaseApprove(_Verb):
    """Agreeing."""

    need = Action.APPROVE_RELEASE

    @extend_schema(operation_id="releases_approve", request=JudgeReleaseSerializer, responses=ReleaseDetailSerializer)
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Agree to the frozen plan; never to one's own order."""
        given = _valid(JudgeReleaseSerializer(data=request.data))
        names = (project, application, number)
        return self.act(
            request, names, services.approve_order, note=given["note"], expected_plan_hash=given["plan_hash"]
        )


class ReleaseReject(_Verb):
    """Refusing."""

    need = Action.APPROVE_RELEASE

    @extend_schema(operation_id="releases_reject", request=JudgeReleaseSerializer, responses=ReleaseDetailSerializer)
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Refuse the plan, with a reason; the order ends."""
        given = _valid(JudgeReleaseSerializer(data=request.data))
        names = (project, application, number)
        return self.act(
            request, names, services.reject_order, note=given["note"], expected_plan_hash=given["plan_hash"]
        )


class ReleaseExecute(_Verb):
    """Starting."""

    need = Action.DEPLOY

    @extend_schema(operation_id="releases_execute", request=None, responses={202: ReleaseDetailSerializer})
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Execute an approved order now. Asking again while it executes changes nothing."""
        names = (project, application, number)
        return self.act(request, names, services.start_order, status.HTTP_202_ACCEPTED)


class ReleaseStop(_Verb):
    """Stopping."""

    need = Action.DEPLOY

    @extend_schema(operation_id="releases_stop", request=None, responses={202: ReleaseDetailSerializer})
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Take an order back, or stop its deployments."""
        names = (project, application, number)
        return self.act(request, names, services.stop_order, status.HTTP_202_ACCEPTED)


class ReleaseRetry(_Verb):
    """Trying again."""

    need = Action.DEPLOY

    @extend_schema(operation_id="releases_retry", request=RetrySerializer, responses={202: ReleaseDetailSerializer})
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Try the failed targets again, with the bytes that were approved."""
        names, given = (project, application, number), _valid(RetrySerializer(data=request.data))
        return self.act(request, names, services.retry_order, status.HTTP_202_ACCEPTED, **given)


class ReleaseRollback(APIView):
    """Taking a whole order back."""

    @extend_schema(operation_id="releases_rollback_preview", responses=RollbackPreviewSerializer)
    def get(self, request: Request, project: str, application: str, number: int) -> Response:
        """Return what taking the order back would change, and what speaks against it."""
        app = get_application(request.actor, project, application, need=Action.ROLLBACK)
        return Response(RollbackPreviewSerializer(presentation.way_back(selectors.get_order(app, number))).data)

    @extend_schema(
        operation_id="releases_rollback", request=JudgeReleaseSerializer, responses={202: ReleaseDetailSerializer}
    )
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Bring back what ran before the order, at once and in reverse order of its waves; answers the new order."""
        app = get_application(request.actor, project, application, need=Action.ROLLBACK)
        given = _valid(JudgeReleaseSerializer(data=request.data))
        made = services.roll_back_order(
            order=selectors.get_order(app, number),
            actor=request.actor,
            note=given["note"],
            expected_plan_hash=given["plan_hash"],
        )
        return _detail(made.application, made.number, status.HTTP_202_ACCEPTED)
