"""What a run would cost: device-hours, and what they come to at a price."""

from dataclasses import dataclass
from math import isfinite
from typing import Optional

from podtune.errors import BadInput

_HOUR = 3600.0


@dataclass(frozen=True)
class Cost:
    """An estimate; fetching and preparing, which need no accelerator, are left out."""

    device_hours: float
    """Devices times hours."""

    amount: float
    """In the currency of the price; 0 where none is given."""

    kilowatt_hours: Optional[float] = None
    """That the device takes in training by its own count; None where it does not count."""


def require_price(price: float) -> None:
    """BadInput for what is no price."""
    if not (isfinite(price) and price >= 0):
        raise BadInput(f"--price must be what one device costs in an hour, such as 2.5; got {price}")


def cost_of(seconds: float, devices: int, price: float) -> Cost:
    """Count what so many devices cost over so many seconds, at a price for each device and hour."""
    hours = devices * seconds / _HOUR
    return Cost(hours, price * hours)
