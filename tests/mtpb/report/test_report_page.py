"""The HTML report in a real browser: it opens from disk, is navigated, and stays what it is."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from mtpb.report.build import Options, write_report
from mtpb.report.config import PageLimits
from tests.mtpb.report.fixtures import Spec, family, make_run

pytest.importorskip("selenium", reason="selenium is not installed")
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys
from selenium.webdriver.support.ui import Select, WebDriverWait

from tests.mtpb.report.browser import (
    CHROMIUM,
    DRIVER,
    as_on_a_desk,
    as_on_a_phone,
    open_browser,
)

pytestmark = pytest.mark.skipif(
    not (CHROMIUM and DRIVER), reason="no chromium and chromedriver on this machine"
)
HOSTILE = "_$x$ </script><img src=x onerror=\"document.title='owned'\">"
MODEL = "codegen-4M-mono · multi-turn"


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("report")
    family(folder / "runs", problems=8)
    make_run(folder / "runs" / "hostile", Spec(model=HOSTILE, size="9M", problems=8))
    write_report(str(folder / "runs"), folder / "report", Options())
    return (folder / "report" / "index.html").as_uri()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    driver = open_browser(tmp_path_factory.mktemp("profile"))
    try:
        yield driver
    finally:
        driver.quit()


@pytest.fixture
def page(browser: Chrome, address: str) -> "Iterator[Page]":
    yield Page(browser, address)
    assert [line for line in browser.get_log("browser") if line["level"] != "INFO"] == []
    assert "owned" not in browser.title


class Page:
    """The report in the browser; waits for what it is asked for."""

    def __init__(self, browser: Chrome, address: str) -> None:
        self.browser, self._address = browser, address

    def open(self, *parts: object) -> "Page":
        self.browser.get("about:blank")
        place = "/".join(quote(str(part), safe="") for part in parts)
        self.browser.get(f"{self._address}#/{place}")
        return self

    def all(self, css: str) -> list[str]:
        return [element.text for element in self.browser.find_elements(By.CSS_SELECTOR, css)]

    def one(self, css: str) -> str:
        element = WebDriverWait(self.browser, 20, 0.05).until(
            lambda browser: browser.find_element(By.CSS_SELECTOR, css)
        )
        WebDriverWait(self.browser, 20, 0.05).until(lambda _: element.is_displayed())
        return element.text

    def click(self, css: str) -> None:
        self.one(css)
        self.browser.find_element(By.CSS_SELECTOR, css).click()

    def press(self, *keys: str) -> None:
        self.browser.find_element(By.TAG_NAME, "body").send_keys(*keys)

    def title(self, wanted: str) -> None:
        WebDriverWait(self.browser, 20, 0.05).until(lambda browser: wanted in browser.title)


def test_overview_has_every_table_and_figure(page: Page) -> None:
    page.open("overview")
    assert page.one("#overview h1") == "Report"
    assert len(page.all("#overview figure svg")) == 5
    assert any("multi-turn against single-turn" in title for title in page.all("h3"))


def test_problems_are_filtered_and_sorted(page: Page) -> None:
    page.open("problems").one("table.problems")
    Select(page.browser.find_element(By.NAME, "category")).select_by_visible_text("string")
    assert page.all("#page tbody td:first-child") == ["2", "7"]
    page.click("th button[title='Sort by id']")
    assert page.all("#page tbody td:first-child") == ["7", "2"]
    assert "category=string" in page.browser.current_url
    Select(page.browser.find_element(By.NAME, "status")).select_by_visible_text("sandbox error")
    assert page.all("#page tbody td:first-child") == []
    page.click(".empty button")
    assert len(page.all("#page tbody tr")) == 8


def test_a_sample_is_reached_by_keyboard(page: Page) -> None:
    page.open("problems").one("table.problems")
    page.press("j", "j", Keys.ENTER)
    page.title("2 · ")
    page.click(".matrix a.sq")
    page.one(".conversation")
    first = page.browser.current_url
    page.press("n")
    WebDriverWait(page.browser, 20, 0.05).until(lambda browser: browser.current_url != first)
    assert page.browser.current_url.endswith("/0/1")
    page.press("u")
    page.one(".matrix")


def test_search_takes_letters_that_are_shortcuts_elsewhere(page: Page) -> None:
    page.open("problems").one("table.problems")
    page.press("/")
    page.browser.switch_to.active_element.send_keys("3</b>")
    assert page.all("#page tbody td:first-child") == ["4"]


def test_a_deep_link_opens_a_conversation(page: Page) -> None:
    page.open("sample", "toy", 2, MODEL, 1, 3).one(".outcome")
    assert len(page.all("article.turn")) == 4
    assert page.one("article.turn .prompt") == "Do step 0 with {a} & <1>."
    assert "[1, 2, {'a': '</script>'}]" in page.one(".outcome")
    assert page.all("pre .k")  # coloured


def test_the_failing_line_is_marked_where_the_verdict_says(page: Page) -> None:
    page.open("problem", "toy", 1).one(".matrix")
    page.click("a.sq.exception")
    page.one("article.failed .failing")
    assert page.one(".why") == "NameError: name 'total' is not defined"


def test_two_models_are_compared_side_by_side(page: Page) -> None:
    page.open("compare", "toy", 2, MODEL, "codegen-1M-nl · multi-turn", 0, 1).one(".sides")
    assert len(page.all(".side .outcome")) == 2
    page.press("n")
    WebDriverWait(page.browser, 20, 0.05).until(
        lambda browser: browser.current_url.endswith("/0/2")
    )


def test_hostile_completions_stay_text(page: Page) -> None:
    """Every conversation of the report is shown; the fixture looks for errors and effects."""
    for problem in range(1, 9):
        for sample in range(2):
            page.open("sample", "toy", problem, MODEL, 0, sample).one(".conversation")
            assert page.all("main script, main img, main iframe") == []


def test_hostile_names_stay_text_in_tables_and_figures(page: Page) -> None:
    page.open("overview").one("h1")
    assert any(HOSTILE in cell for cell in page.all("#overview td"))
    assert page.all("#overview img, #overview script") == []
    page.open("sample", "toy", 1, f"{HOSTILE} · multi-turn", 0, 0).one(".conversation")


def test_samples_beyond_the_limit_are_counted_but_not_linked(
    browser: Chrome, tmp_path: Path
) -> None:
    make_run(tmp_path / "run", Spec(problems=2, cases=2, n=3))
    made = write_report(str(tmp_path / "run"), tmp_path, Options(limits=PageLimits(samples=6)))
    page = Page(browser, (tmp_path / "index.html").as_uri())
    page.open("overview").one("h1")
    assert made.omission in page.all("#overview > p")
    page.open("problem", "toy", 1).one(".matrix")
    linked = [a.get_attribute("href")[-3:] for a in browser.find_elements(By.CSS_SELECTOR, "a.sq")]
    assert linked == ["0/0", "0/1", "1/0"]
    assert len(page.all(".matrix .sq")) == 6
    page.click("a.sq")
    page.one(".conversation")


def test_theme_is_switched_by_key(page: Page) -> None:
    page.open("overview").one("h1")
    colours = set()
    for _ in range(2):
        page.press("t")
        body = page.browser.find_element(By.TAG_NAME, "body")
        colours.add(body.value_of_css_property("background-color"))
    assert len(colours) == 2


def test_help_opens_and_closes(page: Page) -> None:
    page.open("overview").one("h1")
    page.press("?")
    assert "Keyboard" in page.one("dialog")
    page.click("dialog button")
    assert not page.browser.find_element(By.TAG_NAME, "dialog").is_displayed()


def test_a_link_to_what_is_not_there_says_so(page: Page) -> None:
    page.open("sample", "toy", 99, MODEL, 0, 0)
    assert page.one("#page h1") == "Not found"
    assert "problem 99" in page.one("#page p")


def test_a_phone_needs_no_sideways_scrolling(page: Page) -> None:
    as_on_a_phone(page.browser)
    try:
        for place, shown in (
            ("overview", "h1"),
            ("problems", ".bar"),
            ("problem/toy/2", ".matrix"),
        ):
            page.open(*place.split("/")).one(shown)
            width = page.browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= 390, place
    finally:
        as_on_a_desk(page.browser)
