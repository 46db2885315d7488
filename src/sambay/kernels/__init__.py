"""The operations the model calls, chosen by the device of their inputs."""

from sambay.kernels.reference import causal_conv, differential_combine, gate, selective_scan

__all__ = ["causal_conv", "differential_combine", "gate", "selective_scan"]
