"""Vector registers for Numba kernels: a type for one register of lanes, and the few operations on it.

Numba's own vectoriser gives up on most of the loops that matter here (arrays that may alias, reductions in strict
order, gathers). This module writes them down instead, as portable LLVM vectors that the host's instruction set
decides about. Nothing here uses fast-math, so a kernel gives the same bits wherever it is inlined.

Arrays are addressed by flat element offsets from their first element. `LANES` of a dtype is the register's width;
`GROUP` is the number of nonzeros that the row-major kernels keep in flight.

With NUMBA_DISABLE_JIT=1 every operation is its numpy twin of `simd_numpy.py`, so kernels run as plain Python.
"""

import llvmlite.binding as llvm
from llvmlite import ir
from numba import types
from numba.core import cgutils, config
from numba.extending import intrinsic, models, register_model

from sparsenmf.kernels import simd_numpy

GROUP = simd_numpy.GROUP
_HAS_AVX512 = bool(llvm.get_host_cpu_features().get("avx512f")) and not config.CPU_NAME
VECTOR_BYTES = 64 if _HAS_AVX512 else 32
CACHE_LINE = 64
_I32, _I64 = ir.IntType(32), ir.IntType(64)


class Lanes(types.Type):
    """The Numba type of one register: `count` lanes of `dtype`."""

    def __init__(self, dtype: types.Type, count: int) -> None:
        self.dtype, self.count = dtype, count
        super().__init__(name=f"Lanes({dtype}, {count})")


@register_model(Lanes)
class _LanesModel(models.PrimitiveModel):
    def __init__(self, dmm, fe_type):
        super().__init__(dmm, fe_type, ir.VectorType(dmm.lookup(fe_type.dtype).get_value_type(), fe_type.count))


def lanes_of(dtype) -> int:
    """Lanes of one register of a float dtype (numpy's or Numba's)."""
    return VECTOR_BYTES // (getattr(dtype, "itemsize", None) or dtype.bitwidth // 8)


