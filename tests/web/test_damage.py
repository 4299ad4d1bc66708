"""Damaged files sent to the HTTP API: each answer is 200, or a refusal in one line."""

from itertools import islice

from damage import damaged
from fuzzing import asked

CASES = 36
OPERATIONS = ("cover", "secret", "reveal", "capacity", "check", "inspect")


def test_damaged_files(client):
    used = 0
    for number, (what, data) in enumerate(islice(damaged(21), CASES)):
        operation = OPERATIONS[number % len(OPERATIONS)]
        outcome = asked(client, operation, data)
        assert not outcome.fault, (number, operation, what, outcome.fault)
        used += outcome.used
    assert used > CASES / 10
