"""The story as people click it: from an empty console to a version on two clusters, and the way back from a bad one."""

from __future__ import annotations

import re
from pathlib import Path

import httpx2
import pytest
from playwright.sync_api import Page, expect

from .conftest import Cast
from .person import Person

pytestmark = [pytest.mark.timeout(180), pytest.mark.xdist_group("browser")]

PASSWORDS = {"dana": "a-long-password-1", "amir": "a-long-password-2"}
SECRET = "planted-secret-value-31ac"
APP = "/projects/demo/apps/storefront"
LONG = 60_000  # a build or a rollout, on a busy machine


def ask(cast: Cast, cluster: str, path: str = "/") -> dict[str, object]:
    """Ask the released application through a cluster's Ingress, as a stranger would."""
    host = f"storefront-demo-production.{cluster}.sandbox.test"
    address = cast.slipway.sandbox.endpoints[cluster]["ingress"]
    answer = httpx2.get(address + path, headers={"Host": host}, timeout=10)
    assert answer.status_code == 200, answer.text
    found: dict[str, object] = answer.json()
    return found


def main(page: Page) -> str:
    """Return all that is to read on the page."""
    return page.get_by_role("main").inner_text()


# --- The administrator puts everything in place ------------------------------------------------------------------


def test_administrator_signs_in_and_is_told_how_to_begin(chapter: Cast) -> None:
    admin = chapter.admin
    admin.page.goto("/clusters/")
    expect(admin.page.get_by_text("Sign in to go on to the page you asked for.")).to_be_visible()
    admin.page.get_by_label("Password").fill("wrong")
    admin.page.get_by_label("Sign-in name").fill("admin")
    admin.click("Sign in")
    expect(admin.page.get_by_role("alert")).to_be_visible()
    admin.sign_in(chapter.slipway.username, chapter.slipway.password)
    expect(admin.page.get_by_role("heading", name="Nothing was released yet")).to_be_visible()


@pytest.mark.parametrize("kind", ["gitlab", "jenkins", "harbor"])
def test_administrator_connects_the_systems(chapter: Cast, kind: str) -> None:
    admin, found = chapter.admin, chapter.slipway.sandbox.endpoints[kind]
    name = {"gitlab": "GitLab", "jenkins": "Jenkins", "harbor": "Harbor"}[kind]
    admin.page.goto("/")
    admin.follow("Connections")
    admin.page.locator("summary", has_text="Add connection").click()
    admin.page.locator(".menu-panel").get_by_role("link", name=name).click()
    admin.fill(name=name, slug=kind, url=found["url"], ca_certificate=chapter.slipway.sandbox.ca_pem)
    if kind != "gitlab":
        admin.fill(username=found["username"])
    if kind == "harbor":
        admin.fill(option=found["registry"])
    admin.fill(secret="not-the-credential")
    admin.click("Try and save")
    expect(admin.page.locator(".field-error, .callout.tone-red").first).to_be_visible()
    expect(admin.page.locator("main [name=url]")).to_have_value(found["url"])
    admin.fill(secret=found["password"] if kind == "harbor" else found["token"])
    admin.click("Try and save")
    row = admin.page.get_by_role("row").filter(has_text=name)
    expect(row).to_contain_text("Works")


