"""Keys that are renewed, from OAuth and from a mounted secret: `python renewed_key.py`.

`api_key=` is a function: it is asked once for all tasks, a minute before the key expires, and once
more after a 401.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
import anyio
import attrs
from aiohttp import web
from aiohttp.test_utils import TestServer

from posthog_env_async import PostHogEnv, key_from_file
from posthog_env_async.testing import FakePostHog


@attrs.define
class OAuthKey:
    """Trades a refresh token for an access token (`pha_…`), and remembers the next one."""

    token_url: str
    client_id: str
    refresh_token: str = attrs.field(repr=False)

    async def __call__(self) -> tuple[str, datetime]:
        """Return an access token and until when it may be used."""
        form = {
            "grant_type": "refresh_token",
            "client_id": self.client_id,
            "refresh_token": self.refresh_token,
        }
        async with (
            aiohttp.ClientSession(raise_for_status=True) as http,
            http.post(self.token_url, data=form) as response,
        ):
            answer = await response.json()
        self.refresh_token = answer["refresh_token"]
        return answer["access_token"], datetime.now(UTC) + timedelta(seconds=answer["expires_in"])


def token_server(fake: FakePostHog) -> TestServer:
    """Make a server that hands out access tokens: PostHog's is at `/oauth/token/`."""

    async def token(request: web.Request) -> web.Response:
        form = await request.post()
        print(f"a new access token for {form['client_id']}")
        refreshed = {"access_token": fake.key, "refresh_token": "next", "expires_in": 3600}
        return web.json_response(refreshed)

    app = web.Application()
    app.router.add_post("/oauth/token/", token)
    return TestServer(app)


async def main() -> None:
    """Read with a key from OAuth, then with one from a file that changes."""
    async with FakePostHog(persons=300, mode="routes") as fake, token_server(fake) as server:
        oauth = OAuthKey(str(server.make_url("/oauth/token/")), "my-app", "first")
        async with PostHogEnv(1, api_key=oauth, host=fake.url) as env:
            print(await env.persons.list().count(), await env.projects.list().first() is not None)

        with TemporaryDirectory() as folder:
            secret = Path(folder) / "posthog-key"
            secret.write_text("phx_of_yesterday\n")
            async with PostHogEnv(1, api_key=rotated(secret, fake.key), host=fake.url) as env:
                print(await env.persons.list().count())


def rotated(secret: Path, new_key: str) -> Callable[[], Any]:
    """Read the secret; here it is rotated right behind the first time, as if by the platform."""
    read = key_from_file(secret)

    def read_and_rotate() -> Any:
        key = read()
        secret.write_text(f"{new_key}\n")
        return key

    return read_and_rotate


if __name__ == "__main__":
    anyio.run(main)
