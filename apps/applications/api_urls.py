"""Projects in the API."""

from django.urls import path

from . import api, namespace_api

_PROJECT = "projects/<slug:project>/"
_ENVIRONMENT = f"{_PROJECT}environments/<slug:environment>/"
_NAMESPACE = f"{_ENVIRONMENT}targets/<slug:target>/namespace/"

urlpatterns = [
    path("projects/", api.Projects.as_view(), name="api-projects"),
    path(_PROJECT, api.ProjectDetail.as_view(), name="api-project"),
    path(f"{_PROJECT}members/", api.Members.as_view(), name="api-members"),
    path(f"{_PROJECT}members/<str:username>/", api.MemberDetail.as_view(), name="api-member"),
    path(f"{_PROJECT}environments/", api.Environments.as_view(), name="api-environments"),
    path(_ENVIRONMENT, api.EnvironmentDetail.as_view(), name="api-environment"),
    path(f"{_ENVIRONMENT}targets/", api.Targets.as_view(), name="api-targets"),
    path(f"{_ENVIRONMENT}targets/<slug:target>/", api.TargetDetail.as_view(), name="api-target"),
    path(f"{_ENVIRONMENT}targets/<slug:target>/prepare/", api.TargetPrepare.as_view(), name="api-target-prepare"),
    path(_NAMESPACE, namespace_api.TargetNamespace.as_view(), name="api-target-namespace"),
    path(f"{_NAMESPACE}quotas/<str:name>/", namespace_api.TargetQuota.as_view(), name="api-target-quota"),
    path(f"{_NAMESPACE}limits/<str:name>/", namespace_api.TargetLimits.as_view(), name="api-target-limits"),
    path(f"{_PROJECT}apps/", api.Applications.as_view(), name="api-applications"),
    path(
        f"{_PROJECT}apps/<slug:application>/rollout-rules/",
        api.RolloutRules.as_view(),
        name="api-application-rollout-rules",
    ),
    path(f"{_PROJECT}apps/<slug:application>/", api.ApplicationDetail.as_view(), name="api-application"),
]
