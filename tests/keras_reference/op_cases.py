"""Calls of `ops` whose results real Keras has recorded: one line a case.

A line is an expression in the names of `keras.ops` and of the arrays of `POOL`. It is run eagerly
on the arrays, and symbolically on Inputs of their shapes and dtypes (see op_harness.py).
"""

from __future__ import annotations

import numpy as np


def pool() -> dict[str, np.ndarray]:
    """Small arrays, awkward where it pays: negative zero, NaN, infinities, halves, empty."""
    rng = np.random.default_rng(20)

    def f32(*shape):
        return rng.normal(size=shape).astype("float32")

    nan, inf = np.nan, np.inf
    arrays = dict(
        x=f32(2, 3), y=f32(2, 3), v=f32(3), m=f32(3, 4), s=f32(), c=f32(2, 3, 4), d=f32(2, 4, 3),
        col=f32(2, 1), one=f32(1, 3), logits=f32(2, 4), hi=f32(2, 4) + 2, line=f32(2, 7),
        pos=rng.uniform(0.05, 0.95, (2, 3)).astype("float32"),
        half=np.array([[-2.5, -1.5, -0.5], [0.5, 1.5, 2.5]], "float32"),
        wild=np.array([[nan, inf, -inf], [-0.0, 0.0, 1e-40]], "float32"),
        huge=np.array([[1000, 999, -1000, 0], [-3e38, 3e38, 88.9, -104]], "float32"),
        tiny=np.array([[1e-7, -1e-7, 1e-20], [0, 1e-3, -1e-3]], "float32"),
        empty=np.zeros((0, 3), "float32"),
        i=np.array([[-3, 0, 5], [7, -2, 1]], "int32"), j=np.array([[2, 3, 4], [-3, 5, 1]], "int32"),
        k=np.array([[1, 0, 2], [2, 2, 1]], "int32"), row=np.array([2, 0], "int32"),
        l=np.array([[-3, 0, 5], [7, -2, 9]], "int64"),
        b=np.array([[True, False, True], [False, False, True]]),
        g=np.array([[True, True, False], [False, True, True]]),
        dbl=np.array([[0.1, -0.2, 0.3], [1.5, 2.5, -3.5]], "float64"),
    )
    arrays["q"] = arrays["c"][:, :, None]
    probs = np.exp(arrays["logits"])
    arrays["probs"] = (probs / probs.sum(-1, keepdims=True)).astype("float32")
    arrays["hot"] = np.eye(4, dtype="float32")[[1, 3]]
    arrays.update(photo=f32(2, 6, 5, 4), kernel=f32(3, 2, 4, 6),
                  sound=f32(2, 9, 4), taps=f32(3, 4, 5))
    return arrays


POOL = pool()

ARITHMETIC = """
add(x, y); add(x, v); add(x, s); add(x, col); add(col, one); add(x, 1); add(1.5, x)
add(c, x[:, :, None])
subtract(x, y); subtract(1, x); multiply(x, v); multiply(x, 2); divide(x, y); divide(1, y)
true_divide(x, 2)
divide(x, 0.0); floor_divide(x, 0.7); floor_divide(i, j); mod(x, 0.7); mod(x, -0.7); mod(i, j)
negative(x); negative(i)
power(x, 2); power(x, 3.0); power(pos, y); power(x, 0.5); power(2.0, x); power(i, 2); power(x, 0)
power(pos, -1)
x + y; 1 + x; x - 2.5; 2.5 - x; x * y; 3 * x; x / y; 1 / y; x // 0.5; x % 0.5; 7 // j; x ** 2
2 ** x; -x; abs(x)
i + j; i - 1; i * j; i / j; i // j; i % j; i ** 2; -i; x + i; b * x; i * 0.5; m @ d[0]; x @ m; c @ d
x[0]; x[:, 1]; x[..., -1]; x[:, None]; x[1:, ::2]; x[:, ::-1]; c[:, 1:, :2]; c[0, ..., 1]; x[:, 1:1]
matmul(x, m); matmul(c, d); matmul(v, m); matmul(x, v); matmul(v, v); matmul(transpose(m), c)
matmul(x, c[0]); matmul(c[:, None], d[:, None]); matmul(empty, m); matmul(i, transpose(j))
matmul(c, transpose(m))
dot(x, m); dot(v, v); dot(x, v); dot(x, s); dot(c, transpose(m))
einsum("ij,jk->ik", x, m); einsum("bij,bjk->bik", c, d); einsum("bij,bjk->bki", c, d)
einsum("ij->ji", x); einsum("ij->", x)
einsum("ij,ij->i", x, y); einsum("i,j->ij", v, v); einsum("bij->bj", c); einsum("bij,kj->bik", c, m)
einsum("...ij,...jk->...ik", c, d); einsum("ij,jk", x, m); einsum("bij,bjk,k->bi", c, d, v)
einsum("ij,jk->ik", i, transpose(j))
tensordot(x, m, axes=1); tensordot(c, d, axes=[[1, 2], [2, 1]]); tensordot(x, y, axes=[[0], [0]])
tensordot(v, v, axes=0)
dot_product_attention(q, q[:, :2], q[:, 1:])
dot_product_attention(q, q, q, is_causal=True, scale=2.0)
dot_product_attention(q, q, q, bias=x[:, None, None], mask=b[:, None, None])
dot_product_attention(q, q, q, mask=zeros((1, 1, 3, 3), "bool"))
copy(x); copy(i)
tensordot(c, d, axes=[[2], [1]]); tensordot(i, transpose(j), axes=1)
"""