def test_administrator_adds_clusters(chapter: Cast) -> None:
    admin, endpoints = chapter.admin, chapter.slipway.sandbox.endpoints
    admin.follow("Clusters")
    admin.page.get_by_role("link", name="Add cluster").first.click()
    expect(admin.page.get_by_text("kind: ClusterRole").first).to_be_attached()
    admin.fill(
        name="North",
        slug="north",
        kubeconfig="users: [{name: me, user: {exec: {command: rm}}}]",
        ingress_address=endpoints["north"]["ingress"],
        ingress_domain="north.sandbox.test",
    )
    admin.click("Try and add")
    expect(admin.page.locator(".field-error").first).to_be_visible()
    admin.fill(kubeconfig=Path(endpoints["north"]["kubeconfig"]).read_text())
    admin.click("Try and add")
    expect(admin.page.get_by_role("heading", level=1)).to_contain_text("North")
    south = endpoints["south"]
    chapter.slipway.api(
        "POST",
        "clusters/",
        {
            "slug": "south",
            "name": "South",
            "kubeconfig": Path(south["kubeconfig"]).read_text(),
            "ingress_address": south["ingress"],
            "ingress_domain": "south.sandbox.test",
        },
    )
    admin.follow("Clusters")
    expect(admin.page.get_by_role("row").filter(has_text="South")).to_be_visible()


def test_administrator_approves_base_images(chapter: Cast) -> None:
    admin = chapter.admin
    admin.follow("Base images")
    expect(admin.page.get_by_role("heading", name="No base image is approved yet")).to_be_visible()
    images = (("clone", "base/clone:1", ""), ("compile", "base/python-compile:3.11", "python"))
    for stage, reference, language in (*images, ("run", "base/python-run:3.11", "python")):
        admin.page.locator("main [name=stage]").select_option(stage)
        admin.page.locator("main [name=language]").select_option(language)
        admin.fill(reference=reference, init_path="/opt/slipway/my_init" if stage == "run" else "")
        admin.click("Approve the image")
        expect(admin.page.get_by_role("row").filter(has_text=reference)).to_contain_text("Approved")


def test_administrator_adds_people(chapter: Cast) -> None:
    admin = chapter.admin
    for username, name in (("dana", "Dana Developer"), ("amir", "Amir Approver")):
        admin.follow("People")
        admin.follow("Add person")
        admin.fill(username=username, display_name=name, password=PASSWORDS[username])
        admin.click("Add person")
        expect(admin.page.get_by_role("row").filter(has_text=name)).to_contain_text("Active")


def test_administrator_makes_the_project(chapter: Cast) -> None:
    admin = chapter.admin
    admin.page.goto("/projects/")
    admin.page.get_by_role("link", name="New project").first.click()
    admin.fill(name="Demo", slug="demo", description="The shop")
    admin.click("Create project")
    expect(admin.page.get_by_role("heading", level=1)).to_contain_text("Demo")
    admin.follow("Environments")
    admin.follow("Production")
    for cluster in ("north", "south"):
        if cluster == "south":
            admin.page.locator("summary", has_text="Add target").click()
        admin.page.locator("main [name=cluster]").select_option(cluster)
        admin.fill(slug=cluster, namespace="demo-production")
        admin.click("Add target")
        expect(admin.page.get_by_role("row").filter(has_text=cluster.capitalize())).to_contain_text("demo-production")
    admin.page.get_by_label("Approvals needed").fill("1")
    admin.click("Save policy")
    expect(admin.page.get_by_label("Approvals needed")).to_have_value("1")
    admin.follow("Members")
    for username, role in (("dana", "developer"), ("amir", "approver")):
        admin.page.get_by_label("Sign-in name").fill(username)
        admin.page.get_by_label("Role", exact=True).select_option(role)
        admin.click("Add member")
        expect(admin.page.get_by_role("row").filter(has_text=username)).to_be_visible()


def test_administrator_makes_the_application(chapter: Cast) -> None:
    admin = chapter.admin
    admin.page.goto("/projects/demo/")
    admin.page.get_by_role("link", name="New application").first.click()
    admin.fill(name="Storefront", slug="storefront")
    admin.page.get_by_label("Repository").press_sequentially("store")
    expect(admin.page.locator("datalist option[value='demo/storefront']")).to_be_attached()
    admin.page.get_by_label("Repository").fill("demo/storefront")
    admin.page.get_by_label("Branch").fill("")
    expect(admin.page.locator("datalist option[value='main']")).to_be_attached()
    admin.page.get_by_label("Branch").fill("main")
    admin.page.get_by_label("Language").select_option("python")
    admin.click("Create application")
    expect(admin.page.get_by_role("heading", level=1)).to_contain_text("Storefront")


