"""Entry point of the app, here and on a Hugging Face Space: options → workbench → page → launch."""

from recsys.models.zerogpu import prepare_zerogpu

prepare_zerogpu()  # on ZeroGPU, `spaces` must be imported before anything that knows cuda

from recsys.ui.app import launch  # noqa: E402

if __name__ == "__main__":
    launch()
