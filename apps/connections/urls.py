"""Pages of connections."""

from django.urls import path

from . import views

urlpatterns = [
    path("connections/", views.connections, name="connections"),
    path("connections/-/new/", views.create, name="connection-create"),
    path("connections/<slug:slug>/", views.change, name="connection-change"),
    path("connections/<slug:slug>/check/", views.check, name="connection-check"),
    path("connections/<slug:slug>/delete/", views.delete, name="connection-delete"),
]
