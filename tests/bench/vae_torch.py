# The other side of bench_vae: diffusers' AutoencoderKL of Stable Diffusion's size with random weights. Reads lines
# from standard input: "decode N" answers with the seconds of one decode of a latent of N x N and those of the
# processors, "reset" begins the measurement of memory anew, "peak" answers with its most in MiB.
import os
import resource
import sys
import time

import torch
from diffusers import AutoencoderKL


def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def peak():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


torch.set_num_threads(int(sys.argv[1]))
torch.manual_seed(1)
vae = AutoencoderKL(
    block_out_channels=(128, 256, 512, 512),
    down_block_types=("DownEncoderBlock2D",) * 4,
    up_block_types=("UpDecoderBlock2D",) * 4,
    layers_per_block=2,
    latent_channels=4,
    sample_size=256,
).eval()
if len(sys.argv) > 2 and sys.argv[2] == "channels_last":
    vae = vae.to(memory_format=torch.channels_last)
del vae.encoder, vae.quant_conv
print("PyTorch", torch.__version__, flush=True)
for line in sys.stdin:
    words = line.split()
    if words[0] == "reset":
        with open("/proc/self/clear_refs", "w") as refs:
            refs.write("5")
        print("done", flush=True)
    elif words[0] == "peak":
        print(peak(), flush=True)
    else:
        z = torch.randn(1, 4, int(words[1]), int(words[1]))
        with torch.no_grad():
            begun, cpu = time.perf_counter(), used()
            vae.decode(z, return_dict=False)
            print(time.perf_counter() - begun, used() - cpu, flush=True)
os._exit(0)
