"""The command `sambay pack`: a checkpoint's 8-bit form. What it needs is imported when it runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pack(
    model: Annotated[str, typer.Argument(metavar="MODEL", help="The folder of a checkpoint, its tokenizer included.")],
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder to write; new or empty.")],
    max_file_mib: Annotated[float, typer.Option(help="No weight file is larger than this.")] = 16.0,
) -> None:
    """Write MODEL with 8-bit weights: a fourth of float32 on the disk, read by every command as any other model."""
    import torch

    from sambay.loading import load_model
    from sambay.model.packed import copy_tokenizer
    from sambay.model.packed import pack as write_packed

    if not Path(model).is_dir():
        raise ValueError(f"{model}: allowed is a folder")
    before = load_model(model, device="cpu")
    num_bytes = write_packed(before.network, folder, int(max_file_mib * 2**20))
    copy_tokenizer(Path(model), folder)
    after = load_model(str(folder), device="cpu")
    ids = torch.randint(before.tokenizer.num_ids, (4, 128), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        ours, theirs = before.network(ids).logits.float(), after.network(ids).logits.float()
    error = float((theirs - ours).norm() / ours.norm())
    print(f"{folder}: {num_bytes / 1e6:.1f} MB of weights; on random ids its logits are {100 * error:.2g} % away")
