"""Pages of deployments."""

from django.urls import path

from . import drift_views, operation_views, views

_TARGET = "projects/<slug:project>/apps/<slug:application>/targets/<slug:environment>/<slug:target>/"
_ROOT = "projects/<slug:project>/apps/<slug:application>/deployments/"
_DRIFT = "projects/<slug:project>/apps/<slug:application>/drift/"
_PLACE = f"{_DRIFT}<slug:environment>/<slug:target>/"

urlpatterns = [
    path(_TARGET, operation_views.target_operations, name="target-operations"),
    path(f"{_TARGET}restart/", operation_views.restart, name="target-restart"),
    path(f"{_TARGET}scale/", operation_views.scale, name="target-scale"),
    path(f"{_TARGET}removal/", operation_views.removal, name="target-removal"),
    path(_ROOT, views.deployments, name="deployments"),
    path(f"{_ROOT}<int:number>/", views.deployment, name="deployment"),
    path(f"{_ROOT}<int:number>/fragment/", views.fragment, name="deployment-fragment"),
    path(f"{_ROOT}<int:number>/workload/", views.workload, name="deployment-workload"),
    path(f"{_ROOT}<int:number>/manifests/", views.manifests_page, name="deployment-manifests"),
    path(f"{_ROOT}<int:number>/rollback/", views.rollback, name="deployment-rollback"),
    path(f"{_ROOT}<int:number>/rollback/preview/", views.rollback_preview, name="deployment-rollback-preview"),
    path(f"{_ROOT}<int:number>/cancel/", views.cancel, name="deployment-cancel"),
    path(f"{_ROOT}<int:number>/pause/", operation_views.pause, name="deployment-pause"),
    path(f"{_ROOT}<int:number>/resume/", operation_views.resume, name="deployment-resume"),
    path(_DRIFT, drift_views.drift, name="drift"),
    path(f"{_DRIFT}fragment/", drift_views.fragment, name="drift-fragment"),
    path(f"{_PLACE}check/", drift_views.check, name="drift-check"),
    path(f"{_PLACE}reapply/", drift_views.reapply, name="drift-reapply"),
    path(f"{_PLACE}accept/", drift_views.accept, name="drift-accept"),
]
