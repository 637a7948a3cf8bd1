"""Choices of repositories and branches for forms."""

from django.urls import path

from . import views

_CHOICES = "projects/<slug:project>/choices/"

urlpatterns = [
    path(f"{_CHOICES}repositories/", views.repositories, name="repository-choices"),
    path(f"{_CHOICES}branches/", views.branches, name="branch-choices"),
]