COMPARISON = """
equal(i, j); equal(x, x); not_equal(x, y); greater(x, y); greater_equal(x, 0); less(i, 2)
less_equal(x, v); greater(i, 0.5)
x > y; x >= 0; x < 0.1; x <= y; equal(wild, wild); less(wild, 1.0); not_equal(wild, wild)
logical_and(b, g); logical_or(b, g); logical_not(b); logical_xor(b, g); b & g; b | g; ~b
logical_and(x, y); logical_not(i)
any(b); all(b); any(b, axis=1); all(b, axis=0); any(b, axis=-1, keepdims=True); all(x)
any(i, axis=0); all(b, axis=(0, 1))
isnan(wild); isfinite(wild); isinf(wild); isnan(i); isfinite(i); maximum(wild, 0.0)
minimum(wild, 0.0); maximum(x, y)
minimum(x, v); maximum(i, 2); minimum(i, 1.5); maximum(b, g); clip(x, -0.5, 0.5); clip(i, -1, 4)
clip(wild, 0.0, 1.0)
clip(x, -1, 1); where(b, x, y); where(x > 0, x, 0.0); where(x > 0, 1, 0); where(b, i, x)
where(b, i, 1.5); where(b, x, v)
where(col > 0, x, one); where(b, i, l); where(i, x, y)
"""

REDUCTIONS = """
sum(x); sum(x, axis=0); sum(x, axis=1); sum(x, axis=-1, keepdims=True); sum(c, axis=(0, 2))
sum(c, axis=(1, 2), keepdims=True)
sum(x, keepdims=True); sum(i); sum(i, axis=1); sum(b); sum(b, axis=0); sum(l); sum(empty)
sum(empty, axis=0); sum(empty, axis=1)
sum(x, axis=()); sum(wild); sum(s)
mean(x); mean(x, axis=1); mean(c, axis=(0, 1)); mean(i); mean(b, axis=1)
mean(x, axis=-1, keepdims=True); mean(l, axis=1); mean(s)
max(x); max(x, axis=0); max(c, axis=(1, 2)); max(x, axis=1, keepdims=True); max(i)
max(wild, axis=1); max(empty, axis=1); max(l)
min(x); min(x, axis=1); min(i, axis=0); min(c, axis=-1, keepdims=True); min(wild, axis=1)
max(b, axis=0); min(b)
prod(x); prod(x, axis=1); prod(i); prod(c, axis=(0, 2)); prod(empty, axis=0); prod(b)
prod(j, axis=1, keepdims=True)
var(x); var(x, axis=0); var(c, axis=(1, 2), keepdims=True); std(x); std(x, axis=-1); var(i)
std(i, axis=1); std(c, axis=(0, 2))
argmax(x); argmax(x, axis=0); argmax(x, axis=1); argmax(c, axis=-1); argmin(x); argmin(x, axis=1)
argmin(i, axis=0)
argmax(k, axis=1); argmax(x, axis=1, keepdims=True); argmin(k, axis=1); argmax(b, axis=1)
argmax(wild, axis=1)
logsumexp(x); logsumexp(x, axis=1); logsumexp(huge, axis=1)
logsumexp(c, axis=(1, 2), keepdims=True); logsumexp(x, axis=0, keepdims=True)
cumsum(x, axis=0); cumsum(x, axis=1); cumsum(x); cumsum(i, axis=-1); cumsum(b, axis=1)
cumsum(c, axis=1)
count_nonzero(i); count_nonzero(x, axis=1)
"""

