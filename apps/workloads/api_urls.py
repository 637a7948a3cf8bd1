"""Live state in the API."""

from django.urls import path

from . import adoption_api, api

_ROOT = "projects/<slug:project>/apps/<slug:application>/targets/<slug:environment>/<slug:target>/pods/"

_ADOPT = "projects/<slug:project>/apps/<slug:application>/targets/<slug:environment>/<slug:target>/adoptable/"

urlpatterns = [
    path(_ADOPT, adoption_api.Strangers.as_view(), name="api-adoptable"),
    path(f"{_ADOPT}<str:name>/", adoption_api.Adopt.as_view(), name="api-adopt"),
    path(_ROOT, api.TargetPods.as_view(), name="api-pods"),
    path(f"{_ROOT}<str:pod>/log/", api.PodLog.as_view(), name="api-pod-log"),
]
