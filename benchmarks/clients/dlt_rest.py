"""dlt's REST client with its paginator for links in the body; it is synchronous."""

from dlt.sources.helpers.rest_client.auth import BearerTokenAuth
from dlt.sources.helpers.rest_client.client import RESTClient
from dlt.sources.helpers.rest_client.paginators import JSONLinkPaginator

from .meter import Meter, Work, identity

__all__ = ["run"]


def run(work: Work) -> Meter:
    """Read every person as a dict."""
    count, meter = 0, Meter(work.check)
    client = RESTClient(
        base_url=work.url,
        auth=BearerTokenAuth(work.key),
        paginator=JSONLinkPaginator(next_url_path="next"),
        data_selector="results",
    )
    for page in client.paginate("/api/environments/1/persons/", params={"limit": work.page_size}):
        if not count:
            meter.first()
        for person in page:
            count += 1
            if work.check:
                meter.seen.append(identity(person["uuid"], person["properties"]["email"]))
    meter.stop(count)
    return meter
