"""Starts the web app: `python app.py`, then http://127.0.0.1:7860."""

from __future__ import annotations

import argparse
import os
import sys


def main() -> int:
    """Reads the command line and serves until it is ended."""
    os.environ.setdefault("GRADIO_ANALYTICS_ENABLED", "False")
    parser = argparse.ArgumentParser(description="The web app of sft-keras.")
    parser.add_argument("--share", action="store_true", help="make it reachable through Gradio's tunnel; needs a login")
    options = parser.parse_args()

    from sft_keras.errors import SftError
    from sft_keras.rest import add_routes
    from sft_keras.services import Services

    try:
        services = Services()
        services.uploads.take_in()
        # Only now: Gradio looks for its folder also when it is imported.
        from sft_keras.ui.app import build_ui, launch

        launch(build_ui(services), services, share=options.share, routes=add_routes)
    except SftError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
