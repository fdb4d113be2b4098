import subprocess
import sys


def test_importing_the_package_and_its_rooms_loads_neither_torch_nor_gradio():
    code = (
        "import sys, recsys, recsys.workbench, recsys.cli.main\n"
        "heavy = {'torch', 'transformers', 'gradio', 'pandas', 'plotly'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
