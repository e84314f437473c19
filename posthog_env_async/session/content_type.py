"""Whether an answer is of the kind that was asked for, before its body is read."""

import aiohttp

from posthog_env_async.errors import ResponseDecodeError

from .response_body import check_end

__all__ = ["JSON", "check_kind"]

JSON = "application/json"
# These say too little to tell what the body is.
VAGUE = frozenset({"", "text/plain", "application/octet-stream"})
LONGEST_SHOWN = 64


def check_kind(answer: aiohttp.ClientResponse, wanted: str) -> None:
    """Check the type of an answer; one that is not JSON must also say where it ends.

    JSON that was cut does not parse; of CSV and text nobody could tell.

    Raises:
        ResponseDecodeError: when the stated type is another one, such as a proxy's HTML page.
        BodyError: when only the end of the connection would end the body.
    """
    stated = answer.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if wanted.rpartition("/")[2] not in stated and stated not in VAGUE:
        readable = stated.isprintable() and len(stated) <= LONGEST_SHOWN
        shown = stated if readable else "of an unreadable type"
        raise ResponseDecodeError(f"the answer is {shown}, not {wanted}", retryable=True)
    if wanted != JSON and answer.status == 200:
        check_end(answer)
