"""The shape of builds in the API."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from apps.registry import selectors as registry

from . import presentation, selectors
from .models import Build, Finding


class BuildRequestSerializer(serializers.Serializer[Any]):
    """What to build."""

    ref = serializers.CharField(
        max_length=300,
        required=False,
        allow_blank=True,
        default="",
        help_text="A branch, a tag or a commit id; the application's branch when empty.",
    )
    no_cache = serializers.BooleanField(required=False, default=False)


class BuildCauseSerializer(serializers.Serializer[Any]):
    """Why something is as it is."""

    code = serializers.CharField()
    params = serializers.DictField()
    message = serializers.CharField()
    hint = serializers.CharField()


class BuildSerializer(serializers.ModelSerializer[Build]):
    """A build in a list."""

    dockerfile_revision = serializers.IntegerField(source="dockerfile.number")
    seconds = serializers.SerializerMethodField()
    cause = serializers.SerializerMethodField()
    url = serializers.CharField(source="get_absolute_url")

    class Meta:
        model = Build
        fields = [
            "number", "status", "trigger", "ref", "ref_kind", "commit_sha", "commit_title", "commit_author",
            "commit_authored_at", "commit_url", "dockerfile_revision", "no_cache", "created_by_name", "created_at",
            "started_at", "finished_at", "seconds", "image_digest", "image_tag", "image_size", "cause", "url",
        ]  # fmt: skip

    def get_seconds(self, build: Build) -> float | None:
        """Return how long it took."""
        return presentation.seconds(build)

    @extend_schema_field(BuildCauseSerializer(allow_null=True))
    def get_cause(self, build: Build) -> dict[str, Any] | None:
        """Return why it failed or waits."""
        code, params = presentation.cause_code(build)
        words = presentation.cause(build)
        if words is None:
            return None
        return {"code": code, "params": params, "message": words.message, "hint": words.hint}


class StageSerializer(serializers.Serializer[Any]):
    """One stage of the shared library."""

    name = serializers.CharField(source="key")
    title = serializers.CharField(source="name")
    status = serializers.CharField()
    started_at = serializers.DateTimeField(allow_null=True)
    seconds = serializers.FloatField(allow_null=True)
    detail = serializers.CharField(source="text")


class FindingSerializer(serializers.ModelSerializer[Finding]):
    """One finding of a scanner."""

    class Meta:
        model = Finding
        fields = ["tool", "rule", "severity", "file", "line", "message"]


class ExcerptSerializer(serializers.Serializer[Any]):
    """The lines of the log around the one that made the build fail."""

    first = serializers.IntegerField()
    marked = serializers.IntegerField()
    lines = serializers.ListField(child=serializers.CharField())


class BuildDetailSerializer(BuildSerializer):
    """A build with its stages, findings and where it runs in Jenkins."""

    stages = serializers.SerializerMethodField()
    findings = FindingSerializer(many=True)
    scanners = serializers.SerializerMethodField()
    image = serializers.SerializerMethodField()
    failure = serializers.SerializerMethodField()
    job = serializers.CharField()
    job_build_number = serializers.IntegerField(source="build_number", allow_null=True)

    class Meta(BuildSerializer.Meta):
        fields = [
            *BuildSerializer.Meta.fields, "stages", "findings", "scanners", "image", "failed_stage", "failure", "job",
            "job_build_number", "log_lines", "cancel_requested_at",
        ]  # fmt: skip

    @extend_schema_field(StageSerializer(many=True))
    def get_stages(self, build: Build) -> Any:
        """Return the planned stages with what became of them."""
        return StageSerializer(presentation.stages(build), many=True).data

    def get_scanners(self, build: Build) -> list[dict[str, Any]]:
        """Return which scanners ran."""
        return presentation.scanners(build)

    @extend_schema_field(ExcerptSerializer(allow_null=True))
    def get_failure(self, build: Build) -> Any:
        """Return where in the log it failed, None where it did not."""
        excerpt = selectors.failing_excerpt(build)
        return ExcerptSerializer(excerpt).data if excerpt else None

    def get_image(self, build: Build) -> str:
        """Return the full reference of the image by digest; empty before there is one."""
        return registry.image_reference(build.application, build.image_digest) if build.image_digest else ""


class LogSerializer(serializers.Serializer[Any]):
    """Lines of a build's log; ask again with `first` + the number of lines until `complete` and at `total`."""

    first = serializers.IntegerField()
    lines = serializers.ListField(child=serializers.CharField(allow_blank=True))
    total = serializers.IntegerField()
    complete = serializers.BooleanField()
    cut = serializers.BooleanField()


class LogRangeSerializer(serializers.Serializer[Any]):
    """Which lines: `first` counts from 1, or from the end when negative."""

    first = serializers.IntegerField(required=False, default=1)
    limit = serializers.IntegerField(required=False, default=1000, min_value=1, max_value=20_000)
