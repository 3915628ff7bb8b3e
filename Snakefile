# Which file is made from which. Try `snakemake -n`, or ask for any file by its name.
# Config: scale (smoke, laptop, overnight, thesis, best), study (a name or a YAML file), seeds ("0,1,2"), results (a
# folder), device (auto, cuda, mps, cpu).

import sys
from functools import cache, partial
from pathlib import Path

from diffusion.store.surroundings.environment import find_shadow

if SHADOW := find_shadow():  # before a library is imported
    print(f"snakemake: error: {SHADOW}", file=sys.stderr)
    sys.exit(2)

from diffusion.family import CARRIERS
from diffusion.store.console import printable
from diffusion.store.sources import followed
from studies.planning.resolving import plan_from_config
from studies.planning.staleness import digest_of_inputs, forget_times, wholeness_of
from studies.planning.checks import warn_of_averages
from studies.terminal.worth import weigh
from studies.registries import FIGURES, TABLES, list_names, shown
from studies.report.html.page import list_inputs
from studies.terminal.card import DEVICES, refuse_without_card
from studies.terminal.progress import find_half_done
from studies.terminal.taking_over import take_over


try:
    DEVICE = str(config.get("device", "auto"))
    if DEVICE not in DEVICES:
        raise ValueError(f"device = {DEVICE!r}: choose {', '.join(DEVICES)}")
    PLAN = plan_from_config({key: value for key, value in config.items() if key != "device"})
except (ValueError, OSError) as error:
    print(printable(f"snakemake: error: {error}"), file=sys.stderr)
    sys.exit(2)

WORDS = take_over(workflow, lambda: find_half_done(PLAN), PLAN.told)
OUT, DATA, RUNS = PLAN.output, PLAN.folder / "data", PLAN.folder / "runs"
LOGS, TIMES = PLAN.folder / "logs", PLAN.folder / "benchmarks"


# Snakemake follows no imports: the sources whose change changes a result are its inputs. Those that only carry results,
# or name what there is, change none.
@cache
def sources(modules):
    return followed(*modules, without=(*CARRIERS, "studies.registries"))


# Contents decide what is made again, and never times.
forget_times()
whole = partial(wholeness_of, workflow)


# Where a results disk is full, the log of a job is, too: the commands then say their line here.
shell.prefix("exec 3>&2; export SAY_ON=3; ")


def any_of(names):
    """A wildcard that is one of the names; of none, one that nothing is called."""
    return "|".join(names) or "none"


WITH_PATH = any_of(run.name for run in PLAN.runs if "frames" in run.capabilities)
AT_ONCE = any_of(run.name for run in PLAN.runs if "frames" not in run.capabilities)


