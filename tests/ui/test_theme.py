import pytest

from recsys.ui.theme import ACCENT, STATUS_COLOURS, SURFACES, Tone, WorkbenchTheme, css_variables

COLOURS = {"accent": ACCENT, **STATUS_COLOURS}


def luminance(colour: str) -> float:
    channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_black_on_white_is_21():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)


@pytest.mark.parametrize("mode", ["light", "dark"])
@pytest.mark.parametrize("name", COLOURS)
def test_every_colour_can_be_read_on_its_fill_and_on_cards_and_page(name, mode):
    tone: Tone = COLOURS[name].tone(mode)
    for background in (tone.fill, SURFACES[mode].card, SURFACES[mode].page):
        assert contrast(tone.text, background) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_every_grey_text_can_be_read_on_every_surface(mode):
    surface = SURFACES[mode]
    for text in (surface.text, surface.muted, surface.faint):
        for background in (surface.page, surface.card, surface.sunken):
            assert contrast(text, background) >= 4.5


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_bars_and_dots_stand_out_from_the_card(mode):
    for colour in COLOURS.values():
        assert contrast(colour.tone(mode).solid, SURFACES[mode].card) >= 2.3


def test_white_can_be_read_on_the_primary_button_in_both_modes():
    assert contrast("#ffffff", ACCENT.light.solid) >= 4.5
    assert contrast("#ffffff", ACCENT.dark.solid) >= 4.5


def test_both_modes_name_the_same_tokens():
    assert css_variables("light").keys() == css_variables("dark").keys()


def test_the_theme_calls_no_other_server():
    css = WorkbenchTheme()._get_theme_css()
    assert "http" not in css.replace("http://www.w3.org", "")
    assert "@import" not in css
    assert WorkbenchTheme()._stylesheets == []


def test_the_theme_keeps_container_rules():
    assert "@container" in WorkbenchTheme()._get_theme_css()
