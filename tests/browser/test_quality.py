"""What holds on every page: nothing to object to for axe, nothing heavy, nothing that moves, nothing that runs."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from modelshelf.connect import connect
from modelshelf.domain.artifacts import FileEntry
from modelshelf.domain.tracking import MetricPoint
from servers import Server

PAGES = {
    "models": "/models?tag=team%3Dgrowth&col=aliases&col=tags&col=serving",
    "no model fits": "/models?q=nothing+like+it",
    "a fault in a filter": "/models?q=naem+%3D+1",
    "a model": "/models/churn",
    "an empty model": "/models/without%20versions",
    "a past model": "/models/churn?at=2100-01-01",
    "its history": "/models/churn/timeline",
    "a version": "/models/churn/versions/3",
    "a text": "/models/churn/versions/3/files/show?path=requirements.txt",
    "a picture": "/models/churn/versions/3/files/show?path=plots%2Froc.png",
    "a comparison": "/compare?of=models%2Fchurn%2F1&of=models%2Fchurn%2F2",
    "nothing to compare": "/compare",
    "experiments": "/experiments",
    "an experiment": "/experiments/11",
    "a promotion": "/models/churn/promote?version=3",
    "a confirmation": "/models/churn/promote?version=3&to=%40production",
    "a description": "/models/churn/describe",
    "a tag": "/models/churn/tag",
    "a deletion": "/models/churn/delete",
    "nothing": "/models/not-here",
}
HEAVIEST_BYTES = 150_000
LATEST_PAINT_MS = 600
_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
_RULES = {"runOnly": _TAGS, "resultTypes": ["violations"], "rules": {"target-size": {"enabled": True}}}
_COLOURS = {"runOnly": ["color-contrast"], "resultTypes": ["violations"]}
"""In the dark all but the colours is as it was."""

_SETTLED = """() => new Promise((done) => {
  const { seen } = window;
  const look = () => (seen.paint > 0 ? done([seen.paint, seen.shift]) : requestAnimationFrame(look));
  setTimeout(look, 100);
})"""
PAYLOADS = [
    "<script>window.ran=1</script>",
    "<img src=x onerror=window.ran=1>",
    "<svg onload=window.ran=1>",
    "<svg><script>window.ran=1</script></svg>",
    '"><script>window.ran=1</script>',
    "'><img src=x onerror=window.ran=1>",
    '" onmouseover="window.ran=1" autofocus onfocus="window.ran=1',
    "' onfocus='window.ran=1' autofocus '",
    "</title><script>window.ran=1</script>",
    "</textarea><script>window.ran=1</script>",
    "</style><script>window.ran=1</script>",
    "</script><script>window.ran=1</script>",
    "<!--<script>window.ran=1</script>-->",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<iframe src=javascript:parent.ran=1></iframe>",
    "<a href=javascript:window.ran=1>click</a>",
    "[click](javascript:window.ran=1)",
    "[click](data:text/html;base64,PHNjcmlwdD53aW5kb3cucmFuPTE8L3NjcmlwdD4=)",
    '![x](x"onerror=window.ran=1)',
    "<details open ontoggle=window.ran=1>",
    "<math><mtext></mtext><mglyph><style><img src=x onerror=window.ran=1></style></mglyph></math>",
    "<body onload=window.ran=1>",
    "<input autofocus onfocus=window.ran=1>",
    "<video><source onerror=window.ran=1></video>",
    "<meta http-equiv=refresh content='0;url=javascript:window.ran=1'>",
    "<base href=//example.com>",
    "<form action=javascript:window.ran=1><button>x</button></form>",
    "{{ 7 * 7 }}{% raw %}",
    "${window.ran=1}",
    "&lt;script&gt;window.ran=1&lt;/script&gt;",
    "\u202e<script>window.ran=1</script>",
]


@pytest.mark.parametrize("place", PAGES.values(), ids=PAGES.keys())
def test_axe_finds_nothing_in_light_and_dark(page: Page, place: str) -> None:
    page.goto(place)
    page.locator("html.scripted").wait_for(state="attached")

    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    light = Axe().run(page, options=_RULES).response["violations"]
    page.emulate_media(color_scheme="dark", reduced_motion="reduce")
    dark = Axe().run(page, options=_COLOURS).response["violations"]

    assert [(each["id"], node["html"][:200]) for each in [*light, *dark] for node in each["nodes"][:3]] == []


@pytest.mark.parametrize("place", ["/models", "/models/giant", "/models/churn", "/models/churn/versions/3"])
def test_a_page_is_light_is_painted_at_once_and_stays_where_it_is(page: Page, place: str) -> None:
    page.goto(place)

    sizes = _sizes(page, place)
    paint, shift = page.evaluate(_SETTLED)

    assert 10_000 < sum(sizes.values()) < HEAVIEST_BYTES, sizes
    assert 0 < paint < LATEST_PAINT_MS
    assert shift == 0


def _sizes(page: Page, place: str) -> dict[str, int]:
    """What a browser that knows nothing yet loads for a page, as it comes over the wire."""
    sizes: dict[str, int] = {}
    session = page.context.new_cdp_session(page)
    session.send("Network.enable")
    session.send("Network.setCacheDisabled", {"cacheDisabled": True})
    urls: dict[str, str] = {}
    session.on("Network.responseReceived", lambda got: urls.update({got["requestId"]: got["response"]["url"]}))
    session.on(
        "Network.loadingFinished",
        lambda got: sizes.update({urls.get(got["requestId"], got["requestId"]): int(got["encodedDataLength"])}),
    )
    page.goto(place)
    page.locator("html.scripted").wait_for(state="attached")
    return sizes


def test_markup_in_names_and_texts_is_shown_as_text(page: Page, server: Server) -> None:
    run_id = _write_payloads(server)
    places = [
        "/models?q=tags.hostile+%3D+%27yes%27&col=tags&col=description&col=aliases&col=created_by",
        "/models/hostile?col=description&col=tags&col=params.p0&col=run",
        "/models/hostile/versions/1",
        f"/runs/{run_id}",
        "/experiments/11?col=params.p0&col=params.p1",
        "/models/hostile/untag?key=t0",
        "/models/hostile/describe",
        "/compare?of=models%2Fhostile%2F1&of=models%2Fhostile%2F2",
        "/models?q=%3Cscript%3Ewindow.ran%3D1%3C%2Fscript%3E",
        "/models/%3Cscript%3Ewindow.ran=1%3C%2Fscript%3E",
        "/signin?next=%22%3E%3Cscript%3Ewindow.ran%3D1%3C%2Fscript%3E",
    ]

    shown = ""
    for place in places:
        page.goto(place)
        assert page.evaluate("window.ran") is None, place
        assert (
            page.locator("main script, main iframe, main form[action^=javascript], a[href^='javascript:' i]").count()
            == 0
        )
        assert page.locator("[onerror], [onload], [onfocus], [onmouseover], [ontoggle]").count() == 0
        shown += page.inner_text("main")

    assert [each for each in PAYLOADS[:9] if each not in shown] == []
    assert "{{ 7 * 7 }}" in shown


def _write_payloads(server: Server) -> str:
    uri = f"sqlite:///{server.log.parent.parent / 'shelf.db'}"
    with connect(uri) as registry:
        catalog, tracking = registry.catalog, registry.tracking
        tags = {f"t{place}": payload for place, payload in enumerate(PAYLOADS)}
        catalog.create_model("hostile", description="\n\n".join(PAYLOADS), tags=tags)
        for payload in PAYLOADS:
            name = payload.replace("/", "\u2215").replace(":", "\ua789")
            catalog.create_model(name, description=payload, tags={"hostile": "yes"})
        run = tracking.start_run("11", name=PAYLOADS[0], tags={"note": PAYLOADS[1]})
        params = {f"p{place}": payload for place, payload in enumerate(PAYLOADS)}
        tracking.log_batch(
            run.id, params=params, metrics=[MetricPoint("a.b/c d", 1.0, 1), MetricPoint("a.b/c d", 2.0, 2, 1)]
        )
        blob = registry.artifacts.upload([PAYLOADS[0].encode()])
        names = [payload.replace("/", "_").replace("\\", "_").replace("\u202e", "") for payload in PAYLOADS]
        registry.artifacts.put(
            f"{run.artifact_root}/model", [FileEntry(each, blob.digest, blob.size) for each in names]
        )
        for payload in PAYLOADS[:2]:
            catalog.create_version(
                "hostile", source=f"runs:/{run.id}/model", run_id=run.id, description=payload, tags=tags
            )
        registry.governance.promote("hostile", 1, alias="production", reason=PAYLOADS[2])
    return run.id


def test_files_never_become_pages(page: Page, server: Server) -> None:
    answer = server.ask("GET", "/models/churn/versions/3/files?path=plots%2Froc.png")

    assert answer.headers["content-disposition"].startswith("attachment")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert answer.headers["x-content-type-options"] == "nosniff"
    page.goto("/models/churn/versions/3/files/show?path=plots%2Froc.png")
    assert page.evaluate("document.querySelector('.picture').naturalWidth") == 1


def test_every_answer_carries_the_policy(server: Server) -> None:
    for place in ("/models", "/models/not-here", "/models?q=(", "/signin", "/static/x/shelf.js", "/static/x/none"):
        headers = server.ask("GET", place).headers

        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self'; style-src 'self'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"


def test_pages_fit_on_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 320, "height": 640})

    for place in PAGES.values():
        page.goto(place)
        expect(page.locator("main")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), place
