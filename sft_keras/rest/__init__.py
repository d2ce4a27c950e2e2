"""The web addresses for programs: predictions through a link, and downloads with a ticket.

They are put before all other routes of the app, and are not covered by its login: links and tickets admit.
"""

from __future__ import annotations

from sft_keras.rest.routes import add_routes

__all__ = ["add_routes"]