SHAPES = """
reshape(x, (3, 2)); reshape(x, (-1,)); reshape(c, (2, -1)); reshape(x, (2, 3, 1))
reshape(c, (-1, 6, 2)); reshape(empty, (0, 1, 3))
transpose(x); transpose(c, (0, 2, 1)); transpose(c); transpose(c, axes=(2, 0, 1))
expand_dims(x, 0); expand_dims(x, -1)
expand_dims(c, 1); expand_dims(x, axis=(0, 2)); squeeze(col); squeeze(col, axis=1)
squeeze(one, axis=0)
stack([x, y]); stack([x, y], axis=1); stack([x, y, x], axis=-1); stack([i, x])
stack([b, i], axis=1)
concatenate([x, y]); concatenate([x, col], axis=1); concatenate([c, c[:, :1]], axis=1)
concatenate([x, i], axis=-1); concatenate([i, l], axis=0)
concatenate([b, i]); concatenate([empty, x], axis=0)
split(x, 3, axis=1); split(c, 2, axis=-1); split(c, [1, 3], axis=2); split(x, 2)
split(line, [2, 2, 5], axis=1)
flip(x); flip(x, axis=0); flip(c, axis=(0, 2)); flip(x, axis=-1); tile(x, 2); tile(x, (2, 1))
tile(v, (2, 2)); tile(x, (1, 2, 1))
repeat(x, 2, axis=1); repeat(x, 2, axis=0); repeat(x, 2); repeat(x, 3, axis=-1)
broadcast_to(v, (2, 3)); broadcast_to(col, (2, 3)); broadcast_to(s, (2,))
broadcast_to(one, (4, 2, 3))
pad(x, ((1, 0), (0, 2))); pad(x, 1); pad(x, ((0, 0), (1, 1)), constant_values=2.5)
pad(i, ((0, 1), (1, 0)), constant_values=-1)
pad(x, ((0, 0), (2, 1)), mode="reflect"); pad(x, ((0, 0), (2, 1)), mode="symmetric")
pad(line, ((0, 0), (3, 2)), mode="reflect")
slice(x, (0, 1), (2, 2)); slice(c, [0, 1, 2], [1, 2, 2]); slice(x, (1, 0), (1, 3))
take(m, k); take(m, k, axis=0); take(m, k, axis=1); take(x, 1, axis=1); take(v, row)
take(m, row, axis=-1); take(x, [2, 0], axis=1)
take(m, [-1, 0], axis=0); take(i, [0, 1, 5])
cast(x, "int32"); cast(i, "float32"); cast(b, "float32"); cast(x, "bool"); cast(half, "int32")
cast(l, "int32"); cast(i, "int64")
cast(x, "float64"); cast(dbl, "float32"); cast(i, "bool")
one_hot(k, 3); one_hot(row, 4); one_hot(k, 4, axis=1); one_hot(row, 3, dtype="int32")
one_hot(row, 3, axis=0)
zeros((2, 3)); ones((2,), dtype="int32"); full((2, 2), 7.5); full((2,), 3, dtype="int32")
zeros(()); ones((0, 2)); zeros((2,), dtype="bool")
zeros_like(x); ones_like(i); full_like(x, 2); zeros_like(x, dtype="int32"); full_like(i, 2.7)
ones_like(b); full_like(x, 1.5, dtype="float64")
arange(5); arange(2, 8, 3); arange(3.0); arange(0, 1, 0.25); arange(5, 0, -2)
arange(4, dtype="float32"); x + arange(3)
eye(3); identity(2); ravel(x); moveaxis(c, 0, -1); swapaxes(c, 1, 2); shape(c)[2] * x
"""

