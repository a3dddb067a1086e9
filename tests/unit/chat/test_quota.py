"""Who floods is told once; servers pay for all their people; memory is bounded."""

from bridge.chat.quota import Quotas, Rate, Verdict
from bridge.ids import UserId


def test_buckets_fill_again_and_the_complaint_is_not_repeated_in_a_flood() -> None:
    now = [0.0]
    quotas = Quotas(Rate(4, 60), Rate(100, 100), clock=lambda: now[0])
    alice = UserId("@alice:x.org")
    assert [quotas.take(alice) for _ in range(6)] == [Verdict.PASS] * 4 + [Verdict.TELL, Verdict.SILENT]
    now[0] = 1.0
    assert [quotas.take(alice) for _ in range(2)] == [Verdict.PASS, Verdict.SILENT]
    now[0] = 10.0
    assert [quotas.take(alice) for _ in range(5)] == [Verdict.PASS] * 4 + [Verdict.TELL]


def test_a_server_is_told_once_however_many_people_it_makes_up() -> None:
    quotas = Quotas(Rate(10, 1), Rate(5, 1), clock=lambda: 0.0, max_buckets=50)
    verdicts = [quotas.take(UserId(f"@u{i}:evil.org")) for i in range(500)]
    assert verdicts.count(Verdict.PASS) == 5
    assert verdicts.count(Verdict.TELL) == 1
    assert quotas.take(UserId("@alice:x.org")) is Verdict.PASS
    assert max(len(buckets) for buckets in quotas._buckets) <= 50


def test_a_refund_never_overfills() -> None:
    quotas = Quotas(Rate(2, 1), Rate(5, 1), clock=lambda: 0.0)
    alice = UserId("@alice:x.org")
    for _ in range(5):
        quotas.refund(alice)
    assert [quotas.take(alice) for _ in range(3)] == [Verdict.PASS, Verdict.PASS, Verdict.TELL]
