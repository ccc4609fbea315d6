"""What compiled loops call: short functions, as text, that a compiler turns into vector code.

The exponential function is that of Cody and Waite (Software Manual for the Elementary Functions,
1980), `exp(x) = 2**n exp(y)` with `|y| ≤ log(2)/2`, here with the Taylor polynomial of exp(y), the
next term of which is below the last digit. There is no branch and no call in it, so several entries
are computed at a time; `2**n` is made of its bits, in two halves, so that subnormal numbers come
out, too. It is right to two units in the last place.
"""

from __future__ import annotations

from math import factorial

__all__ = ["LOOP_DECORATORS", "LOOP_FUNCTIONS", "OVER_ROWS", "ROW"]

# Of a row: division by what is the same for all entries may be a product with its inverse; 0/0 is
# NaN. Of all rows: they are shared out among the processors.
ROW = "njit(fastmath={'contract', 'arcp'}, error_model='numpy')"
OVER_ROWS = "njit(parallel=True)"
LOOP_DECORATORS = frozenset((ROW, OVER_ROWS))

_HALVES = ((0, "even"), (1, "odd"))
# The number whose sum with an integer has this integer as its last bits,
# and log(2) in two parts, of which the first times an integer is exact.
_EXP = '''\
@njit(fastmath={{"contract"}}, error_model="numpy")
def exp{bits}(x):
    """exp(x) of a float{bits}, without branches."""
    real = np.float{bits}
    x = min(max(x, real({lowest})), real({highest}))
    n = np.floor(x*real(1.4426950408889634) + real(0.5))
    half = np.floor(n*real(0.5))
    y = (x - n*real({log2_high})) - n*real({log2_low})
    z = y*y
{even}
{odd}
    value = odd*y + even
    first = np.float{bits}(half + real({magic})).view(np.int{bits}) + np.int{bits}({bias})
    second = np.float{bits}(n - half + real({magic})).view(np.int{bits}) + np.int{bits}({bias})
    first, second = first << np.int{bits}({mantissa}), second << np.int{bits}({mantissa})
    return value*np.int{bits}(first).view(real)*np.int{bits}(second).view(real)
'''


def _exponential(bits: int, degree: int, **constants: object) -> str:
    halves = {name: _powers(name, degree - (degree + start) % 2) for start, name in _HALVES}
    return _EXP.format(bits=bits, **halves, **constants)


def _powers(name: str, degree: int) -> str:
    """The terms of one parity, by Horner's rule in z = y²: two rules run side by side."""
    lines = [f"    {name} = real({1 / factorial(degree)!r})"]
    lines += [
        f"    {name} = {name}*z + real({1 / factorial(k)!r})" for k in range(degree - 2, -1, -2)
    ]
    return "\n".join(lines)


LOOP_FUNCTIONS = {
    "exp64": _exponential(
        64, 13, lowest="-746.0", highest="710.0", mantissa=52, bias=1023,
        magic="6755399441055744.0", log2_high="0.693147180369123816490",
        log2_low="1.90821492927058770002e-10",
    ),
    "exp32": _exponential(
        32, 7, lowest="-104.0", highest="89.0", mantissa=23, bias=127,
        magic="12582912.0", log2_high="0.693359375", log2_low="-2.12194440054690583e-4",
    ),
    "where_equal": '''\
@njit
def where_equal(x, y, value, other):
    """The value where x = y, else the other."""
    return value if x == y else other
''',
    "total": '''\
@njit(fastmath={"reassoc", "nsz"})
def total(x):
    """The sum of the entries."""
    value = x.dtype.type(0)
    for k in range(len(x)):
        value += x[k]
    return value
''',
    "highest": '''\
@njit(fastmath={"nnan", "nsz"})
def highest(x):
    """The greatest entry."""
    a = b = c = d = x.dtype.type(-np.inf)
    m = len(x)//4
    for k in range(m):  # four at a time, which do not wait for each other
        a = max(a, x[k])
        b = max(b, x[m + k])
        c = max(c, x[2*m + k])
        d = max(d, x[3*m + k])
    for k in range(4*m, len(x)):
        a = max(a, x[k])
    return max(max(a, b), max(c, d))
''',
}  # fmt: skip
