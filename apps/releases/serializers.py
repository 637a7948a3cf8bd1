"""The shape of release orders and test orders in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.deployments import presentation as deployment_words
from apps.deployments.serializers import SetPreviewSerializer
from apps.manifests.serializers import ObjectChangeSerializer

from . import presentation, selectors
from .models import MOST_WAVES, Approval, PlannedTarget, ReleaseItem, ReleaseOrder, TestOrder


class GateSerializer(serializers.Serializer[Any]):
    """One gate."""

    code = serializers.CharField()
    level = serializers.ChoiceField(choices=["ok", "warn", "stop"], help_text="`stop` does not let the order through.")
    target = serializers.CharField(help_text="`<environment>/<target>` where the gate speaks of one, else empty.")
    application = serializers.CharField(help_text="The application's name where the order has several, else empty.")
    params = serializers.DictField()
    message = serializers.CharField()
    hint = serializers.CharField()


class ReleaseCauseSerializer(serializers.Serializer[Any]):
    """Why something is as it is."""

    code = serializers.CharField()
    message = serializers.CharField()
    hint = serializers.CharField()


class ReleaseDeploymentSerializer(serializers.Serializer[Any]):
    """The deployment that carries out one target."""

    number = serializers.IntegerField()
    status = serializers.CharField()
    ready = serializers.IntegerField()
    wanted = serializers.IntegerField()
    cause = serializers.SerializerMethodField()
    url = serializers.CharField(source="get_absolute_url")

    @extend_schema_field(ReleaseCauseSerializer(allow_null=True))
    def get_cause(self, deployment: Any) -> dict[str, Any] | None:
        """Return why it failed or waits."""
        return deployment_words.cause(deployment)


class PlannedTargetSerializer(serializers.Serializer[Any]):
    """What is planned for one target, and how far it is."""

    application = serializers.CharField(source="plan.item.application.slug")
    wave = serializers.SerializerMethodField(help_text="Counted from 1.")
    environment = serializers.CharField(source="plan.target.environment.slug")
    target = serializers.CharField(source="plan.target.slug")
    cluster = serializers.CharField(source="plan.target.cluster.slug")
    namespace = serializers.CharField(source="plan.target.namespace")
    sha256 = serializers.SerializerMethodField()
    image_digest = serializers.SerializerMethodField()
    replaces = serializers.IntegerField(source="plan.replaces.number", allow_null=True, default=None)
    restores = serializers.IntegerField(
        source="plan.restores.number", allow_null=True, default=None, help_text="The deployment a rollback brings back."
    )
    problem = serializers.SerializerMethodField()
    diff = ObjectChangeSerializer(source="changes", many=True)
    preview = SetPreviewSerializer(source="plan.preview")
    take_over_fields = serializers.BooleanField(source="plan.take_over_fields")
    deployment = serializers.SerializerMethodField()

    def get_wave(self, view: presentation.TargetView) -> int:
        """Return the wave as people count."""
        return view.plan.item.wave + 1

    def get_image_digest(self, view: presentation.TargetView) -> str:
        """Return the image that runs then, empty where there are no bytes."""
        return view.plan.manifest_set.image_digest if view.plan.manifest_set else ""

    def get_sha256(self, view: presentation.TargetView) -> str:
        """Return the hash of the stored bytes, empty where there are none."""
        return view.plan.manifest_set.sha256 if view.plan.manifest_set else ""

    @extend_schema_field(ReleaseCauseSerializer(allow_null=True))
    def get_problem(self, view: presentation.TargetView) -> dict[str, Any] | None:
        """Return why there are no bytes, or why the cluster refuses them."""
        words = view.problem
        if words is None:
            return None
        return {"code": view.plan.problem_code, "message": words.message, "hint": words.hint}

    @extend_schema_field(ReleaseDeploymentSerializer(allow_null=True))
    def get_deployment(self, view: presentation.TargetView) -> dict[str, Any] | None:
        """Return the deployment, once there is one."""
        deployment = view.plan.deployment
        return dict(ReleaseDeploymentSerializer(deployment).data) if deployment else None


class PlanSerializer(serializers.Serializer[Any]):
    """The plan: what approvals sign."""

    hash = serializers.CharField()
    planned_at = serializers.DateTimeField(allow_null=True)
    gates = GateSerializer(many=True)
    targets = PlannedTargetSerializer(many=True)


class ApprovalSerializer(serializers.ModelSerializer[Approval]):
    """One person's word."""

    class Meta:
        model = Approval
        fields = ["verdict", "user_name", "token_name", "note", "plan_hash", "created_at", "voided_at"]


