"""Compiled steps: engine=numba computes the equations of gradient=backprop for many steps at once, in machine code.

`kernel` follows `bpexp.gradients.backprop` line by line:

    forward             z^l = W^l a^{l-1} + b^l, a^l = f(z^l)             `kernel.forward`
    head                C_k and delta^L = dC_k/dz^L                       `kernel.cost_and_delta`
    backward            dC/dW^l, dC/db^l, delta^{l-1}                     `kernel.backward`
    Trainer.direction   the penalty's slope, clipping                     `kernel.direct`
    Optimizer.rule      the update, and theta minus the update            `kernel.update`

What differs is the order of the numbers in memory (a sample is a row), and that products of many samples are done in
blocks that fit into the processor's cache; so the results are equal to rounding, and no more. The same network on the
same machine gets the same weights, bit for bit, whoever watches.

A component takes part by its compiled form, a loop over the numbers of a layer: `activations`, `heads` and `updates`
hold those of bpexp, and an activation of a plug-in brings its own along (`bpexp.nn.compiled.Compiled`), which is held
to the activation (`agreement`). `forms` says what has none. The loop over the steps calls the forms by address
(`native`), so that it is compiled once for all networks. `steps` binds both to the arrays of a trainer, and `loop` is
the training loop. Schedules, callbacks and evaluation stay as they are.

Numba is imported here alone, and this package where it is asked for (`bpexp.running.step_engine`).
"""