# What each rule's files are made from: lists of files, and functions of the wildcards that give them.
MADE_FROM = {
    "generate": [
        lambda w: sources(PLAN.dataset(w.dataset).drawing_modules),
        lambda w: PLAN.dataset(w.dataset).source_files,
    ],
    "train": [
        lambda w: PLAN.run(w.run).dataset.files,
        lambda w: PLAN.run(w.run).start_from_files,
        lambda w: sources(PLAN.run(w.run).training_modules),
    ],
    "sample": [lambda w: PLAN.run(w.run).files, lambda w: sources(PLAN.run(w.run).sampling_modules)],
    "resample": [
        lambda w: PLAN.run(w.run).files,
        lambda w: [PLAN.resampling(w.other, w.run).before.samples_file],
        lambda w: PLAN.run(w.run).dataset.files,
        lambda w: sources(PLAN.resampling(w.other, w.run).modules),
    ],
    "likelihood": [
        lambda w: PLAN.run(w.run).files,
        lambda w: [PLAN.last_samples(w.run)],
        lambda w: PLAN.run(w.run).dataset.files,
        lambda w: sources(PLAN.run(w.run).likelihood_modules),
    ],
    "measure_data": [
        lambda w: PLAN.dataset(w.dataset).files,
        lambda w: sources(PLAN.dataset(w.dataset).measuring_modules),
    ],
    "measure": [
        lambda w: PLAN.run(w.run).measured_files,
        lambda w: sources(PLAN.run(w.run).dataset.measuring_modules),
    ],
    "measure_other": [
        lambda w: [PLAN.resampling(w.other, w.run).files[0]],
        lambda w: [PLAN.run(w.run).dataset.folder / "train.npy", PLAN.run(w.run).dataset.real_file],
        lambda w: sources(PLAN.run(w.run).dataset.measuring_modules),
    ],
    "figure": [
        lambda w: shown(FIGURES, w.figure, PLAN).inputs(PLAN),
        lambda w: sources((shown(FIGURES, w.figure, PLAN).module,)),
    ],
    "table": [
        lambda w: shown(TABLES, w.table, PLAN).inputs(PLAN),
        lambda w: sources((shown(TABLES, w.table, PLAN).module,)),
    ],
    "report": [
        [OUT / "figures" / f"{one.name}.{kind}" for one in PLAN.study.figures for kind in ("png", "svg")],
        [OUT / "tables" / f"{name}.{kind}" for name in PLAN.study.tables for kind in ("csv", "md")],
        list_inputs(PLAN),
        PLAN.written_in,
        sources(("studies.report.html.page",)),
        [Path(workflow.basedir) / "studies/report/html" / f"page.{kind}" for kind in ("html.j2", "css", "js")],
    ],
}


wildcard_constraints:
    dataset=any_of(dataset.name for dataset in PLAN.datasets),
    run=any_of(run.name for run in PLAN.runs),
    other=any_of(PLAN.study.resampled),
    figure=any_of(list_names(FIGURES, PLAN)),
    table=any_of(list_names(TABLES, PLAN)),


rule all:
    input:
        OUT / "report.html",
        [run.files for run in PLAN.runs],  # else a report with holes, made by hand, would pass for the whole one
    default_target: True


rule generate:
    input:
        lambda w: sources(PLAN.dataset(w.dataset).drawing_modules),
    output:
        expand(DATA / "{{dataset}}" / "{file}", file=PLAN.data_files),
    params:
        made_from=digest_of_inputs(*MADE_FROM["generate"]),
        whole=whole(*(DATA / "{dataset}" / file for file in PLAN.data_files)),
        plugins=PLAN.plugins,
        command=lambda w: PLAN.dataset(w.dataset).command,
        folder=lambda w: PLAN.dataset(w.dataset).folder,
    log:
        LOGS / "generate-{dataset}.log",
    benchmark:
        TIMES / "generate-{dataset}.tsv"
    threads: 8 # or as many cores as there are; no byte depends on them
    shell:
        "triangles {params.plugins} {params.command} --workers {threads} --out {params.folder:q} --replace > {log:q} 2>&1"


rule train:
    input:
        *MADE_FROM["train"],
    output:
        expand(RUNS / "{{run}}" / "{file}", file=PLAN.run_files),
    params:
        made_from=digest_of_inputs(*MADE_FROM["train"]),
        whole=whole(*(RUNS / "{run}" / file for file in PLAN.run_files)),
        plugins=PLAN.plugins,
        flags=lambda w: PLAN.run(w.run).training_flags,
        data=lambda w: PLAN.run(w.run).dataset.folder,
        folder=lambda w: PLAN.run(w.run).folder,
    threads: PLAN.scale.threads
    resources:
        gpu=PLAN.scale.gpus,
    log:
        LOGS / "train-{run}.log",
    benchmark:
        TIMES / "train-{run}.tsv"
    shell:
        "diffusion {params.plugins} train {params.data:q} {params.flags} --threads {threads} --device {DEVICE} --out {params.folder:q} --replace > {log:q} 2>&1"


