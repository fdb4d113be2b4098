import ast
import inspect

import recsys.errors
from recsys.errors import DataFormatError, InputError, RecsysError, SettingsError


def test_a_message_says_what_was_wrong_the_value_seen_and_the_mend():
    error = SettingsError("top_p is out of range", seen=1.5, mend="take 1 at most")
    assert str(error) == "top_p is out of range (seen: 1.5). take 1 at most."


def test_a_long_value_is_shortened():
    assert len(str(RecsysError("too long", seen="x" * 10_000))) < 200


def test_a_data_error_names_file_and_line():
    error = DataFormatError("rating is not a number", path="ratings.csv", line=3, seen="five", mend="mend the row")
    assert str(error) == "ratings.csv, line 3: rating is not a number (seen: 'five'). mend the row."


def test_bad_input_can_be_told_from_failure():
    assert issubclass(DataFormatError, InputError)
    assert not issubclass(recsys.errors.ModelUnavailableError, InputError)


def test_the_tree_drawn_in_the_docstring_is_the_tree_of_the_code():
    classes = [node for node in ast.parse(inspect.getsource(recsys.errors)).body if isinstance(node, ast.ClassDef)]
    assert all(f"{node.name} " in recsys.errors.__doc__ + " " or node.name == "RecsysError" for node in classes)
    drawn = {line.split("── ")[1].split()[0] for line in recsys.errors.__doc__.splitlines() if "── " in line}
    assert drawn == {node.name for node in classes} - {"RecsysError"}
