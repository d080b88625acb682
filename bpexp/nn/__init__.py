"""The mathematics of one network: activations, losses, heads, initializers, layers over one flat theta, optimizers,
schedules.

What turns numbers into numbers without knowing data sets, batches or epochs belongs here: a dropout layer would. How a
gradient is computed belongs to `gradients`.
"""