rule sample:
    priority: 1  # a cell is finished before the next is begun
    input:
        *MADE_FROM["sample"],
    output:
        expand(RUNS / "{{run}}" / "{file}", file=PLAN.sample_files),
    wildcard_constraints:
        run=WITH_PATH,
    params:
        made_from=digest_of_inputs(*MADE_FROM["sample"]),
        whole=whole(*(RUNS / "{run}" / file for file in PLAN.sample_files)),
        plugins=PLAN.plugins,
        flags=lambda w: PLAN.run(w.run).sampling_flags,
        folder=lambda w: PLAN.run(w.run).folder,
    threads: PLAN.scale.threads
    resources:
        gpu=PLAN.scale.gpus,
    log:
        LOGS / "sample-{run}.log",
    benchmark:
        TIMES / "sample-{run}.tsv"
    shell:
        "diffusion {params.plugins} sample {params.folder:q} {params.flags} --threads {threads} --device {DEVICE} > {log:q} 2>&1"


# A family of models that draws at once has no path to keep moments of.
use rule sample as sample_at_once with:
    output:
        [RUNS / "{run}" / file for file in PLAN.sample_files if file != PLAN.frames_file],
    wildcard_constraints:
        run=AT_ONCE,


rule resample:
    priority: 1  # a cell is finished before the next is begun
    input:
        *MADE_FROM["resample"],
    output:
        RUNS / "{run}" / "{other}.npy",
        RUNS / "{run}" / "{other}-frames.npy",
        RUNS / "{run}" / "{other}.json",
    wildcard_constraints:
        run=WITH_PATH,
    params:
        made_from=digest_of_inputs(*MADE_FROM["resample"]),
        whole=whole(RUNS / "{run}" / "{other}.npy", RUNS / "{run}" / "{other}-frames.npy"),
        plugins=PLAN.plugins,
        flags=lambda w: PLAN.resampling(w.other, w.run).flags,
        folder=lambda w: PLAN.run(w.run).folder,
    threads: PLAN.scale.threads
    resources:
        gpu=PLAN.scale.gpus,
    log:
        LOGS / "sample-{run}-{other}.log",
    benchmark:
        TIMES / "sample-{run}-{other}.tsv"
    shell:
        "diffusion {params.plugins} sample {params.folder:q} {params.flags} --threads {threads} --device {DEVICE} > {log:q} 2>&1"


use rule resample as resample_at_once with:
    output:
        RUNS / "{run}" / "{other}.npy",
        RUNS / "{run}" / "{other}.json",
    wildcard_constraints:
        run=AT_ONCE,


rule likelihood:
    priority: 1  # a cell is finished before the next is begun
    input:
        *MADE_FROM["likelihood"],
    output:
        expand(RUNS / "{{run}}" / "{file}", file=PLAN.likelihood_files),
    params:
        made_from=digest_of_inputs(*MADE_FROM["likelihood"]),
        whole=whole(*(RUNS / "{run}" / file for file in PLAN.likelihood_files)),
        plugins=PLAN.plugins,
        flags=lambda w: PLAN.likelihood_flags(PLAN.run(w.run)),
        data=lambda w: PLAN.run(w.run).dataset.folder,
        folder=lambda w: PLAN.run(w.run).folder,
    threads: PLAN.scale.threads
    resources:
        gpu=PLAN.scale.gpus,
    log:
        LOGS / "likelihood-{run}.log",
    benchmark:
        TIMES / "likelihood-{run}.tsv"
    shell:
        "diffusion {params.plugins} likelihood {params.folder:q} {params.data:q} {params.flags} --threads {threads} --device {DEVICE} > {log:q} 2>&1"


# What is measured hangs on the run and not on the study that asks: the plan is no parameter of these three.
rule measure_data:
    input:
        *MADE_FROM["measure_data"],
    output:
        DATA / "{dataset}" / "real.npz",
    params:
        made_from=digest_of_inputs(*MADE_FROM["measure_data"]),
        whole=whole(DATA / "{dataset}" / "real.npz"),
    log:
        LOGS / "measure-data-{dataset}.log",
    benchmark:
        TIMES / "measure-data-{dataset}.tsv"
    shell:
        "studies measure-data {wildcards.dataset} {PLAN.flags} > {log:q} 2>&1"


