"""The report in a browser: every view, by mouse, keyboard and link, on a desk and on a phone."""

import re

import numpy as np
import pytest
from made_report import POISON, STEP_AT

SIZES = [1280, 390]


@pytest.fixture(params=SIZES, ids=["desk", "phone"])
def width(request):
    return request.param


def scan_link(made, number=0):
    return f"#/scan/core/{made.suite.scans[number].id.replace('/', '%2F')}"


def models(window):
    return [text.split()[0] for text in window.texts("#table-0 tbody th")]


def press(window, *keys, on):
    from selenium.webdriver.common.keys import Keys

    on.send_keys(*[getattr(Keys, key, key) for key in keys])


def test_first_screen_sorts_and_filters(made, report, opened, width):
    window = opened(report, width=width)
    assert "follows the reference most smoothly" in window.one("h1").text
    assert models(window) == ["lost", "shifted", "stepped"]
    header = next(h for h in window.all("#table-0 thead button") if h.text.startswith("FSD full\n1/Å"))
    header.click()
    assert models(window) == ["stepped", "shifted", "lost"]
    assert window.one("#table-0 th[aria-sort]").get_attribute("aria-sort") == "descending"
    press(window, "ENTER", on=header)
    assert models(window) == ["lost", "shifted", "stepped"]
    value = made.results.rows[1].evaluations["core"].values["fsd_full"]
    assert str(value) in [node.get_attribute("title") for node in window.all("#table-0 td span[title]")]
    press(window, "step", on=window.one("#table-0-filter"))
    assert models(window) == ["stepped"] and "1 of 3 shown" in window.texts(".count")
    window.one("#table-0 tbody th a").click()
    window.wait("document.querySelector('h1').textContent.includes('stepped')")


def test_no_view_is_wider_than_the_window(made, report, opened, width):
    window = opened(report, width=width)
    for view in ("#/", "#/model/stepped", "#/scans/core", scan_link(made), "#/versus/core/shifted/stepped/fsd_full"):
        window.go(view)
        assert window.run("return document.documentElement.scrollWidth") <= width, view


def test_a_scan_marks_the_step_that_decides_and_the_equilibrium(made, report, opened):
    window = opened(report, scan_link(made))
    scan = made.suite.scans[0]
    a, b = STEP_AT - 1, STEP_AT
    shapes = window.run(
        "return document.querySelector('.figure').layout.shapes.map(s => [s.type, s.x0, s.x1, s.fillcolor || ''])"
    )
    bands = [[x0, x1] for kind, x0, x1, _ in shapes if kind == "rect"]
    assert any(np.allclose(band, scan.coordinate[[a, b]], atol=1e-4) for band in bands)
    lines = [x0 for kind, x0, _, _ in shapes if kind == "line"]
    assert lines[0] == pytest.approx(scan.coordinate[scan.energy.argmin()], abs=1e-4)
    assert (
        "stepped: FSD" in window.one(".why").text and "by a step of the force along the way" in window.one(".why").text
    )
    record = made.results.rows[1].evaluations["core"].records[0]
    marks = window.run(
        "return document.querySelector('.figure').data.filter(t => t.mode === 'markers').map(t => t.y[0])"
    )
    assert any(y == pytest.approx(record.metrics["fsd_full"], rel=1e-3) for y in marks)


def test_the_molecule_follows_the_slider_and_the_link_keeps_the_frame(made, report, opened, width):
    window = opened(report, f"{scan_link(made)}?frame=20", width=width)
    before = window.run("return [...document.querySelector('.molecule').data[0].x]")
    slider = window.one("#cursor")
    press(window, "ARROW_RIGHT", "ARROW_RIGHT", on=slider)
    window.wait("document.querySelector('.molecule').dataset.frame === '22'")
    assert window.run("return [...document.querySelector('.molecule').data[0].x]") != before
    scan = made.suite.scans[0]
    assert f"Frame 22, {scan.coordinate[22]:.2f}"[:14] in window.one(".readout caption").text
    window.wait("location.hash.includes('frame=22')")
    said = float(re.search(r"longest arrow is ([\d.e+-]+)", window.one("#arrow-scale").text)[1])
    assert said == pytest.approx(np.linalg.norm(scan.forces[22], axis=1).max(), rel=0.01)


