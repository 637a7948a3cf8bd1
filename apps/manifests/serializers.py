"""The shape of DeployYmls, secret values and previews in the API. A secret value only ever travels inwards."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from .assembly import Assembly
from .messages import describe
from .models import DeployYmlRevision, SecretValue


class RevisionSerializer(serializers.ModelSerializer[DeployYmlRevision]):
    """A revision in a list."""

    url = serializers.CharField(source="get_absolute_url", read_only=True)

    class Meta:
        model = DeployYmlRevision
        fields = ["number", "note", "created_by_name", "created_at", "url"]


class RevisionDetailSerializer(RevisionSerializer):
    """A revision with its form data."""

    base = serializers.DictField()
    overrides = serializers.DictField()

    class Meta(RevisionSerializer.Meta):
        fields = [*RevisionSerializer.Meta.fields, "base", "overrides"]


class SaveRevisionSerializer(serializers.Serializer[Any]):
    """A revision to save."""

    base = serializers.DictField(help_text="What holds everywhere.")
    overrides = serializers.DictField(
        default=dict,
        help_text='What differs: `{"environments": {"<slug>": {…}}, "targets": {"<environment>/<target>": {…}}}`.',
    )
    note = serializers.CharField(max_length=300, allow_blank=True, default="")
    expected_number = serializers.IntegerField(
        allow_null=True, help_text="The newest revision you know of; null for the first one. 409 when there is another."
    )


class RestoreRevisionSerializer(serializers.Serializer[Any]):
    """An earlier revision to save again."""

    expected_number = serializers.IntegerField(help_text="The newest revision you know of.")


class PreviewRequestSerializer(serializers.Serializer[Any]):
    """What to preview: the given form data, or the newest revision where there is none."""

    target = serializers.CharField(help_text="`<environment>/<target>`")
    base = serializers.DictField(required=False)
    overrides = serializers.DictField(required=False)
    image = serializers.CharField(required=False, help_text="A full reference by digest; nothing while only editing.")


class ProblemSerializer(serializers.Serializer[Any]):
    """An error or a finding at a field of the resolved document."""

    path = serializers.CharField()
    code = serializers.CharField()
    severity = serializers.CharField()
    params = serializers.DictField()
    message = serializers.CharField()
    layer = serializers.CharField(help_text="Where the value was written: platform, base, environment:…, target:….")


class PreviewSerializer(serializers.Serializer[Assembly]):
    """What a target would get."""

    document = serializers.DictField(source="resolved.document")
    objects = serializers.ListField(child=serializers.DictField())
    schema_version = serializers.CharField(source="schemas.version")
    problems = serializers.SerializerMethodField()

    def get_problems(self, made: Assembly) -> list[dict[str, Any]]:
        """Return errors and findings, errors first."""
        rows = [(error.path, error.code, "error", error.params) for error in made.errors]
        rows += [(one.path, one.code, str(one.severity), one.params) for one in made.findings]
        return [
            {
                "path": path,
                "code": code,
                "severity": severity,
                "params": dict(params),
                "message": describe(code, params),
                "layer": made.resolved.source(path).layer,
            }
            for path, code, severity, params in rows
        ]


class FieldChangeSerializer(serializers.Serializer[Any]):
    """One field before and after; `hidden` where the values are secret."""

    path = serializers.CharField()
    kind = serializers.CharField()
    old = serializers.JSONField(allow_null=True)
    new = serializers.JSONField(allow_null=True)
    hidden = serializers.BooleanField()


class ObjectChangeSerializer(serializers.Serializer[Any]):
    """One object that is added, removed or changed."""

    kind = serializers.CharField()
    object_kind = serializers.CharField()
    name = serializers.CharField()
    namespace = serializers.CharField()
    fields_changed = FieldChangeSerializer(many=True, source="fields")


class DefaultSerializer(serializers.Serializer[Any]):
    """A value the platform fills in, and why."""

    path = serializers.CharField()
    value = serializers.JSONField()
    reason = serializers.CharField()


class SecretSerializer(serializers.ModelSerializer[SecretValue]):
    """That there is a value, since when and by whom."""

    environment = serializers.CharField(source="environment.slug", default=None, allow_null=True)
    target = serializers.SerializerMethodField()

    class Meta:
        model = SecretValue
        fields = ["key", "scope", "environment", "target", "version", "created_by_name", "created_at"]

    def get_target(self, value: SecretValue) -> str | None:
        """Return the target as `<environment>/<target>`."""
        return str(value.target) if value.target is not None else None


class SecretScopeSerializer(serializers.Serializer[Any]):
    """Which value: of everywhere, of one environment, or of one target."""

    key = serializers.CharField(max_length=253)
    environment = serializers.CharField(required=False, allow_null=True, default=None)
    target = serializers.CharField(required=False, allow_null=True, default=None, help_text="`<environment>/<target>`")


class SetSecretSerializer(SecretScopeSerializer):
    """A value to store. It is never given back."""

    value = serializers.CharField(write_only=True, trim_whitespace=False)
