"""Pictures of which one patch decides the class, and the network that knows it, as a user's file."""

import torch
from torch import nn


class Stripes(nn.Module):
    """Tells lying from standing stripes by what two filters find, wherever they are."""

    def __init__(self):
        super().__init__()
        line = torch.tensor([[-1.0, -1, -1], [2, 2, 2], [-1, -1, -1]]) / 3
        self.filters = nn.Conv2d(1, 2, 3, padding=1, bias=False)
        self.filters.weight.data = torch.stack([line, line.T])[:, None]

    def forward(self, x):
        return (self.filters(x) - 0.5).relu().sum((2, 3))


def striped(count, seed):
    """Pictures with a patch of stripes and one of checks, which say nothing; classes, the two places."""
    generator = torch.Generator().manual_seed(seed)
    pictures = 0.1 * torch.rand((count, 1, 16, 16), generator=generator)
    labels = torch.randint(2, (count,), generator=generator)
    lying = (torch.arange(4) % 2 == 0).float()[:, None].expand(4, 4)
    checks = (torch.arange(4)[:, None] + torch.arange(4)) % 2
    telling, idle = torch.zeros_like(pictures).bool(), torch.zeros_like(pictures).bool()
    for number in range(count):
        side = int(torch.randint(2, (1,), generator=generator))
        for part, (patch, where) in enumerate([(lying, telling), (checks, idle)]):
            row = int(torch.randint(1, 11, (1,), generator=generator))
            column = 1 + 8 * (side ^ part) + int(torch.randint(3, (1,), generator=generator))
            shown = patch.T if part == 0 and labels[number] else patch
            box = (number, 0, slice(row, row + 4), slice(column, column + 4))
            pictures[box], where[box] = shown.float(), True
    return pictures, labels, telling, idle
