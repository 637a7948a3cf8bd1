"""Deployments in the API."""

from django.urls import path

from . import api

_ROOT = "projects/<slug:project>/apps/<slug:application>/deployments/"

urlpatterns = [
    path(_ROOT, api.DeploymentList.as_view(), name="api-deployments"),
    path(f"{_ROOT}<int:number>/", api.DeploymentDetail.as_view(), name="api-deployment"),
    path(f"{_ROOT}<int:number>/manifests/", api.DeploymentManifests.as_view(), name="api-deployment-manifests"),
    path(f"{_ROOT}<int:number>/rollback/", api.DeploymentRollback.as_view(), name="api-deployment-rollback"),
    path(f"{_ROOT}<int:number>/cancel/", api.DeploymentCancel.as_view(), name="api-deployment-cancel"),
]
