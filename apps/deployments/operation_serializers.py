"""The shape of operations in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .operations import MOST_PODS, MOST_REPLICAS


class _NotedSerializer(serializers.Serializer[Any]):
    """What every operation may be told."""

    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class RestartSerializer(_NotedSerializer):
    """Which pods to replace: all of them where none is named."""

    pods = serializers.ListField(
        child=serializers.CharField(max_length=253), required=False, default=list, max_length=MOST_PODS
    )


class ScaleSerializer(_NotedSerializer):
    """A number of pods; or, where an autoscaler decides, its bounds."""

    replicas = serializers.IntegerField(min_value=0, max_value=MOST_REPLICAS, required=False)
    min = serializers.IntegerField(min_value=1, max_value=MOST_REPLICAS, required=False)
    max = serializers.IntegerField(min_value=1, max_value=MOST_REPLICAS, required=False)
    confirm_name = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="Scaling production to 0: the application's short name."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Take either a number or both bounds."""
        if ("replicas" in attrs) == ("min" in attrs or "max" in attrs) or ("min" in attrs) != ("max" in attrs):
            raise serializers.ValidationError({"replicas": "Give replicas, or min and max."})
        return attrs


class RemovalSerializer(_NotedSerializer):
    """The confirmation that production asks for."""

    confirm_name = serializers.CharField(
        required=False, allow_blank=True, default="", help_text="In production: the application's short name."
    )


class RemovalPreviewSerializer(serializers.Serializer[Any]):
    """What a removal would do."""

    objects = serializers.ListField(child=serializers.CharField())
    left_alone = serializers.ListField(child=serializers.CharField())


class SituationSerializer(serializers.Serializer[Any]):
    """What can be done with an application on a target."""

    deployment = serializers.IntegerField(
        source="base.number", allow_null=True, default=None, help_text="Whose stored bytes the cluster got last."
    )
    active = serializers.IntegerField(source="active.number", allow_null=True, default=None)
    scaled_by = serializers.IntegerField(
        source="scaled.number",
        allow_null=True,
        default=None,
        help_text="The scaling that holds until the next release.",
    )
    replicas = serializers.IntegerField(allow_null=True, help_text="Of the stored bytes: the next release sets it.")
    min = serializers.IntegerField(source="least", allow_null=True)
    max = serializers.IntegerField(source="most", allow_null=True)
    may_restart = serializers.BooleanField()
    may_scale = serializers.BooleanField()
    may_remove = serializers.BooleanField()
