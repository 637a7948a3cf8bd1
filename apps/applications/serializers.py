"""The shape of projects and what belongs to them in the API."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from apps.accounts.roles import Role

from .models import Application, Environment, Membership, Project, Target
from .rollout_rules import GROUP_NAMES


class ProjectSerializer(serializers.ModelSerializer[Project]):
    """A project."""

    application_count = serializers.IntegerField(read_only=True, default=0)
    member_count = serializers.IntegerField(read_only=True, default=0)
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Project
        fields = ["slug", "name", "description", "created_at", "application_count", "member_count", "url"]


class CreateProjectSerializer(serializers.Serializer[Any]):
    """A project to create."""

    slug = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")


class MemberSerializer(serializers.ModelSerializer[Membership]):
    """A member."""

    username = serializers.CharField(source="user.username")
    display_name = serializers.CharField(source="user.display_name")

    class Meta:
        model = Membership
        fields = ["username", "display_name", "role", "created_at"]


class SetMemberSerializer(serializers.Serializer[Any]):
    """A member and a role."""

    username = serializers.CharField(max_length=150)
    role = serializers.ChoiceField(choices=[role.value for role in Role])


class TargetSerializer(serializers.ModelSerializer[Target]):
    """A target."""

    cluster = serializers.CharField(source="cluster.slug")

    class Meta:
        model = Target
        fields = ["slug", "cluster", "namespace", "position", "prepared_at"]


class AddTargetSerializer(serializers.Serializer[Any]):
    """A target to add."""

    slug = serializers.CharField(max_length=40)
    cluster = serializers.SlugField()
    namespace = serializers.CharField(max_length=63)
    position = serializers.IntegerField(required=False, default=0, min_value=0, max_value=1000)


class PolicySerializer(serializers.Serializer[Any]):
    """An environment's policy."""

    approvals_needed = serializers.IntegerField(required=False, min_value=0, max_value=10)
    test_order_needed = serializers.BooleanField(required=False)
    allowed_branches = serializers.ListField(child=serializers.CharField(max_length=200), required=False)
    unscanned_builds = serializers.ChoiceField(
        choices=Environment.Unscanned.choices,
        required=False,
        help_text="What becomes of builds no scanner could look at.",
    )
    auto_rollback = serializers.BooleanField(required=False)
    freeze_windows = serializers.ListField(child=serializers.DictField(), required=False)


class CreateEnvironmentSerializer(PolicySerializer):
    """An environment to create."""

    slug = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=100)
    stage = serializers.ChoiceField(choices=Environment.Stage.choices)
    position = serializers.IntegerField(required=False, default=0, min_value=0, max_value=1000)


class ChangeEnvironmentSerializer(PolicySerializer):
    """What can be changed of an environment."""

    name = serializers.CharField(max_length=100, required=False)
    position = serializers.IntegerField(required=False, min_value=0, max_value=1000)


class EnvironmentSerializer(serializers.ModelSerializer[Environment]):
    """An environment with its targets."""

    targets = TargetSerializer(many=True, read_only=True)

    class Meta:
        model = Environment
        fields = [
            "slug", "name", "stage", "position", "approvals_needed", "test_order_needed", "allowed_branches",
            "unscanned_builds", "auto_rollback", "freeze_windows", "targets",
        ]  # fmt: skip


class ApplicationSerializer(serializers.ModelSerializer[Application]):
    """An application."""

    gitlab = serializers.CharField(source="gitlab.slug")
    jenkins = serializers.CharField(source="jenkins.slug")
    harbor = serializers.CharField(source="harbor.slug")
    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = Application
        fields = [
            "slug", "uid", "name", "description", "language", "gitlab", "jenkins", "harbor", "repository_path",
            "branch", "build_on_push", "scan_gate", "image_repository", "created_at", "url",
        ]  # fmt: skip


class CreateApplicationSerializer(serializers.Serializer[Any]):
    """An application to create; connections by their short names."""

    slug = serializers.CharField(max_length=40)
    name = serializers.CharField(max_length=100)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    language = serializers.ChoiceField(choices=Application.Language.choices)
    gitlab = serializers.SlugField()
    jenkins = serializers.SlugField()
    harbor = serializers.SlugField()
    repository_path = serializers.CharField(max_length=200)
    branch = serializers.CharField(max_length=200)
    build_on_push = serializers.BooleanField(required=False, default=False)
    scan_gate = serializers.ChoiceField(
        choices=Application.ScanGate.choices, required=False, default=Application.ScanGate.HIGH
    )


class ChangeApplicationSerializer(serializers.Serializer[Any]):
    """What can be changed of an application."""

    name = serializers.CharField(max_length=100, required=False)
    description = serializers.CharField(max_length=300, required=False, allow_blank=True)
    branch = serializers.CharField(max_length=200, required=False)
    build_on_push = serializers.BooleanField(required=False)
    scan_gate = serializers.ChoiceField(choices=Application.ScanGate.choices, required=False)


class RolloutRulesSerializer(serializers.Serializer[Any]):
    """When rollouts are given up."""

    restarts = serializers.IntegerField(required=False, allow_null=True, help_text="Restarts until given up.")
    image_seconds = serializers.IntegerField(required=False, allow_null=True, help_text="For a missing image.")
    configuration_seconds = serializers.IntegerField(
        required=False, allow_null=True, help_text="For a missing ConfigMap, Secret, key or account."
    )
    steady_seconds = serializers.IntegerField(
        required=False, allow_null=True, help_text="How long a pod has to run that no readiness probe looks at."
    )
    progress_seconds = serializers.IntegerField(
        required=False, allow_null=True, help_text="Without progress; null: as the DeployYml says."
    )
    at_once = serializers.ListField(
        child=serializers.CharField(),
        required=False,
        allow_null=True,
        help_text=f"What is given up on at once, of: {', '.join(GROUP_NAMES)}.",
    )
