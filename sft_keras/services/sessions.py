"""Logins of the web app: whoever gave the right password holds a signed text, the session, for thirty days.

Nothing is kept on the server. A session names the account and a digest of its hash, so that it ends at once when the
account is removed or gets another password.
"""

from __future__ import annotations

import hashlib
import hmac

from itsdangerous import BadSignature, URLSafeTimedSerializer

from sft_keras.errors import ConfigError
from sft_keras.services.accounts import Accounts

SECONDS = 30 * 24 * 3600
LONGEST = 2048


class Sessions:
    """Makes and reads sessions.

    Args:
        accounts: Who may log in.
        secret: What sessions are signed with.
    """

    def __init__(self, accounts: Accounts, secret: str) -> None:
        self._accounts = accounts
        self._signer = URLSafeTimedSerializer(secret, salt="session")

    def enter(self, name: str, password: str, *, client: str = "") -> str:
        """The session of whoever gives the right password; "" for anybody else, and after too many wrong ones.

        Args:
            name: The name of the account.
            password: Its password.
            client: The address from which it comes.
        """
        name = name.strip()
        if not self._accounts.check(name, password, client=client):
            return ""
        mark = self._mark(name)
        return str(self._signer.dumps([name, mark])) if mark else ""

    def user(self, session: object) -> str:
        """The name of the account that a session belongs to; "" if it is none, or has ended.

        Args:
            session: What a browser sent, which may be anything.
        """
        if not isinstance(session, str) or len(session) > LONGEST:
            return ""
        try:
            name, mark = self._signer.loads(session, max_age=SECONDS)
        except (BadSignature, ValueError, TypeError):
            return ""
        now = self._mark(str(name))
        return str(name) if now and hmac.compare_digest(now, str(mark)) else ""

    def _mark(self, name: str) -> str:
        """A short digest of the hash of an account; "" if there is none, also while the accounts cannot be read."""
        try:
            hashed = self._accounts.accounts().get(name)
        except ConfigError:
            return ""
        return hashlib.sha256(hashed.encode()).hexdigest()[:24] if hashed else ""
