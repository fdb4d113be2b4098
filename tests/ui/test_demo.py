import subprocess
import sys
from pathlib import Path

from recsys.ui.demo import launch_options

ROOT = Path(__file__).resolve().parents[2]
BUILD = """
import sys
from recsys.workbench import Workbench
from recsys.ui.demo import build_demo, launch_options
demo = build_demo(Workbench())
launch_options()
print(sorted({"torch", "transformers", "plotly"} & set(sys.modules)))
print(sorted(d["api_name"] for d in demo.config["dependencies"] if d["api_visibility"] == "public"))
hidden = [d for d in demo.config["dependencies"] if d["show_progress"] == "hidden"]
print(len(hidden), sum(d["show_progress_on"] == [] for d in hidden))
print(len(str(demo.config)))
"""


def test_the_page_is_built_without_torch_and_offers_its_endpoints_only():
    run = subprocess.run([sys.executable, "-c", BUILD], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded, endpoints, hidden, size = run.stdout.splitlines()[-4:]
    assert loaded == "[]"
    assert set(eval(endpoints)) == {"recommend", "models", "adapters", "search_titles", "evaluate", "evaluation_state"}
    # Gradio reads each component of an event's progress, and all inside it, at every step, shown or not.
    num_hidden, num_quiet = map(int, hidden.split())
    assert num_quiet == num_hidden > 100
    assert int(size) < 640_000, "a list of all movies would be 1.5 MB"


def test_the_page_is_closed_to_files_and_other_origins():
    options = launch_options()
    assert options["allowed_paths"] == []
    assert options["show_error"] is False
    assert options["strict_cors"] is True
    assert options["max_file_size"]
