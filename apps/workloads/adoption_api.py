"""Adopting in the API: the same rights and the same words as on the pages."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from apps.accounts.requests import Request
from apps.accounts.roles import Action
from apps.applications.access import get_application, get_target
from apps.applications.models import Application, Target
from apps.core import messages
from apps.manifests.adopting import word
from apps.manifests.messages import describe

from . import adoption


class StrangerSerializer(serializers.Serializer[Any]):
    """A workload that Slipway does not manage."""

    kind = serializers.CharField()
    name = serializers.CharField()
    ready = serializers.IntegerField()
    wanted = serializers.IntegerField()
    images = serializers.ListField(child=serializers.CharField())
    managers = serializers.ListField(child=serializers.CharField())
    adoptable = serializers.BooleanField()


class AdoptionFindingSerializer(serializers.Serializer[Any]):
    """Something to know before adopting."""

    level = serializers.ChoiceField(choices=["stop", "lost", "changed", "kept"])
    code = serializers.CharField()
    object = serializers.CharField()
    path = serializers.CharField()
    params = serializers.DictField()
    message = serializers.SerializerMethodField()

    def get_message(self, finding: Any) -> str:
        """Return it in words."""
        return messages.word(*word(finding)).message


class AdoptionProblemSerializer(serializers.Serializer[Any]):
    """A field of the form that would be wrong."""

    path = serializers.CharField()
    code = serializers.CharField()
    message = serializers.CharField()


class SecretSourceSerializer(serializers.Serializer[Any]):
    """A secret value and where it lies now; never the value."""

    name = serializers.CharField()
    secret = serializers.CharField()
    key = serializers.CharField()


class ProposalSerializer(serializers.Serializer[Any]):
    """What adopting would mean."""

    possible = serializers.BooleanField()
    managers = serializers.ListField(child=serializers.CharField())
    document = serializers.DictField(source="imported.document")
    secrets = SecretSourceSerializer(source="imported.secrets", many=True)
    findings = AdoptionFindingSerializer(source="imported.findings", many=True)
    errors = serializers.SerializerMethodField()  # type: ignore[assignment]

    @extend_schema_field(AdoptionProblemSerializer(many=True))
    def get_errors(self, proposal: adoption.Proposal) -> list[dict[str, str]]:
        """Return what would be wrong with the form."""
        return [
            {"path": error.path, "code": error.code, "message": describe(error.code, error.params)}
            for error in proposal.errors
        ]


class AdoptSerializer(serializers.Serializer[Any]):
    """What has to be agreed to."""

    accept_losses = serializers.BooleanField(
        default=False, help_text="What the form has no field for is taken away by the first release."
    )
    import_secrets = serializers.BooleanField(
        default=False, help_text="Read the values that it uses from the cluster and store them encrypted."
    )


class AdoptionSerializer(serializers.Serializer[Any]):
    """What was adopted."""

    workload = serializers.CharField()
    deployyml_revision = serializers.IntegerField(source="revision.number")


def _place(request: Request, names: dict[str, str], need: Action) -> tuple[Application, Target]:
    target = get_target(request.actor, names["project"], names["environment"], names["target"], need=need)
    return get_application(request.actor, names["project"], names["application"], need=need), target


class Strangers(APIView):
    """What runs without Slipway."""

    @extend_schema(operation_id="adoption_list", responses=StrangerSerializer(many=True))
    def get(self, request: Request, **names: str) -> Response:
        """List the workloads of a target's namespace that Slipway does not manage."""
        _application, target = _place(request, names, Action.EDIT_DEPLOYYML)
        return Response(StrangerSerializer(adoption.list_strangers(target), many=True).data)


class Adopt(APIView):
    """One of them."""

    @extend_schema(operation_id="adoption_preview", responses=ProposalSerializer)
    def get(self, request: Request, name: str, **names: str) -> Response:
        """Return the form that it makes and all there is to know before; nothing is changed."""
        app, target = _place(request, names, Action.EDIT_DEPLOYYML)
        return Response(ProposalSerializer(adoption.propose(app, target, name)).data)

    @extend_schema(operation_id="adoption_adopt", request=AdoptSerializer, responses={201: AdoptionSerializer})
    def post(self, request: Request, name: str, **names: str) -> Response:
        """Make it the application's: its next release there takes it over, under the same names and selector."""
        app, target = _place(request, names, Action.EDIT_DEPLOYYML)
        given = AdoptSerializer(data=request.data)
        given.is_valid(raise_exception=True)
        asked = given.validated_data
        if asked["import_secrets"]:
            _place(request, names, Action.EDIT_SECRETS)
        made = adoption.adopt(application=app, target=target, name=name, actor=request.actor, **asked)
        return Response(AdoptionSerializer(made).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="adoption_withdraw", responses={204: None})
    def delete(self, request: Request, name: str, **names: str) -> Response:
        """Forget the adoption, as long as no release has taken it over; the revision and the secret values stay."""
        app, target = _place(request, names, Action.EDIT_DEPLOYYML)
        adoption.withdraw(application=app, target=target, name=name, actor=request.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)
