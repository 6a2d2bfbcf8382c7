"""Micro-kernels over gathered rows: what a few nonzeros do with the rows of a factor that their indices name.

As in `simd.py`, arrays are addressed by flat offsets and an operation's numpy twin stands in `simd_numpy.py`.
"""

from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic

from sparsenmf.kernels.simd import (
    _I32,
    _I64,
    CACHE_LINE,
    GROUP,
    Lanes,
    _columns,
    _fma,
    _index,
    _load,
    _pointer,
    _register,
    _shuffle,
    _splat,
)


def _rows_of_group(context, builder, sig, args, at, count):
    """Offsets in G of the rows named by indices t, t + 1, ...; past `stop`, the last row again."""
    (g_type, g), (i_type, indices) = (sig.args[at], args[at]), (sig.args[at + 1], args[at + 1])
    t, stop = args[at + 2], args[at + 3]
    columns = _columns(context, builder, g_type, g)
    last = builder.sub(stop, _I64(1))
    offsets = []
    for w in range(count):
        place = builder.add(t, _I64(w))
        place = builder.select(builder.icmp_signed("<", place, stop), place, last)
        offsets.append(builder.mul(_index(context, builder, i_type, indices, place), columns))
    return columns, offsets


def _sums_of(builder, vectors):
    """One register whose lane w is the sum of the lanes of vectors[w]: adds and shuffles in a tree."""
    lanes, block = vectors[0].type.count, 1
    while len(vectors) > 1 and block < lanes:
        first, second = [], []
        for p in range(0, lanes, 2 * block):
            first += [*range(p, p + block), *range(lanes + p, lanes + p + block)]
            second += [*range(p + block, p + 2 * block), *range(lanes + p + block, lanes + p + 2 * block)]
        vectors = [
            builder.fadd(_shuffle(builder, a, b, first), _shuffle(builder, a, b, second))
            for a, b in zip(vectors[::2], vectors[1::2], strict=True)
        ]
        block *= 2
    while len(vectors) > 1:
        both = list(range(2 * vectors[0].type.count))
        vectors = [_shuffle(builder, a, b, both) for a, b in zip(vectors[::2], vectors[1::2], strict=True)]
    value = vectors[0]
    while value.type.count > GROUP:
        half = value.type.count // 2
        low, high = list(range(half)), list(range(half, 2 * half))
        value = builder.fadd(_shuffle(builder, value, value, low), _shuffle(builder, value, value, high))
    return value


@intrinsic
def gather_dots(typingctx, f, row, g, indices, t, stop):
    """f[row] . G[indices[t + w]] for GROUP nonzeros side by side: WH at those nonzeros.

    GROUP accumulators hide the latency of the multiply-adds, and each chunk of f's row is loaded once for all.
    """
    result, lanes = Lanes(g.dtype, GROUP), _register(g)

    def codegen(context, builder, sig, args):
        columns, offsets = _rows_of_group(context, builder, sig, args, 2, GROUP)
        vector = context.get_value_type(lanes)
        align = g.dtype.bitwidth // 8
        sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in range(GROUP)]
        for s in sums:
            builder.store(ir.Constant(vector, None), s)
        start = builder.mul(args[1], columns)
        with cgutils.for_range_slice(builder, _I64(0), columns, _I64(lanes.count), inc=True) as (c, _):
            chunk = _load(
                builder, _pointer(context, builder, sig.args[0], args[0], builder.add(start, c)), vector, align
            )
            for s, offset in zip(sums, offsets, strict=True):
                pointer = _pointer(context, builder, sig.args[2], args[2], builder.add(offset, c))
                builder.store(_fma(builder, chunk, _load(builder, pointer, vector, align), builder.load(s)), s)
        return _sums_of(builder, [builder.load(s) for s in sums])

    return result(f, types.intp, g, indices, types.intp, types.intp), codegen


@intrinsic
def gather_add(typingctx, acc, at, r, g, indices, t, stop):
    """acc[at:] += sum over w of r[w] * G[indices[t + w]], for GROUP nonzeros: acc is loaded and stored once."""
    lanes = _register(g)

    def codegen(context, builder, sig, args):
        columns, offsets = _rows_of_group(context, builder, sig, args, 3, GROUP)
        vector = context.get_value_type(lanes)
        align = g.dtype.bitwidth // 8
        weights = [_splat(builder, builder.extract_element(args[2], _I32(w)), lanes.count) for w in range(GROUP)]
        with cgutils.for_range_slice(builder, _I64(0), columns, _I64(lanes.count), inc=True) as (c, _):
            place = _pointer(context, builder, sig.args[0], args[0], builder.add(args[1], c))
            chains = [_load(builder, place, vector, align), ir.Constant(vector, None)]
            for w, (weight, offset) in enumerate(zip(weights, offsets, strict=True)):
                pointer = _pointer(context, builder, sig.args[3], args[3], builder.add(offset, c))
                chains[w % 2] = _fma(builder, weight, _load(builder, pointer, vector, align), chains[w % 2])
            builder.store(builder.fadd(*chains), builder.bitcast(place, vector.as_pointer())).align = align
        return context.get_dummy_value()

    return types.void(acc, types.intp, r, g, indices, types.intp, types.intp), codegen


