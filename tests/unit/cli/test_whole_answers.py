"""An answer is one write, in the order of its parts, and none is lost at a close."""

import asyncio
from collections.abc import Callable
from typing import Any

from typing_extensions import override

from calbell.cli.whole_answers import GatheringTransport


class Recording(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        super().__init__({"peername": ("192.0.2.1", 1)})
        self.written: list[bytes] = []
        self.closed = False

    @override
    def write(self, data: Any) -> None:
        assert not self.closed
        self.written.append(bytes(data))

    @override
    def is_closing(self) -> bool:
        return self.closed

    @override
    def close(self) -> None:
        self.closed = True


def told(story: Callable[[GatheringTransport, Recording], None]) -> Recording:
    """What was written after the story and one more turn of the loop."""

    async def whole() -> Recording:
        loop, recording = asyncio.get_running_loop(), Recording()
        story(GatheringTransport(recording, loop), recording)
        await asyncio.sleep(0)
        return recording

    return asyncio.run(whole())


def test_what_is_written_in_one_turn_goes_out_at_once() -> None:
    def story(transport: GatheringTransport, recording: Recording) -> None:
        transport.write(b"head ")
        transport.write(b"body")
        assert recording.written == []

    assert told(story).written == [b"head body"]


def test_what_is_written_before_a_close_is_not_lost() -> None:
    def story(transport: GatheringTransport, recording: Recording) -> None:
        transport.write(b"head ")
        transport.write(b"body")
        transport.close()
        assert recording.written == [b"head body"]
        assert recording.closed

    assert told(story).written == [b"head body"]


def test_nothing_is_written_to_a_connection_that_was_lost_meanwhile() -> None:
    def story(transport: GatheringTransport, recording: Recording) -> None:
        transport.write(b"late")
        recording.closed = True

    assert told(story).written == []


def test_a_later_turn_is_a_write_of_its_own() -> None:
    async def whole() -> list[bytes]:
        recording = Recording()
        transport = GatheringTransport(recording, asyncio.get_running_loop())
        for part in (b"one", b"two"):
            transport.write(part)
            await asyncio.sleep(0)
        return recording.written

    assert asyncio.run(whole()) == [b"one", b"two"]


def test_all_else_is_the_transports_own() -> None:
    def story(transport: GatheringTransport, recording: Recording) -> None:
        assert transport.get_extra_info("peername") == ("192.0.2.1", 1)
        assert not transport.is_closing()

    told(story)
