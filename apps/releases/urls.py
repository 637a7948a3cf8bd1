"""Pages of release orders and test orders."""

from django.urls import path

from . import inbox_views, views

_APP = "projects/<slug:project>/apps/<slug:application>/"
_ROOT = f"{_APP}releases/"
_ONE = f"{_ROOT}<int:number>/"

urlpatterns = [
    path("releases/", views.all_releases, name="all-releases"),
    path("approvals/", inbox_views.approvals, name="approvals"),
    path("projects/<slug:project>/releases/", views.project_releases, name="project-releases"),
    path(_ROOT, views.releases, name="releases"),
    path(f"{_ROOT}new/", views.new, name="release-new"),
    path(_ONE, views.release, name="release"),
    path(f"{_ONE}fragment/", views.fragment, name="release-fragment"),
    path(f"{_ONE}plan/", views.plan, name="release-plan"),
    path(f"{_ONE}submit/", views.submit, name="release-submit"),
    path(f"{_ONE}approve/", views.approve, name="release-approve"),
    path(f"{_ONE}reject/", views.reject, name="release-reject"),
    path(f"{_ONE}execute/", views.execute, name="release-execute"),
    path(f"{_ONE}stop/", views.stop, name="release-stop"),
    path(f"{_ONE}retry/", views.retry, name="release-retry"),
    path(f"{_APP}tests/", inbox_views.tests, name="tests"),
    path(f"{_APP}tests/request/", inbox_views.request_test, name="test-request"),
    path(f"{_APP}tests/<int:number>/verdict/", inbox_views.give_verdict, name="test-verdict"),
]
