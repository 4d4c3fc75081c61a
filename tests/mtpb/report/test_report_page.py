"""The HTML report in a real browser: it opens from disk, is navigated, and stays what it is."""

import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import numpy as np
import pytest

from mtpb.config.report import PageLimits
from mtpb.report.build import Options, write_report
from mtpb.report.page.content import Report
from mtpb.view.pages import page as live_page
from mtpb.view.pages import stamp
from mtpb.view.server import LivePage, PageServer
from tests.mtpb.report.fixtures import Spec, family, make_run, with_identity

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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    family(folder / "runs", problems=8)
    make_run(folder / "runs" / "hostile", Spec(model=HOSTILE, size="9M", problems=8))
    chosen = {"benchmark__problems": ["1", "2"]}
    with_identity(make_run(folder / "runs" / "part", Spec(benchmark="other", problems=2)), **chosen)
    return folder


@pytest.fixture(scope="module")
def made(folder: Path) -> Report:
    return write_report(str(folder / "runs"), folder / "report", Options())


@pytest.fixture(scope="module")
def address(folder: Path, made: Report) -> str:
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

    def texts(self, css: str) -> list[str]:
        """The texts of elements, seen or not; faster than `all`."""
        script = "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)"
        found: list[str] = self.browser.execute_script(script, css)
        return found

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


def test_every_table_and_figure_has_its_link_which_shows_it(page: Page, made: Report) -> None:
    page.open("overview")
    assert page.one("#overview h1") == "Report"
    named = [f"figure-{figure.name}" for figure in made.figures]
    names = [*named, *(table.name for table in made.tables)]
    missed = page.browser.execute_script(
        """return arguments[0].filter((name) => {
          history.replaceState(null, "", `#/overview/${name}`);
          route();
          const at = document.getElementById(`at-${name}`);
          const content = at && at.querySelector("svg, table").getBoundingClientRect();
          const link = at && at.querySelector(`a[href="#/overview/${name}"]`);
          return !link || !content.height || content.top < 0 || content.top > innerHeight;
        })""",
        names,
    )
    assert missed == []


def test_the_leaderboard_leads_and_parts_of_suites_are_folded(page: Page) -> None:
    page.open("overview").one("h1")
    assert page.all("#overview h2")[:2] == ["Leaderboard", "Runs"]
    shown = page.browser.find_elements(By.CSS_SELECTOR, "#at-leaderboard td")
    folded = page.browser.find_elements(By.CSS_SELECTOR, "#at-leaderboard-parts td, #at-other td")
    assert all(cell.is_displayed() for cell in shown)
    assert folded
    assert not any(cell.is_displayed() for cell in folded)


def test_every_run_has_its_settings(page: Page, made: Report) -> None:
    page.open("overview").one("#at-runs")
    links = page.browser.find_elements(By.CSS_SELECTOR, "#at-runs td a")
    addresses = [link.get_attribute("href") for link in links]
    assert len(addresses) == len(made.runs)
    for address, run in zip(addresses[:3], made.runs, strict=False):
        page.browser.get(address)
        page.title(Path(run.source).name)
        assert str(run.manifest.identity["model.weights_sha256"]) in page.all("#page dd")


def test_samples_are_filtered_by_the_findings_that_occur(page: Page, made: Report) -> None:
    """The options of the filter are those findings, with their counts."""
    suite = next(suite for suite in made.suites if suite.label == "toy")
    counts = Counter(
        v.status.value for r in suite.runs if r.directory for v in r.directory.verdicts()
    )
    page.open("samples").one("table.samples")
    options = dict(option.rsplit(" ", 1) for option in page.texts("[name=status] option")[1:])
    failed = sum(count for status, count in counts.items() if status != "passed")
    expected = {status.replace("_", " "): f"({count})" for status, count in counts.items()}
    assert options == {"failed": f"({failed})", **expected}
    choice = Select(page.browser.find_element(By.NAME, "status"))
    choice.select_by_visible_text(f"timeout {options['timeout']}")
    assert {one.split()[-1] for one in page.texts("td[data-label=finding]")} == {"timeout"}
    assert page.one(".bar [role=status]") == f"{counts['timeout']} samples"
    assert "status=timeout" in page.browser.current_url


def test_samples_are_filtered_by_the_turn_that_fails(page: Page) -> None:
    page.open("samples").one("table.samples")
    choice = Select(page.browser.find_element(By.NAME, "turn"))
    choice.select_by_value("2")
    assert set(page.all("td[data-label='fails in turn']")) == {"2"}
    page.click("table.samples a")
    assert page.one("article.failed header").startswith("turn 2")


