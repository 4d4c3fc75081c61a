"""A headless Chromium for tests and screenshots of the report.

    python -m tests.mtpb.report.browser REPORT/index.html FOLDER

writes screenshots of every kind of page into the folder: light, dark, and as on a phone. The
overview's are as long as the page.
"""

import base64
import shutil
import sys
import tempfile
from pathlib import Path

from selenium import webdriver
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--hide-scrollbars",
    "--window-size=1280,900",
)
PHONE = {"width": 390, "height": 844, "deviceScaleFactor": 2, "mobile": True}


def open_browser(profile: Path) -> webdriver.Chrome:
    """A browser with a profile of its own, whose console is on record."""
    options = webdriver.ChromeOptions()
    options.binary_location = CHROMIUM
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    return webdriver.Chrome(options, webdriver.ChromeService(DRIVER))


def as_on_a_phone(browser: webdriver.Chrome) -> None:
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", PHONE)


def as_on_a_desk(browser: webdriver.Chrome) -> None:
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def save_whole(browser: webdriver.Chrome, picture: Path) -> None:
    """A screenshot as long as the page."""
    asked = {"captureBeyondViewport": True, "format": "png"}
    data = browser.execute_cdp_cmd("Page.captureScreenshot", asked)["data"]
    picture.write_bytes(base64.b64decode(data))


def views(browser: webdriver.Chrome, address: str) -> dict[str, str]:
    """Addresses worth a picture, found by going there."""

    def first(css: str) -> str:
        find = WebDriverWait(browser, 30, 0.1).until
        return str(find(lambda b: b.find_element(By.CSS_SELECTOR, css)).get_attribute("href"))

    browser.get(f"{address}#/overview")
    first_run = first("#at-runs tbody a")
    browser.get(f"{address}#/problems")
    problem = first("table.problems tbody a")
    browser.get(problem)
    sample = first(".matrix a.exception, .matrix a.wrong_answer, .matrix a.sq")
    browser.get(sample)
    compared = first(".bar a.button")
    return {
        "overview": f"{address}#/overview",
        "problems": f"{address}#/problems",
        "filtered": f"{address}#/problems?status=exception&sort=name",
        "nothing": f"{address}#/problems?q=no-such-problem",
        "problem": problem,
        "sample": sample,
        "compare": compared,
        "samples": f"{address}#/samples?status=failed",
        "map": f"{address}#/map?order=disputed",
        "run": first_run,
    }


def main(report: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as profile:
        browser = open_browser(Path(profile))
        try:
            for name, address in views(browser, report.resolve().as_uri()).items():
                for look in ("light", "dark", "phone"):
                    (as_on_a_phone if look == "phone" else as_on_a_desk)(browser)
                    browser.get("about:blank")
                    browser.get(address)
                    theme = "dark" if look == "dark" else "light"
                    browser.execute_script(f"document.documentElement.dataset.theme = '{theme}'")
                    WebDriverWait(browser, 30, 0.1).until(
                        lambda b: b.find_elements(By.CSS_SELECTOR, "#page h1, #overview figure")
                    )
                    picture = folder / f"{name}-{look}.png"
                    if name == "overview":
                        save_whole(browser, picture)
                    else:
                        browser.save_screenshot(str(picture))
        finally:
            browser.quit()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
