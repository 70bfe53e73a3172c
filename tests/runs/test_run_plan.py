from pathlib import Path
from typing import Any

import pytest

from esegeta import config
from esegeta.errors import ConfigError
from esegeta.passes import Passes
from esegeta.registry import Registry, find
from esegeta.runs.fingerprint import stamp
from esegeta.runs.plan import Plan, make


@pytest.fixture(scope="module")
def registry() -> Registry:
    return find()


def planned(project: Any, registry: Registry, methods: list[Any], **changes: Any) -> Plan:
    settings = config.parse(project.data(methods, **changes), project.folder)
    assert config.check(settings, registry) == []
    return stamp(make(settings, registry), settings, registry)


def ids(plan: Plan) -> list[str]:
    return [job.id for _, job in plan.jobs()]


def cam(*layers: str, **more: Any) -> dict[str, Any]:
    return {"use": "grad_cam", "layers": list(layers), **more}


def test_ids_say_image_model_target_method_and_layer(project, registry) -> None:
    plan = planned(project, registry, ["saliency", cam("features.0", "features.2")])
    assert set(ids(plan)) == {
        "a/net/predicted/saliency",
        "a/net/predicted/grad_cam@features.0",
        "a/net/predicted/grad_cam@features.2",
    }


def test_no_layer_or_class_leaves_the_run_folder(project, registry) -> None:
    model = project.data([])["models"][0] | {"classes": ["../../up", "..", "c"]}
    methods = [cam("../../../etc"), {"use": "saliency", "target": {"class": ".."}}]
    plan = planned(project, registry, methods, models=[model], target={"class": "../../up"})
    for one in ids(plan):
        assert len(one.split("/")) == 4
        assert not {"", ".", ".."} & set(one.split("/"))


def test_the_shared_pass_is_charged_once(project, registry) -> None:
    methods = [
        "saliency",
        "input_x_gradient",
        cam("features.0", "features.2"),
        {"use": "layer_gradient_x_activation", "layers": ["features.0"]},
    ]
    plan = planned(project, registry, methods)
    assert plan.passes == Passes(1, 1)
    assert plan.record()["totals"] == {
        "groups": 1,
        "jobs": 5,
        "passes": {"forward": 1, "backward": 1},
    }


def test_fused_methods_run_first_and_expensive_ones_last(project, registry) -> None:
    steps = {"use": "integrated_gradients", "with": {"steps": 64}}
    plan = planned(project, registry, ["rise", steps, "guided_backprop", "saliency"])
    assert [job.use for _, job in plan.jobs()] == [
        "saliency",
        "guided_backprop",
        "integrated_gradients",
        "rise",
    ]


def test_a_group_wants_the_image_gradient_only_where_a_job_does(project, registry) -> None:
    (alone,) = planned(project, registry, [cam("features.0"), "occlusion"]).groups
    (both,) = planned(project, registry, [cam("features.0"), "saliency"]).groups
    assert not alone.image_gradient
    assert both.image_gradient
    assert both.layers == ["features.0"]


def test_targets_make_groups_and_the_nearest_wins(project, registry) -> None:
    model = project.data([])["models"][0]
    models = [model | {"name": "one"}, model | {"name": "two", "target": {"class": "dog"}}]
    methods = ["saliency", {"use": "input_x_gradient", "target": {"class": 2}}]
    plan = planned(project, registry, methods, models=models, target={"class": "cat"})
    assert ids(plan) == [
        "a/one/cat/saliency",
        "a/one/emu/input_x_gradient",
        "a/two/dog/saliency",
        "a/two/emu/input_x_gradient",
    ]


def test_targets_of_one_class_that_differ_lie_apart(project, registry) -> None:
    targets = [
        {"class": "cat", "contrast": "weighted"},
        {"class": 0, "contrast": "weighted"},
        {"class": "cat", "contrast": "probability"},
    ]
    methods = [{"use": "saliency", "target": target} for target in targets]
    assert ids(planned(project, registry, ["saliency", *methods])) == [
        "a/net/predicted/saliency",
        "a/net/cat-weighted/saliency",
        "a/net/cat-weighted-2/saliency",
        "a/net/cat-probability/saliency",
    ]


def test_filters_leave_out_pairs(project, registry) -> None:
    model = project.data([])["models"][0]
    plan = planned(
        project,
        registry,
        ["saliency", {"use": "rise", "models": ["two"]}],
        models=[model | {"name": "one"}, model | {"name": "two"}],
        images=[{"path": "a.png"}, {"path": "b.png", "models": ["one"]}],
    )
    assert ids(plan) == [
        "a/one/predicted/saliency",
        "b/one/predicted/saliency",
        "a/two/predicted/saliency",
        "a/two/predicted/rise",
    ]


def test_nothing_to_do_is_an_error(project, registry) -> None:
    model = project.data([])["models"][0]
    settings = config.parse(
        project.data(
            [{"use": "rise", "models": ["two"]}],
            models=[model | {"name": "one"}, model | {"name": "two"}],
            images=[{"path": "a.png", "models": ["one"]}],
        ),
        project.folder,
    )
    with pytest.raises(ConfigError, match="nothing to do"):
        make(settings, registry)