# --- The developer builds and releases ----------------------------------------------------------------------------


def test_developer_saves_the_dockerfile(chapter: Cast) -> None:
    dana = chapter.dana
    dana.sign_in("dana", PASSWORDS["dana"])
    dana.page.get_by_role("link", name="Applications").click()
    dana.page.get_by_role("main").get_by_role("link", name="Storefront").first.click()
    dana.page.get_by_role("link", name="Dockerfile").first.click()
    expect(dana.page.get_by_text("this is the template for the application's language")).to_be_visible()
    expect(dana.page.locator(".editor")).to_contain_text("FROM")
    dana.page.get_by_label("Why (optional)").fill("from the template")
    dana.click("Save revision")
    expect(dana.page.get_by_role("link", name=re.compile("Revisions 1"))).to_be_visible()


def set_row(person: Person, add: str, group: str, **values: str) -> None:
    """Add a row to a list of the DeployYml form."""
    person.click(add)
    row = person.page.locator(f".deployyml-{group}.deployyml-row").last
    for column, value in values.items():
        cell = row.locator(f".cell-{column}").locator("input, textarea, select")
        if column == "secret":
            cell.select_option(value)
        else:
            cell.fill(value)


def test_developer_fills_in_the_deployyml(chapter: Cast) -> None:
    dana, page = chapter.dana, chapter.dana.page
    page.get_by_role("link", name="DeployYml").first.click()
    yaml = page.locator("#yaml")
    expect(yaml).to_contain_text("kind: Deployment")
    page.get_by_label("Memory at most").fill("lots")
    expect(yaml).to_contain_text("resources.limits.memory")
    page.get_by_label("Memory at most").fill("128Mi")
    page.get_by_label("Replicas").fill("2")
    page.get_by_label("Sleep before the signal").fill("1")
    set_row(dana, "Add a variable", "env", name="GREETING", value="Welcome")
    set_row(dana, "Add a secret", "secrets", name="DB_PASSWORD", description="of the orders database")
    set_row(dana, "Add a file", "files", path="/etc/storefront/config.json", content='{"feature": "classic"}')
    readiness = page.locator("details.deployyml-group").filter(has=page.get_by_role("heading", name="Readiness"))
    readiness.locator("summary").first.click()
    readiness.get_by_label("Asks by").select_option("http")
    readiness.get_by_label("Path").fill("/readyz")
    readiness.get_by_label("Every").fill("1")
    expect(yaml).to_contain_text("path: /readyz")
    dana.click("Save revision")
    expect(page.get_by_text("Saved as revision 1.")).to_be_visible()
    set_row(dana, "Add a variable", "env", name="DB_PASSWORD", secret="DB_PASSWORD")
    dana.click("Save revision")
    expect(page.get_by_text("Saved as revision 2.")).to_be_visible()
    dana.follow("Secret values")
    expect(page.get_by_text("DB_PASSWORD has no value")).to_be_visible()
    dana.fill(key="DB_PASSWORD", value=SECRET)
    dana.click("Set value")
    expect(page.get_by_text("DB_PASSWORD is set.")).to_be_visible()
    assert SECRET not in page.content()


def build(dana: Person, tag: str) -> int:
    """Build a tag, watch its page go live to the end, and return the build's number."""
    page = dana.page
    page.goto(f"{APP}/builds/")
    page.get_by_role("link", name="Build a commit").first.click()
    page.locator("label.choice").filter(has=page.get_by_text(tag, exact=True)).click()
    dana.click("Build the commit")
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_contain_text("Build")
    with dana.staying():
        expect(page.locator("#build-status .status, #build-status .pill").first).to_have_text("Succeeded", timeout=LONG)
        expect(page).to_have_title(re.compile("Succeeded"))
        expect(page.get_by_role("log", name="Console log")).to_contain_text("push")
    found = re.search(r"/builds/(\d+)/", page.url)
    assert found is not None
    return int(found[1])


