"""Forward processes, which take an image's signal away, each made as `PROCESSES[name](schedule, device, **options)`.

Time steps are indices t = 0 ... T - 1, for the papers' t + 1: a tensor (B,), or one int for a batch. A process has

    options, check        names of settings that it is made with besides (frozenset), and check(schedule, **options),
                          which refuses what it cannot be made of, without torch; both may be left out
    extras, variances     what it offers beyond this list (frozenset; "eps", "abar"), and choices of its backward noise
    value_ranges          ranges of pixels that it makes sense for
    bound                 text `module:Class` of its terms of the likelihood's bound (see `gaussian_bits`), or None
    timesteps, signal     T, and float64 (T,) that falls with t: the signal-to-noise ratio
    noise(x0, source)     the random part of a draw, on the CPU, from one generator
    noised(x0, t, hidden) x_t, given that random part
    seen(xt, t)           what the network is shown of x_t
    hidden(x0, xt, t)     the random part that leads from x_0 to x_t, where there is one, else None
    error(found, x0, hidden)    (B,) what training reports of a `states.Prediction`, whatever the network predicts
    start(noise)          x_T without an image; `noise()` is standard normal noise of the batch's shape
    backward(found, xt, t, noise, variance)      a draw of x_{t-1}, or without `noise` its mean
    respaced(steps)       the process seen at fewer of its time steps, and their indices
    ended(steps)          the process that ends after so many steps
"""

from diffusion.store.registry import Registry

__all__ = ["PROCESSES", "TIME_DRAWS"]

PROCESSES = Registry(
    "process",
    {
        "gaussian": "diffusion.processes.gaussian:Gaussian",
        "poisson": "diffusion.processes.poisson:Poisson",
        "bernoulli": "diffusion.processes.bernoulli:Bernoulli",
    },
)

# how the time steps of a batch are drawn: functions (T, count, source) -> indices (count,)
TIME_DRAWS = Registry(
    "time draw",
    {"uniform": "diffusion.processes.times:uniform", "stratified": "diffusion.processes.times:stratified"},
)
