"""Pages of builds."""

from django.urls import path

from . import views

_ROOT = "projects/<slug:project>/apps/<slug:application>/builds/"

urlpatterns = [
    path(_ROOT, views.builds, name="builds"),
    path(f"{_ROOT}new/", views.new, name="build-new"),
    path(f"{_ROOT}<int:number>/", views.build, name="build"),
    path(f"{_ROOT}<int:number>/fragment/", views.fragment, name="build-fragment"),
    path(f"{_ROOT}<int:number>/log.txt", views.log, name="build-log"),
    path(f"{_ROOT}<int:number>/cancel/", views.cancel, name="build-cancel"),
]
