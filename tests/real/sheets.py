"""Contact sheets of every native method on real data: ``python -m tests.real.sheets OUT [CASE …]``.

They are to be looked at: what looks wrong is wrong until explained.
"""

import json
import sys
from pathlib import Path

from PIL import Image, ImageDraw
from safetensors.torch import save_file

import esegeta
from tests.conftest import DATA
from tests.real.cases import CASES, config
from tests.real.vessel_net import auc, trained

WIDTH, HEIGHT, COLUMNS, LINE = 460, 250, 4, 18


def sheet(run: Path) -> Image.Image:
    """Paste the pictures of a run's jobs, or why there is none, beside each other."""
    results = sorted(run.rglob("result.json"))
    rows = -(-len(results) // COLUMNS)
    page = Image.new("RGB", (COLUMNS * WIDTH, rows * (HEIGHT + LINE)), "white")
    draw = ImageDraw.Draw(page)
    for number, path in enumerate(results):
        x, y = number % COLUMNS * WIDTH, number // COLUMNS * (HEIGHT + LINE)
        result = json.loads(path.read_text())
        flags = [check["name"] for check in result.get("checks", []) if not check["passed"]]
        words = f"{path.parent.name}  {result.get('seconds', 0):.0f} s  {' '.join(flags)}"
        draw.text((x + 4, y + 3), words, fill="red" if flags else "black")
        if result["state"] == "done":
            picture = Image.open(path.parent / "overlay.png")
            picture.thumbnail((WIDTH - 6, HEIGHT))
            page.paste(picture, (x + 3, y + LINE))
        else:
            message = result["error"]["message"]
            lines = "\n".join(message[i : i + 70] for i in range(0, min(len(message), 500), 70))
            draw.text((x + 4, y + LINE + 4), lines, fill="red")
    return page


def _trained(out: Path) -> Path:
    """Train the network of the vessels, where that has not been done."""
    path = out / "vessel_net.safetensors"
    if not path.is_file():
        network = trained(DATA)
        print(f"VesselMNIST3D: test AUC {auc(network, DATA):.3f}")
        save_file(network.state_dict(), path)
    return path


def main() -> None:
    """Run each case, and write its sheet."""
    out = Path(sys.argv[1]).absolute()
    out.mkdir(parents=True, exist_ok=True)
    for case in sys.argv[2:] or CASES:
        path = out / f"{case}.json"
        made = config(DATA, case, out / case)
        if case == "vessel":
            made["models"][0]["weights"] = str(_trained(out))
        path.write_text(json.dumps(made))
        ended = esegeta.run(path, resume=True, plain=True)
        sheet(ended.folder).save(out / f"{case}.png")


if __name__ == "__main__":
    main()
