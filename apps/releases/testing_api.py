"""Test orders in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import ListAPIView, Request
from apps.accounts.roles import Action
from apps.applications.access import get_application

from . import lookup, selectors, testing
from .models import TestOrder
from .serializers import RequestTestSerializer, TestOrderSerializer, VerdictSerializer


class Tests(ListAPIView[TestOrder]):
    """An application's test orders."""

    __test__ = False
    serializer_class = TestOrderSerializer
    queryset = TestOrder.objects.none()

    def get_queryset(self) -> Any:
        """Return the test orders that may be seen."""
        names = self.kwargs
        app = get_application(self.request.actor, names["project"], names["application"], need=Action.VIEW)
        return selectors.list_tests(app)

    @extend_schema(operation_id="tests_list")
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """List test orders, newest first."""
        return super().get(request, *args, **kwargs)

    @extend_schema(operation_id="tests_request", request=RequestTestSerializer, responses={201: TestOrderSerializer})
    def post(self, request: Request, project: str, application: str) -> Response:
        """Ask the testers for a verdict on a build's commit."""
        app = get_application(request.actor, project, application, need=Action.BUILD)
        given = RequestTestSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        test = testing.request_test(
            application=app,
            build=lookup.find_build(app, given.validated_data["build"]),
            actor=request.actor,
            note=given.validated_data["note"],
        )
        return Response(TestOrderSerializer(test).data, status=status.HTTP_201_CREATED)


class TestVerdict(APIView):
    """The verdict."""

    __test__ = False

    @extend_schema(operation_id="tests_verdict", request=VerdictSerializer, responses=TestOrderSerializer)
    def post(self, request: Request, project: str, application: str, number: int) -> Response:
        """Say whether the commit passed; a failure needs a reason."""
        app = get_application(request.actor, project, application, need=Action.TEST_VERDICT)
        given = VerdictSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        test = testing.give_verdict(test=selectors.get_test(app, number), actor=request.actor, **given.validated_data)
        return Response(TestOrderSerializer(test).data)
