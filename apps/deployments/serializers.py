"""The shape of deployments in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.core import messages

from . import presentation, selectors
from .models import Deployment


class EntrySerializer(serializers.Serializer[Any]):
    """One line of the timeline."""

    at = serializers.DateTimeField()
    level = serializers.CharField()
    code = serializers.CharField()
    params = serializers.DictField()
    message = serializers.SerializerMethodField()

    def get_message(self, entry: Any) -> str:
        """Return the line in words."""
        return messages.word(entry.code, entry.params).message


class CauseSerializer(serializers.Serializer[Any]):
    """Why something is as it is."""

    code = serializers.CharField()
    params = serializers.DictField()
    message = serializers.CharField()
    hint = serializers.CharField()


class AfterwardsSerializer(CauseSerializer):
    """What became of a version soon after it had succeeded, and how often."""

    times = serializers.IntegerField()
    at = serializers.DateTimeField()


class ServingVersionSerializer(serializers.Serializer[Any]):
    """A version that has ready pods; `deployment` is null where nobody deployed it here."""

    deployment = serializers.IntegerField(allow_null=True)
    ready = serializers.IntegerField()
    wanted = serializers.IntegerField()


class ServingSerializer(serializers.Serializer[Any]):
    """What serves, in numbers and in words."""

    versions = ServingVersionSerializer(many=True)
    message = serializers.CharField()
    hint = serializers.CharField()


class DeploymentSerializer(serializers.ModelSerializer[Deployment]):
    """A deployment in a list."""

    environment = serializers.CharField(source="target.environment.slug")
    target = serializers.CharField(source="target.slug")
    cluster = serializers.CharField(source="target.cluster.slug")
    namespace = serializers.CharField(source="target.namespace")
    build = serializers.IntegerField(source="build.number", allow_null=True, default=None)
    rollback_of = serializers.IntegerField(source="rollback_of.number", allow_null=True, default=None)
    cause = serializers.SerializerMethodField()
    afterwards = serializers.SerializerMethodField()
    parameters = serializers.DictField(help_text="What an operation was asked for: pods, a number, bounds; objects.")
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = Deployment
        fields = [
            "number", "kind", "status", "environment", "target", "cluster", "namespace", "build", "rollback_of", "note",
            "created_by_name", "created_at", "status_since", "finished_at", "first_accepted_at", "ready", "wanted",
            "applied_objects", "total_objects", "parameters", "rollout_paused", "cause", "afterwards", "url",
        ]  # fmt: skip

    @extend_schema_field(CauseSerializer(allow_null=True))
    def get_cause(self, deployment: Deployment) -> dict[str, Any] | None:
        """Return why it failed or waits."""
        return presentation.cause(deployment)

    @extend_schema_field(AfterwardsSerializer(allow_null=True))
    def get_afterwards(self, deployment: Deployment) -> dict[str, Any] | None:
        """Return how it ran badly soon after it had succeeded."""
        return presentation.afterwards(deployment)


class DeploymentDetailSerializer(DeploymentSerializer):
    """A deployment with its timeline, evidence and the hash of its bytes."""

    entries = EntrySerializer(many=True)
    evidence = serializers.DictField()
    serving = serializers.SerializerMethodField()
    rules = serializers.DictField(help_text="When it is given up early, as it was when it was asked for.")
    sha256 = serializers.SerializerMethodField()
    image_digest = serializers.SerializerMethodField()
    deployyml_revision = serializers.SerializerMethodField()

    class Meta(DeploymentSerializer.Meta):
        fields = [
            *DeploymentSerializer.Meta.fields, "entries", "evidence", "serving", "rules", "sha256", "image_digest", "deployyml_revision",
        ]  # fmt: skip

    @extend_schema_field(ServingSerializer(allow_null=True))
    def get_serving(self, deployment: Deployment) -> dict[str, Any] | None:
        """Return what was found to serve after it ended badly; null where it did not, or nobody could look yet."""
        return presentation.serving(deployment)

    def get_sha256(self, deployment: Deployment) -> str:
        """Return the SHA-256 of the stored bytes."""
        return str(selectors.final_stage(deployment).manifest_set.sha256)

    def get_image_digest(self, deployment: Deployment) -> str:
        """Return the digest of the image."""
        return str(selectors.final_stage(deployment).manifest_set.image_digest)

    def get_deployyml_revision(self, deployment: Deployment) -> int:
        """Return the number of the DeployYml revision it was rendered from."""
        return int(selectors.final_stage(deployment).manifest_set.revision.number)


class RollbackSerializer(serializers.Serializer[Any]):
    """What a rollback may be told."""

    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    take_over_fields = serializers.BooleanField(
        default=False, help_text="Take over fields that others own; without it such a field stops the rollback."
    )


class PreviewChangeSerializer(serializers.Serializer[Any]):
    """One field that would change; `ours` is false where the cluster itself decides it. Values of secrets are hidden."""

    field = serializers.CharField()
    kind = serializers.CharField(help_text="added, removed or changed")
    old = serializers.CharField()
    new = serializers.CharField()
    hidden = serializers.BooleanField()
    ours = serializers.BooleanField()


class ForeignFieldSerializer(serializers.Serializer[Any]):
    """A field that somebody else decided; `by_hand` ones go when fields are taken over."""

    field = serializers.CharField()
    value = serializers.CharField()
    manager = serializers.CharField()
    subresource = serializers.CharField()
    at = serializers.CharField()
    by_hand = serializers.BooleanField()


class PreviewObjectSerializer(serializers.Serializer[Any]):
    """What would become of one object."""

    name = serializers.CharField()
    outcome = serializers.ChoiceField(["create", "change", "keep", "unknown", "refused"])
    changes = PreviewChangeSerializer(many=True)
    foreign = ForeignFieldSerializer(many=True)
    warnings = serializers.ListField(child=serializers.CharField(), default=list)


class ConflictSerializer(serializers.Serializer[Any]):
    """A field with another value that somebody else owns."""

    object = serializers.CharField()
    field = serializers.CharField()
    manager = serializers.CharField()
    subresource = serializers.CharField()
    live = serializers.CharField()
    ours = serializers.CharField()


class SetPreviewSerializer(serializers.Serializer[Any]):
    """What bringing a set to a target would change there, as its cluster said."""

    objects = PreviewObjectSerializer(many=True, default=list)
    removed = serializers.ListField(child=serializers.CharField(), default=list)
    conflicts = ConflictSerializer(many=True, default=list)


class ProblemSerializer(serializers.Serializer[Any]):
    """Why a cluster would not take it, or cannot say."""

    message = serializers.CharField()
    hint = serializers.CharField()


class DeploymentPreviewSerializer(SetPreviewSerializer):
    """What a rollback would change, as the cluster said."""

    problem = ProblemSerializer(allow_null=True)
