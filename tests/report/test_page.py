"""The page of a run: complete, self-contained, and deaf to markup in files."""

import base64
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from esegeta.errors import RunError
from esegeta.report.markup import measured, number
from esegeta.report.page import write
from esegeta.units import duration
from tests.report.conftest import NASTY, group, job, put, result, write_plan

VOID = {"img", "meta", "link", "br", "input", "hr"}


class Page(HTMLParser):
    """The elements of a page; fails on tags that do not match."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.elements, self.stack, self.text = [], [], {}
        self.feed(text)
        assert not self.stack, f"never closed: {self.stack}"

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.stack.append(tag)

    def handle_endtag(self, tag):
        assert self.stack.pop() == tag

    def handle_data(self, data):
        top = self.stack[-1] if self.stack else ""
        self.text[top] = self.text.get(top, "") + data

    def all(self, tag, **wanted):
        return [
            attrs
            for name, attrs in self.elements
            if name == tag
            and all(value in (attrs.get(key) or "").split() for key, value in wanted.items())
        ]


def read(path):
    text = path.read_text(encoding="utf-8")
    return text, Page(text)


def test_every_job_has_a_card_in_its_state(run):
    text, page = read(write(run))
    cards = {attrs["id"]: attrs["class"] for attrs in page.all("article")}
    assert sorted(cards.values()) == ["card done", "card done", "card failed", "card pending"]
    assert "<b>2</b> done" in text
    assert "<b>1</b> of them flagged" in text
    assert "<b>1</b> failed" in text
    assert "<b>1</b> not run yet" in text


def test_a_card_says_what_was_done(run):
    text, _ = read(write(run))
    for words in (
        "What moves the score.",
        "Someone et al., 2017",
        "steps <b>32</b>",
        "33 forward, 32 backward, 810 ms, peak 2.5 GB",
        "<b>−123.4</b> for brain (class 1), wrapper pixelwise, mask predicted",
        "t1/unet/brain/saliency/map.nii.gz",
        "completeness 0.003 (limit 0.1)",
    ):
        assert words in text, words
    assert re.search(r'class="flagged">.*?completeness 0.31 \(limit 0.1\)', text)


def test_a_failed_job_shows_its_reason_and_never_a_picture(run):
    assert (run / "t1/unet/brain/grad_cam@enc.1/overlay.png").is_file()
    text, page = read(write(run))
    failed = re.search(r'<article class="card failed".*?</article>', text, re.DOTALL).group()
    assert "TargetError" in failed
    assert "no brain here" in failed
    assert "<details><summary>Traceback</summary><pre>Traceback: line 7</pre>" in failed
    assert "<img" not in failed
    assert len(page.all("img")) == 2


def test_numbers_are_written_for_people():
    values = [3, -0.00012345, 13326.4, 1e12, True, None, "zero", [1, "a"]]
    words = ["3", "−0.0001234", "13,326", "1e+12", "true", "null", "zero", '[1, "a"]']
    assert [number(value) for value in values] == words
    assert [measured(t, duration) for t in (12.4, None, "<b>")] == ["12 s", "–", "–"]


def test_a_job_that_others_answered_cost_no_passes(run):
    plan = json.loads((run / "plan.json").read_text())["groups"][0]["jobs"][0]
    put(run, plan, result(plan, passes={"forward": 0, "backward": 0}))
    assert "no passes of its own, 810 ms" in read(write(run))[0]


def test_the_header_says_when_and_on_what(run):
    text, _ = read(write(run))
    for words in ("brain run", "cuda:0", "torch 2.13.0", "2023, ", "1 min 23 s", "<dd>7</dd>"):
        assert words in text, words


def test_pictures_are_the_files_bytes_with_words_for_those_who_cannot_see_them(run):
    _, page = read(write(run))
    picture = (run / "t1/unet/brain/saliency/overlay.png").read_bytes()
    first = page.all("img")[0]
    assert base64.b64decode(first["src"].removeprefix("data:image/png;base64,")) == picture
    assert (first["width"], first["height"]) == ("64", "48")
    assert first["alt"] == "saliency: map over t1, unet, target brain"


def test_links_lead_to_cards(run):
    _, page = read(write(run))
    ids = [attrs["id"] for _, attrs in page.elements if "id" in attrs]
    links = [attrs["href"] for attrs in page.all("a")]
    assert len(ids) == len(set(ids))
    assert len(links) == 5
    assert all(link[0] == "#" and link[1:] in ids for link in links)


def test_ids_of_similar_names_differ(tmp_path):
    plans = [job("t1/unet/a b", "m"), job("t1/unet/a_b", "m"), job("t1/unet/a_20_b", "m")]
    write_plan(tmp_path, [group("t1", plans)])
    _, page = read(write(tmp_path))
    assert len({attrs["id"] for attrs in page.all("article")}) == 3


def test_nothing_is_loaded_from_anywhere(run):
    text, page = read(write(run))
    for _, attrs in page.elements:
        for name in ("src", "srcset", "action", "data", "poster", "background"):
            assert attrs.get(name, "data:").startswith("data:")
        assert attrs.get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in attrs)
    assert not page.all("link")
    assert "@import" not in text
    assert "url(" not in text


def test_only_the_pages_own_style_and_script_are_allowed(run):
    text, page = read(write(run))
    policy = page.all("meta")[2]["content"]
    assert "default-src 'none'" in policy
    for tag in ("style", "script"):
        (inside,) = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(inside.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def test_markup_in_files_stays_text(tmp_path):
    plan = job(
        "t1/unet/brain", NASTY.replace("/", "|"), NASTY.replace("/", "|"), parameters={NASTY: NASTY}
    )
    failing = job("t1/unet/brain", "b")
    write_plan(tmp_path, [group(NASTY, [plan, failing], NASTY, NASTY)], name=NASTY)
    (tmp_path / "config.json").write_text(json.dumps({NASTY: NASTY}))
    more = dict.fromkeys(["summary", "paper", "seconds", "memory"], NASTY)
    put(tmp_path, plan, result(
        plan, **more, parameters={NASTY: NASTY, "list": [NASTY]}, notes={NASTY: {NASTY: NASTY}},
        checks=[{"name": NASTY, "value": NASTY, "passed": True, "limit": NASTY}],
        target={"class": NASTY, "index": NASTY, "score": NASTY, "wrapper": NASTY, "mask": NASTY},
        passes={"forward": NASTY}, range=[NASTY, NASTY],
    ))  # fmt: skip
    error = dict.fromkeys(["kind", "message", "traceback"], NASTY)
    put(tmp_path, failing, result(failing, "failed", error=error))
    event = {"event": "run_started", "time": 0, "device": NASTY, "versions": {NASTY: NASTY}}
    (tmp_path / "events.jsonl").write_text(json.dumps(event) + "\n")
    text, page = read(write(tmp_path))
    assert len(page.all("script")) == 1
    assert len(page.all("img")) == 1
    assert not any("onerror" in attrs for _, attrs in page.elements)
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(&quot;x&quot;)" in text


def test_the_page_is_hardly_larger_than_its_pictures(run):
    pictures = sum(p.stat().st_size for p in run.rglob("overlay.png"))
    assert write(run).stat().st_size < 4 / 3 * pictures + 40_000


def test_writing_again_replaces_the_page_and_leaves_nothing_else(run):
    before = {p.name for p in run.iterdir()}
    first = write(run).read_text()
    assert write(run).read_text() == first
    assert {p.name for p in run.iterdir()} == before | {"report.html"}


def test_a_result_from_before_a_change_is_pending(run):
    plan = json.loads((run / "plan.json").read_text())
    plan["groups"][0]["jobs"][0]["fingerprint"] = "another"
    (run / "plan.json").write_text(json.dumps(plan))
    _, page = read(write(run))
    assert len(page.all("article", **{"class": "pending"})) == 2


@pytest.mark.parametrize("damage", ["{", "[]", ""])
def test_a_damaged_result_is_a_failed_job(run, damage):
    (run / "t1/unet/brain/saliency/result.json").write_text(damage)
    text, page = read(write(run))
    assert len(page.all("article", **{"class": "failed"})) == 2
    assert "cannot be read" in text


def test_no_file_outside_the_run_is_shown(run, tmp_path_factory):
    secret = put(tmp_path_factory.mktemp("elsewhere"), {"id": "x"}, {}) / "overlay.png"
    folder = run / "t1/unet/brain/saliency"
    record = json.loads((folder / "result.json").read_text())
    for path in (str(secret), f"../../../../../{secret}"):
        record["files"]["overlay"] = path
        (folder / "result.json").write_text(json.dumps(record))
        _, page = read(write(run))
        assert len(page.all("img")) == 1
    (folder / "overlay.png").unlink()
    (folder / "overlay.png").symlink_to(secret)
    record["files"]["overlay"] = "overlay.png"
    (folder / "result.json").write_text(json.dumps(record))
    assert len(read(write(run))[1].all("img")) == 1
    plan = json.loads((run / "plan.json").read_text())
    plan["groups"][0]["jobs"][0]["id"] = "../elsewhere/x"
    (run / "plan.json").write_text(json.dumps(plan))
    assert "outside the run" in read(write(run))[0]


def test_a_picture_that_is_none_is_not_shown(run):
    (run / "t1/unet/brain/saliency/overlay.png").write_bytes(b"<svg onload=alert(1)>")
    text, page = read(write(run))
    assert len(page.all("img")) == 1
    assert "There is no picture of this map" in text


@pytest.mark.parametrize("content", [None, "{", '{"groups": [{}]}', '{"groups": 3}'])
def test_a_folder_without_a_plan_is_no_run(tmp_path, content):
    if content is not None:
        (tmp_path / "plan.json").write_text(content)
    with pytest.raises(RunError, match=r"no run with a readable plan\.json"):
        write(tmp_path)
    assert not (tmp_path / "report.html").exists()


def test_a_plan_alone_is_a_page_of_pending_jobs(tmp_path):
    (tmp_path / "plan.json").write_text(
        json.dumps(
            {"version": 1, "name": "new", "groups": [group("t1", [job("t1/unet/brain", "rise")])]}
        )
    )
    text, page = read(write(tmp_path))
    assert len(page.all("article", **{"class": "pending"})) == 1
    assert "Config of this run" not in text
    assert not page.all("div", id="filter")
