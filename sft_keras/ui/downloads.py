"""Private files on their way to a browser: by a ticket that is good for some minutes, never through Gradio's cache."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

from sft_keras.services import Services

# The address is relative to the page, which may lie anywhere behind a proxy.
_FETCH = """(ticket) => {
  if (!ticket) return ticket;
  const link = document.createElement('a');
  link.href = new URL('api/v1/downloads/' + encodeURIComponent(ticket), new URL('.', location.href)).href;
  link.download = '';
  document.body.append(link);
  link.click();
  link.remove();
  return '';
}"""


def ticket_for(services: Services, file: Path, name: str) -> str:
    """A ticket for a file that whoever asks may have."""
    return services.tickets.make(file, name)


def fetch_after(event: gr.events.Dependency, ticket: gr.Textbox) -> None:
    """Lets the browser fetch what the event wrote a ticket for.

    Args:
        event: What a handler was bound with.
        ticket: Where the handler writes the ticket.
    """
    event.success(None, ticket, ticket, js=_FETCH, queue=False, show_progress="hidden", api_visibility="private")


def ticket_box(elem_id: str) -> gr.Textbox:
    """Where a handler writes a ticket; nobody sees it."""
    return gr.Textbox(visible="hidden", elem_id=elem_id, container=False, label="ticket")
