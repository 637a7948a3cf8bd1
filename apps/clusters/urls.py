"""Pages of clusters."""

from django.urls import path

from . import views

urlpatterns = [
    path("clusters/", views.clusters, name="clusters"),
    path("clusters/-/new/", views.add, name="cluster-add"),
    path("clusters/<slug:slug>/", views.detail, name="cluster-detail"),
    path("clusters/<slug:slug>/credentials/", views.credentials, name="cluster-credentials"),
    path("clusters/<slug:slug>/check/", views.check, name="cluster-check"),
    path("clusters/<slug:slug>/maintenance/", views.maintenance, name="cluster-maintenance"),
    path("clusters/<slug:slug>/remove/", views.remove, name="cluster-remove"),
    path("clusters/<slug:slug>/namespaces/", views.create_namespace, name="cluster-namespaces"),
]
