"""People and tokens in the API."""

from django.urls import path

from . import api

urlpatterns = [
    path("me/", api.Me.as_view(), name="api-me"),
    path("users/", api.Users.as_view(), name="api-users"),
    path("users/<str:username>/", api.UserDetail.as_view(), name="api-user"),
    path("users/<str:username>/password/", api.UserPassword.as_view(), name="api-user-password"),
    path("tokens/", api.Tokens.as_view(), name="api-tokens"),
    path("tokens/<int:pk>/", api.TokenDetail.as_view(), name="api-token"),
]