def test_every_sample_is_reached_by_its_link(page: Page, made: Report) -> None:
    """And is, as data, the line of the run directory."""
    suite = next(suite for suite in made.suites if suite.label == "functions")
    run = suite.runs[0]
    assert run.directory is not None
    records = list(run.directory.samples())
    label = f"{run.model} · T={run.temperature}"
    for sample in records[:: len(records) // 3]:
        page.open("sample", suite.name, sample.problem, label, sample.case, sample.sample)
        page.one(".conversation")
        page.click("details.raw summary")
        shown = json.loads(page.one("details.raw code"))["sample"]
        assert shown == json.loads(sample.to_json())


def test_the_heat_map_has_the_hardest_and_the_most_disputed_first(page: Page) -> None:
    def rates() -> list[list[float]]:
        cells = [float(cell) for cell in page.texts("table.map td.heat")]
        return [cells[at : at + columns] for at in range(0, len(cells), columns)]

    page.open("map").one("table.map")
    columns = len(page.texts("table.map thead th")) - 2
    means = [np.mean(row) for row in rates()]
    assert means == pytest.approx(sorted(means), abs=1)
    Select(page.browser.find_element(By.NAME, "order")).select_by_value("disputed")
    spreads = [np.std(row) for row in rates()]
    assert spreads == pytest.approx(sorted(spreads, reverse=True), abs=1)


def test_tables_and_figures_are_saved_as_files(
    browser: Chrome, address: str, made: Report, tmp_path: Path
) -> None:
    where = {"behavior": "allow", "downloadPath": str(tmp_path)}
    browser.execute_cdp_cmd("Browser.setDownloadBehavior", where)
    page = Page(browser, address).open("overview", "leaderboard")
    page.click("#at-leaderboard .tools button:last-of-type")
    page.click("#at-figure-leaderboard .tools button")
    table, drawing = tmp_path / "leaderboard.csv", tmp_path / "leaderboard.svg"
    WebDriverWait(browser, 20, 0.05).until(lambda _: table.exists() and drawing.exists())
    assert table.read_text() == made.tables[0].csv()
    assert ElementTree.parse(drawing).getroot().tag.endswith("svg")


def test_what_is_typed_is_found(page: Page) -> None:
    page.open("overview").one("h1")
    page.press("/")
    page.browser.switch_to.active_element.send_keys("by category")
    WebDriverWait(page.browser, 20, 0.05).until(lambda _: page.all("#found li"))
    assert all("category" in one for one in page.all("#found li"))
    page.browser.switch_to.active_element.send_keys(Keys.ENTER)
    WebDriverWait(page.browser, 20, 0.05).until(lambda b: "by-category" in b.current_url)


def test_the_page_asks_nothing_of_other_machines(folder: Path, made: Report) -> None:
    """It names no other address but XML's namespaces, and its policy allows no connection."""
    text = (folder / "report" / "index.html").read_text()
    own = re.sub(r'<script type="text/plain".*?</script>', "", text, flags=re.DOTALL)
    named = set(re.findall(r"(?:https?:)?//[\w.-]+\.\w+", own))
    assert named <= {"http://www.w3.org", "http://purl.org", "http://creativecommons.org"}
    assert "default-src 'none'" in text
    assert "connect-src" not in text


def test_problems_are_filtered_and_sorted(page: Page) -> None:
    page.open("problems").one("table.problems")
    Select(page.browser.find_element(By.NAME, "category")).select_by_visible_text("string")
    assert page.all("#page tbody td:first-child") == ["2", "7"]
    page.click("th button[title='Sort by id']")
    assert page.all("#page tbody td:first-child") == ["7", "2"]
    assert "category=string" in page.browser.current_url
    page.press("/")
    page.browser.switch_to.active_element.send_keys("no such problem")
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
    assert any(HOSTILE in cell for cell in page.texts("#overview td"))
    assert page.all("#overview img, #overview script") == []
    page.open("sample", "toy", 1, f"{HOSTILE} · multi-turn", 0, 0).one(".conversation")


def test_samples_beyond_the_limit_are_counted_but_not_linked(
    browser: Chrome, tmp_path: Path
) -> None:
    make_run(tmp_path / "run", Spec(problems=2, cases=2, n=3))
    made = write_report(str(tmp_path / "run"), tmp_path, Options(limits=PageLimits(samples=6)))
    page = Page(browser, (tmp_path / "index.html").as_uri())
    page.open("overview").one("h1")
    assert made.omission in page.all("#overview .omission")
    page.open("problem", "toy", 1).one(".matrix")
    linked = [a.get_attribute("href")[-3:] for a in browser.find_elements(By.CSS_SELECTOR, "a.sq")]
    assert linked == ["0/0", "0/1", "1/0"]
    assert len(page.all(".matrix .sq")) == 6
    page.click("a.sq")
    page.one(".conversation")


def test_a_live_page_shows_what_has_come(browser: Chrome, tmp_path: Path) -> None:
    """And leaves open what was opened."""
    run = make_run(tmp_path / "run", Spec(problems=2, n=2))
    lines = (run / "verdicts.jsonl").read_text().splitlines(keepends=True)
    (run / "verdicts.jsonl").write_text("".join(lines[:4]))
    options = Options(figures=False, partial=True)
    live = LivePage(
        lambda: stamp(str(run)),
        lambda state: live_page(str(run), options, state),
        clock=lambda: 0.0,  # no page is kept for a while
    )
    with PageServer(live, 0) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            page = Page(browser, server.address).open("overview", "toy-failures")
            assert "4 judged samples" in page.one("#overview .muted")
            (run / "verdicts.jsonl").write_text("".join(lines))
            WebDriverWait(browser, 20, 0.05).until(
                lambda _: "8 judged samples" in "".join(page.texts("#overview .muted"))
            )
            assert page.one("#at-toy-failures table")
            page.open("samples").one("table.samples")
            assert page.one(".bar [role=status]") == "8 samples"
        finally:
            browser.get("about:blank")  # otherwise it goes on asking, and logs that nobody answers
            server.shutdown()
            thread.join()


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
            ("problems", "#page .bar"),
            ("problem/toy/2", ".matrix"),
            ("samples", "table.samples"),
            ("map", "table.map"),
        ):
            page.open(*place.split("/")).one(shown)
            width = page.browser.execute_script("return document.documentElement.scrollWidth")
            assert width <= 390, place
    finally:
        as_on_a_desk(page.browser)
