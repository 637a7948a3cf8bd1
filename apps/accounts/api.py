"""People and tokens in the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.response import Response
from rest_framework.views import APIView

from . import selectors, services
from .guards import require_administrator, require_scope
from .models import ApiToken, User
from .requests import ListAPIView, Request
from .roles import Scope


class UserSerializer(serializers.ModelSerializer[User]):
    """A person."""

    class Meta:
        model = User
        fields = [
            "username", "display_name", "email", "is_superuser", "is_active", "must_change_password", "last_login",
        ]  # fmt: skip


class ActiveSerializer(serializers.Serializer[Any]):
    """Whether a person may sign in."""

    is_active = serializers.BooleanField()


class OneTimePasswordSerializer(serializers.Serializer[Any]):
    """A one-time password, shown this once; it has to be changed after signing in."""

    password = serializers.CharField()
    ends_at = serializers.DateTimeField()


class CreateUserSerializer(serializers.Serializer[Any]):
    """A person to create."""

    username = serializers.CharField(max_length=150)
    password = serializers.CharField(max_length=200, write_only=True)
    display_name = serializers.CharField(max_length=100, required=False, allow_blank=True, default="")
    email = serializers.EmailField(required=False, allow_blank=True, default="")
    administrator = serializers.BooleanField(required=False, default=False)


class MeSerializer(UserSerializer):
    """The one who asks."""

    scopes = serializers.SerializerMethodField()

    class Meta(UserSerializer.Meta):
        fields = [*UserSerializer.Meta.fields, "language", "theme", "scopes"]

    def get_scopes(self, _user: User) -> list[str] | None:
        """Return the scopes of the token that asks, None in a browser session."""
        scopes: list[str] | None = self.context.get("scopes")
        return scopes


class TokenSerializer(serializers.ModelSerializer[ApiToken]):
    """A token, without its text."""

    class Meta:
        model = ApiToken
        fields = ["id", "name", "prefix", "scopes", "created_at", "expires_at", "last_used_at"]


class CreateTokenSerializer(serializers.Serializer[Any]):
    """A token to make."""

    name = serializers.CharField(max_length=100)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=[scope.value for scope in Scope]))
    days = serializers.IntegerField(min_value=1, max_value=366, default=90)


class CreatedTokenSerializer(TokenSerializer):
    """A token with its text, shown this once."""

    token = serializers.CharField(read_only=True)

    class Meta(TokenSerializer.Meta):
        fields = [*TokenSerializer.Meta.fields, "token"]


class Me(APIView):
    """The one who asks."""

    @extend_schema(operation_id="me_retrieve", responses=MeSerializer)
    def get(self, request: Request) -> Response:
        """Return who asks, and with which scopes."""
        scopes = request.actor.scopes
        return Response(MeSerializer(request.user, context={"scopes": sorted(scopes) if scopes else None}).data)


class Users(ListAPIView[User]):
    """People."""

    serializer_class = UserSerializer

    def get_queryset(self) -> Any:
        """Return all people, for administrators."""
        require_administrator(self.request.actor)
        return selectors.list_users()

    @extend_schema(operation_id="users_create", request=CreateUserSerializer, responses={201: UserSerializer})
    def post(self, request: Request) -> Response:
        """Create a person (administrators)."""
        require_administrator(request.actor)
        asked = CreateUserSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = services.create_user(actor=request.actor, **asked.validated_data)
        return Response(UserSerializer(user).data, status=status.HTTP_201_CREATED)


class UserDetail(APIView):
    """One person."""

    @extend_schema(operation_id="users_retrieve", responses=UserSerializer)
    def get(self, request: Request, username: str) -> Response:
        """Return a person (administrators)."""
        require_administrator(request.actor)
        return Response(UserSerializer(selectors.get_user(username)).data)

    @extend_schema(operation_id="users_update", request=ActiveSerializer, responses=UserSerializer)
    def patch(self, request: Request, username: str) -> Response:
        """Lock a person out, or let them in again (administrators)."""
        require_administrator(request.actor)
        asked = ActiveSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        user = selectors.get_user(username)
        services.set_active(user=user, active=asked.validated_data["is_active"], actor=request.actor)
        user.refresh_from_db()
        return Response(UserSerializer(user).data)


class UserPassword(APIView):
    """A person's password."""

    @extend_schema(operation_id="users_reset_password", request=None, responses={201: OneTimePasswordSerializer})
    def post(self, request: Request, username: str) -> Response:
        """Give a person a one-time password; it is in this answer and nowhere else (administrators)."""
        require_administrator(request.actor)
        user = selectors.get_user(username)
        password = services.reset_password(user=user, actor=request.actor)
        body = {"password": password, "ends_at": user.one_time_password_until}
        answer = Response(OneTimePasswordSerializer(body).data, status=status.HTTP_201_CREATED)
        answer["Cache-Control"] = "no-store"
        return answer


class Tokens(APIView):
    """One's own tokens."""

    @extend_schema(operation_id="tokens_list", responses=TokenSerializer(many=True))
    def get(self, request: Request) -> Response:
        """Return one's own tokens."""
        return Response(TokenSerializer(selectors.list_tokens(request.user), many=True).data)

    @extend_schema(operation_id="tokens_create", request=CreateTokenSerializer, responses={201: CreatedTokenSerializer})
    def post(self, request: Request) -> Response:
        """Make a token; its text is in this answer and nowhere else."""
        asked = CreateTokenSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        values = asked.validated_data
        token, text = services.create_token(
            user=request.user,
            name=values["name"],
            scopes=values["scopes"],
            lifetime=timedelta(days=values["days"]),
            actor=request.actor,
        )
        token.token = text  # type: ignore[attr-defined]
        return Response(CreatedTokenSerializer(token).data, status=status.HTTP_201_CREATED)


class TokenDetail(APIView):
    """One of one's own tokens."""

    @extend_schema(operation_id="tokens_revoke", responses={204: None})
    def delete(self, request: Request, pk: int) -> Response:
        """Revoke a token. A token may revoke itself; for another one it needs the scope `admin`."""
        token = selectors.get_token(request.user, pk)
        if request.auth != token:
            require_scope(request.actor, Scope.ADMIN)
        services.revoke_token(token=token, actor=request.actor)
        return Response(status=status.HTTP_204_NO_CONTENT)
