"""Steps of gradient descent in compiled code: `bpexp.gradients.backprop`, line by line, for samples in rows.

What is (n_l, B) there is (B, n_l) here, so that a sample is one stretch of memory, and a product is transposed:

    z^l = W^l a^{l-1} + b^l                   rows of z filled with b^l, then z += a (W^l)^T     `forward`
    dC/dW^l = delta^l (a^{l-1})^T             the same                                           `backward`
    dC/db^l = delta^l 1                       the sum of the rows of delta
    delta^{l-1} = (W^l)^T delta^l * f'        delta W^l, and then the activation's `backward`

Arrays are handed on by address, since BLAS and the forms take addresses. Of z, a and delta, which each hold all layers
in one buffer, layer l begins at `work.rows * net.before[l - 1]`, and there the sample in row `at` at `at * n_l`. In
theta and in the gradient W^l is followed by b^l. `n` samples are walked at once, in the rows from `at` on.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from bpexp.training.compiled.native import address_of, call, numbers

inner = njit(error_model="numpy", inline="always")
"""Inlined, which spares a small step a fifth of its time; one inside another doubles the time of compiling it."""

TRANSPOSED, AS_IT_IS = ord("T"), ord("N")
"""What gemm is told of a matrix."""

NEAR = 2048
"""Parameters that are updated at once: their vectors stay in the nearest cache."""

FEW = 64
"""Multiplications up to which loops are faster than the call of BLAS, where one of the matrices lies transposed."""


@inner
def product(blas, left, left_t, right, right_t, out, m, n, k, beta):  # type: ignore[no-untyped-def]
    """out (m, n) = left (m, k) right (k, n) + beta out, at their addresses; `_t`: it lies transposed.

    BLAS counts along columns where we count along rows: it is told the transposed product, out^T = right^T left^T.
    A product of a few numbers is made in loops.
    """
    letters, integers, factors = blas.letters, blas.integers, blas.numbers
    if (left_t or right_t) and m * n * k <= FEW:
        a, b, c = numbers(left, factors), numbers(right, factors), numbers(out, factors)
        for i in range(m):
            for j in range(n):
                total = c[i * n + j] if beta else factors.dtype.type(0)
                for l in range(k):
                    total += (a[l * m + i] if left_t else a[i * k + l]) * (b[j * k + l] if right_t else b[l * n + j])
                c[i * n + j] = total
    else:
        letters[0], letters[1] = TRANSPOSED if right_t else AS_IT_IS, TRANSPOSED if left_t else AS_IT_IS
        integers[0], integers[1], integers[2] = n, m, k
        integers[3], integers[4], integers[5] = k if right_t else n, m if left_t else k, n  # from one row to the next
        factors[0], factors[1] = 1, beta
        one, plus = address_of(factors, 0), address_of(factors, 1)
        t, d = address_of(letters, 0), address_of(integers, 0)
        call(blas.gemm, (t, t + 1, d, d + 4, d + 8, one, right, d + 12, left, d + 16, plus, out, d + 20))


@inner
def read(samples, first, n, x, y, at):  # type: ignore[no-untyped-def]
    """Gather n samples, from place `first` of the order on, scaled into the rows of x and y from `at` on."""
    X, Y, order, divisor = samples.X, samples.Y, samples.order, samples.divisor[0]
    for r in range(n):
        row = order[first + r]
        if divisor == 1:
            for k in range(X.shape[1]):
                x[at + r, k] = X[row, k]
        else:
            for k in range(X.shape[1]):
                x[at + r, k] = x.dtype.type(X[row, k]) / divisor
        for k in range(Y.shape[1]):
            y[at + r, k] = Y[row, k]


@inner
def forward(net, blas, work, x, at, n):  # type: ignore[no-untyped-def]
    """z^l and a^l of the n samples at address x, up to z^L, into the rows of the buffers from `at` on."""
    sizes, theta = net.sizes, net.theta
    below, start = x, 0
    for l in range(1, len(sizes)):
        n_in, n_out = sizes[l - 1], sizes[l]
        W, place = address_of(theta, start), work.rows * net.before[l - 1] + at * n_out
        b, z = numbers(address_of(theta, start + n_out * n_in), theta), numbers(address_of(work.z, place), theta)
        for r in range(n):
            for j in range(n_out):
                z[r * n_out + j] = b[j]
        product(blas, below, False, W, True, address_of(work.z, place), n, n_out, n_in, 1)
        below = address_of(work.a, place)
        if l < len(sizes) - 1:
            call(net.f[l - 1], (address_of(work.z, place), below, net.parameters[l - 1], n, n_out))
        start += n_out * (n_in + 1)


@inner
def cost_and_delta(head, net, work, y, at, n):  # type: ignore[no-untyped-def]
    """a^L and dC_k/dz^L of n samples, whose targets are at address y; the sum of their costs."""
    n_L = net.sizes[-1]
    place = work.rows * net.before[-1] + at * n_L
    z, a = address_of(work.z, place), address_of(work.a, place)
    delta, costs = address_of(work.delta, place), address_of(work.costs, 0)
    of_output, of_loss = head.output_parameters, head.loss_parameters
    if head.closed:
        call(head.closed, (z, y, a, delta, costs, of_loss, n, n_L))
    else:
        call(head.f, (z, a, of_output, n, n_L))
        if head.error:
            call(head.error, (z, y, delta, of_output, n, n_L))
            call(head.loss, (delta, address_of(work.zeros, 0), delta, costs, of_loss, n, n_L))
        else:
            call(head.loss, (a, y, delta, costs, of_loss, n, n_L))
        call(head.slope, (z, delta, of_output, n, n_L))
    cost = 0.0
    for r in range(n):
        cost += work.costs[r]
    return cost


@inner
def backward(net, blas, work, x, at, n, beta):  # type: ignore[no-untyped-def]
    """dC/dW^l and dC/db^l of n samples into the gradient, added to what is there if beta is 1."""
    sizes, gradient = net.sizes, net.gradient
    start = len(net.theta)
    for l in range(len(sizes) - 1, 0, -1):
        n_in, n_out = sizes[l - 1], sizes[l]
        start -= n_out * (n_in + 1)
        place = work.rows * net.before[l - 1] + at * n_out
        delta = address_of(work.delta, place)
        under = work.rows * (net.before[l - 1] - n_in) + at * n_in  # the place in layer l - 1
        below = address_of(work.a, under) if l > 1 else x
        product(blas, delta, True, below, False, address_of(gradient, start), n_out, n_in, n, beta)
        db, rows = numbers(address_of(gradient, start + n_out * n_in), gradient), numbers(delta, gradient)
        for j in range(n_out):
            db[j] = beta * db[j] if beta else 0
        for r in range(n):
            for j in range(n_out):
                db[j] += rows[r * n_out + j]
        if l > 1:
            W, passed = address_of(net.theta, start), address_of(work.delta, under)
            product(blas, delta, False, W, False, passed, n, n_in, n_out, 0)
            call(net.slope[l - 2], (address_of(work.z, under), passed, net.parameters[l - 2], n, n_in))


@inner
def gradient_of(net, head, blas, work, samples, first, B):  # type: ignore[no-untyped-def]
    """The mean C_k of the batch that begins at place `first` of the order; its gradient is in `net.gradient`."""
    weight, cost = (1.0 / B if head.mean else 1.0), 0.0
    n_0, n_L = net.sizes[0], net.sizes[-1]
    start = 0
    while start < B:  # a range of an unknown stride may raise an error, for which Numba would count references
        n = min(work.block, B - start)
        at = start if work.rows >= B else 0
        if samples.whole:
            x, y = address_of(samples.X, start * n_0), address_of(samples.Y, start * n_L)
        else:
            read(samples, first + start, n, work.x, work.y, at)
            x, y = address_of(work.x, at * n_0), address_of(work.y, at * n_L)
        forward(net, blas, work, x, at, n)
        cost += cost_and_delta(head, net, work, y, at, n)
        if weight != 1:
            delta = numbers(address_of(work.delta, work.rows * net.before[-1] + at * n_L), net.theta)
            for i in range(n * n_L):
                delta[i] *= weight
        backward(net, blas, work, x, at, n, 0 if start == 0 else 1)
        start += n
    return cost / B


@inner
def direct(net, rule):  # type: ignore[no-untyped-def]
    """From the gradient of the cost to that with the penalty, clipped."""
    gradient, start = net.gradient, 0
    if rule.l1 or rule.l2:
        for l in range(1, len(net.sizes)):
            stop = start + net.sizes[l] * net.sizes[l - 1]
            for i in range(start, stop):
                w = net.theta[i]
                gradient[i] += rule.l1 * np.sign(w) + rule.l2 * w
            start = stop + net.sizes[l]
    if rule.most < math.inf:
        for i in range(len(gradient)):
            if abs(gradient[i]) > rule.most:  # NaN stays
                gradient[i] = math.copysign(rule.most, gradient[i])
    if rule.norm < math.inf:
        total = 0.0
        for i in range(len(gradient)):
            total += float(gradient[i]) ** 2
        length = math.sqrt(total)
        if length > rule.norm:
            for i in range(len(gradient)):
                gradient[i] *= rule.norm / length


@inner
def update(net, rule, rate, t, apply):  # type: ignore[no-untyped-def]
    """Subtract the update from theta; unless `apply`, leave theta and put the update in place of the direction."""
    theta, g, room = net.theta, net.gradient, address_of(rule.room, 0)
    for start in range(0, len(theta), NEAR):
        n = min(NEAR, len(theta) - start)
        vectors = (
            address_of(theta, start),
            address_of(g, start),
            address_of(rule.first, start),
            address_of(rule.second, start),
        )
        call(rule.update, (*vectors, room, n, t, apply, rate, rule.decay, rule.k0, rule.k1, rule.k2))


ALL, GRADIENT, UPDATE = 0, 1, 2
"""What `steps` does of a step: a step that is watched is done in two parts, with the same numbers."""


def steps(net, head, blas, work, samples, rule, first, B, rates, losses, t, part):  # type: ignore[no-untyped-def]
    """Steps of B samples, as many as there are rates, from place `first` of the order on; the number of those done.

    A loss that is not finite ends them before its update. `t` is the number of updates before. Of `part` GRADIENT
    leaves the gradient, and UPDATE makes the update of it without subtracting that from theta.
    """
    for s in range(len(rates)):
        if part != UPDATE:
            losses[s] = gradient_of(net, head, blas, work, samples, first + s * B, B)
            if not math.isfinite(losses[s]):
                return s
        if part != GRADIENT:
            direct(net, rule)
            update(net, rule, rates[s], t + s + 1, np.intp(part == ALL))
    return len(rates)
