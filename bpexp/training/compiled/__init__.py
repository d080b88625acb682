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

A component takes part by its compiled form, a loop over the numbers of a layer; an activation of a plug-in brings its
own along (`bpexp.nn.compiled.Compiled`). The loop over the steps calls the forms by address, so that it is compiled
once for all networks of a dtype, and another choice of components has only its forms compiled. In the order of reading:

    loop                                 the training loop: which steps are watched, and how many are made at once
    steps                                the steps of one trainer
    kernel                               what is compiled of a step
    activations, heads, updates          the forms of bpexp's components; `exponentials` is what they are computed by
    forms, agreement                     which form belongs to which component, what has none, and whether one agrees
    arguments, parts                     what the kernel takes, and how it is made of a trainer
    native                               from a function of Python to machine code, and to its address

Schedules, callbacks and evaluation stay as they are. Numba is imported here alone, and this package where it is asked
for (`bpexp.running.step_engine`).
"""
