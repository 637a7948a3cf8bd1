"""The namespace of a target in the API: its budget and its use, its limits, and changing them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import Request
from apps.accounts.roles import Action
from apps.clusters import namespaces

from .access import get_target
from .models import Target


class UseSerializer(serializers.Serializer[Any]):
    """One resource of a quota."""

    resource = serializers.CharField()
    hard = serializers.CharField()
    used = serializers.CharField()
    percent = serializers.IntegerField()


class PolicySerializer(serializers.Serializer[Any]):
    """One ResourceQuota or LimitRange."""

    name = serializers.CharField()
    ours = serializers.BooleanField(help_text="Whether Slipway made it, or took it over.")
    managers = serializers.ListField(child=serializers.CharField())
    spec = serializers.DictField()
    uses = UseSerializer(many=True)


class NamespaceSerializer(serializers.Serializer[Any]):
    """A namespace as its cluster has it."""

    name = serializers.CharField()
    phase = serializers.CharField(help_text="Empty where it is not there.")
    read_at = serializers.DateTimeField()
    quotas = PolicySerializer(many=True)
    limits = PolicySerializer(many=True)


class _SaveSerializer(serializers.Serializer[Any]):
    take_over = serializers.BooleanField(required=False, default=False)
    dry_run = serializers.BooleanField(required=False, default=False)


class QuotaSerializer(_SaveSerializer):
    """What may be used: `{"requests.cpu": "4", "pods": "20"}`."""

    hard = serializers.DictField(child=serializers.CharField())


class LimitsSerializer(_SaveSerializer):
    """What containers get and may say: `{"default": {"cpu": "500m"}, "max": {"memory": "1Gi"}}`."""

    container = serializers.DictField(child=serializers.DictField(child=serializers.CharField()))


class ChangeSerializer(serializers.Serializer[Any]):
    """One value before and after; empty where there is none."""

    field = serializers.CharField()
    before = serializers.CharField()
    after = serializers.CharField()


class ChangesSerializer(serializers.Serializer[Any]):
    """What was changed, or would be."""

    changes = ChangeSerializer(many=True)


def _target(request: Request, names: Mapping[str, str], need: Action) -> Target:
    return get_target(request.actor, names["project"], names["environment"], names["target"], need=need)


def _about(request: Request, target: Target) -> dict[str, Any]:
    return {
        "cluster": target.cluster,
        "namespace": target.namespace,
        "actor": request.actor,
        "project": target.environment.project,
    }


class TargetNamespace(APIView):
    """A target's namespace."""

    @extend_schema(operation_id="targets_namespace", responses=NamespaceSerializer)
    def get(self, request: Request, **names: str) -> Response:
        """Return quotas with their use, and limits, read from the cluster now."""
        target = _target(request, names, Action.VIEW)
        return Response(NamespaceSerializer(namespaces.read(target.cluster, target.namespace)).data)


class TargetQuota(APIView):
    """A ResourceQuota of a target's namespace."""

    @extend_schema(operation_id="targets_quota_save", request=QuotaSerializer, responses=ChangesSerializer)
    def put(self, request: Request, name: str, **names: str) -> Response:
        """Set what may be used; `dry_run` only says what that would change, `take_over` makes others' quota Slipway's."""
        target = _target(request, names, Action.MANAGE_ENVIRONMENTS)
        asked = QuotaSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        changes = namespaces.save_quota(name=name, **asked.validated_data, **_about(request, target))
        return Response(ChangesSerializer({"changes": changes}).data)

    @extend_schema(operation_id="targets_quota_remove", responses={204: None})
    def delete(self, request: Request, name: str, **names: str) -> Response:
        """Delete a quota of Slipway's."""
        target = _target(request, names, Action.MANAGE_ENVIRONMENTS)
        namespaces.remove_policy(kind=namespaces.QUOTA, name=name, **_about(request, target))
        return Response(status=status.HTTP_204_NO_CONTENT)


class TargetLimits(APIView):
    """A LimitRange of a target's namespace."""

    @extend_schema(operation_id="targets_limits_save", request=LimitsSerializer, responses=ChangesSerializer)
    def put(self, request: Request, name: str, **names: str) -> Response:
        """Set what containers get by default and may say at all; `dry_run` and `take_over` as for a quota."""
        target = _target(request, names, Action.MANAGE_ENVIRONMENTS)
        asked = LimitsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        changes = namespaces.save_limits(name=name, **asked.validated_data, **_about(request, target))
        return Response(ChangesSerializer({"changes": changes}).data)

    @extend_schema(operation_id="targets_limits_remove", responses={204: None})
    def delete(self, request: Request, name: str, **names: str) -> Response:
        """Delete limits of Slipway's."""
        target = _target(request, names, Action.MANAGE_ENVIRONMENTS)
        namespaces.remove_policy(kind=namespaces.LIMITS, name=name, **_about(request, target))
        return Response(status=status.HTTP_204_NO_CONTENT)
