import pytest

from esegeta.files import replacing
from esegeta.units import duration, size


def test_durations_and_sizes_are_written_for_people():
    times = [0.0015, 0.08, 0.81, 8.04, 12.4, 83, 7300, 3600_000]
    words = [
        "1.5 ms",
        "80 ms",
        "810 ms",
        "8.0 s",
        "12 s",
        "1 min 23 s",
        "2 h 1 min",
        "1,000 h 0 min",
    ]
    assert [duration(t) for t in times] == words
    assert [size(n) for n in (12, 3400, 5.12e8, 1.53e9)] == ["12 B", "3 KB", "512 MB", "1.5 GB"]


def write_half(path):
    with replacing(path) as unfinished:
        unfinished.write_text("half")
        raise OSError("the disk is full")


def test_a_file_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "a.nii.gz"
    with replacing(path) as unfinished:
        assert unfinished.suffixes == path.suffixes
        unfinished.write_text("whole")
        assert not path.exists()
    with pytest.raises(OSError, match="full"):
        write_half(path)
    assert path.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [path]
