"""Pages of projects, applications and environments. `-` is no short name, so `/-/new/` cannot be somebody's page."""

from django.urls import path

from . import application_views, environment_views, namespace_views, views

_PROJECT = "projects/<slug:project>/"
_ENVIRONMENT = f"{_PROJECT}environments/<slug:environment>/"
_TARGET = f"{_ENVIRONMENT}targets/<slug:target>/"
_POLICY = f"{_TARGET}namespace/<slug:kind>/<str:name>/"
_APPLICATION = f"{_PROJECT}apps/<slug:application>/"

urlpatterns = [
    path("projects/", views.projects, name="projects"),
    path("projects/-/new/", views.create_project, name="project-create"),
    path(f"{_PROJECT}settings/", views.settings, name="project-settings"),
    path(f"{_PROJECT}archive/", views.archive, name="project-archive"),
    path(f"{_PROJECT}members/", views.members, name="project-members"),
    path(f"{_PROJECT}members/<str:username>/remove/", views.remove_member, name="project-member-remove"),
    path(f"{_PROJECT}environments/", environment_views.environments, name="environments"),
    path(f"{_PROJECT}environments/-/new/", environment_views.create_environment, name="environment-create"),
    path(_ENVIRONMENT, environment_views.environment, name="environment-detail"),
    path(f"{_ENVIRONMENT}delete/", environment_views.delete_environment, name="environment-delete"),
    path(f"{_ENVIRONMENT}targets/", environment_views.add_target, name="target-add"),
    path(f"{_TARGET}prepare/", environment_views.prepare_target, name="target-prepare"),
    path(f"{_TARGET}remove/", environment_views.remove_target, name="target-remove"),
    path(f"{_TARGET}namespace/", namespace_views.namespace, name="target-namespace"),
    path(f"{_POLICY}save/", namespace_views.save, name="target-policy-save"),
    path(f"{_POLICY}take-over/", namespace_views.take_over, name="target-policy-take-over"),
    path(f"{_POLICY}remove/", namespace_views.remove, name="target-policy-remove"),
    path(f"{_PROJECT}apps/-/new/", application_views.create_application, name="application-create"),
    path(f"{_APPLICATION}settings/", application_views.settings, name="application-settings"),
    path(f"{_APPLICATION}settings/rollouts/", application_views.rollout_rules, name="application-rollout-rules"),
    path(f"{_APPLICATION}archive/", application_views.archive, name="application-archive"),
]
