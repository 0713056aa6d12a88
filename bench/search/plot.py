"""Draws what the search bench has written: regret against trials, regret by family of problems, epochs, and speed.

    python bench/search/plot.py [--results target/search-bench] [--kept bench/search/peers] [--out target/search-bench/plots]
"""

import argparse
import collections
import csv
import pathlib

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import numpy

FLOOR = 1e-4
CHECKPOINTS = [25, 50, 100, 200, 400]


def read_cells(folder):
    """{sampler: {(suite, problem, workers): {seed: [regret or NaN, …]}}} from every file of a folder."""
    found = {}
    for path in sorted(pathlib.Path(folder).glob("*.csv")):
        with open(path) as lines:
            rows = list(csv.DictReader(lines))
        if not rows or "25" not in rows[0]:
            continue
        cells = found.setdefault(path.stem, collections.defaultdict(dict))
        for row in rows:
            regrets = [float(row[str(at)]) if row[str(at)] else float("nan") for at in CHECKPOINTS]
            cells[row["suite"], row["problem"], int(row["workers"])][int(row["seed"])] = regrets
    return found


def read_scales(path):
    with open(path) as lines:
        return {(row["suite"], row["problem"]): (float(row["regret"]), row["family"]) for row in csv.DictReader(lines)}


def normalised(cells, scales, suite, workers, family=None):
    """All normalised regrets of a sampler as an array of cells × checkpoints, floored."""
    rows = []
    for (of, problem, at_once), seeds in cells.items():
        scale, kind = scales.get((of, problem), (None, None))
        if of == suite and at_once == workers and scale and family in (None, kind):
            rows += [numpy.maximum(numpy.array(regrets) / scale, FLOOR) for regrets in seeds.values()]
    return numpy.array(rows)


def style(sampler):
    return {"linewidth": 2.4 if sampler.startswith("hone") else 1.2, "linestyle": "-" if sampler.startswith("hone") else "--", "marker": "o", "markersize": 3}


def save(figure, out, name):
    figure.tight_layout()
    figure.savefig(out / f"{name}.svg")
    plt.close(figure)


def plot_trials(samplers, scales, suite, workers, out):
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for sampler, cells in samplers.items():
        values = normalised(cells, scales, suite, workers)
        if len(values):
            # A checkpoint that only some cells reach would be another set of problems.
            there = numpy.isfinite(values).all(axis=0)
            means = numpy.exp(numpy.log(values[:, there]).mean(axis=0))
            axes.plot(numpy.array(CHECKPOINTS)[there], means, label=f"{sampler} ({len(values)})", **style(sampler))
    axes.set(xscale="log", yscale="log", xlabel="trials", ylabel="geometric mean of normalised regret", title=f"{suite}, {workers} at once")
    axes.set_xticks(CHECKPOINTS, CHECKPOINTS)
    axes.minorticks_off()
    axes.legend(fontsize=7, title="sampler (searches)", title_fontsize=7)
    save(figure, out, f"{suite}-{workers}")


def plot_families(samplers, scales, out, at=2):
    families = sorted({family for (suite, _), (_, family) in scales.items() if suite == "functions"})
    if not families:
        return
    figure, axes = plt.subplots(figsize=(9, 4.5))
    for index, (sampler, cells) in enumerate(samplers.items()):
        heights = []
        for family in families:
            values = normalised(cells, scales, "functions", 1, family)
            heights.append(numpy.exp(numpy.log(values[:, at]).mean()) if len(values) else numpy.nan)
        places = numpy.arange(len(families)) + (index - len(samplers) / 2) * 0.8 / len(samplers)
        axes.plot(places, heights, "o" if sampler.startswith("hone") else "x", label=sampler, markersize=6)
    axes.set_xticks(range(len(families)), families, rotation=20)
    axes.set(yscale="log", ylabel="geometric mean of normalised regret", title=f"functions by family, {CHECKPOINTS[at]} trials")
    axes.legend(fontsize=7)
    save(figure, out, "families")


def plot_speed(path, out):
    times = collections.defaultdict(list)
    with open(path) as lines:
        for row in csv.DictReader(lines, delimiter=";"):
            times[row["sampler"]].append((int(row["finished"]), float(row["microseconds"])))
    figure, axes = plt.subplots(figsize=(7, 4.5))
    for sampler, points in times.items():
        axes.plot(*zip(*points), label=sampler, **style(sampler))
    axes.set(xscale="log", yscale="log", xlabel="finished trials", ylabel="µs a suggestion", title="ten mixed parameters")
    axes.legend(fontsize=7)
    save(figure, out, "speed")


def plot_curves(folders, out):
    """Median regret of the best finished training against epochs, by problem."""
    traces = collections.defaultdict(lambda: collections.defaultdict(list))
    for folder in folders:
        for path in sorted(pathlib.Path(folder).glob("*.csv")):
            with open(path) as lines:
                for row in csv.DictReader(lines):
                    pairs = [pair.split(":") for pair in row["epochs:regret"].split()]
                    traces[row["problem"]][path.stem].append([(int(used), float(regret)) for used, regret in pairs])
    for problem, contenders in traces.items():
        figure, axes = plt.subplots(figsize=(7, 4.5))
        looks = numpy.unique(numpy.geomspace(27, 2700, 40).astype(int))
        for name, runs in contenders.items():
            reached = [[min([regret for used, regret in run if used <= look], default=numpy.nan) for look in looks] for run in runs]
            enough = numpy.isfinite(reached).mean(axis=0) > 0.5
            axes.plot(looks[enough], numpy.nanmedian(numpy.array(reached)[:, enough], axis=0), label=name, **{**style(name), "marker": ""})
        axes.set(xscale="log", xlabel="epochs", ylabel="median regret", title=problem)
        axes.set_yscale("symlog", linthresh=1e-3)
        axes.set_ylim(bottom=-1e-4)
        axes.legend(fontsize=7)
        save(figure, out, f"curves-{problem}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--results", type=pathlib.Path, default=pathlib.Path("target/search-bench"))
    parser.add_argument("--kept", type=pathlib.Path, default=pathlib.Path("bench/search/peers"))
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("target/search-bench/plots"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    if (options.results / "scales.csv").exists():
        scales = read_scales(options.results / "scales.csv")
        samplers = {**read_cells(options.results), **read_cells(options.kept)}
        shown = sorted({(suite, workers) for cells in samplers.values() for suite, _, workers in cells})
        for suite, workers in shown:
            plot_trials(samplers, scales, suite, workers, options.out)
        plot_families(samplers, scales, options.out)
    if (options.results / "speed.csv").exists():
        plot_speed(options.results / "speed.csv", options.out)
    plot_curves([options.results / "curves", options.kept / "curves"], options.out)
    print(f"Plots are in `{options.out}`.")


if __name__ == "__main__":
    main()
