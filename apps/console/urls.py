"""Pages that join, health, and the gallery."""

from django.urls import path

from . import audit_views, health, views

_APP = "projects/<slug:project>/apps/<slug:application>/"

urlpatterns = [
    path("healthz", health.alive, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("", views.home, name="home"),
    path("fragment/", views.home_fragment, name="home-fragment"),
    path("apps/", views.applications, name="applications"),
    path("search", views.search, name="search"),
    path("audit/", audit_views.audit, name="audit"),
    path("gallery/", views.gallery, name="gallery"),
    path("projects/<slug:project>/", views.project, name="project"),
    path(_APP, views.application, name="application"),
    path(f"{_APP}fragment/", views.application_fragment, name="application-fragment"),
    path(f"{_APP}cells/<slug:environment>/<slug:target>/", views.cell, name="application-cell"),
]