def submit(dana: Person, build_number: int, note: str) -> int:
    """Order a release to production up to its submission, and return the order's number."""
    page = dana.page
    page.goto(f"{APP}/")
    page.get_by_role("link", name="Release a build").first.click()
    page.get_by_label("Environment").select_option("production")
    page.get_by_label("Build", exact=True).select_option(str(build_number))
    page.get_by_label("What for").fill(note)
    dana.click("Make the plan")
    expect(page.get_by_role("heading", name="Is it safe?")).to_be_visible()
    dana.click("Submit for approval")
    expect(page.locator("#release-status .row").first).to_contain_text("Waiting for approval")
    expect(page.get_by_role("button", name="Approve this plan")).to_have_count(0)
    found = re.search(r"/releases/(\d+)/", page.url)
    assert found is not None
    return int(found[1])


def approve(amir: Person, order: int) -> None:
    """Approve an order from the inbox, on a phone."""
    amir.page.goto("/approvals/")
    amir.page.get_by_role("link", name=f"Storefront · release {order}", exact=True).click()
    amir.page.get_by_label("Note").fill("looks right")
    amir.click("Approve this plan")


def deployment_of(page: Page, cluster: str) -> None:
    """Go from a release's page to its deployment on a cluster."""
    card = page.locator("section.card").filter(has=page.get_by_role("heading", name=cluster, exact=True))
    card.get_by_role("link", name=re.compile(r"^Deployment \d+$")).click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Deployment")


def test_developer_builds_the_first_version(chapter: Cast) -> None:
    assert build(chapter.dana, "v1.0.0") == 1
    expect(chapter.dana.page.get_by_text("sha256:").first).to_be_attached()


def test_approver_agrees_on_a_phone_and_the_developer_sees_it_live(chapter: Cast) -> None:
    dana, amir = chapter.dana, chapter.amir
    amir.sign_in("amir", PASSWORDS["amir"])
    order = submit(dana, 1, "the first version")
    status = dana.page.locator("#release-status .row").first
    with dana.staying():
        approve(amir, order)
        expect(dana.page.get_by_text("looks right", exact=True)).to_be_visible()
        expect(status).to_contain_text("Succeeded", timeout=LONG)
    for cluster in ("north", "south"):
        answer = ask(chapter, cluster)
        assert (answer["version"], answer["greeting"], answer["feature"]) == ("1.0.0", "Welcome", "classic")
    with amir.staying():
        expect(amir.page.locator("#release-status .row").first).to_contain_text("Succeeded", timeout=LONG)


def test_overview_says_which_version_runs_where(chapter: Cast) -> None:
    page = chapter.dana.page
    page.goto(f"{APP}/")
    row = page.get_by_role("row").filter(has=page.get_by_role("rowheader", name="Production"))
    for cluster in ("north", "south"):
        cell = row.locator(f"td[data-label={cluster}]")
        expect(cell).to_contain_text("2/2")
        expect(cell).to_contain_text("v1.0.0")


def test_configuration_alone_is_released(chapter: Cast) -> None:
    dana, page = chapter.dana, chapter.dana.page
    page.goto(f"{APP}/deployyml/")
    rows = page.locator(".deployyml-env.deployyml-row")
    greeting = rows.filter(has=page.locator("input[value=GREETING]")).locator(".cell-value textarea")
    expect(greeting).to_have_value("Welcome")
    greeting.fill("Season's greetings")
    expect(page.locator("#yaml")).to_contain_text("Against revision 2")
    dana.click("Save revision")
    expect(page.get_by_text("Saved as revision 3.")).to_be_visible()
    order = submit(dana, 1, "for the season")
    approve(chapter.amir, order)
    expect(page.locator("#release-status .row").first).to_contain_text("Succeeded", timeout=LONG)
    for cluster in ("north", "south"):
        answer = ask(chapter, cluster)
        assert (answer["version"], answer["greeting"]) == ("1.0.0", "Season's greetings")