POINTWISE = """
exp(x); log(pos); log(x); log1p(tiny); expm1(tiny); expm1(x); log1p(pos); sqrt(pos); sqrt(x)
rsqrt(pos); square(x); square(i)
abs(i); sign(x); sign(wild); sign(i); floor(x); ceil(x); round(half); round(x); floor(half)
ceil(half); absolute(x)
sin(x); cos(x); tan(x); tanh(x); sin(huge[0]); tanh(huge); exp(huge); log(wild); sqrt(wild)
exp(wild); reciprocal(y)
sqrt(i); exp(i); floor(i); log(j); tanh(i); sqrt(l); exp(b); round(i); sin(b)
relu(x); relu(wild); relu6(x * 8); sigmoid(x); sigmoid(huge); softplus(x); softplus(huge)
softsign(x); silu(x); silu(huge)
log_sigmoid(x); log_sigmoid(huge); leaky_relu(x); leaky_relu(x, negative_slope=0.1)
hard_sigmoid(x * 4); elu(x); elu(x, alpha=0.5)
selu(x); celu(x, alpha=2.0); gelu(x); gelu(x, approximate=False); gelu(huge); elu(huge)
hard_silu(x * 4); relu(i); hard_tanh(x * 2)
softmax(x); softmax(x, axis=0); softmax(c, axis=1); softmax(huge); log_softmax(x)
log_softmax(huge); log_softmax(c, axis=1)
softmax(c, axis=(1, 2)); softmax(wild)
categorical_crossentropy(hot, probs); categorical_crossentropy(hot, logits, from_logits=True)
categorical_crossentropy(hot, hi)
categorical_crossentropy(probs, hot)
categorical_crossentropy(transpose(hot), transpose(probs), axis=0)
sparse_categorical_crossentropy(row, probs)
sparse_categorical_crossentropy(row, logits, from_logits=True)
sparse_categorical_crossentropy(k, transpose(d, (0, 2, 1)), from_logits=True)
sparse_categorical_crossentropy(row, huge, from_logits=True)
sparse_categorical_crossentropy(row, hot); sparse_categorical_crossentropy(row[:, None], probs)
binary_crossentropy(hot, probs); binary_crossentropy(hot, logits, from_logits=True)
binary_crossentropy(probs, hot); binary_crossentropy(hot, huge, from_logits=True)
stop_gradient(x); stop_gradient(i)
"""

OTHERS = """
amax(x, axis=1); amin(x, axis=0); average(x, axis=1); average(x, axis=1, weights=v)
cumprod(x, axis=1); trace(m); diag(v); diagonal(m); append(x, y, axis=1)
array_split(line, 3, axis=1); hstack([x, y]); vstack([x, y]); unstack(x, axis=1); roll(x, 1, axis=1)
roll(x, 2); meshgrid(row, k[0]); take_along_axis(x, k, axis=1); tri(3); tril(m); triu(m, k=1)
tril(c, k=-1); linspace(0, 1, 5); linspace(0.0, 1.0, 4, endpoint=False)
slice_update(x, (0, 1), ones((2, 2))); scatter(stack([row, row], axis=1), row, (3, 3))
segment_sum(x, row, num_segments=3); inner(x, y); outer(v, row); vdot(v, v); norm(x)
norm(x, axis=1); norm(x, ord=1, axis=-1, keepdims=True); norm(x, ord="fro"); normalize(x); cosh(x)
sinh(x); erf(x); erf(huge); erfinv(pos); exp2(x); log2(pos); log10(pos); logaddexp(x, y)
logaddexp(huge, 0.0); trunc(half); divide_no_nan(x, y); divide_no_nan(i, k); nan_to_num(wild)
nan_to_num(wild, nan=1.0, posinf=2.0, neginf=3.0); in_top_k(row, logits, k=2)
in_top_k(row, logits, k=4); glu(logits); hard_shrink(x); soft_shrink(x); tanh_shrink(x)
hard_swish(x); swish(x); squareplus(x); sparse_plus(x); sparse_sigmoid(x); threshold(x, 0.2, 5.0)
layer_normalization(x); rms_normalization(x); batch_normalization(x, v, absolute(v), axis=-1)
moments(x, axes=[0]); moments(c, axes=[0, 2], keepdims=True); size(x) * x; get_item(x, 1)
argsort(x, axis=0); argsort(m); sort(x); sort(c, axis=1); top_k(x, 2); top_k(i, 1)
searchsorted(sort(line[0]), x); searchsorted(sort(line[0]), x, side="right"); argpartition(row, 1)
"""

WINDOWS = """
conv(photo, kernel); conv(photo, kernel, padding="same"); conv(photo, kernel, (2, 3), "same")
conv(photo, kernel, dilation_rate=2, padding="same")
conv(sound, taps); conv(sound, taps, 2, "same"); conv(sound, taps, padding="same", dilation_rate=3)
"""

PROMOTION = """
add(i, 1); add(i, 1.5); add(i, l); add(i, x); add(l, x); add(l, 1); add(l, 1.5); add(b, 1)
add(b, 1.5); add(b, i); add(b, x); add(b, g)
add(b, l); add(1, i); add(True, i); add(x, True); multiply(b, g); subtract(i, l); multiply(i, x)
divide(i, 2); divide(i, j); divide(l, 2); divide(b, 2); divide(i, l); floor_divide(x, i * 0 + 2)
floor_divide(b, g * 0 + 1)
power(x, j); power(i, 2.0); mod(x, j); mod(i, 2); maximum(i, l); maximum(x, j); minimum(x, 0)
maximum(b, i); matmul(x, transpose(i))
matmul(b, transpose(g)); where(b, 1.0, 0)
abs(b); dot(i, x[0]); i + 2.5; l * 2; b + 1; b + b
"""

