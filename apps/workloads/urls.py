"""Pages of live state."""

from django.urls import path

from . import views

_ROOT = "projects/<slug:project>/apps/<slug:application>/pods/"

urlpatterns = [
    path(_ROOT, views.pods, name="pods"),
    path(f"{_ROOT}<slug:environment>/<slug:target>/", views.target_pods, name="target-pods"),
    path(f"{_ROOT}<slug:environment>/<slug:target>/<str:pod>/", views.pod, name="pod"),
    path(f"{_ROOT}<slug:environment>/<slug:target>/<str:pod>/log.txt", views.pod_log, name="pod-log"),
]
