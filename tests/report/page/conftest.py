"""A page of results whose faults are known, and a browser to open it in."""

import shutil

import pytest
from made_report import make, poisoned


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """See ``made_report.make``."""
    return make(tmp_path_factory.mktemp("page") / "answers")


@pytest.fixture(scope="session")
def page_of(tmp_path_factory):
    """A function that writes a page and gives its address."""
    folder = tmp_path_factory.mktemp("pages")

    def write(name, html):
        (folder / name).write_text(html, encoding="utf-8")
        return (folder / name).as_uri()

    return write


@pytest.fixture(scope="session")
def report(made, page_of):
    """Address of the page of ``made``."""
    return page_of("report.html", made.page())


@pytest.fixture(scope="session")
def hostile(made, page_of):
    """Address of a page in which models, scans, plugins and files have names that try to be more than text."""
    return page_of("hostile.html", poisoned(made).page())


@pytest.fixture(scope="session")
def chromium():
    """A browser without a window; one for all tests."""
    binary = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    driver = shutil.which("chromedriver")
    if binary is None or driver is None:
        pytest.skip("no Chromium with its driver here; install chromium and chromium-driver")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    from selenium.webdriver.chrome.service import Service

    options = webdriver.ChromeOptions()
    options.binary_location = binary
    for flag in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--enable-unsafe-swiftshader"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    browser = webdriver.Chrome(options=options, service=Service(driver))
    yield browser
    browser.quit()


@pytest.fixture
def opened(chromium):
    """A function that opens a page at a view, at a width; afterwards the console must hold no error."""

    def open_(address, view="#/", width=1280):
        shape = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 700}
        chromium.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", shape)
        if chromium.current_url.partition("#")[0] == address and f"#{chromium.current_url.partition('#')[2]}" != view:
            window = Window(chromium)
            window.go(view)
            return window
        chromium.get("about:blank")
        chromium.get(address + view)
        return Window(chromium)

    chromium.get_log("browser")
    yield open_
    errors = [entry for entry in chromium.get_log("browser") if entry["level"] == "SEVERE"]
    assert not errors


class Window:
    """A page that is open."""

    def __init__(self, browser):
        self.browser = browser
        self.wait("document.getElementById('view').dataset.ready !== undefined")
        self.settle()

    def wait(self, condition, seconds=60):
        from selenium.webdriver.support.ui import WebDriverWait

        WebDriverWait(self.browser, seconds, poll_frequency=0.05).until(
            lambda browser: browser.execute_script(f"return Boolean({condition})"), condition
        )

    def settle(self):
        """Until every figure is drawn."""
        self.wait("[...document.querySelectorAll('.figure, .molecule')].every(n => n._fullLayout)")

    def go(self, view):
        """Follow a link by its address."""
        self.browser.execute_script("location.hash = arguments[0]", view)
        self.wait(f"document.getElementById('view').dataset.ready === {view!r}")
        self.settle()

    def run(self, script, *arguments):
        return self.browser.execute_script(script, *arguments)

    def all(self, selector):
        from selenium.webdriver.common.by import By

        return self.browser.find_elements(By.CSS_SELECTOR, selector)

    def one(self, selector):
        return self.all(selector)[0]

    def texts(self, selector):
        return [node.text for node in self.all(selector)]

    @property
    def hash(self):
        return self.run("return location.hash")
