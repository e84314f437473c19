import os

from app import app
from fastapi.testclient import TestClient

from posthog_env_async.testing import FakePostHog


def test_a_person_is_shown_and_an_unknown_one_is_not_found() -> None:
    with FakePostHog(persons=10) as fake:
        os.environ.update(
            POSTHOG_PROJECT_ID="1", POSTHOG_PERSONAL_API_KEY=fake.key, POSTHOG_HOST=fake.url
        )
        uuid = str(fake.uuids()[0])
        with TestClient(app) as client:
            assert client.get(f"/persons/{uuid}").json()["uuid"] == uuid
            assert client.get("/persons/00000000-0000-0000-0000-000000000001").status_code == 404