def test_crashing_version_fails_with_its_cause_named(chapter: Cast) -> None:
    dana, page = chapter.dana, chapter.dana.page
    number = build(dana, "v3.0.0")
    order = submit(dana, number, "something with payments")
    approve(chapter.amir, order)
    expect(page.get_by_role("link", name=re.compile(r"^Deployment \d+$")).first).to_be_visible(timeout=LONG)
    deployment_of(page, "north")
    with dana.staying():
        expect(page.locator("#deployment-status .row").first).to_contain_text("Failed", timeout=LONG)
        cause = page.locator(".callout.tone-red").first
        expect(cause).to_contain_text("exit code 3")
        expect(page.get_by_role("heading", name="Last lines")).to_be_visible()
    for cluster in ("north", "south"):
        assert ask(chapter, cluster)["version"] == "1.0.0"


def test_developer_rolls_back_to_the_same_bytes(chapter: Cast) -> None:
    dana, page = chapter.dana, chapter.dana.page
    link = page.get_by_role("link", name=re.compile(r"^Roll back to #\d+$")).last
    target = re.search(r"#(\d+)", link.inner_text())
    assert target is not None
    link.click()
    expect(page.get_by_role("heading", name="What will change")).to_be_visible()
    page.wait_for_load_state("load")  # the dialog is a script's
    dana.click(f"Roll back to #{target[1]}")
    dialog = page.get_by_role("dialog")
    go = dialog.get_by_role("button", name=f"Roll back to #{target[1]}")
    expect(go).to_be_disabled()
    dialog.get_by_role("textbox").fill("storefront")
    go.click()
    with dana.staying():
        expect(page.locator("#deployment-status .row").first).to_contain_text("Succeeded", timeout=LONG)
    made = page.locator("dt:has-text('SHA-256') + dd").first.inner_text()
    page.goto(f"{APP}/deployments/{target[1]}/")
    assert page.locator("dt:has-text('SHA-256') + dd").first.inner_text() == made
    assert ask(chapter, "north")["greeting"] == "Welcome"


def test_log_is_followed_live_on_the_deployment_page(chapter: Cast) -> None:
    dana, page = chapter.dana, chapter.dana.page
    page.goto(f"{APP}/deployments/")
    page.get_by_role("row").filter(has_text="Succeeded").first.get_by_role("link", name=re.compile("^#")).first.click()
    log = page.get_by_role("log")
    with dana.staying():
        expect(log).not_to_be_empty()
        # The page follows one of two pods, and the Ingress gives each its share.
        for _ in range(4):
            ask(chapter, "north", "/secret-check")
            ask(chapter, "south", "/secret-check")
        expect(log).to_contain_text("/secret-check")


def test_leaking_version_is_reported_with_its_limit(chapter: Cast) -> None:
    dana, page = chapter.dana, chapter.dana.page
    number = build(dana, "v4.0.0")
    order = submit(dana, number, "pages rendered ahead")
    approve(chapter.amir, order)
    expect(page.get_by_role("link", name=re.compile(r"^Deployment \d+$")).first).to_be_visible(timeout=LONG)
    page.get_by_role("link", name="Pods", exact=True).click()
    with dana.staying():
        row = page.get_by_role("row").filter(has_text="OOMKilled").first
        expect(row).to_be_visible(timeout=LONG)
        expect(page.get_by_text("128Mi").first).to_be_visible(timeout=LONG)


def test_nobody_ever_read_the_secret(chapter: Cast) -> None:
    for path in ("deployyml/", "deployyml/secrets/", "deployments/1/manifests/", "releases/1/"):
        chapter.dana.page.goto(f"{APP}/{path}")
        assert SECRET not in chapter.dana.page.content()
