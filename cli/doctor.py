"""`forecast doctor` shows what this installation is made of, and whether it works."""

from __future__ import annotations

from forecast.cli import options as o


def doctor(tracking_uri: o.TrackingUri = None, json: o.Json = False, verbose: o.Verbose = False) -> None:
    """Show versions, devices, the tracking store and a small fit; exit 1 if something does not work."""
    import os
    import platform
    from importlib.metadata import version

    from forecast.cli.output import show_frame, show_json
    from forecast.cli.stages import stages
    from forecast.datasets.errors import RunError
    from forecast.progress import doing
    from forecast.tracking.environment import PACKAGES

    facts = {name: version(name) for name in PACKAGES}
    facts |= {"python": platform.python_version(), "machine": f"{platform.platform()}, {os.cpu_count()} CPUs"}
    checks = {"device": _device, "tracking store": lambda: _store(tracking_uri), "small fit": _small_fit}
    failed = []
    with stages():
        for name, check in checks.items():
            doing(f"trying the {name}")
            try:
                facts[name] = check()
            except Exception as error:
                facts[name] = f"does not work: {error}"
                failed.append(name)
    if json:
        show_json({"schema": "forecast/doctor/v1", "status": "failed" if failed else "ok", **facts})
    else:
        import pandas as pd

        show_frame(pd.DataFrame(facts.items(), columns=["what", "found"]))
    if failed:
        raise RunError(f"{', '.join(failed)}: not working", hint="See the table above; `make setup` installs afresh.")


def _device() -> str:
    """Return the name of the GPU, or the number of CPU threads."""
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"


def _store(tracking_uri: str | None) -> str:
    """Open the tracking store, and return its address."""
    from forecast.tracking.store import Store

    store = Store.of(tracking_uri)
    store.client()
    return store.shown


def _small_fit() -> str:
    """Fit a small network and forecast with it, and return how long that took."""
    from forecast.datasets.synthetic import synthetic
    from forecast.forecaster import Forecaster
    from forecast.tracking import tracking

    with tracking(False):
        model = Forecaster(4, model="gru", steps=4).fit(synthetic(2, 48))
    return f"forecast {len(model.predict())} rows after {model.fit_seconds_:.1f} s of training"
