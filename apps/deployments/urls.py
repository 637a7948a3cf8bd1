"""Pages of deployments."""

from django.urls import path

from . import views

_ROOT = "projects/<slug:project>/apps/<slug:application>/deployments/"

urlpatterns = [
    path(_ROOT, views.deployments, name="deployments"),
    path(f"{_ROOT}<int:number>/", views.deployment, name="deployment"),
    path(f"{_ROOT}<int:number>/fragment/", views.fragment, name="deployment-fragment"),
    path(f"{_ROOT}<int:number>/workload/", views.workload, name="deployment-workload"),
    path(f"{_ROOT}<int:number>/manifests/", views.manifests_page, name="deployment-manifests"),
    path(f"{_ROOT}<int:number>/rollback/", views.rollback, name="deployment-rollback"),
    path(f"{_ROOT}<int:number>/cancel/", views.cancel, name="deployment-cancel"),
]
