"""From trials to a thousand values of a metric, exactly and fast.

In the order in which to read it:

- `bootstrap`: what a resample is, and what it can be asked; `speaker_bootstrap` and
  `trial_bootstrap`: the two kinds;
- `grid`: error curves of many resamples at once, from coarse to fine;
- `lowest` and `stretch`: what is looked for on them, costs and crossings;
- `estimators`: which way a metric takes;
- `drawing`: options, draws, and the metrics of the draws; `percentiles`: the ends of an interval.
"""