rule measure:
    priority: 1
    input:
        *MADE_FROM["measure"],
    output:
        expand(RUNS / "{{run}}" / "{file}", file=PLAN.measure_files),
    params:
        made_from=digest_of_inputs(*MADE_FROM["measure"]),
        whole=whole(*(RUNS / "{run}" / file for file in PLAN.measure_files)),
    log:
        LOGS / "measure-{run}.log",
    benchmark:
        TIMES / "measure-{run}.tsv"
    shell:
        "studies measure {wildcards.run} {PLAN.flags} > {log:q} 2>&1"


rule measure_other:
    priority: 1
    input:
        *MADE_FROM["measure_other"],
    output:
        RUNS / "{run}" / "{other}-measures.csv",
    params:
        made_from=digest_of_inputs(*MADE_FROM["measure_other"]),
        whole=whole(RUNS / "{run}" / "{other}-measures.csv"),
    log:
        LOGS / "measure-{run}-{other}.log",
    benchmark:
        TIMES / "measure-{run}-{other}.tsv"
    shell:
        "studies measure {wildcards.run} --samples {wildcards.other} {PLAN.flags} > {log:q} 2>&1"


rule figure:
    input:
        *MADE_FROM["figure"],
    output:
        OUT / "figures" / "{figure}.png",
        OUT / "figures" / "{figure}.svg",
    params:
        made_from=digest_of_inputs(*MADE_FROM["figure"]),
        whole=whole(OUT / "figures" / "{figure}.png", OUT / "figures" / "{figure}.svg"),
        plan=PLAN.flags,
        shown=PLAN.shown,
    log:
        LOGS / "figure-{figure}.log",
    shell:
        "studies figure {wildcards.figure} {params.plan} > {log:q} 2>&1"


rule table:
    input:
        *MADE_FROM["table"],
    output:
        OUT / "tables" / "{table}.csv",
        OUT / "tables" / "{table}.md",
    params:
        made_from=digest_of_inputs(*MADE_FROM["table"]),
        whole=whole(OUT / "tables" / "{table}.csv", OUT / "tables" / "{table}.md"),
        plan=PLAN.flags,
        shown=PLAN.shown,
    log:
        LOGS / "table-{table}.log",
    shell:
        "studies table {wildcards.table} {params.plan} > {log:q} 2>&1"


rule report:
    input:
        *MADE_FROM["report"],
    output:
        OUT / "report.html",
    params:
        made_from=digest_of_inputs(*MADE_FROM["report"]),
        plan=PLAN.flags,
    log:
        LOGS / f"report-{PLAN.study_name}.log",
    shell:
        "studies report {params.plan} > {log:q} 2>&1"


onstart:
    if workflow.local_exec:
        refuse_without_card(PLAN, DEVICE, workflow.cores or 1)
    WORDS.note(weigh(PLAN).words)
    for line in warn_of_averages(PLAN):
        WORDS.note(line)
    if not PLAN.scale.wiring and not any(path.exists() for run in PLAN.runs for path in run.files):
        WORDS.note_output(f"studies estimate --cores {workflow.cores or 1} {PLAN.flags}")
    if PLAN.left_out:
        WORDS.note(f"left out, as the grid has no cells for them: {', '.join(PLAN.left_out)}")


onsuccess:
    if (OUT / "report.html").exists():
        WORDS.say(f"The report: {OUT / 'report.html'}", weigh(PLAN).words)


onerror:
    WORDS.end_if_stopped()
    parts = [f"  studies {part} --allow-missing {PLAN.flags}" for part in ("figure", "table", "report")]
    WORDS.say("What there is, with holes for what is missing:", *parts)
