"""Signing in and out, the account, the people."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from . import views

urlpatterns = [
    path("login/", views.SignIn.as_view(), name="login"),
    path("logout/", LogoutView.as_view(), name="logout"),
    path("i18n/setlang/", views.language, name="set_language"),
    path("account/", views.account, name="account"),
    path("account/theme/", views.theme, name="account-theme"),
    path("account/password/", views.password, name="account-password"),
    path("account/password/own/", views.own_password, name="account-own-password"),
    path("account/tokens/", views.create_token, name="account-token-create"),
    path("account/tokens/<int:pk>/revoke/", views.revoke_token, name="account-token-revoke"),
    path("people/", views.people, name="people"),
    path("people/-/new/", views.create_person, name="person-create"),
    path("people/<str:username>/active/", views.set_active, name="person-active"),
    path("people/<str:username>/password/", views.reset_password, name="person-password"),
]
