"""Requests as views and API get them: behind `login_required` or DRF's permissions, with who acts on them.

For type checkers. The objects are Django's and DRF's own; middleware and authentication put `actor` there.
"""

from __future__ import annotations

from typing import Any, TypeVar

import django.http
import rest_framework.request
from django.db.models import Model
from rest_framework.generics import GenericAPIView
from rest_framework.mixins import ListModelMixin
from rest_framework.response import Response

from apps.core.actors import Actor

from .models import User

Row = TypeVar("Row", bound=Model)


class HttpRequest(django.http.HttpRequest):
    """A page's request, of somebody who is signed in."""

    user: User
    actor: Actor


class Request(rest_framework.request.Request):
    """An API request, of a person or a token."""

    user: User
    actor: Actor


class ListAPIView(ListModelMixin, GenericAPIView[Row]):
    """DRF's view of the same name, of such requests."""

    request: Request

    # Without a docstring: the API's document would show it instead of the view's.
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:  # noqa: D102
        return self.list(request, *args, **kwargs)
