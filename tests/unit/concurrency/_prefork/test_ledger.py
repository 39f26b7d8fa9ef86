"""The ledger: no message in a dead process's hands is forgotten, none in a living one's is lost."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from celery.concurrency._prefork.ledger import Ledger


def test_message_between_accepted_ones_was_in_the_dead_hands() -> None:
    ledger = Ledger[str]()
    ledger.born("a", 1)
    ledger.born("b", 1)
    for sequence in (1, 2):
        ledger.sent(sequence, f"job {sequence}")
    assert ledger.accepted("b", 2) == "job 2"
    ledger.died("a", 3)
    assert ledger.lost() == ["job 1"]
    assert len(ledger) == 0


def test_idle_process_must_speak_before_a_message_is_lost() -> None:
    ledger = Ledger[str]()
    ledger.born("a", 1)
    ledger.born("b", 1)
    ledger.sent(1, "job")
    ledger.died("a", 2)
    assert ledger.lost() == []
    assert (ledger.doubtful(), ledger.witnesses()) == (True, 1)
    ledger.sent(2, "probe")
    ledger.accepted("b", 2)
    assert ledger.lost() == ["job"]
    assert (ledger.doubtful(), ledger.witnesses()) == (False, 0)


def test_process_seen_running_afterwards_is_no_suspect() -> None:
    ledger = Ledger[str]()
    ledger.born("a", 1)
    ledger.born("b", 1)
    ledger.sent(1, "long job")
    ledger.accepted("b", 1)
    ledger.sent(2, "job")
    ledger.died("a", 3)
    ledger.seen_running("b", 3)
    assert ledger.lost() == ["job"]


def test_what_is_still_in_the_socket_is_not_lost() -> None:
    ledger = Ledger[str]()
    ledger.born("a", 1)
    ledger.sent(1, "job")
    ledger.died("a", 1)
    assert ledger.lost() == []
    assert not ledger.doubtful()


def test_process_that_has_left_holds_nothing() -> None:
    ledger = Ledger[str]()
    ledger.born("a", 1)
    ledger.born("b", 1)
    ledger.sent(1, "job")
    ledger.left("b")
    ledger.died("a", 2)
    assert ledger.lost() == ["job"]
    ledger.died("b", 2)
    assert ledger.lost() == []


class Processes(RuleBasedStateMachine):
    """Real queues beside the ledger: who holds what is known here, and compared."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger[int]()
        self.socket: deque[int] = deque()
        self.next_sequence = 1
        self.held: dict[int, int | None] = {}
        self.unread: dict[int, deque[int]] = {}
        self.next_process = 0
        self.dead_hands: set[int] = set()
        self.told_lost: set[int] = set()

    def oldest(self) -> int:
        return self.socket[0] if self.socket else self.next_sequence

    @rule()
    def a_process_is_born(self) -> None:
        self.ledger.born(self.next_process, self.oldest())
        self.held[self.next_process] = None
        self.unread[self.next_process] = deque()
        self.next_process += 1

    @rule()
    def a_message_is_sent(self) -> None:
        self.ledger.sent(self.next_sequence, self.next_sequence)
        self.socket.append(self.next_sequence)
        self.next_sequence += 1

    @precondition(lambda self: self.held and self.socket)
    @rule(data=st.data())
    def a_process_receives(self, data: st.DataObject) -> None:
        idle = sorted(process for process, message in self.held.items() if message is None)
        if idle:
            self.held[data.draw(st.sampled_from(idle))] = self.socket.popleft()

    @precondition(lambda self: any(self.held.values()))
    @rule(data=st.data())
    def a_process_reports(self, data: st.DataObject) -> None:
        busy = sorted(process for process, message in self.held.items() if message)
        process = data.draw(st.sampled_from(busy))
        message = self.held[process]
        assert message is not None
        self.unread[process].append(message)
        self.held[process] = None

    @precondition(lambda self: any(self.unread.values()))
    @rule(data=st.data())
    def a_report_is_read(self, data: st.DataObject) -> None:
        heard = sorted(process for process, reports in self.unread.items() if reports)
        process = data.draw(st.sampled_from(heard))
        message = self.unread[process].popleft()
        assert self.ledger.accepted(process, message) == message

    @precondition(lambda self: self.held)
    @rule(data=st.data())
    def a_process_dies(self, data: st.DataObject) -> None:
        process = data.draw(st.sampled_from(sorted(self.held)))
        message = self.held.pop(process)
        if message is not None:
            self.dead_hands.add(message)
        for read in self.unread.pop(process):
            self.ledger.accepted(process, read)
        self.ledger.died(process, self.oldest())

    @invariant()
    def only_what_dead_hands_held_is_lost(self) -> None:
        self.told_lost.update(self.ledger.lost())
        assert self.told_lost <= self.dead_hands

    def teardown(self) -> None:
        # Every living process tells all it has, then accepts a probe: no doubt is left.
        for process in sorted(self.held):
            for message in [*self.unread[process], self.held[process]]:
                if message is not None:
                    self.ledger.accepted(process, message)
            self.ledger.sent(self.next_sequence, self.next_sequence)
            self.ledger.accepted(process, self.next_sequence)
            self.next_sequence += 1
        self.told_lost.update(self.ledger.lost())
        assert self.told_lost == self.dead_hands
        assert list(self.ledger.items()) == list(self.socket)


TestProcesses = Processes.TestCase
TestProcesses.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
