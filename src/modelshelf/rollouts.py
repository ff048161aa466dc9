"""What a service of your own needs to take part in a rollout: who gets which version, and what is reported back.

    route = modelshelf.connect(uri).rollouts.route("fraud", "production")
    version = route.version_for(key)

`LATENCY_BOUNDS` are the upper bounds, in seconds, of the buckets of an `Outcomes.latency`; one more holds what is
above.
"""

from modelshelf.domain.rollouts import Report, Route, place_of
from modelshelf.domain.verdicts import LATENCY_BOUNDS, Outcomes, Sums

__all__ = ["LATENCY_BOUNDS", "Outcomes", "Report", "Route", "Sums", "place_of"]
