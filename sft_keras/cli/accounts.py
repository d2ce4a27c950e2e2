"""The command for accounts of the web app."""

from __future__ import annotations

from typing import Annotated

import typer

from sft_keras.cli.shared import app


@app.command("hash-password")
def hash_password(name: Annotated[str, typer.Argument(help="The name of the account.")]) -> None:
    """Print the line of an account for the file that SFT_AUTH names; asks for the password."""
    from sft_keras.services.accounts import account_line

    password = typer.prompt("Password", hide_input=True, confirmation_prompt="Once more", err=True)
    print(account_line(name, password))
