"""Clusters in the API."""

from django.urls import path

from . import api

urlpatterns = [
    path("clusters/", api.ClusterList.as_view(), name="api-clusters"),
    path("cluster-access/", api.ClusterAccess.as_view(), name="api-cluster-access"),
    path("clusters/<slug:slug>/", api.ClusterDetail.as_view(), name="api-cluster"),
    path("clusters/<slug:slug>/check/", api.ClusterCheck.as_view(), name="api-cluster-check"),
    path("clusters/<slug:slug>/credentials/", api.ClusterCredentials.as_view(), name="api-cluster-credentials"),
    path("clusters/<slug:slug>/maintenance/", api.ClusterMaintenance.as_view(), name="api-cluster-maintenance"),
    path("clusters/<slug:slug>/namespaces/", api.ClusterNamespaces.as_view(), name="api-cluster-namespaces"),
]