class ReleaseEntrySerializer(serializers.Serializer[Any]):
    """One line of the timeline."""

    at = serializers.DateTimeField()
    level = serializers.CharField()
    code = serializers.CharField()
    message = serializers.SerializerMethodField()

    def get_message(self, entry: Any) -> str:
        """Return the line in words."""
        return presentation.entry_message(entry)


class ReleaseItemSerializer(serializers.Serializer[Any]):
    """One application of an order."""

    application = serializers.CharField(source="application.slug")
    wave = serializers.SerializerMethodField(help_text="Counted from 1.")
    build = serializers.IntegerField(source="build.number", allow_null=True, default=None)
    commit_sha = serializers.CharField(source="build.commit_sha", default="")
    deployyml_revision = serializers.IntegerField(source="revision.number")

    def get_wave(self, item: ReleaseItem) -> int:
        """Return the wave as people count."""
        return item.wave + 1


class RolledBackSerializer(serializers.Serializer[Any]):
    """The order that a rollback takes back."""

    application = serializers.CharField(source="application.slug")
    number = serializers.IntegerField()
    url = serializers.CharField(source="get_absolute_url")


class ReleaseSerializer(serializers.ModelSerializer[ReleaseOrder]):
    """A release order in a list."""

    project = serializers.CharField(source="application.project.slug")
    application = serializers.CharField(source="application.slug")
    environment = serializers.CharField(source="environment.slug")
    rolls_back = RolledBackSerializer(allow_null=True)
    items = ReleaseItemSerializer(many=True)
    build = serializers.SerializerMethodField(
        help_text="Of the first item; null where a rollback's was not built here."
    )
    commit_sha = serializers.SerializerMethodField(help_text="Of the first item.")
    deployyml_revision = serializers.SerializerMethodField(help_text="Of the first item.")
    approvals_needed = serializers.IntegerField()
    agreed = serializers.SerializerMethodField()
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = ReleaseOrder
        fields = [
            "number", "kind", "rolls_back", "status", "project", "application", "environment", "items", "build",
            "commit_sha", "deployyml_revision", "note", "start", "scheduled_for", "plan_hash", "approvals_needed", "agreed", "created_by_name",
            "created_at", "submitted_by_name", "submitted_at", "started_by_name", "status_since", "finished_at", "url",
        ]  # fmt: skip

    def get_build(self, order: ReleaseOrder) -> int | None:
        """Return the number of the build."""
        build = order.items.all()[0].build
        return int(build.number) if build else None

    def get_commit_sha(self, order: ReleaseOrder) -> str:
        """Return the commit of the build."""
        build = order.items.all()[0].build
        return str(build.commit_sha) if build else ""

    def get_deployyml_revision(self, order: ReleaseOrder) -> int:
        """Return the number of the DeployYml revision."""
        return int(order.items.all()[0].revision.number)

    def get_agreed(self, order: ReleaseOrder) -> int:
        """Return how many people agree to the present plan."""
        counted = getattr(order, "agreed", None)
        return selectors.agreeing(order).count() if counted is None else int(counted)


