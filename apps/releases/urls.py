"""Pages of release orders and test orders."""

from django.urls import path

from . import drafting_views, inbox_views, verb_views, views

_APP = "projects/<slug:project>/apps/<slug:application>/"
_ROOT = f"{_APP}releases/"
_ONE = f"{_ROOT}<int:number>/"

urlpatterns = [
    path("releases/", views.all_releases, name="all-releases"),
    path("approvals/", inbox_views.approvals, name="approvals"),
    path("projects/<slug:project>/releases/", views.project_releases, name="project-releases"),
    path("projects/<slug:project>/releases/new/", drafting_views.new_of_project, name="release-new-of-project"),
    path(_ROOT, views.releases, name="releases"),
    path(f"{_ROOT}new/", drafting_views.new, name="release-new"),
    path(f"{_ROOT}of/<int:item>/", views.release_of_item, name="release-of-item"),
    path(_ONE, views.release, name="release"),
    path(f"{_ONE}fragment/", views.fragment, name="release-fragment"),
    path(f"{_ONE}plan/", verb_views.plan, name="release-plan"),
    path(f"{_ONE}submit/", verb_views.submit, name="release-submit"),
    path(f"{_ONE}approve/", verb_views.approve, name="release-approve"),
    path(f"{_ONE}reject/", verb_views.reject, name="release-reject"),
    path(f"{_ONE}execute/", verb_views.execute, name="release-execute"),
    path(f"{_ONE}stop/", verb_views.stop, name="release-stop"),
    path(f"{_ONE}retry/", verb_views.retry, name="release-retry"),
    path(f"{_ONE}rollback/", verb_views.rollback, name="release-rollback"),
    path(f"{_APP}tests/", inbox_views.tests, name="tests"),
    path(f"{_APP}tests/request/", inbox_views.request_test, name="test-request"),
    path(f"{_APP}tests/<int:number>/verdict/", inbox_views.give_verdict, name="test-verdict"),
]
