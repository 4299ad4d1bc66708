"""Compiled functions: loaded when they are called, once for all threads."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from isgan.jit import jit


@jit
def twice(values):
    return values + values


@jit
def four_times(values):
    return twice(twice(values))


def test_compiled_functions_call_each_other_in_many_threads():
    values = np.arange(5)
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(four_times, [values] * 8):
            np.testing.assert_array_equal(found, 4 * values)
    assert four_times.ready() is four_times.ready()
    assert type(twice.ready()).__module__.startswith("numba")


def test_machine_code_is_made_anew_when_a_function_of_another_file_changes(tmp_path):
    (tmp_path / "outer.py").write_text(
        "from inner import SUM, inner\nfrom isgan.jit import jit\n\n@jit\ndef outer(x):\n    return inner(x) + SUM\n"
    )
    for factor, more in ((2, 1), (3, 1), (3, 5)):
        (tmp_path / "inner.py").write_text(f"from isgan.jit import jit\n\nSUM = {more}\n\n@jit\ndef inner(x):\n    return {factor} * x\n")
        run = subprocess.run(
            [sys.executable, "-B", "-c", "import outer; print(outer.outer(7))"], cwd=tmp_path, capture_output=True, text=True, check=True
        )
        assert int(run.stdout) == 7 * factor + more


def test_numba_is_not_imported_before_it_is_needed():
    """It takes a fifth of a second, beside which keys are derived and pictures compressed."""
    code = "import isgan.pipeline, isgan.schemes.embedding, sys; sys.exit('numba' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
