"""The mathematics of one network: activations, losses, heads, initializers, layers over one flat theta, optimizers,
schedules.

Functions of arrays that do not depend on data sets or epochs belong here, such as a new layer. Gradients are computed
in `gradients`.
"""
