#!/usr/bin/env python3
"""Writes tests/data/goldens/diffusers.npz: end points of diffusers' schedulers on an exact Gaussian mixture, in float64.

  python3 tests/make_diffusers.py --setup           make tests/.venv with diffusers, torch and numpy from PyPI
  tests/.venv/bin/python tests/make_diffusers.py    write the file

The schedulers' own step() runs, on grids of ours: their sigmas are replaced after set_timesteps. States and sigmas are
float64; where step() casts to float32 it gets float64 instead. tests/parity/test_diffusers.c compares, and says what
was chosen where a scheduler has variants.
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))


def setup():
    venv = os.path.join(HERE, ".venv")
    subprocess.check_call([sys.executable, "-m", "venv", venv])
    subprocess.check_call([os.path.join(venv, "bin", "python"), "-m", "pip", "install", "--quiet", "numpy", "torch", "diffusers"])
    print("made " + venv)


if "--setup" in sys.argv[1:]:
    setup()
    sys.exit(0)

import types

import numpy as np
import torch
from diffusers.schedulers import scheduling_dpmsolver_multistep, scheduling_flow_match_euler_discrete, scheduling_unipc_multistep

STEPS = 12
WEIGHTS = np.array([0.25, 0.5, 0.25])
MEANS = np.array([[1.0, 0.5], [-0.5, 1.0], [0.0, -1.0]])
VARIANCES = np.array([[0.05, 0.02], [0.03, 0.08], [0.02, 0.05]])

torch.set_default_dtype(torch.float64)
double_torch = types.ModuleType("torch_in_double")
double_torch.__dict__.update(torch.__dict__)
double_torch.float32 = torch.float64
for module in (scheduling_dpmsolver_multistep, scheduling_flow_match_euler_discrete, scheduling_unipc_multistep):
    module.torch = double_torch


def levels(path, t):
    """alpha and sigma at the times t."""
    if path == "Linear":
        return t, 1 - t
    if path == "GVP":
        return np.sin(np.pi / 2 * t), np.sin(np.pi / 2 * (1 - t))
    log_alpha = -((1 - t) ** 2) * (20 - 0.1) / 4 - (1 - t) * 0.1 / 2
    return np.exp(log_alpha), np.sqrt(-np.expm1(2 * log_alpha))


def denoiser(alpha, sigma, x):
    """E[data | alpha data + sigma noise = x] of the mixture; x (rows, 2)."""
    variance = alpha**2 * VARIANCES + sigma**2
    away = x[:, None] - alpha * MEANS
    log_r = np.log(WEIGHTS) - (away**2 / (2 * variance) + np.log(variance) / 2).sum(-1)
    r = np.exp(log_r - log_r.max(1, keepdims=True))
    r /= r.sum(1, keepdims=True)
    return (r[..., None] * (MEANS + alpha * VARIANCES / variance * away)).sum(1)


def with_grid(scheduler, sigmas):
    scheduler.set_timesteps(len(sigmas) - 1)
    scheduler.sigmas = torch.tensor(sigmas)
    scheduler.timesteps = torch.arange(len(sigmas) - 1, 0, -1)
    scheduler.set_begin_index(0)
    return scheduler


def run(scheduler, path, t, start, normals=None):
    """The state at t[-1]; the model is the exact denoiser."""
    alpha, sigma = levels(path, t)
    with_grid(scheduler, sigma if path == "Linear" else sigma / alpha)
    x = torch.tensor(start)
    for i, step in enumerate(scheduler.timesteps):
        model = torch.tensor(denoiser(alpha[i], sigma[i], x.numpy()))
        noise = {} if normals is None else {"variance_noise": torch.tensor(normals[i])}
        x = scheduler.step(model, step, x, **noise).prev_sample
    assert x.dtype == torch.float64 and torch.isfinite(x).all()
    return x.numpy()


def dpmpp_2m(path, to_data, algorithm):
    return scheduling_dpmsolver_multistep.DPMSolverMultistepScheduler(
        prediction_type="sample", solver_order=2, algorithm_type=algorithm, solver_type="midpoint",
        use_flow_sigmas=path == "Linear", lower_order_final=False, final_sigmas_type="zero" if to_data else "sigma_min")


def unipc(path, to_data, order):
    return scheduling_unipc_multistep.UniPCMultistepScheduler(
        prediction_type="sample", solver_order=order, solver_type="bh2", use_flow_sigmas=path == "Linear",
        lower_order_final=to_data, final_sigmas_type="zero" if to_data else "sigma_min")


def flow_euler(t, start):
    scheduler = with_grid(scheduling_flow_match_euler_discrete.FlowMatchEulerDiscreteScheduler(), 1 - t)
    x = torch.tensor(start)
    for i, step in enumerate(scheduler.timesteps):
        # Their model output is noise - data; at sigma = 0 the grid has ended.
        m = denoiser(t[i], 1 - t[i], x.numpy())
        x = scheduler.step(torch.tensor((x.numpy() - m) / (1 - t[i])), step.double(), x).prev_sample
    return x.numpy()


def main():
    generator = np.random.default_rng(5)
    u = np.linspace(0, 1, STEPS + 1)
    uneven = u + 0.2 * u * (1 - u)
    start = generator.standard_normal((4, 2))
    normals = generator.standard_normal((STEPS, 4, 2))
    whole, inner = uneven, 0.05 + 0.9 * uneven
    inner[-1] = 0.95
    out = {"weights": WEIGHTS, "means": MEANS, "variances": VARIANCES, "start": start, "normals": normals}
    # At pure noise sigma / alpha is infinite, which their GVP and UniPC turn into NaN; VP begins at alpha = 0.007.
    cases = [("Linear", "inner", inner), ("GVP", "inner", inner), ("VP", "inner", 0.95 * whole), ("Linear", "whole", whole),
             ("VP", "whole", whole)]
    for path, grid, t in cases:
        to_data = grid == "whole"
        key = f"{path}|{grid}|"
        out[key + "t"] = t
        out[key + "dpmpp-2m"] = run(dpmpp_2m(path, to_data, "dpmsolver++"), path, t, start)
        out[key + "dpmpp-2m-sde"] = run(dpmpp_2m(path, to_data, "sde-dpmsolver++"), path, t, start, normals)
        if t[0] > 0 or path == "VP":
            out[key + "unipc"] = run(unipc(path, to_data, 2), path, t, start)
        if not to_data:
            out[key + "unipc-3"] = run(unipc(path, to_data, 3), path, t, start)
        if path == "Linear":
            out[key + "euler"] = flow_euler(t, start)
    path = os.path.join(HERE, "data", "goldens", "diffusers.npz")
    np.savez(path, **out)
    print(f"wrote {path}: {len(out)} arrays")


main()