NUMBERS = """
arctan(x); arctan(i); arctan2(x, y); arctan2(i, j); arcsin(pos); arccos(pos); arcsinh(x)
arccosh(absolute(x) + 1.0); arctanh(pos); deg2rad(x); rad2deg(i); sinc(x); hypot(x, y); hypot(i, j)
angle(x); cbrt(x); fabs(i); signbit(x); isposinf(wild); isneginf(wild); isreal(wild); isreal(i)
isclose(x, y); isclose(wild, wild, equal_nan=True); allclose(x, x); heaviside(x, v)
fmax(wild, x); fmin(wild, x); fmax(i, x); fmod(x, 0.7); fmod(i, j); gcd(i, j); lcm(i, j)
ldexp(x, i); logaddexp2(x, y); nextafter(x, y); saturate_cast(i, "uint8"); saturate_cast(x, "int8")
erfc(x); i0(x); select([x > 0, y > 0], [x, y], 7.0)
bitwise_and(i, j); bitwise_or(i, j); bitwise_xor(i, j); bitwise_not(i); bitwise_invert(i)
bitwise_left_shift(i, k); bitwise_right_shift(i, k); left_shift(i, k); right_shift(i, k)
bitwise_and(b, g)
nansum(wild, axis=1); nanprod(x, axis=1); nanmax(wild, axis=1); nanmin(wild, axis=1)
nanmean(x, axis=1); nanvar(x, axis=1); nanstd(x, axis=1); nanargmax(x, axis=1)
nanargmin(x, axis=1); nancumsum(x, axis=1); nancumprod(x, axis=1)
"""

ARRANGED = """
fliplr(x); flipud(x); rot90(x); rot90(c, k=3, axes=(1, 2)); dstack([x, y]); hsplit(line, [2, 5])
vsplit(x, 2); dsplit(c, 2); diagflat(v); vander(v); vander(v, 2, True); kron(x, m); cross(x, y)
unravel_index(k, (2, 3)); diff(x); diff(i, n=2); ptp(x, axis=1); trapezoid(x); trapezoid(x, v)
depth_to_space(photo, 2); space_to_depth(photo[:, :, :4], 2)
segment_max(x, row, 3); segment_min(x, row, 3); segment_prod(x, row, 3)
scatter_update(v, [[1], [0]], x[0, :2]); scatter_update(v, [[1], [0]], x[0, :2], "max")
histogram(v, bins=3); digitize(x, v * 0.0)
corrcoef(x); correlate(v, v); correlate(v, line[0], "same"); correlate(line[0], v, "full")
cdist(x, y); psnr(x, y, 2.0); bartlett(5); hanning(5); hamming(5); blackman(5); kaiser(5, 8.0)
logspace(0, 2, 4); geomspace(1, 8, 4); logspace(v, v + 1, 3)
"""

SOLVED = """
cholesky(matmul(d[0], c[0]) * 0.0 + eye(4)); inv(hi[:, :2]); det(hi[:, :2]); slogdet(hi[:, :2])
solve(hi[:, :2], hi[:, 2:]); solve_triangular(hi[:, :2], hi[:, 2:])
solve_triangular(hi[:, :2], hi[:, 2:], lower=True)
fft((x, y)); fft2((x, y)); ifft2((x, y)); rfft(line); rfft(line, 4); irfft((x, y))
irfft((x, y), fft_length=5)
quantile(x, 0.3, axis=1); quantile(x, 0.3, axis=1, method="lower"); quantile(x, 0.5)
percentile(x, 40, axis=1); median(x, axis=1); median(line); nanquantile(x, 0.3, axis=1)
nanpercentile(x, 40, axis=1); nanmedian(x, axis=1); isin(i, j); isin(i, j, invert=True)
"""

PIECES = """
stft(line, 4, 2, 4); stft(line, 3, 2, 6, "hamming", False); rearrange(c, "a b c -> a (c b)")
rearrange(c, "a b (c d) -> a c (b d)", d=2); real(x); imag(x); conj(x); conjugate(i)
unique(k, size=4)
"""


def _lines(block: str) -> list[str]:
    return [case.strip() for line in block.strip().splitlines() for case in line.split(";")]


BLOCKS = (
    ARITHMETIC, COMPARISON, REDUCTIONS, SHAPES, POINTWISE, OTHERS, WINDOWS, PROMOTION, NUMBERS,
    ARRANGED, SOLVED, PIECES,
)  # fmt: skip
CASES = list(dict.fromkeys(case for block in BLOCKS for case in _lines(block)))
