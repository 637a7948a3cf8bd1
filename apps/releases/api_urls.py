"""Release orders and test orders in the API."""

from django.urls import path

from . import api, testing_api

_APP = "projects/<slug:project>/apps/<slug:application>/"
_ROOT = f"{_APP}releases/"
_ONE = f"{_ROOT}<int:number>/"

urlpatterns = [
    path("releases/", api.AllReleases.as_view(), name="api-all-releases"),
    path("releases/waiting/", api.WaitingReleases.as_view(), name="api-waiting-releases"),
    path("projects/<slug:project>/releases/", api.ProjectReleases.as_view(), name="api-project-releases"),
    path(_ROOT, api.Releases.as_view(), name="api-releases"),
    path(_ONE, api.ReleaseDetail.as_view(), name="api-release"),
    path(f"{_ONE}plan/", api.ReleasePlan.as_view(), name="api-release-plan"),
    path(f"{_ONE}submit/", api.ReleaseSubmit.as_view(), name="api-release-submit"),
    path(f"{_ONE}approve/", api.ReleaseApprove.as_view(), name="api-release-approve"),
    path(f"{_ONE}reject/", api.ReleaseReject.as_view(), name="api-release-reject"),
    path(f"{_ONE}execute/", api.ReleaseExecute.as_view(), name="api-release-execute"),
    path(f"{_ONE}stop/", api.ReleaseStop.as_view(), name="api-release-stop"),
    path(f"{_ONE}retry/", api.ReleaseRetry.as_view(), name="api-release-retry"),
    path(f"{_ONE}rollback/", api.ReleaseRollback.as_view(), name="api-release-rollback"),
    path(f"{_APP}tests/", testing_api.Tests.as_view(), name="api-tests"),
    path(f"{_APP}tests/<int:number>/verdict/", testing_api.TestVerdict.as_view(), name="api-test-verdict"),
]
