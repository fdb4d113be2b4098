"""The card of the effect report holds its questions and answers, escaped, and is left out without a report."""

import json

from recsys.ui.effects_card import FILE, effects_card


def test_each_question_stands_with_its_answer(tmp_path):
    path = tmp_path / FILE
    path.parent.mkdir()
    questions = {"a": {"title": "Do <b> and => bring code?", "answer": "No: 0 of 32."}}
    path.write_text(json.dumps({"questions": questions}), encoding="utf-8")
    assert "<li><b>Do &lt;b&gt; and =&gt; bring code?</b> No: 0 of 32.</li>" in effects_card(tmp_path)


def test_without_a_report_there_is_no_card(tmp_path, caplog):
    assert effects_card(tmp_path) == ""
    (tmp_path / "effects").mkdir()
    (tmp_path / FILE).write_text("[]", encoding="utf-8")
    assert effects_card(tmp_path) == ""
    assert "left out" in caplog.text
