import pickle

from esegeta.errors import (
    ConfigError,
    EsegetaError,
    Problem,
    counted,
    dangling,
    join,
    nearest,
    shorten,
    unknown,
)


def test_unknown_names_the_nearest_and_counts_the_rest():
    layers = [f"enc.{i}" for i in range(43)]
    text = unknown("layer", "enc.99", layers)
    assert text.startswith("there is no layer 'enc.99'; did you mean 'enc.9'? There are: enc.0, ")
    assert text.endswith("enc.11, and 31 more")
    assert unknown("layer", "x", []) == "there is no layer 'x'; there are none at all"
    assert "did you mean" not in unknown("layer", "zzz", layers)


def test_nearest_forgives_case_but_does_not_guess_wildly():
    assert nearest("znormalization", ["Resample", "ZNormalization"]) == "ZNormalization"
    assert nearest("deeplift", ["saliency", "captum.deep_lift"]) == "captum.deep_lift"
    assert nearest("quite different", ["saliency", "rise"]) is None


def test_problem_says_path_value_valid_and_nearest():
    problem = Problem(
        "methods[1].use", "there is no such method", "'rize'", "rise, saliency", "rise"
    )
    assert str(problem) == (
        "methods[1].use: there is no such method (here: 'rize')\n"
        "    did you mean 'rise'? · valid: rise, saliency"
    )
    assert str(Problem("", "it is empty")) == "it is empty"


def test_config_error_holds_every_problem_and_survives_a_process_border():
    error = ConfigError([Problem("a", "one"), Problem("b", "two")], "x.json")
    assert str(error) == "x.json has 2 problems:\n  a: one\n  b: two"
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, EsegetaError)
    assert (again.problems, again.source, str(again)) == (error.problems, "x.json", str(error))


def test_shorten_keeps_both_ends():
    text = shorten("a" * 50 + "b" * 50, 21)
    assert len(text) == 21
    assert text.startswith("'aaa")
    assert text.endswith("bbb'")
    assert shorten(3) == "3"


def test_join():
    assert join(join(join("", "methods"), 1), "with") == "methods[1].with"
    assert join("a", "b c") == 'a["b c"]'


def test_one_thing_is_counted_in_the_singular():
    assert (counted(1, "voxel"), counted(2, "voxel"), counted(0, "voxel")) == (
        "1 voxel",
        "2 voxels",
        "0 voxels",
    )


def test_a_link_that_leads_nowhere(tmp_path):
    (tmp_path / "a.png").symlink_to("nowhere.png")
    (tmp_path / "b.png").symlink_to(tmp_path)
    assert dangling(tmp_path / "a.png") == "a link to 'nowhere.png', which is not there"
    assert dangling(tmp_path / "b.png") is None
    assert dangling(tmp_path / "c.png") is None