def test_an_image_named_as_a_file_of_the_run_gives_way(project, registry) -> None:
    project.picture("plan.json.png")
    plan = planned(project, registry, ["saliency"], images=[{"path": "plan.json.png"}])
    assert ids(plan) == ["plan.json-2/net/predicted/saliency"]


def test_one_method_twice(project, registry) -> None:
    twice = [cam("features.0"), cam("features.2"), cam("features.0", name="again")]
    assert len(set(ids(planned(project, registry, twice)))) == 3
    same = ["saliency", {"use": "saliency", "target": {"class": "predicted"}}]
    assert ids(planned(project, registry, same)) == [
        "a/net/predicted/saliency",
        "a/net/predicted/saliency-2",
    ]


def test_a_layer_named_twice_is_one_job(project, registry) -> None:
    assert len(planned(project, registry, [cam("features.0", "features.0")])) == 1


def test_costs_follow_the_images_size_where_it_is_known(project, registry) -> None:
    settings = config.parse(project.data(["occlusion"]), project.folder)
    small = make(settings, registry, {("net", "a"): (8, 8)}).passes.forward
    large = make(settings, registry, {("net", "a"): (64, 64)}).passes.forward
    assert 1 < small < large


def test_seeds_follow_the_run_and_the_job_but_no_order(project, registry) -> None:
    one = planned(project, registry, ["rise", "smooth_grad"])
    other = planned(project, registry, ["smooth_grad", "saliency", "rise"])
    seeds = {job.id: job.seed for _, job in other.jobs()}
    assert all(seeds[job.id] == job.seed for _, job in one.jobs())
    assert len(set(seeds.values())) == 3
    again = planned(project, registry, ["rise"], execution={"seed": 1})
    assert next(again.jobs())[1].seed != seeds["a/net/predicted/rise"]


def prints(plan: Plan) -> dict[str, str]:
    return {job.id: job.fingerprint for _, job in plan.jobs()}


METHODS: list[Any] = ["saliency", {"use": "odd", "with": {"steps": 1}}]


@pytest.fixture
def with_odd(project) -> Registry:
    return find([project.folder / "plugins"])


def test_fingerprints_are_the_same_for_the_same(project, with_odd) -> None:
    first = prints(planned(project, with_odd, METHODS))
    assert first == prints(planned(project, with_odd, METHODS))
    assert len(set(first.values())) == 2
    elsewhere = planned(project, with_odd, METHODS, output="x", execution={"threads": 2})
    assert first == prints(elsewhere)


@pytest.mark.parametrize("change", ["image", "factory", "imported", "weights", "label"])
def test_a_file_that_changes_changes_every_fingerprint(project, with_odd, change: str) -> None:
    folder: Path = project.folder
    (folder / "blocks.py").write_text("x = 1\n")
    (folder / "nets.py").write_text("import blocks\n" + (folder / "nets.py").read_text())
    (folder / "w.pt").write_bytes(b"1")
    project.picture("label.png")
    model = project.data([])["models"][0] | {"weights": "w.pt"}
    images = [{"path": "a.png", "label": "label.png"}]

    def now() -> dict[str, str]:
        return prints(planned(project, with_odd, METHODS, models=[model], images=images))

    before = now()
    file = {
        "image": "a.png",
        "factory": "nets.py",
        "imported": "blocks.py",
        "weights": "w.pt",
        "label": "label.png",
    }[change]
    with (folder / file).open("ab") as stream:
        stream.write(b"\n# changed\n")
    after = now()
    assert all(before[job] != after[job] for job in before)


def test_a_plugin_that_changes_changes_only_its_jobs(project, with_odd) -> None:
    before = prints(planned(project, with_odd, METHODS))
    with (project.folder / "plugins" / "odd.py").open("a") as file:
        file.write("# changed\n")
    after = prints(planned(project, with_odd, METHODS))
    assert before["a/net/predicted/saliency"] == after["a/net/predicted/saliency"]
    assert before["a/net/predicted/odd"] != after["a/net/predicted/odd"]


@pytest.mark.parametrize(
    "changes",
    [
        {"target": {"class": "dog"}},
        {"execution": {"seed": 7}},
        {"preprocess": [{"use": "ZNormalization"}]},
        {"references": ["b.png"]},
    ],
)
def test_settings_that_decide_the_map_change_fingerprints(project, with_odd, changes) -> None:
    before = set(prints(planned(project, with_odd, METHODS)).values())
    after = set(prints(planned(project, with_odd, METHODS, **changes)).values())
    assert not before & after


def test_parameters_change_only_their_jobs(project, with_odd) -> None:
    before = prints(planned(project, with_odd, METHODS))
    changed = ["saliency", {"use": "odd", "with": {"steps": 2}}]
    after = prints(planned(project, with_odd, changed))
    assert [job for job in before if before[job] != after[job]] == ["a/net/predicted/odd"]


@pytest.mark.parametrize(("index", "name"), [(0, "not tumour"), (1, "tumour"), (2, "2")])
def test_the_one_name_of_a_single_logit_is_that_of_its_yes(project, index, name) -> None:
    model = project.data([])["models"][0] | {"classes": ["tumour"]}
    data = project.data(["saliency"], models=[model], target={"class": index})
    (group,) = make(config.parse(data, project.folder), find()).groups
    assert group.target_name == name
