"""Functions of rows as loops that Numba compiles: one function for a row, one for all of them."""

from __future__ import annotations

from sympy import Tuple

from ..errors import NoRuleError
from .array_arguments import Argument
from .array_graph import Node
from .code_layout import assignment, signature_lines
from .loop_functions import OVER_ROWS, ROW
from .loop_text import Loops
from .matrix_source import FunctionText

__all__ = ["LoopFunctionText"]


class LoopFunctionText(FunctionText):
    """One function of arrays, while its loops are written."""

    def _body(self, name: str, result: Node) -> list[str]:
        if len(self.order) != 1 or isinstance(self.body, Tuple):
            raise NoRuleError(
                "asked for code with backend='numba', whose loops compute one formula for the rows "
                f"of one batch, with {len(self.order)} batches: label what has rows, as in "
                "batch={z: 'n', r: 'n'}, or use backend='numpy'"
            )
        like = next((a.code for a in self.arguments if _has_rows(a) and len(a.axes) > 1), None)
        if like is None:
            raise NoRuleError(
                "asked for code with backend='numba' of a formula without rows, (n, K): functions "
                "of numbers broadcast over arrays by themselves. Use backend='numpy'"
            )
        names = self.names
        row, rows = names.fresh(f"{name}_row"), names.fresh(f"{name}_rows")
        made, each = names.fresh("result"), names.fresh("n")
        wide = any(size != 1 for size in getattr(self.body, "shape", ()))
        loops = Loops(self.graph, result, names, self.language, length=like, made=made, wide=wide)
        codes = [a.code for a in self.arguments]
        functions = ["exp"] * ("exp64" in self.language.functions)
        target = [made] * wide
        parts = [f"{a.code}[{each}]" if _has_rows(a) else a.code for a in self.arguments]
        call = f"{row}({', '.join([*parts, *[f'{made}[{each}]'] * wide, *functions])})"
        return [
            f"@{ROW}",
            *signature_lines(row, [*codes, *target, *functions]),
            *self._opened(loops, like),
            *_statements(loops.lines),
            "",
            "",
            f"@{OVER_ROWS}",
            *signature_lines(rows, [*codes, made, *functions]),
            f"    for {each} in prange(len({made})):",
            f"        {call}" if wide else f"        {made}[{each}] = {call}",
            "",
            "",
            *self._head(name),
            *self._unpacked(),
            *self._called(rows, made, wide, functions),
        ]

    def _opened(self, loops: Loops, like: str) -> list[str]:
        """The type of the numbers, and rows of it that are kept between loops."""
        lines = [f"    {kept} = np.empty(len({like}), real)" for kept in loops.kept]
        return [f"    real = {like}.dtype.type", *lines] if lines or loops.has_numbers else []

    def _called(self, rows: str, made: str, wide: bool, functions: list[str]) -> list[str]:
        """The arrays as they are given, of one type, and the loops over their rows."""
        dtype = self.names.fresh("dtype")
        codes = [a.code for a in self.arguments]
        arrays = [
            f"np.asarray({a.code}, {dtype}){'' if a.axes else '[()]'}" for a in self.arguments
        ]
        sizes = self.writer.sizes
        shape = [sizes.of_axis(self.order[0])]
        shape += [sizes.text(size) for size in self.body.shape if size != 1] if wide else []
        chosen = [f"(exp64, exp32)[int({dtype} == np.float32)]" for _ in functions]
        return [
            *assignment(dtype, f"np.result_type({', '.join(codes)})"),
            *assignment(", ".join(codes), ", ".join(arrays)),
            *assignment(made, f"np.empty(({', '.join(shape)}{',' * (not wide)}), {dtype})"),
            f"    {rows}({', '.join([*codes, made, *chosen])})",
            f"    return {made}",
        ]


def _has_rows(argument: Argument) -> bool:
    return bool(argument.axes) and isinstance(argument.axes[0], str)


def _statements(lines: list[tuple[int, str, str]]) -> list[str]:
    """Lines at their depth: assignments, or a line as it stands where nothing is assigned."""
    texts = []
    for depth, target, value in lines:
        found = assignment(target, value) if target else [f"    {value}"]
        texts += [f"{'    ' * depth}{text}" for text in found]
    return texts
