"""How far float32 results may differ between CPUs: a number of roundings.

AVX2, AVX-512, AMX and the portable kernels add in different orders, and every operation rounds by up to 2**-24 of its
result. So a tolerance is the number of operations that a value passes through, times 2**-24, times the largest value
on the way. What exceeds that is a wrong formula, not another CPU.
"""


def roundings(count: int, largest: float = 1.0) -> float:
    """The error of `count` float32 operations that all round the same way, on values up to `largest`."""
    return count * 2.0**-24 * largest
