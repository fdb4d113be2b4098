"""What follows the controls in a real browser: nothing while they move, one event when they rest."""

import pytest
from playwright.sync_api import expect

from recsys.ui.settled import REST_MS

pytestmark = pytest.mark.browser

DRAG = """() => {
  const slider = document.querySelector('#temperature input[type=range]');
  for (let step = 1; step <= 20; step++) {
    slider.value = String(0.7 + step * 0.05);
    slider.dispatchEvent(new Event('input', {bubbles: true}));
  }
}"""
FOLLOWS = "() => window.gradio_config.dependencies.filter(one => one.api_name.startsWith('_follow')).map(one => one.id)"


def test_a_drag_over_many_values_asks_once_and_the_row_tells_that_they_are_no_preset(open_page, serve):
    page = open_page(serve())
    follows, asked = page.evaluate(FOLLOWS), []
    assert len(follows) == 2  # one of this tab, one of Evaluate

    def note(request):
        if request.method == "POST" and (sent := request.post_data_json) and sent.get("fn_index") in follows:
            asked.append(sent)

    page.on("request", note)
    page.evaluate(DRAG)
    expect(page.locator("#presets option:checked")).to_have_text("Own settings")
    page.wait_for_timeout(2 * REST_MS)
    assert len(asked) == 1
    assert 1.7 in asked[0]["data"][0]


def test_the_evaluate_tab_tells_its_estimate_when_it_is_first_opened(open_page, serve):
    page = open_page(serve())
    page.click("#tab-evaluate-button")
    expect(page.locator("#evaluate-estimate")).to_contain_text("records")
