"""Deployments in the API."""

from django.urls import path

from . import api, drift_api, operation_api

_TARGET = "projects/<slug:project>/apps/<slug:application>/targets/<slug:environment>/<slug:target>/"
_ROOT = "projects/<slug:project>/apps/<slug:application>/deployments/"
_DRIFT = "projects/<slug:project>/apps/<slug:application>/drift/"
_PLACE = f"{_DRIFT}<slug:environment>/<slug:target>/"

urlpatterns = [
    path(_TARGET, operation_api.TargetSituation.as_view(), name="api-target-operations"),
    path(f"{_TARGET}restart/", operation_api.TargetRestart.as_view(), name="api-target-restart"),
    path(f"{_TARGET}scale/", operation_api.TargetScale.as_view(), name="api-target-scale"),
    path(f"{_TARGET}removal/", operation_api.TargetRemoval.as_view(), name="api-target-removal"),
    path(_ROOT, api.DeploymentList.as_view(), name="api-deployments"),
    path(f"{_ROOT}<int:number>/", api.DeploymentDetail.as_view(), name="api-deployment"),
    path(f"{_ROOT}<int:number>/manifests/", api.DeploymentManifests.as_view(), name="api-deployment-manifests"),
    path(f"{_ROOT}<int:number>/rollback/", api.DeploymentRollback.as_view(), name="api-deployment-rollback"),
    path(f"{_ROOT}<int:number>/cancel/", api.DeploymentCancel.as_view(), name="api-deployment-cancel"),
    path(f"{_ROOT}<int:number>/pause/", operation_api.DeploymentPause.as_view(), name="api-deployment-pause"),
    path(f"{_ROOT}<int:number>/resume/", operation_api.DeploymentResume.as_view(), name="api-deployment-resume"),
    path(_DRIFT, drift_api.DriftList.as_view(), name="api-drift"),
    path(_PLACE, drift_api.DriftDetail.as_view(), name="api-drift-target"),
    path(f"{_PLACE}check/", drift_api.DriftCheck.as_view(), name="api-drift-check"),
    path(f"{_PLACE}reapply/", drift_api.DriftReapply.as_view(), name="api-drift-reapply"),
    path(f"{_PLACE}accept/", drift_api.DriftAccept.as_view(), name="api-drift-accept"),
]
