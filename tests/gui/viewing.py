"""What tests of the viewer do with it."""

import numpy as np

RNG = np.random.default_rng(0)


def maps(made, count=3, shape=(6, 7, 8)):
    made.volume(shape=shape)
    for at in range(count):
        values = RNG.normal(size=shape)
        values[1, 2, 3] = 40 + at
        made.job(values, f"m{at}")


def drawn(qtbot, panel, count=1):
    """Wait until so many maps are drawn."""

    def there():
        scene = panel.stage.scene
        assert scene is not None
        assert len(scene.layers) >= count
        assert panel.columns is not None
        assert all(column.planes for column in panel.columns.columns if column.key in scene.layers)
        assert not panel.columns._stale

    qtbot.waitUntil(there, timeout=20000)


def show(qtbot, panel, made, count=1):
    panel.open_run(made.write())
    drawn(qtbot, panel, 1)
    for job in panel.stage.choice.jobs[1:count]:
        panel.stage.choice.toggle(job)
    panel.stage.show()
    drawn(qtbot, panel, count)


def planes(panel, column=0):
    return panel.columns.columns[column].planes
