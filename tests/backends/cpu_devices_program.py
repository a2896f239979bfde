"""Run in a process of its own: many steps that JAX shares out over CPU devices, none of them waited for.

python cpu_devices_program.py DEVICES STEPS
"""

import os
import sys

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from transformer_tutorial.runtime.jax_devices import choose_jax_place
from transformer_tutorial.runtime.strategies import DeviceOptions


@jax.jit
def step(weights, rows):
    gradient = jax.grad(lambda w: jnp.sum(jnp.tanh(jnp.tanh(rows @ w) @ w.T) ** 2))(weights)
    return weights - 1e-3 * gradient


def main(devices: int, steps: int) -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])  # XLA counts the cores that it may use
    choose_jax_place(DeviceOptions(device="cpu", replicas=devices))
    mesh = Mesh(np.array(jax.devices()), ("rows",))
    weights = jax.device_put(jnp.full((300, 500), 0.01), NamedSharding(mesh, PartitionSpec()))
    batches = [jnp.ones((devices * rows, 300)) for rows in (8, 64, 200)]
    batches = [jax.device_put(batch, NamedSharding(mesh, PartitionSpec("rows"))) for batch in batches]
    for number in range(steps):
        weights = step(weights, batches[number % 3])
    print(len(jax.devices()), bool(jnp.isfinite(weights).all()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