class ReleaseDetailSerializer(ReleaseSerializer):
    """A release order with its plan, approvals and timeline."""

    plan = serializers.SerializerMethodField()
    approvals = ApprovalSerializer(many=True)
    entries = ReleaseEntrySerializer(many=True)
    cause = serializers.SerializerMethodField()

    class Meta(ReleaseSerializer.Meta):
        fields = [*ReleaseSerializer.Meta.fields, "plan", "approvals", "entries", "cause"]

    @extend_schema_field(PlanSerializer)
    def get_plan(self, order: ReleaseOrder) -> dict[str, Any]:
        """Return the plan with its diffs."""
        planned: list[PlannedTarget] = selectors.planned_targets(order)
        plan = {
            "hash": order.plan_hash,
            "planned_at": order.planned_at,
            "gates": presentation.gate_rows(order),
            "targets": presentation.target_views(planned),
        }
        return dict(PlanSerializer(plan).data)

    @extend_schema_field(ReleaseCauseSerializer(allow_null=True))
    def get_cause(self, order: ReleaseOrder) -> dict[str, Any] | None:
        """Return what went wrong with the order itself."""
        words = presentation.cause(order)
        return {"code": order.error_code, "message": words.message, "hint": words.hint} if words else None


class WishSerializer(serializers.Serializer[Any]):
    """Which build of an application, with which DeployYml."""

    build = serializers.IntegerField(min_value=1, help_text="Number of a build that succeeded.")
    deployyml_revision = serializers.IntegerField(
        min_value=1, required=False, allow_null=True, default=None, help_text="The newest where left out."
    )


class NamedWishSerializer(WishSerializer):
    """One application of an order of several."""

    application = serializers.SlugField()
    wave = serializers.IntegerField(
        min_value=1, max_value=MOST_WAVES, required=False, default=1, help_text="Waves go one after another."
    )


class _OrderSerializer(serializers.Serializer[Any]):
    """Where to and when."""

    environment = serializers.SlugField()
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    start = serializers.ChoiceField(
        choices=ReleaseOrder.Start.choices, required=False, default=ReleaseOrder.Start.AT_ONCE
    )
    scheduled_for = serializers.DateTimeField(required=False, allow_null=True, default=None)
    submit = serializers.BooleanField(required=False, default=False)


class CreateReleaseSerializer(WishSerializer, _OrderSerializer):
    """A new release order of one application."""


class CreateReleaseOfSeveralSerializer(_OrderSerializer):
    """A new release order of several applications of a project; it stands with the first."""

    items = NamedWishSerializer(many=True, allow_empty=False)


class RollbackPreviewSerializer(serializers.Serializer[Any]):
    """What taking a release order back would change."""

    plan_hash = serializers.CharField()
    blocked = serializers.BooleanField(help_text="It cannot be done; the gates say why.")
    gates = GateSerializer(many=True)
    targets = PlannedTargetSerializer(many=True)


class SubmitReleaseSerializer(serializers.Serializer[Any]):
    """Freezing the plan."""

    plan_hash = serializers.CharField(
        max_length=64, required=False, allow_blank=True, default="", help_text="Refuse where the plan is another one."
    )


class JudgeReleaseSerializer(SubmitReleaseSerializer):
    """A word on the plan."""

    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class TestOrderSerializer(serializers.ModelSerializer[TestOrder]):
    """A test order."""

    __test__ = False

    build = serializers.IntegerField(source="build.number")

    class Meta:
        model = TestOrder
        fields = [
            "number", "build", "commit_sha", "verdict", "note", "created_by_name", "created_at", "decided_by_name",
            "decided_at", "verdict_note",
        ]  # fmt: skip


class RequestTestSerializer(serializers.Serializer[Any]):
    """Asking for a test."""

    build = serializers.IntegerField(min_value=1)
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class VerdictSerializer(serializers.Serializer[Any]):
    """A tester's verdict."""

    verdict = serializers.ChoiceField(choices=["passed", "failed"])
    note = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")


class DecisionsSerializer(serializers.Serializer[Any]):
    """What is decided with a new plan, by targets as `application/target`."""

    take_over = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Targets where fields that others own become Slipway's."
    )
    leave = serializers.ListField(
        child=serializers.CharField(), default=list, help_text="Targets where they are left to others again."
    )


class RetrySerializer(serializers.Serializer[Any]):
    """How failed targets are tried again."""

    take_over_fields = serializers.BooleanField(
        default=False, help_text="Take over the fields that others own, where a conflict stopped it."
    )
