"""The page in a real browser, Debian's Chromium, as somebody without a mouse, on a phone, and with wrong input."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import photos
import pytest
from PIL import Image
from serving import PHRASE, Server

import isgan

CHROMIUM = Path("/usr/bin/chromium")
playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"there is no {CHROMIUM}: apt-get install chromium")


@pytest.fixture(scope="module")
def browser() -> Iterator:
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])  # tests may run as root
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """cover.png, 128 x 128, secret.png, 64 x 48, stego.png, which hides it, and notes.txt."""
    folder = tmp_path_factory.mktemp("page")
    Image.fromarray(photos.photograph()).save(folder / "cover.png")
    Image.fromarray(photos.secret(64, 48)).save(folder / "secret.png")
    (folder / "notes.txt").write_bytes(b"Meet me at noon.\n")
    isgan.hide(folder / "cover.png", folder / "secret.png", folder / "stego.png", pass_phrase=PHRASE, risk="high")
    return folder


@pytest.fixture(params=[{}])
def page(browser, server, request) -> Iterator:
    """A page whose console stayed silent and that asked for nothing from outside."""
    context = browser.new_context(**request.param)
    page = context.new_page()
    page.set_default_timeout(30_000)
    wrong: list[str] = []
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith((server.url, "blob:")) else wrong.append(asked.url))
    page.goto(server.url)
    page.locator("#model option[value=qim]").wait_for(state="attached")
    yield page
    context.close()
    # Answers that refuse something are listed by the browser by themselves.
    assert [text for text in wrong if "status of 422" not in text] == []


def choose(page, folder: Path, cover: str = "cover.png", secret: str = "secret.png") -> None:
    page.set_input_files("#cover", folder / cover)
    page.set_input_files("#secret", folder / secret)


def tab_to(page, name: str) -> None:
    """Presses Tab until the element with this id has the focus."""
    for _ in range(40):
        if page.evaluate("document.activeElement.id") == name:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"the keyboard never comes to {name}")


def test_by_keyboard_alone(page, folder) -> None:
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")  # skips to the form
    page.on("filechooser", lambda chooser: chooser.set_files(folder / f"{chooser.element.get_attribute('id')}.png"))
    for name in ("cover", "secret"):
        tab_to(page, name)
        page.keyboard.press("Enter")  # opens the dialog
        page.locator(f"#{name}-drop strong", has_text=f"{name}.png").wait_for()
    for name in ("phrase", "again"):
        tab_to(page, name)
        page.keyboard.type(PHRASE)
    tab_to(page, "risk")
    assert page.get_attribute("#risk", "aria-valuetext").startswith("Medium")
    page.keyboard.press("ArrowRight")
    page.locator("#risk-told", has_text="Easy to find").wait_for()
    assert "High: takes" in page.get_attribute("#risk", "aria-valuetext")
    page.locator("#preview-told", has_text="No eye").wait_for()
    tab_to(page, "hide-go")
    page.keyboard.press("Enter")
    page.locator("#hide-result").wait_for()
    assert page.evaluate("document.activeElement.id") == "hide-done"
    tab_to(page, "stego-save")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    assert download.value.suggested_filename == "cover.png"
    found = isgan.reveal(download.value.path(), pass_phrase=PHRASE)
    assert found.secret.name == "secret.png" and found.secret.picture.shape == (48, 64)
    assert page.input_value("#phrase") == page.input_value("#again") == ""  # kept nowhere


def test_what_one_sees(page, folder) -> None:
    choose(page, folder)
    page.locator("#fill-told", has_text="that this risk allows").wait_for()
    low = None
    for risk, words in (("0", "errs in"), ("2", "Easy to find")):
        page.fill("#risk", risk)
        page.locator("#risk-told", has_text=words).wait_for()
        page.locator("#preview:not([aria-busy])").wait_for()
        page.wait_for_timeout(400)
        page.locator("#preview:not([aria-busy])").wait_for()
        low, high = (low or page.inner_text("#fill-told")), page.inner_text("#fill-told")
    assert low != high
    page.fill("#phrase", PHRASE)
    page.click("#phrase-show")
    assert page.get_attribute("#phrase", "type") == "text" and page.is_hidden("#again")
    page.click("#hide-go")
    page.locator("#hide-result").wait_for()
    assert re.search(r"PSNR \d\d\.\d dB", page.inner_text("#hide-facts")) and "SSIM" in page.inner_text("#hide-facts")
    page.check("input[value=residual]")
    page.locator("#view-residual").wait_for()
    spread = []
    for gain in ("0", "7"):
        page.fill("#gain", gain)
        page.wait_for_timeout(300)
        spread.append(page.evaluate("[...document.getElementById('view-residual').getContext('2d').getImageData(0, 0, 64, 64).data]"))
    weak, strong = (np.array(values).reshape(-1, 4)[:, 0] for values in spread)
    assert set(weak) <= {127, 128, 129} and set(strong) == {0, 128, 255} and ((weak > 128) == (strong > 128)).all()
    assert page.evaluate("document.getElementById('view-secret').naturalWidth") == 64


def test_dropped(page, folder) -> None:
    for name, file in (("cover", "cover.png"), ("secret", "notes.txt")):
        data = list((folder / file).read_bytes())
        carried = page.evaluate_handle("""([bytes, name]) => { const carried = new DataTransfer();
            carried.items.add(new File([new Uint8Array(bytes)], name)); return carried; }""", [data, file])  # fmt: skip
        page.dispatch_event(f"#{name}-drop", "drop", {"dataTransfer": carried})
    page.locator("#cover-drop", has_text="128 \u00d7 128").wait_for()
    page.locator("#secret-drop", has_text="notes.txt").wait_for()
    page.locator("#fill-told", has_text="that this risk allows").wait_for()


def test_revealed(page, folder) -> None:
    page.focus("#tab-hide")
    page.keyboard.press("ArrowRight")
    assert page.is_visible("#panel-reveal") and page.get_attribute("#tab-reveal", "aria-selected") == "true"
    page.set_input_files("#stego", folder / "stego.png")
    page.fill("#reveal-phrase", "another one")
    page.keyboard.press("Enter")
    page.locator("#reveal-error", has_text="Nothing found for this pass phrase").wait_for()
    page.locator("#reveal-check", has_text="What the file itself shows").wait_for()
    assert page.evaluate("document.activeElement.id") == "reveal-error"
    page.fill("#reveal-phrase", PHRASE)
    page.keyboard.press("Enter")
    page.locator("#reveal-result").wait_for()
    assert page.is_hidden("#reveal-error") and "secret.png, 64 \u00d7 48" in page.inner_text("#found-told")
    with page.expect_download() as download:
        page.click("#found-save")
    assert download.value.suggested_filename == "secret.png"
    assert np.array(Image.open(download.value.path())).shape == (48, 64)


def test_a_file_that_is_no_picture(page, folder) -> None:
    choose(page, folder, secret="notes.txt")
    page.fill("#phrase", PHRASE)
    page.fill("#again", PHRASE)
    page.click("#hide-go")
    page.locator("#hide-result").wait_for()
    assert "Every byte" in page.inner_text("#hide-facts")
    with page.expect_download() as download:
        page.click("#secret-save")
    assert download.value.path().read_bytes() == b"Meet me at noon.\n"


def test_mistakes_are_told(page, folder) -> None:
    error = page.locator("#hide-error")
    page.click("#hide-go")
    assert "photograph first" in error.inner_text() and page.evaluate("document.activeElement.id") == "cover"
    choose(page, folder)
    page.click("#hide-go")
    assert "pass phrase" in error.inner_text() and page.evaluate("document.activeElement.id") == "phrase"
    page.fill("#phrase", "one")
    page.fill("#again", "two")
    page.click("#hide-go")
    assert "differ" in error.inner_text()
    page.set_input_files("#cover", folder / "notes.txt")
    page.locator("#cover-told .error", has_text="cover").wait_for()


def test_a_remedy_is_a_button(page, folder) -> None:
    Image.fromarray(photos.photograph(256)).save(folder / "was.jpg", quality=80)
    Image.open(folder / "was.jpg").save(folder / "was.png")
    page.set_input_files("#cover", folder / "was.png")
    page.locator("#cover-told .error", has_text="a single changed sample shows").wait_for()
    page.click("#cover-told button:has-text('Reduce')")
    page.locator("#risk-told", has_text="takes").wait_for()
    assert float(page.input_value("#scale")) < 0.5 and page.locator("#cover-told .error").count() == 0


def test_an_animated_cover(page, folder) -> None:
    frames = [Image.fromarray(photos.photograph(128, number)) for number in (0, 1)]
    frames[0].save(folder / "moving.png", save_all=True, append_images=frames[1:])
    page.set_input_files("#cover", folder / "moving.png")
    page.click("#cover-told button:has-text('first frame') >> nth=0")
    page.locator("#risk-told", has_text="takes").wait_for()
    page.locator("#cover-drop .chosen img").wait_for()
    assert page.locator("#cover-told .error").count() == 0


def test_a_token_is_asked_for_once(browser, tmp_path) -> None:
    (tmp_path / "token").write_text("0123456789abcdef\n")
    running = Server("--token-file", str(tmp_path / "token"))
    page = browser.new_page()
    try:
        page.goto(running.url)
        for token in ("not this one", "0123456789abcdef"):
            page.locator("#token").wait_for()
            page.fill("#token-value", token)
            page.keyboard.press("Enter")
        page.locator("#model option[value=qim]").wait_for(state="attached")
        assert page.is_hidden("#token") and page.input_value("#token-value") == ""
        assert page.url == running.url and page.evaluate("localStorage.length + document.cookie.length") == 0
    finally:
        page.close()
        running.stop()


def test_cancelled(page, folder) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (1200, 1200, 3), np.uint8)  # takes seconds
    Image.fromarray(noise).save(folder / "large.png")
    choose(page, folder, cover="large.png")
    page.locator("#risk-told", has_text="takes").wait_for()
    page.fill("#phrase", PHRASE)
    page.fill("#again", PHRASE)
    page.click("#hide-go")
    page.locator("#hide-progress").wait_for()
    page.keyboard.press("Enter")  # the button that cancels has the focus
    page.locator("#hide-error", has_text="Stopped").wait_for()
    assert page.is_hidden("#hide-progress") and page.is_hidden("#hide-result") and page.is_enabled("#hide-go")


PHONES = [{"viewport": {"width": 390, "height": 844}, "has_touch": True}, {"viewport": {"width": 320, "height": 600}}]


@pytest.mark.parametrize("page", PHONES, indirect=True)
def test_a_phone_scrolls_one_way(page, folder) -> None:
    choose(page, folder)
    page.click("#advanced summary")
    page.locator("#fill-told").wait_for()
    for tab in ("#tab-hide", "#tab-reveal"):
        page.click(tab)
        width, shown = page.evaluate("[document.documentElement.scrollWidth, document.documentElement.clientWidth]")
        assert width == shown


def test_everything_has_a_label(page) -> None:
    nameless = page.evaluate("""[...document.querySelectorAll('input, select, button, progress, canvas, img')].filter((one) => !(
        one.labels?.length || one.getAttribute('aria-label') || one.getAttribute('aria-labelledby') || one.textContent.trim()
        || one.hasAttribute('alt'))).map((one) => one.outerHTML)""")
    assert nameless == []
    missing = page.evaluate("""['aria-describedby', 'aria-controls', 'aria-labelledby', 'for'].flatMap((name) =>
        [...document.querySelectorAll(`[${name}]`)].flatMap((one) => one.getAttribute(name).split(' ')))
        .filter((id) => !document.getElementById(id))""")
    assert missing == []


@pytest.mark.parametrize("page", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True)
def test_contrast(page) -> None:
    """Text against its ground as WCAG 2 asks, 4.5 : 1, in light and dark."""

    def luminance(color: str) -> float:
        values = np.array([int(part) for part in re.findall(r"\d+", color)[:3]]) / 255
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return float(linear @ [0.2126, 0.7152, 0.0722])

    pairs = [("body", "body"), (".hint", ".card"), (".primary", ".primary"), ("output", ".card"), ("button.quiet", ".card")]
    for selector, ground in pairs:
        color, behind = page.evaluate("""([one, other]) => [getComputedStyle(document.querySelector(one)).color,
            getComputedStyle(document.querySelector(other)).backgroundColor]""", [selector, ground])  # fmt: skip
        light, dark = sorted([luminance(color), luminance(behind)], reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5, (selector, color, behind)


def test_the_first_paint_takes_no_second(page, server) -> None:
    page.goto(server.url)
    painted = page.wait_for_function("performance.getEntriesByName('first-contentful-paint')[0]")  # beside other work it comes later
    assert painted.json_value()["startTime"] < 1000


def test_the_api_is_described_without_help_from_outside(page, server) -> None:
    page.goto(f"{server.url}docs")
    page.locator("h2", has_text="POST /api/hide").wait_for()
    assert "pass_phrase" in page.inner_text("main")
