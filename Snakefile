# Which file is made from which. Try `snakemake -n`, or ask for any file by its name.
# Config: scale (smoke, laptop, overnight, thesis), study (a name or a YAML file), seeds ("0,1,2"), results (a folder).

import sys

from diffusion.family import CARRIERS, likelihood_sources, sampling_sources, training_sources
from diffusion.store.sources import followed
from studies.planning.resolving import plan_from_config
from studies.report.catalogue import FIGURES, TABLES
from triangles.kinds import KINDS


try:
    PLAN = plan_from_config(config)
except (ValueError, OSError) as error:
    print(f"snakemake: error: {error}", file=sys.stderr)
    sys.exit(2)

OUT, DATA, RUNS = PLAN.output, PLAN.folder / "data", PLAN.folder / "runs"
LOGS, TIMES = PLAN.folder / "logs", PLAN.folder / "benchmarks"


def shown_by(entry):
    return followed("studies.report.catalogue", f"studies.{entry.maker.rpartition('.')[0]}")


def shaped_by(*modules):
    return followed(*modules, without=CARRIERS)


def resampled_by(one):
    return shaped_by(*sampling_sources(one.run.training, one.sampling.sampler))


# Snakemake follows no imports: the sources whose change changes a result are its inputs.
MEASURING = followed("studies.measures.images")
COMPARING = followed("studies.measures.measuring")


wildcard_constraints:
    dataset="|".join(d.name for d in PLAN.datasets),
    run="|".join(r.name for r in PLAN.runs),
    other="|".join(PLAN.study.resampled) or "none",
    figure="|".join(FIGURES),
    table="|".join(TABLES),


rule all:
    input:
        OUT / "report.html",
        [run.files for run in PLAN.runs],  # else a report with holes, made by hand, would pass for the whole one
    default_target: True


rule generate:
    input:
        lambda w: followed(*KINDS[PLAN.dataset(w.dataset).settings.kind].drawing_modules),
    output:
        expand(DATA / "{{dataset}}" / "{file}", file=PLAN.data_files),
    params:
        flags=lambda w: PLAN.dataset(w.dataset).flags,
        folder=lambda w: PLAN.dataset(w.dataset).folder,
    log:
        LOGS / "generate-{dataset}.log",
    benchmark:
        TIMES / "generate-{dataset}.tsv"
    shell:
        "triangles generate {params.flags} --out {params.folder:q} --replace > {log:q} 2>&1"


rule train:
    input:
        lambda w: PLAN.run(w.run).dataset.files,
        lambda w: PLAN.run(w.run).start_from_files,
        lambda w: shaped_by(*training_sources(PLAN.run(w.run).training)),
    output:
        expand(RUNS / "{{run}}" / "{file}", file=PLAN.run_files),
    params:
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
        "diffusion train {params.data:q} {params.flags} --threads {threads} --out {params.folder:q} --replace > {log:q} 2>&1"


rule sample:
    input:
        rules.train.output,
        lambda w: shaped_by(*sampling_sources(PLAN.run(w.run).training, PLAN.run(w.run).sampling.sampler)),
    output:
        expand(RUNS / "{{run}}" / "{file}", file=PLAN.sample_files),
    params:
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
        "diffusion sample {params.folder:q} {params.flags} --threads {threads} > {log:q} 2>&1"


rule resample:
    input:
        rules.train.output,
        lambda w: PLAN.resampling(w.other, w.run).before.samples_file,
        lambda w: PLAN.run(w.run).dataset.files,
        lambda w: resampled_by(PLAN.resampling(w.other, w.run)),
        lambda w: followed("diffusion.denoising.partial") if PLAN.resampling(w.other, w.run).from_abar else [],
        lambda w: followed("diffusion.denoising.renorming") if PLAN.resampling(w.other, w.run).renormed else [],
    output:
        RUNS / "{run}" / "{other}.npy",
        RUNS / "{run}" / "{other}-frames.npy",
        RUNS / "{run}" / "{other}.json",
    params:
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
        "diffusion sample {params.folder:q} {params.flags} --threads {threads} > {log:q} 2>&1"


