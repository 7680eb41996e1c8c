"""What the host takes for an answer of the updater on a board."""

from __future__ import annotations

from iotlab.link.serial import SerialLink
from iotlab.micropython.frames import Decoder, Frame, encode
from iotlab.ota.wire import CHANNEL, Wire


def test_only_the_answer_to_its_own_question_tells_the_state() -> None:
    with SerialLink("loop://") as link:  # what is written comes back
        wire = Wire(link)
        wire.hail()
        (question,) = (e for e in Decoder().feed(link.read(timeout_s=5.0)) if isinstance(e, Frame))
        # an install that was broken off has its last answer still under way; an id is two letters
        wire.hear(encode(CHANNEL, 0, b"00+{}"))
        assert wire.announced is None
        wire.hear(encode(CHANNEL, 1, question.payload[:2] + b'+{"ended": false}'))
        assert wire.announced == {"ended": False}