def test_the_cursor_along_the_curve_moves_the_molecule(made, report, opened):
    from selenium.webdriver.common.action_chains import ActionChains

    window = opened(report, scan_link(made))
    plot = window.one(".figure .nsewdrag")
    before = window.run("return document.getElementById('cursor').value")
    ActionChains(window.browser).move_to_element_with_offset(plot, 150, 20).perform()
    window.wait(f"document.getElementById('cursor').value !== '{before}'")
    frame = window.run("return document.getElementById('cursor').value")
    window.wait(f"document.querySelector('.molecule').dataset.frame === '{frame}'")
    at = made.suite.scans[0].coordinate[int(frame)]
    place = "(n => n.xaxis.p2d(parseFloat(document.querySelector('.cursor').style.left) - n.xaxis._offset))"
    window.wait(f"Math.abs({place}(document.querySelector('.figure')._fullLayout) - {at}) < 1e-3")


def test_the_molecule_turns_by_mouse_keys_and_buttons(made, report, opened, width):
    from selenium.webdriver.common.action_chains import ActionChains

    window = opened(report, scan_link(made), width=width)
    eye = "return JSON.stringify(document.querySelector('.molecule').layout.scene.camera.eye)"
    node = window.one(".molecule")
    window.run("arguments[0].scrollIntoView({block: 'center'})", node)
    seen = [window.run(eye)]
    if width > 700:
        ActionChains(window.browser).move_to_element(node).click_and_hold().move_by_offset(80, 30).release().perform()
        seen.append(window.run(eye))
    press(window, "ARROW_LEFT", on=node)
    seen.append(window.run(eye))
    window.all(".turns button")[2].click()
    seen.append(window.run(eye))
    assert len(set(seen)) == len(seen)


def test_models_can_be_taken_out_and_the_link_says_so(made, report, opened):
    window = opened(report, scan_link(made))
    count = "return document.querySelector('.figure').data.length"
    everything = window.run(count)
    window.all("fieldset input[type=checkbox]")[0].click()
    window.settle()
    window.wait(f"document.querySelector('.figure').data?.length < {everything}")
    window.wait("location.hash.includes('with=')")
    again = opened(report, window.hash)
    assert not again.all("fieldset input[type=checkbox]")[0].is_selected()


def test_a_point_of_compare_opens_its_scan_and_back_goes_back(made, report, opened):
    from selenium.webdriver.common.action_chains import ActionChains

    window = opened(report, "#/versus/core/shifted/stepped/fsd_full")
    assert "stepped is better on 0 of 6 scans" in window.one(".about").text
    point = window.one(".figure .scatterlayer .point")
    ActionChains(window.browser).move_to_element(point).pause(0.3).click().perform()
    window.wait("location.hash.startsWith('#/scan/core/')")
    window.wait("document.querySelector('#cursor')")
    window.browser.back()
    window.wait("document.getElementById('versus')")
    assert len(window.all("#versus tbody tr")) == 6


def test_points_are_reached_by_keys(made, report, opened):
    """Left and right by x, up and down by y; the label is shown and said; Enter opens what a click opens."""
    window = opened(report, "#/versus/core/shifted/stepped/fsd_full")
    node = window.one(".figure")
    assert node.get_attribute("tabindex") == "0" and "Arrow keys" in node.get_attribute("aria-label")
    values = [[record.metrics["fsd_full"] for record in row.evaluations["core"].records] for row in made.results.rows]
    ids = [record.id for record in made.results.rows[0].evaluations["core"].records]
    points = sorted(zip(values[0], values[1], ids, strict=True))
    press(window, "ARROW_RIGHT", on=node)
    window.wait(f"document.querySelector('.hoverlayer').textContent.includes({points[0][2]!r})")
    window.wait(f"document.getElementById('live').textContent.startsWith({points[0][2]!r})")
    press(window, "ARROW_RIGHT", "ARROW_RIGHT", on=node)
    window.wait(f"document.querySelector('.hoverlayer').textContent.includes({points[2][2]!r})")
    press(window, "ARROW_LEFT", on=node)
    window.wait(f"document.querySelector('.hoverlayer').textContent.includes({points[1][2]!r})")
    press(window, "END", "ARROW_RIGHT", on=node)  # stays at the end
    window.wait(f"document.querySelector('.hoverlayer').textContent.includes({points[-1][2]!r})")
    by_height = sorted(points, key=lambda point: point[1])
    press(window, "ARROW_DOWN", on=node)
    below = by_height[by_height.index(points[-1]) - 1]
    window.wait(f"document.querySelector('.hoverlayer').textContent.includes({below[2]!r})")
    press(window, "ENTER", on=node)
    window.wait("document.querySelector('#cursor')")
    assert window.hash.startswith(f"#/scan/core/{below[2].replace('/', '%2F')}")