rule likelihood:
    input:
        rules.train.output,
        lambda w: PLAN.last_samples(w.run),
        lambda w: PLAN.run(w.run).dataset.files,
        lambda w: shaped_by(*likelihood_sources(PLAN.run(w.run).training)),
    output:
        expand(RUNS / "{{run}}" / "{file}", file=PLAN.likelihood_files),
    params:
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
        "diffusion likelihood {params.folder:q} {params.data:q} {params.flags} --threads {threads} > {log:q} 2>&1"


# What is measured hangs on the run and not on the study that asks: the plan is no parameter of these three.
rule measure_data:
    input:
        lambda w: PLAN.dataset(w.dataset).files,
        MEASURING,
    output:
        DATA / "{dataset}" / "real.npz",
    log:
        LOGS / "measure-data-{dataset}.log",
    benchmark:
        TIMES / "measure-data-{dataset}.tsv"
    shell:
        "studies measure-data {wildcards.dataset} {PLAN.flags} > {log:q} 2>&1"


rule measure:
    input:
        lambda w: PLAN.run(w.run).measured_files,
        COMPARING,
    output:
        expand(RUNS / "{{run}}" / "{file}", file=PLAN.measure_files),
    log:
        LOGS / "measure-{run}.log",
    benchmark:
        TIMES / "measure-{run}.tsv"
    shell:
        "studies measure {wildcards.run} {PLAN.flags} > {log:q} 2>&1"


rule measure_other:
    input:
        lambda w: PLAN.resampling(w.other, w.run).files[0],
        lambda w: PLAN.run(w.run).dataset.folder / "train.npy",
        lambda w: PLAN.run(w.run).dataset.real_file,
        COMPARING,
    output:
        RUNS / "{run}" / "{other}-measures.csv",
    log:
        LOGS / "measure-{run}-{other}.log",
    benchmark:
        TIMES / "measure-{run}-{other}.tsv"
    shell:
        "studies measure {wildcards.run} --samples {wildcards.other} {PLAN.flags} > {log:q} 2>&1"


rule figure:
    input:
        lambda w: FIGURES[w.figure].inputs(PLAN),
        lambda w: shown_by(FIGURES[w.figure]),
    output:
        OUT / "figures" / "{figure}.png",
        OUT / "figures" / "{figure}.svg",
    params:
        plan=PLAN.flags,
        shown=PLAN.shown,
    log:
        LOGS / "figure-{figure}.log",
    shell:
        "studies figure {wildcards.figure} {params.plan} > {log:q} 2>&1"


rule table:
    input:
        lambda w: TABLES[w.table].inputs(PLAN),
        lambda w: shown_by(TABLES[w.table]),
    output:
        OUT / "tables" / "{table}.csv",
        OUT / "tables" / "{table}.md",
    params:
        plan=PLAN.flags,
        shown=PLAN.shown,
    log:
        LOGS / "table-{table}.log",
    shell:
        "studies table {wildcards.table} {params.plan} > {log:q} 2>&1"


rule report:
    input:
        expand(OUT / "figures" / "{figure}.{kind}", figure=PLAN.study.figures, kind=["png", "svg"]),
        expand(OUT / "tables" / "{table}.{kind}", table=PLAN.study.tables, kind=["csv", "md"]),
        PLAN.frame_files,
        PLAN.judged_files,
        PLAN.written_in,
        followed("studies.report.page"),
        [f"{workflow.basedir}/studies/report/page.{kind}" for kind in ("html.j2", "css", "js")],
    output:
        OUT / "report.html",
    params:
        plan=PLAN.flags,
    log:
        LOGS / f"report-{PLAN.study_name}.log",
    shell:
        "studies report {params.plan} > {log:q} 2>&1"


onsuccess:
    if (OUT / "report.html").exists():
        print(f"The report: {OUT / 'report.html'}")


onerror:
    print("What there is, with holes for what is missing:")
    for part in ("figure", "table", "report"):
        print(f"  studies {part} --allow-missing {PLAN.flags}")