@intrinsic
def prefetch_rows(typingctx, g, indices, t, stop):
    """Ask for the rows of G named by the GROUP indices from t, before they are needed; nothing past `stop`."""

    def codegen(context, builder, sig, args):
        columns, offsets = _rows_of_group(context, builder, sig, args, 0, GROUP)
        line = CACHE_LINE // (g.dtype.bitwidth // 8)
        byte = ir.IntType(8).as_pointer()
        name = "llvm.prefetch.p0"
        with cgutils.for_range_slice(builder, _I64(0), columns, _I64(line), inc=True) as (c, _):
            for offset in offsets:
                pointer = builder.bitcast(
                    _pointer(context, builder, sig.args[0], args[0], builder.add(offset, c)), byte
                )
                fnty = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
                builder.call(
                    cgutils.get_or_insert_function(builder.module, fnty, name), [pointer, _I32(0), _I32(3), _I32(1)]
                )
        return context.get_dummy_value()

    return types.void(g, indices, types.intp, types.intp), codegen


def _transpose(builder, rows):
    """A square of registers, transposed in registers: log2(lanes) rounds of shuffles."""
    lanes, block = len(rows), 1
    while block < lanes:
        low, high = [], []
        for p in range(0, lanes, 2 * block):
            low += [*range(p, p + block), *range(lanes + p, lanes + p + block)]
            high += [*range(p + block, p + 2 * block), *range(lanes + p + block, lanes + p + 2 * block)]
        out = list(rows)
        for i in range(lanes):
            if not i & block:
                out[i] = _shuffle(builder, rows[i], rows[i + block], low)
                out[i + block] = _shuffle(builder, rows[i], rows[i + block], high)
        rows, block = out, 2 * block
    return rows


@intrinsic
def gather_transposed(typingctx, b, stride, place, g, indices, t, stop):
    """b[a * stride + place + w] = G[indices[t + w], a] for a register's lanes w: rows of G become columns of b."""
    lanes = _register(g)

    def codegen(context, builder, sig, args):
        columns, offsets = _rows_of_group(context, builder, sig, args, 3, lanes.count)
        vector = context.get_value_type(lanes)
        align = g.dtype.bitwidth // 8
        with cgutils.for_range_slice(builder, _I64(0), columns, _I64(lanes.count), inc=True) as (c, _):
            rows = [
                _load(builder, _pointer(context, builder, sig.args[3], args[3], builder.add(offset, c)), vector, align)
                for offset in offsets
            ]
            for a, row in enumerate(_transpose(builder, rows)):
                place = builder.add(builder.mul(builder.add(c, _I64(a)), args[1]), args[2])
                pointer = _pointer(context, builder, sig.args[0], args[0], place)
                builder.store(row, builder.bitcast(pointer, vector.as_pointer())).align = align
        return context.get_dummy_value()

    return types.void(b, types.intp, types.intp, g, indices, types.intp, types.intp), codegen


@intrinsic
def scatter_transposed(typingctx, b, stride, place, f, t, stop):
    """f[t + w, a] = b[a * stride + place + w] for the lanes w with t + w < stop: columns of b become rows of f."""
    lanes = _register(f)

    def codegen(context, builder, sig, args):
        columns = _columns(context, builder, sig.args[3], args[3])
        vector = context.get_value_type(lanes)
        align = f.dtype.bitwidth // 8
        with cgutils.for_range_slice(builder, _I64(0), columns, _I64(lanes.count), inc=True) as (c, _):
            rows = []
            for a in range(lanes.count):
                at = builder.add(builder.mul(builder.add(c, _I64(a)), args[1]), args[2])
                rows.append(_load(builder, _pointer(context, builder, sig.args[0], args[0], at), vector, align))
            for w, row in enumerate(_transpose(builder, rows)):
                i = builder.add(args[4], _I64(w))
                with builder.if_then(builder.icmp_signed("<", i, args[5])):
                    at = builder.add(builder.mul(i, columns), c)
                    pointer = _pointer(context, builder, sig.args[3], args[3], at)
                    builder.store(row, builder.bitcast(pointer, vector.as_pointer())).align = align
        return context.get_dummy_value()

    return types.void(b, types.intp, types.intp, f, types.intp, types.intp), codegen


@intrinsic
def strided_dots(typingctx, b, at, stride, v, start, n):
    """Lane w: the sum over t < n of b[at + w * stride + t] * v[start + t]; n a multiple of the lanes.

    GROUP accumulators hide the latency of the multiply-adds, and each register of v is loaded once for all.
    """
    result, lanes = Lanes(b.dtype, GROUP), _register(b)

    def codegen(context, builder, sig, args):
        vector = context.get_value_type(lanes)
        align = b.dtype.bitwidth // 8
        sums = [cgutils.alloca_once_value(builder, ir.Constant(vector, None)) for _ in range(GROUP)]
        for s in sums:
            builder.store(ir.Constant(vector, None), s)
        rows = [builder.add(args[1], builder.mul(args[2], _I64(w))) for w in range(GROUP)]
        with cgutils.for_range_slice(builder, _I64(0), args[5], _I64(lanes.count), inc=True) as (t, _):
            place = _pointer(context, builder, sig.args[3], args[3], builder.add(args[4], t))
            chunk = _load(builder, place, vector, align)
            for s, row in zip(sums, rows, strict=True):
                pointer = _pointer(context, builder, sig.args[0], args[0], builder.add(row, t))
                builder.store(_fma(builder, chunk, _load(builder, pointer, vector, align), builder.load(s)), s)
        return _sums_of(builder, [builder.load(s) for s in sums])

    return result(b, types.intp, types.intp, v, types.intp, types.intp), codegen


if config.DISABLE_JIT:
    from sparsenmf.kernels.simd_numpy import *  # noqa: F403
