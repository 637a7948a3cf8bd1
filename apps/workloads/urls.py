"""Pages of live state."""

from django.urls import path

from . import adoption_views, views

_ROOT = "projects/<slug:project>/apps/<slug:application>/pods/"

_ADOPT = "projects/<slug:project>/apps/<slug:application>/adopt/"

urlpatterns = [
    path(_ADOPT, adoption_views.choose, name="adopt-choose"),
    path(f"{_ADOPT}<slug:environment>/<slug:target>/<str:name>/", adoption_views.adopt, name="adopt"),
    path(
        f"{_ADOPT}<slug:environment>/<slug:target>/<str:name>/withdraw/", adoption_views.withdraw, name="adopt-withdraw"
    ),
    path(_ROOT, views.pods, name="pods"),
    path(f"{_ROOT}<slug:environment>/<slug:target>/", views.target_pods, name="target-pods"),
    path(f"{_ROOT}<slug:environment>/<slug:target>/<str:pod>/", views.pod, name="pod"),
    path(f"{_ROOT}<slug:environment>/<slug:target>/<str:pod>/log.txt", views.pod_log, name="pod-log"),
]