def _register(array: types.Array) -> Lanes:
    return Lanes(array.dtype, VECTOR_BYTES // (array.dtype.bitwidth // 8))


def _const(llvm_type, value):
    if isinstance(llvm_type, ir.VectorType):
        return ir.Constant(llvm_type, [value] * llvm_type.count)
    return ir.Constant(llvm_type, value)


def _iota(count):
    return ir.Constant(ir.VectorType(_I64, count), list(range(count)))


def _splat(builder, scalar, count):
    undef = ir.Constant(ir.VectorType(scalar.type, count), ir.Undefined)
    one = builder.insert_element(undef, scalar, _I32(0))
    return builder.shuffle_vector(one, undef, ir.Constant(ir.VectorType(_I32, count), [0] * count))


def _shuffle(builder, a, b, picks):
    return builder.shuffle_vector(a, b, ir.Constant(ir.VectorType(_I32, len(picks)), picks))


def _call(builder, name, result, args):
    """Call the overloaded LLVM intrinsic `name` (its suffixes spelt out)."""
    fnty = ir.FunctionType(result, [a.type for a in args])
    return builder.call(cgutils.get_or_insert_function(builder.module, fnty, name), args)


def _suffix(t):
    if isinstance(t, ir.VectorType):
        return f"v{t.count}{_suffix(t.element)}"
    return {ir.FloatType: "f32", ir.DoubleType: "f64"}.get(type(t)) or f"i{t.width}"


def _fma(builder, a, b, c):
    return _call(builder, f"llvm.fma.{_suffix(a.type)}", a.type, [a, b, c])


def _pointer(context, builder, array_type, array, offset):
    """Address of the element at a flat offset."""
    return builder.gep(context.make_array(array_type)(context, builder, array).data, [offset])


def _load(builder, pointer, llvm_type, align):
    value = builder.load(builder.bitcast(pointer, llvm_type.as_pointer()), typ=llvm_type)
    value.align = align
    return value


def _index(context, builder, array_type, array, offset):
    """An entry of an index array as a 64-bit integer."""
    value = builder.load(_pointer(context, builder, array_type, array, offset))
    return value if value.type == _I64 else builder.sext(value, _I64)


def _columns(context, builder, array_type, array):
    return builder.extract_value(context.make_array(array_type)(context, builder, array).shape, array_type.ndim - 1)


# --- memory ----------------------------------------------------------------------------------------------------------


@intrinsic
def load(typingctx, a, i):
    """One register from a[i:], a flat offset."""
    result = _register(a)

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1])
        return _load(builder, pointer, context.get_value_type(result), a.dtype.bitwidth // 8)

    return result(a, types.intp), codegen


@intrinsic
def spread(typingctx, a, i):
    """A register with a[i] in every lane, i a flat offset: no check for a place counted from the end, as a[i] has."""
    result = _register(a)

    def codegen(context, builder, sig, args):
        value = builder.load(_pointer(context, builder, sig.args[0], args[0], args[1]))
        return _splat(builder, value, result.count)

    return result(a, types.intp), codegen


@intrinsic
def store(typingctx, a, i, v):
    """Write a register to a[i:], a flat offset."""

    def codegen(context, builder, sig, args):
        pointer = _pointer(context, builder, sig.args[0], args[0], args[1])
        builder.store(args[2], builder.bitcast(pointer, args[2].type.as_pointer())).align = a.dtype.bitwidth // 8
        return context.get_dummy_value()

    return types.void(a, types.intp, v), codegen


def _masked(context, builder, sig, args, result):
    """Entries t, t + 1, ... of x below `stop` converted to the result's dtype, and zeros from there on."""
    x, t, stop = args[:3]
    count, element = result.count, sig.args[0].dtype
    source = ir.VectorType(context.get_value_type(element), count)
    places = builder.add(_splat(builder, t, count), _iota(count))
    mask = builder.icmp_signed("<", places, _splat(builder, stop, count))
    pointer = builder.bitcast(_pointer(context, builder, sig.args[0], x, t), source.as_pointer())
    zeros = ir.Constant(source, None)
    name = f"llvm.masked.load.{_suffix(source)}.p0"
    raw = _call(builder, name, source, [pointer, _I32(element.bitwidth // 8), mask, zeros])
    return _convert(builder, raw, element, context.get_value_type(result), result.dtype)


def _convert(builder, raw, element, target, dtype):
    if isinstance(element, types.Float):
        if element == dtype:
            return raw
        return (builder.fpext if element.bitwidth < dtype.bitwidth else builder.fptrunc)(raw, target)
    return (builder.sitofp if element.signed else builder.uitofp)(raw, target)


@intrinsic
def load_counts(typingctx, x, t, stop, like):
    """A register of X's entries t to stop, converted to the dtype of `like`; zeros past `stop`."""
    result = _register(like)

    def codegen(context, builder, sig, args):
        return _masked(context, builder, sig, args, result)

    return result(x, types.intp, types.intp, like), codegen


@intrinsic
def load_group(typingctx, x, t, stop, like):
    """GROUP of X's entries from t, converted to the dtype of `like`; zeros past `stop`."""
    result = Lanes(like.dtype, GROUP)

    def codegen(context, builder, sig, args):
        return _masked(context, builder, sig, args, result)

    return result(x, types.intp, types.intp, like), codegen


@intrinsic
def store_part(typingctx, a, i, stop, v):
    """Write the lanes of v that fall on a[i:stop]."""

    def codegen(context, builder, sig, args):
        count, vector = v.count, args[3].type
        places = builder.add(_splat(builder, args[1], count), _iota(count))
        mask = builder.icmp_signed("<", places, _splat(builder, args[2], count))
        pointer = builder.bitcast(_pointer(context, builder, sig.args[0], args[0], args[1]), vector.as_pointer())
        name = f"llvm.masked.store.{_suffix(vector)}.p0"
        _call(builder, name, ir.VoidType(), [args[3], pointer, _I32(a.dtype.bitwidth // 8), mask])
        return context.get_dummy_value()

    return types.void(a, types.intp, types.intp, v), codegen


# --- arithmetic; what takes registers and `same` take floats alike, as registers of one lane --------------------------


def _scalar_to_lanes(context, builder, scalar_type, value, result):
    if not isinstance(result, Lanes):
        return context.cast(builder, value, scalar_type, result)
    value = context.cast(builder, value, scalar_type, result.dtype)
    return _splat(builder, value, result.count)


@intrinsic
def fill(typingctx, like, value):
    """A register of the dtype of the array `like`, every lane the same."""
    result = _register(like)

    def codegen(context, builder, sig, args):
        return _scalar_to_lanes(context, builder, sig.args[1], args[1], result)

    return result(like, value), codegen


@intrinsic
def same(typingctx, v, value):
    """A register shaped like v, every lane the same; a float where v is one."""

    def codegen(context, builder, sig, args):
        return _scalar_to_lanes(context, builder, sig.args[1], args[1], v)

    return v(v, value), codegen


def _binary(name, emit):
    def operation(typingctx, a, b):
        def codegen(context, builder, sig, args):
            return emit(builder, *args)

        return a(a, b), codegen

    operation.__name__ = operation.__qualname__ = name
    return intrinsic(operation)


def _maximum(builder, a, b):
    return builder.select(builder.fcmp_ordered(">", a, b), a, b)


add = _binary("add", lambda b, x, y: b.fadd(x, y))
sub = _binary("sub", lambda b, x, y: b.fsub(x, y))
mul = _binary("mul", lambda b, x, y: b.fmul(x, y))
div = _binary("div", lambda b, x, y: b.fdiv(x, y))
maximum = _binary("maximum", _maximum)


@intrinsic
def fma(typingctx, a, b, c):
    """a * b + c, rounded once."""

    def codegen(context, builder, sig, args):
        return _fma(builder, *args)

    return a(a, b, c), codegen


@intrinsic
def sqrt(typingctx, v):
    """The square root, lane by lane."""

    def codegen(context, builder, sig, args):
        return _call(builder, f"llvm.sqrt.{_suffix(args[0].type)}", args[0].type, [args[0]])

    return v(v), codegen


@intrinsic
def where_positive(typingctx, test, a, b):
    """Lane by lane: a where test > 0, else b."""

    def codegen(context, builder, sig, args):
        positive = builder.fcmp_ordered(">", args[0], _const(args[0].type, 0.0))
        return builder.select(positive, args[1], args[2])

    return a(test, a, b), codegen


@intrinsic
def total(typingctx, v):
    """The sum of the lanes, halves first, as a float of their dtype."""

    def codegen(context, builder, sig, args):
        value, count = args[0], v.count
        while count > 1:
            count //= 2
            low = _shuffle(builder, value, value, list(range(count)))
            high = _shuffle(builder, value, value, list(range(count, 2 * count)))
            value = builder.fadd(low, high)
        return builder.extract_element(value, _I32(0))

    return v.dtype(v), codegen


@intrinsic
def largest(typingctx, v):
    """The largest lane."""

    def codegen(context, builder, sig, args):
        value, count = args[0], v.count
        while count > 1:
            count //= 2
            low = _shuffle(builder, value, value, list(range(count)))
            high = _shuffle(builder, value, value, list(range(count, 2 * count)))
            value = _maximum(builder, low, high)
        return builder.extract_element(value, _I32(0))

    return v.dtype(v), codegen


@intrinsic
def log(typingctx, v):
    """Natural logarithm of normal positive lanes; -inf where a lane is not positive.

    y = m 2^e with m in [sqrt(1/2), sqrt(2)), and log m = 2 atanh((m - 1) / (m + 1)) by its series: the terms kept
    leave less than half a unit in the last place.
    """
    double = v.dtype == types.float64
    bits, mantissa, terms = (64, 52, 11) if double else (32, 23, 5)

    def codegen(context, builder, sig, args):
        ints = ir.VectorType(ir.IntType(bits), v.count)
        floats = args[0].type
        sqrt_half = 0x3FE6A09E667F3BCD if double else 0x3F3504F3
        raw = builder.bitcast(args[0], ints)
        shifted = builder.sub(raw, _const(ints, sqrt_half))
        exponent = builder.ashr(shifted, _const(ints, mantissa))
        m = builder.bitcast(builder.sub(raw, builder.shl(exponent, _const(ints, mantissa))), floats)
        one = _const(floats, 1.0)
        s = builder.fdiv(builder.fsub(m, one), builder.fadd(m, one))
        z = builder.fmul(s, s)
        series = _const(floats, 2.0 / (2 * terms + 1))
        for n in reversed(range(terms)):
            series = _fma(builder, series, z, _const(floats, 2.0 / (2 * n + 1)))
        value = _fma(
            builder, builder.sitofp(exponent, floats), _const(floats, 0.6931471805599453), builder.fmul(s, series)
        )
        positive = builder.fcmp_ordered(">", args[0], _const(floats, 0.0))
        return builder.select(positive, value, _const(floats, float("-inf")))

    return v(v), codegen


# --- sums in memory ---------------------------------------------------------------------------------------------------


@intrinsic
def widen(typingctx, v):
    """The lanes of v in float64."""
    result = Lanes(types.float64, v.count)

    def codegen(context, builder, sig, args):
        return args[0] if v.dtype == types.float64 else builder.fpext(args[0], context.get_value_type(result))

    return result(v), codegen


@intrinsic
def add_wide(typingctx, a, i, v):
    """a[i : i + lanes] += v, for an array of float64."""

    def codegen(context, builder, sig, args):
        wide = ir.VectorType(ir.DoubleType(), v.count)
        value = args[2] if v.dtype == types.float64 else builder.fpext(args[2], wide)
        pointer = builder.bitcast(_pointer(context, builder, sig.args[0], args[0], args[1]), wide.as_pointer())
        before = builder.load(pointer, typ=wide)
        before.align = 8
        builder.store(builder.fadd(before, value), pointer).align = 8
        return context.get_dummy_value()

    return types.void(a, types.intp, v), codegen


@intrinsic
def add_group(typingctx, a, i, v):
    """a[i : i + GROUP] += v."""

    def codegen(context, builder, sig, args):
        pointer = builder.bitcast(_pointer(context, builder, sig.args[0], args[0], args[1]), args[2].type.as_pointer())
        align = a.dtype.bitwidth // 8
        before = builder.load(pointer, typ=args[2].type)
        before.align = align
        builder.store(builder.fadd(before, args[2]), pointer).align = align
        return context.get_dummy_value()

    return types.void(a, types.intp, v), codegen


if config.DISABLE_JIT:
    from sparsenmf.kernels.simd_numpy import *  # noqa: F403