def test_keys_open_a_model_of_the_accuracy_figure(made, report, opened):
    window = opened(report)
    node = next(one for one in window.all(".figure") if "Scatter of force error" in one.get_attribute("aria-label"))
    press(window, "HOME", "ENTER", on=node)
    window.wait("document.getElementById('view').dataset.view === 'model'")
    errors = {row.model: row.evaluations["core"].values["forces_mae_full"] for row in made.results.rows}
    assert window.hash == f"#/model/{min(errors, key=errors.get)}"


def test_a_model_has_its_card_groups_dynamics_and_properties(report, opened):
    window = opened(report, "#/model/shifted")
    heads = window.texts("h2")
    assert (
        heads[0] == "FSD by bond type, core" and "Energy along MD, nve" in heads and "Properties, properties" in heads
    )
    assert "failed at 1 ps: shifted exploded" in window.one("#view").text
    assert "1,234" in window.one(".facts").text
    assert [text.split()[0] for text in window.texts("#properties-2 tbody th")] == ["H2O", "H2O"]


def test_scans_worst_first_lead_to_a_scan(made, report, opened):
    window = opened(report, "#/scans")
    first = window.texts("#scans tbody tr")[0]
    assert made.suite.scans[1].id in first and "no answer" in first
    window.all("#scans tbody th a")[1].click()
    window.wait("document.querySelector('.molecule')")
    window.settle()


def test_links_that_lead_nowhere_say_so(report, opened):
    for view in ("#/model/none", "#/scan/core/none", "#/nothing", "#/scan/core/%E0%A4%A", "#/versus/none"):
        window = opened(report, view)
        assert window.one("h1").text


def test_texts_stay_texts(hostile, opened, made):
    """Script tags, markup and formulas in names of models, scans, suites, notes, units, machines and messages."""
    window = opened(hostile)
    name = window.run("return document.querySelector('#table-0 tbody th a').textContent")
    assert name.endswith(POISON)
    scan = window.run("return [...document.querySelectorAll('#table-0 tbody a')].at(-1).getAttribute('href')")
    model = window.run("return document.querySelector('#table-0 tbody th a').getAttribute('href')")
    for view in ("#/", model, "#/scans", scan, "#/versus"):
        window.go(view)
        assert window.run("return window.broken") is None
        foreign = window.run("return document.querySelectorAll('#view img, #view b b, #view script, iframe').length")
        assert foreign == 0
        assert not window.run("return [...document.querySelectorAll('tspan')].some(t => t.style.fontWeight)")
        shown = window.run("return document.body.textContent + document.body.innerHTML.length")
        assert POISON.strip() in shown.replace("\u00a0", " ")
    assert window.run("return performance.getEntriesByType('resource').length") == 0


def test_dark_and_light_are_chosen_by_the_button(report, opened):
    window = opened(report)
    colours = [window.run("return getComputedStyle(document.body).backgroundColor")]
    for _ in range(2):
        window.one("#theme").click()
        colours.append(window.run("return getComputedStyle(document.body).backgroundColor"))
    assert "dark" in window.one("#theme").text
    assert colours[-1] != colours[0]
    window.one("#theme").click()


def test_every_control_has_a_name_and_every_table_a_caption(made, report, opened):
    window = opened(report)
    nameless = """const kinds = 'button, input, select, a, [role=img], [role=region]';
      const named = n => n.textContent.trim() || n.getAttribute('aria-label') || n.labels?.length;
      return [...document.querySelectorAll(kinds)].filter(n => !n.closest('.js-plotly-plot') && !named(n)).map(n =>
      n.outerHTML)"""
    for view in ("#/", "#/model/stepped", "#/scans/core", scan_link(made), "#/versus/core/shifted/stepped/fsd_full"):
        window.go(view)
        assert window.run(nameless) == [], view
        assert window.run("return document.querySelectorAll('h1').length") == 1
