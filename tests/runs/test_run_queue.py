"""Sharing jobs out among workers."""

from collections import Counter
from types import SimpleNamespace as Plain

from hypothesis import given
from hypothesis import strategies as st

from esegeta.passes import Passes
from esegeta.runs.queue import WORTH_SHARING, Queue


def group(name, model="m"):
    return Plain(id=name, model_name=model)


def jobs(of, *costs):
    return [(of, Plain(id=f"{of.id}/{n}", passes=Passes(cost))) for n, cost in enumerate(costs)]


def drain(queue, last=None):
    while (taken := queue.take(last)) is not None:
        last = taken[0]
        yield taken[1].id


def test_one_worker_takes_them_as_they_come():
    work = jobs(group("a"), 1, 2, 50) + jobs(group("b", "n"), 900) + jobs(group("c"), 3)
    assert list(drain(Queue(work, 1))) == [job.id for _, job in work]


def test_the_longest_group_first_and_the_model_at_hand_before_others():
    a, b, c, d = group("a"), group("b", "n"), group("c", "n"), group("d")
    queue = Queue(jobs(a, 5) + jobs(b, 50) + jobs(c, 1) + jobs(d, 7), 2)
    assert queue.take(None)[1].id == "b/0"
    assert queue.take(None)[1].id == "d/0"  # the other worker's
    assert queue.take(b)[1].id == "c/0"  # of the model it holds, though a costs more
    assert queue.take(d)[1].id == "a/0"
    assert queue.take(c) is None


def test_an_expensive_job_leaves_its_group_when_a_worker_would_idle_and_a_cheap_one_does_not():
    a, b = group("a"), group("b")
    queue = Queue(jobs(a, 1, 1, 40, 500) + jobs(b, 1), 2)
    assert queue.take(None)[1].id == "a/0"
    assert queue.take(None)[1].id == "b/0"
    assert queue.take(b)[1].id == "a/3"
    assert queue.take(a)[1].id == "a/1"
    assert queue.take(a)[1].id == "a/2"
    assert queue.take(a) is None


@given(
    costs=st.lists(st.lists(st.integers(0, 3 * WORTH_SHARING), min_size=1, max_size=5), max_size=6),
    workers=st.integers(1, 4),
    order=st.randoms(),
)
def test_every_job_is_done_once_whoever_comes_when(costs, workers, order):
    work = [w for n, c in enumerate(costs) for w in jobs(group(str(n), str(n % 2)), *sorted(c))]
    queue, last = Queue(work, workers), [None] * workers
    done, idle = Counter(), set()
    while len(idle) < workers:
        worker = order.choice([w for w in range(workers) if w not in idle])
        taken = queue.take(last[worker])
        if taken is None:
            idle.add(worker)
        else:
            last[worker] = taken[0]
            done[taken[1].id] += 1
    assert done == Counter(job.id for _, job in work)
