"""The offset that a page's next names, or that it leads elsewhere."""

import pytest

from posthog_env_async import PaginationError
from posthog_env_async.pagination.next_link import NextLinks
from posthog_env_async.session import Request

CALL = Request(path="persons/", project="1", params={"search": "x"})
PATH = "https://h.test/api/projects/1/persons/"


def checked() -> NextLinks:
    """Make a reader of links that has seen one."""
    links = NextLinks(CALL)
    assert links.offset(f"{PATH}?limit=5&offset=10&search=x") == 10
    return links


@pytest.mark.parametrize("links", [NextLinks(CALL), checked()], ids=["first", "second"])
@pytest.mark.parametrize(
    ("link", "offset"),
    [
        (f"{PATH}?limit=5&offset=15&search=x", 15),
        (f"{PATH}?offset=15&limit=5", 15),
        (f"{PATH}?limit=5&offset=15&search=x&offset=20", 15),
        (f"{PATH}?limit=5&offset=%31%35&search=x", 15),
        (f"{PATH}?limit=5&offset=15&search=y", -1),
        ("https://h.test/api/projects/2/persons/?limit=5&offset=15&search=x", -1),
        ("https://h.test/api/environments/1/persons/?limit=5&offset=15&search=x", 15),
    ],
)
def test_a_link_is_read_alike_whatever_came_before(
    links: NextLinks, link: str, offset: int
) -> None:
    assert links.offset(link) == offset
    assert links.offset(link) == offset


@pytest.mark.parametrize(
    "query",
    [
        "limit=5&search=x",
        "limit=5&offset=1x&search=x",
        "offset=",
        f"limit=5&offset={'1' * 5_000}&search=x",
    ],
    ids=["none", "no number", "empty", "too long"],
)
@pytest.mark.parametrize("links", [NextLinks(CALL), checked()], ids=["first", "second"])
def test_a_link_without_an_offset_is_refused(links: NextLinks, query: str) -> None:
    with pytest.raises(PaginationError, match="names no offset"):
        links.offset(f"{PATH}?{query}")
