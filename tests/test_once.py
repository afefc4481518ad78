"""A requestId runs its command once, whatever becomes of the first."""

from __future__ import annotations

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from neon.commands import Data
from neon.commands.once import MAX_REMEMBERED, OTHER_COMMAND, SECONDS, Once
from neon.errors import InvalidArgument
from neon.values import Cause
from tests.test_commands import CommandCase


class OnceTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.once = Once(self.clock)
        self.runs = 0
        self.warnings: list[str] = []
        self.slow: Deferred[Data] | None = None

    def work(self) -> Data | Deferred[Data]:
        self.runs += 1
        return {"run": self.runs} if self.slow is None else self.slow

    def run_once(self, request_id: str = "a", described: object = "startcall 32") -> Deferred[Data]:
        return self.once.run(request_id, described, self.work, self.warnings.append)

    def test_again(self) -> None:
        """The same id gets the first answer for thirty seconds from when it first came, and then is new."""
        for _ in range(3):
            self.assertEqual(self.successResultOf(self.run_once()), {"run": 1})
            self.clock.advance(SECONDS / 3 - 0.1)
        self.clock.advance(0.3)
        self.assertEqual(self.successResultOf(self.run_once()), {"run": 2})

    def test_other_id(self) -> None:
        """Another id is another wish."""
        self.successResultOf(self.run_once("a"))
        self.assertEqual(self.successResultOf(self.run_once("b")), {"run": 2})

    def test_running(self) -> None:
        """While the first runs the others wait for its answer, however long that takes."""
        self.slow = Deferred()
        answers = [self.run_once(), self.run_once()]
        self.clock.advance(SECONDS + 1)
        answers.append(self.run_once())
        for answer in answers:
            self.assertNoResult(answer)
        self.slow.callback({"late": True})
        self.assertEqual([self.successResultOf(answer) for answer in answers], [{"late": True}] * 3)
        self.assertEqual(self.runs, 1)

    def test_refused(self) -> None:
        """A refusal is an answer too: now, later, and to those who wait for it."""
        self.slow = Deferred()
        waiting = [self.run_once(), self.run_once()]
        self.slow.errback(InvalidArgument("no"))
        for answer in (*waiting, self.run_once()):
            self.failureResultOf(answer, InvalidArgument)
        self.assertEqual(self.runs, 1)

    def test_raises(self) -> None:
        """What is raised is remembered as well."""

        def broken() -> Data:
            self.runs += 1
            raise ZeroDivisionError

        for _ in range(2):
            self.failureResultOf(self.once.run("a", "x", broken, self.warnings.append), ZeroDivisionError)
        self.assertEqual(self.runs, 1)

    def test_other_command(self) -> None:
        """One id for two different commands is the first one's, with a warning."""
        self.successResultOf(self.run_once(described="startcall 32"))
        self.assertEqual(self.successResultOf(self.run_once(described="startcall 33")), {"run": 1})
        self.assertEqual(self.warnings, [OTHER_COMMAND])

    def test_bounded(self) -> None:
        """Of too many the oldest is forgotten, but none that still runs."""
        self.slow = Deferred()
        running = self.run_once("running")
        self.slow = None
        for number in range(MAX_REMEMBERED + 10):
            self.successResultOf(self.run_once(str(number)))
        self.assertLessEqual(len(self.once), MAX_REMEMBERED)
        self.assertEqual(self.successResultOf(self.run_once("0"))["run"], self.runs)
        self.assertNoResult(self.run_once("running"))
        self.assertNoResult(running)

    def test_no_timer(self) -> None:
        """Remembering needs no timer."""
        self.run_once()
        self.assertEqual(self.clock.getDelayedCalls(), [])


class RequestIdTests(CommandCase):
    def setUp(self) -> None:
        super().setUp()
        self.world.registered()

    def call(self, **named: object) -> Data:
        return self.done(**({"action": "startcall", "number": "32"} | named))

    def test_one_call(self) -> None:
        """A double click places one call; text and number are the same id."""
        first = self.call(requestId="7")
        self.assertEqual([self.call(requestId="7"), self.call(RequestID=7), self.call(requestid="7")], [first] * 3)
        self.assertEqual(len(self.world.signalling.calls), 1)
        self.assertEqual(self.client.warnings, [])

    def test_id_suppresses_nothing(self) -> None:
        """Without requestId every command is run, whatever its id."""
        self.assertNotEqual(self.call(id=1), self.call(id=1))

    def test_other_token(self) -> None:
        """Another session's ids are its own."""
        first = self.call(requestId="7")
        self.token, self.session = self.sessions.open("crm")
        self.assertNotEqual(self.call(requestId="7"), first)

    def test_spelled_differently(self) -> None:
        """The same command in another spelling is the same; another number is not, and says so."""
        first = self.call(requestId="7", number="(71) 5555")
        self.assertEqual(self.call(requestId="7", number="715555"), first)
        self.assertEqual(self.client.warnings, [])
        self.assertEqual(self.call(requestId="7", number="715556"), first)
        self.assertEqual(self.client.warnings, [OTHER_COMMAND])

    def test_malformed(self) -> None:
        """An id that is none is refused, and nothing is run."""
        ids: tuple[object, ...] = ("", " ", [], {}, True, 1.5, "x" * 256, "a\nb")
        for request_id in ids:
            self.assertEqual(self.code(action="startcall", number="32", requestId=request_id), 102, request_id)
        self.assertEqual(self.world.signalling.calls, [])

    def test_lost_registration(self) -> None:
        """The first answer comes again even where the command would be refused now."""
        first = self.call(requestId="7")
        self.world.signalling.registrations[1].listener.lapsed(Cause(408, "Request Timeout"))
        self.assertEqual(self.call(requestId="7"), first)
        self.assertEqual(self.code(action="startcall", number="32", requestId="8"), 601)
        self.world.signalling.answer_registration(1)
        self.assertEqual(self.code(action="startcall", number="32", requestId="8"), 601)

    def test_looking_is_not_suppressed(self) -> None:
        """Commands that only look do so every time."""
        self.assertEqual(self.done(action="listcalls", requestId="7")["calls"], [])
        self.call()
        self.assertEqual(len(self.done(action="listcalls", requestId="7")["calls"]), 1)

    def test_authenticate(self) -> None:
        """authenticate has no token yet, so its requestId means nothing."""
        answers = [
            self.successResultOf(self.execute(action="authenticate", user="crm", password="secret", requestId=1))
            for _ in range(2)
        ]
        self.assertNotEqual(*answers)

    def test_wrong_token(self) -> None:
        """The token is judged before anything is remembered."""
        self.call(requestId="7")
        self.assertEqual(self.code(action="startcall", number="32", requestId="7", token="x"), 602)
