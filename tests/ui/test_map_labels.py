"""Titles on the map hide neither each other nor a mark, and stay inside it."""

from recsys.ui.map_labels import LETTER_WIDTH, LINE_HEIGHT, Box, Label, Mark, place_labels, shorten


def test_a_title_alone_stands_above_its_mark():
    assert place_labels([Mark(100, 100, 10, "Alien")], width=400, height=300) == [Label("Alien", "top center")]


def test_of_two_marks_one_above_the_other_the_second_title_takes_another_side():
    first, second = Mark(100, 100, 10, "Alien"), Mark(100, 112, 10, "Heat")
    assert place_labels([first, second], width=400, height=300) == [
        Label("Alien", "top center"),
        Label("Heat", "bottom center"),
    ]


def test_where_every_side_is_taken_the_title_is_left_to_the_pointer():
    crowd = [Mark(x, y, 20) for x in range(40, 180, 15) for y in range(40, 180, 15) if (x, y) != (100, 100)]
    assert place_labels([Mark(100, 100, 10, "Alien"), *crowd], width=400, height=300)[0] == Label()


def test_a_title_at_the_edge_turns_inwards():
    corner = place_labels([Mark(2, 2, 4, "Alien")], width=400, height=300)
    assert corner == [Label("Alien", "bottom right")]
    assert place_labels([Mark(398, 150, 4, "Alien")], width=400, height=300) == [Label("Alien", "middle left")]


def test_no_two_titles_of_a_dense_map_overlap():
    marks = [Mark(37 * n % 400, 53 * n % 300, 11, f"A Movie of Number {n}") for n in range(60)]
    labels = place_labels(marks, width=400, height=300)
    boxes = []
    for mark, label in zip(marks, labels, strict=True):
        if not label.text:
            continue
        width, half = len(label.text) * LETTER_WIDTH, mark.size / 2
        vertical, horizontal = label.position.split()
        left = {"left": mark.x - half - width, "right": mark.x + half, "center": mark.x - width / 2}[horizontal]
        top = {"top": mark.y - half - LINE_HEIGHT, "bottom": mark.y + half, "middle": mark.y - LINE_HEIGHT / 2}[
            vertical
        ]
        boxes.append(Box(left, top, left + width, top + LINE_HEIGHT))
    assert 5 < len(boxes) < 60
    assert not any(a.overlaps(b) for place, a in enumerate(boxes) for b in boxes[:place])


def test_a_long_title_is_cut_at_a_words_end():
    assert shorten("Alien") == "Alien"
    assert shorten("The Lord of the Rings: The Fellowship of the Ring") == "The Lord of the Rings: The…"
