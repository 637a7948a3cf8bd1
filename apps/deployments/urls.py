"""Pages of deployments."""

from django.urls import path

from . import operation_views, views

_ROOT = "projects/<slug:project>/apps/<slug:application>/deployments/"

_TARGET = "projects/<slug:project>/apps/<slug:application>/targets/<slug:environment>/<slug:target>/"

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
    path(f"{_ROOT}<int:number>/cancel/", views.cancel, name="deployment-cancel"),
    path(f"{_ROOT}<int:number>/pause/", operation_views.pause, name="deployment-pause"),
    path(f"{_ROOT}<int:number>/resume/", operation_views.resume, name="deployment-resume"),
]
