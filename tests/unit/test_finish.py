"""`finish` awaits work to its end, whoever cancels the caller, and then passes that on."""

import asyncio

import anyio
import anyio.lowlevel
import pytest

from posthog_env_async.session import finish


async def work(done: list[str], *, fails: bool = False) -> str:
    for _ in range(5):
        await asyncio.sleep(0)
    done.append("done")
    if fails:
        raise OSError("a full disk")
    return "result"


async def test_the_result_or_the_error_of_the_work_comes_back() -> None:
    assert await finish(work([])) == "result"
    with pytest.raises(OSError, match="a full disk"):
        await finish(work([], fails=True))


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("times", [1, 3])
async def test_a_cancelled_task_ends_after_the_work(times: int, fails: bool) -> None:
    done: list[str] = []
    task = asyncio.ensure_future(finish(work(done, fails=fails)))
    for _ in range(times):
        await asyncio.sleep(0)
        task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert done == ["done"]


async def test_a_timeout_of_asyncio_ends_after_the_work() -> None:
    done: list[str] = []
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await finish(work(done))
    assert done == ["done"]


async def test_a_cancelled_scope_ends_after_the_work() -> None:
    done: list[str] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        await finish(work(done))
        await anyio.lowlevel.checkpoint()
    assert scope.cancelled_caught
    assert done == ["done"]


async def test_work_that_is_cancelled_itself_is_no_reason_to_forget_the_caller() -> None:
    async def cancelled() -> None:
        await asyncio.sleep(0)
        raise asyncio.CancelledError("of the work")

    task = asyncio.ensure_future(finish(cancelled()))
    await asyncio.sleep(0)
    task.cancel("of the caller")

    with pytest.raises(asyncio.CancelledError, match="of the caller"):
        await task
